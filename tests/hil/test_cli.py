"""The command line as people meet it: one clear line for each thing that can be wrong."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "sites" / "nansha_campus.toml"
SHORT = ROOT / "scenarios" / "outage_minute.toml"


def nansha(*words, cwd=None, limit_bytes=None, timeout=60):
    """Run the command line as a process; `limit_bytes`: the largest file it may write."""

    def limit():
        if limit_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    return subprocess.run(
        [sys.executable, "-c", "from nansha.cli import main; main()", *map(str, words)],
        cwd=cwd or ROOT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        preexec_fn=limit,
        timeout=timeout,
        check=False,
    )


def one_error(done):
    """The one line that was said, which must be no traceback."""
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_help_has_examples():
    assert "nansha run sites/nansha_campus.toml" in " ".join(nansha("run", "--help").stdout.split())
    text = " ".join(nansha("hil", "run", "--help").stdout.split())
    assert "scenarios/guangzhou_day.toml" in text


def test_doctor_is_content_here():
    done = nansha("doctor")
    assert done.returncode == 0, done.stdout


def test_site_check():
    done = nansha("site", "check", SITE)
    assert done.returncode == 0
    assert "7 nodes" in done.stdout


def test_a_run_leaves_its_three_files(tmp_path):
    done = nansha("hil", "run", SHORT, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["nodes"] == 7
    assert (tmp_path / "out" / "report.html").stat().st_size > 100_000
    replayed = nansha("replay", SITE, tmp_path / "out" / "session.sqlite")
    assert replayed.returncode == 0
    assert "0 decisions differ" in replayed.stdout


BAD_SITES = {
    "wrong unit": ("rated_w = 60_000", "rated_kw = 60", "rated_w"),
    "two nodes with one id": ("node = 3", "node = 2", "node"),
    "impossible bound": ("soc_min = 0.10", "soc_min = 0.99", "soc_min"),
    "unknown board": ('board = "rp2040_pico"', 'board = "rp2040_pica"', "rp2040_pico"),
    "no TOML": ("[site]", "[site", "TOML"),
}


@pytest.mark.parametrize(("old", "new", "word"), BAD_SITES.values(), ids=BAD_SITES.keys())
def test_bad_site_files(tmp_path, old, new, word):
    path = tmp_path / "site.toml"
    path.write_text(SITE.read_text().replace(old, new, 1))
    done = nansha("site", "check", path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert str(path) in done.stderr
    assert word in done.stderr


def test_a_missing_pin(tmp_path):
    path = tmp_path / "site.toml"
    text = SITE.read_text().replace('id = "battery"', 'id = "battery"\npins = { adc_x = 4 }', 1)
    path.write_text(text)
    done = nansha("site", "check", path)
    assert done.returncode == 2
    assert "adc_x" in done.stderr


def test_missing_files_are_named(tmp_path):
    for words in (
        ("site", "check", tmp_path / "none.toml"),
        ("hil", "run", tmp_path / "none.toml"),
        ("hil", "check", tmp_path / "none.toml"),
        ("replay", SITE, tmp_path / "none.sqlite"),
    ):
        assert "none." in one_error(nansha(*words))


def test_typo_in_a_scenario(tmp_path):
    path = tmp_path / "s.toml"
    text = SHORT.read_text().replace("grid_outage", "grid_outrage")
    text = text.replace("../sites", str(SITE.parent))
    path.write_text(text.replace('"guangzhou_day.csv"', f'"{ROOT}/scenarios/guangzhou_day.csv"'))
    line = one_error(nansha("hil", "check", path))
    assert "grid_outrage" in line
    assert "grid_outage" in line.replace("grid_outrage", "")


def hil_check(tmp_path, old, new):
    """`nansha hil check` on a scenario whose site has `old` replaced by `new`."""
    site = tmp_path / "site.toml"
    text = SITE.read_text()
    assert old in text
    site.write_text(text.replace(old, new, 1))
    path = tmp_path / "s.toml"
    text = SHORT.read_text().replace("../sites/nansha_campus.toml", str(site))
    path.write_text(text.replace('"guangzhou_day.csv"', f'"{ROOT}/scenarios/guangzhou_day.csv"'))
    return nansha("hil", "check", path)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        *BAD_SITES.values(),
        ("rated_w = 60_000", 'rated_w = "60"', "rated_w"),
        ('id = "battery"', 'id = "battery"\npins = { adc_x = 4 }', "adc_x"),
    ],
)
def test_hil_check_checks_the_site_and_its_nodes(tmp_path, old, new, word):
    done = hil_check(tmp_path, old, new)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert word in done.stderr


def test_hil_check_of_a_good_scenario():
    done = nansha("hil", "check", SHORT)
    assert done.returncode == 0, done.stderr
    assert "240 s" in done.stdout


def test_only_real_time_can_be_cut_short():
    assert "--realtime" in one_error(nansha("hil", "run", SHORT, "--for", "5"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    assert "--out" in one_error(nansha("hil", "run", SHORT, "--out", tmp_path / "out"))


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "out").write_text("")
    assert "--out" in one_error(nansha("hil", "run", SHORT, "--out", tmp_path / "out"))


def test_a_full_disk_costs_no_half_report(tmp_path):
    out = tmp_path / "out"
    done = nansha("hil", "run", SHORT, "--out", out, limit_bytes=1_000_000)
    line = one_error(done)
    assert str(out) in line
    assert "room" in line
    assert not (out / "report.html").exists()
    assert not list(out.glob("*.part"))


def test_a_full_disk_for_the_record_is_told(tmp_path):
    out = tmp_path / "out"
    done = nansha("hil", "run", SHORT, "--out", out, limit_bytes=100_000)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 2
    assert "make room" in done.stderr


def test_run_without_a_secret_says_how_to_make_one(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(SITE.read_text())
    line = one_error(nansha("run", path, cwd=tmp_path))
    assert "nansha keys" in line
    assert nansha("keys", path).returncode == 0
    assert "already" in one_error(nansha("keys", path))
    made = nansha("board", path, "battery", "--out", tmp_path / "flash")
    assert made.returncode == 0, made.stderr
    assert {p.name for p in (tmp_path / "flash").iterdir()} == {"board.py", "secret.py"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--port", "batery=/dev/null"), "batery"),
        (("--port", "battery"), "ASSET=PORT"),
        (("--broker", "nowhere"), "HOST:PORT"),
    ],
)
def test_bad_wiring(tmp_path, words, said):
    path = tmp_path / "site.toml"
    path.write_text(SITE.read_text())
    nansha("keys", path)
    assert said in one_error(nansha("run", path, *words, cwd=tmp_path))


@pytest.mark.timeout(60)
def test_a_port_that_does_not_exist_is_told_and_tried_again(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(SITE.read_text())
    nansha("keys", path)
    words = [sys.executable, "-c", "from nansha.cli import main; main()", "run", str(path)]
    words += ["--broker", "127.0.0.1:9"]  # nobody listens on discard
    for asset in ("poi", "battery", "load_critical", "load_priority"):
        words += ["--port", f"{asset}={tmp_path}/no-such-port-{asset}"]
    process = subprocess.Popen(
        words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        seen = ""
        while not all(f"no-such-port-{a}" in seen for a in ("poi", "battery")) or "9:" not in seen:
            line = process.stdout.readline()
            assert line, seen
            seen += line
        assert "Traceback" not in seen
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == 0, rest
    assert "Traceback" not in rest
