"""The page in a real browser: a shared moment opens there, and nothing fails on the way."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from nansha_hil.report import write_report

pytest.importorskip("plotly")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")

# Reports errors into the page itself, and plays the keys that a test asks for.
PROBE = """<script>
addEventListener("error", (e) => document.body.setAttribute("data-error", e.message));
addEventListener("load", () => {
  const slider = document.getElementById("slider");
  for (const key of KEYS)
    slider.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
  for (const t of CLICKS) document.querySelector(`button[data-t="${t}"]${ZOOM}`).click();
  requestAnimationFrame(() => document.body.setAttribute("data-range", JSON.stringify(
    [...document.querySelectorAll(".chart")].map((c) => c.layout.xaxis.range))));
});
</script>"""


def page(tmp_path, *, keys=(), clicks=(), zoom=False):
    t_s = np.union1d(np.arange(0.0, 20.0), [8.05, 11.5])
    closed = (t_s < 8.05) | (t_s >= 11.5)
    hall_w = -3000.0 * closed
    summary = {
        "title": "A trip",
        "start": "2026-08-31T18:00:00",
        "assets": {
            "street": {"name": "Street", "role": "poi", "tier": None},
            "hall": {"name": "Hall", "role": "load", "tier": "critical"},
        },
    }
    series = {"t_s": t_s, "hall.p_w": hall_w, "street.p_w": 1.0 - hall_w, "bus.f_hz": 50 + 0 * t_s}
    series["hall.closed"] = closed.astype(float)
    events = [
        {"t_s": 8.05, "asset": "hall", "text": "relay opened (trip)"},
        {"t_s": 11.5, "asset": "hall", "text": "relay closed (setpoint)"},
    ]
    path = write_report(tmp_path / "r.html", summary, series, events)
    probe = PROBE.replace("KEYS", json.dumps(list(keys))).replace(
        "CLICKS", json.dumps(list(clicks))
    )
    probe = probe.replace("${ZOOM}", "[data-span]" if zoom else ":not([data-span])")
    path.write_text(path.read_text("utf-8").replace("<body>", "<body>" + probe, 1), "utf-8")
    return path


def opened(path, fragment=""):
    """The page's document after its scripts have run, without them."""
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += ["--virtual-time-budget=3000", f"--user-data-dir={path.parent / 'browser'}"]
    done = subprocess.run(
        [*command, path.as_uri() + fragment],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    dom = re.sub(r"<script.*?</script>", "", done.stdout, flags=re.S)
    assert "data-error" not in dom
    return dom


def shown(dom):
    clock = re.search(r'id="clock">([^<]*)<', dom)[1]
    hall = re.search(r'<g class="branch load critical"[^>]*>', dom)[0]
    return (
        clock,
        re.search(r'data-contact="(\w+)"', hall)[1],
        re.search(r'data-way="(\w+)"', hall)[1],
    )


def ranges(dom):
    found = json.loads(re.search(r'data-range="([^"]*)"', dom)[1].replace("&quot;", '"'))
    assert len(found) > 1 and all(each == found[0] for each in found)
    return found[0]


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("#t=8.05", ("18:00:08.050", "open", "none")),
        ("#t=11.49", ("18:00:11.000", "open", "none")),
        ("#t=1e9", ("18:00:19.000", "closed", "out")),
        ("#t=nonsense", ("18:00:00.000", "closed", "out")),
    ],
)
def test_a_shared_moment_opens_there(tmp_path, fragment, expected):
    assert shown(opened(page(tmp_path), fragment)) == expected


def test_arrows_step_and_pages_jump_to_events(tmp_path):
    dom = opened(page(tmp_path, keys=["ArrowRight", "ArrowRight", "ArrowLeft"]))
    assert shown(dom)[0] == "18:00:01.000"
    dom = opened(page(tmp_path, keys=["PageDown"]))
    assert shown(dom) == ("18:00:08.050", "open", "none")


def test_an_event_zooms_all_charts_at_once(tmp_path):
    plain = opened(page(tmp_path, clicks=["8.0500"]))
    zoomed = opened(page(tmp_path, clicks=["8.0500"], zoom=True))
    assert shown(plain)[0] == shown(zoomed)[0] == "18:00:08.050"
    whole, near = ranges(plain), ranges(zoomed)
    assert whole[1] - whole[0] == 19_000 and near[1] - near[0] == 4_000
    assert (near[0] + near[1]) / 2 - whole[0] == 8_050
