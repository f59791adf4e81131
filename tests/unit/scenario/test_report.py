"""The report: one file, no network, no string that escapes its place."""

import json
import re

import numpy as np
import pytest

from nansha_hil.report import write_report
from nansha_hil.report.day import time_means

pytest.importorskip("plotly")

HOSTILE = "</script><script>alert('x')</script><img src=http://evil/>&\"'"


def series(count=500):
    t_s = np.linspace(0.0, 3600.0, count)
    on = ((t_s > 1000) & (t_s < 2000)).astype(float)
    return {
        "t_s": t_s,
        "roof.p_w": 1000 + t_s,
        "roof.available_w": 1200 + t_s,
        "battery.p_w": 500 * np.sin(t_s / 300),
        "battery.soc": np.linspace(0.5, 0.6, count),
        "hall.p_w": -1500 + 0 * t_s,
        "hall.closed": np.ones(count),
        "hall.demand_w": 1600 + 0 * t_s,
        "street.p_w": -t_s,
        "bus.f_hz": 50 - 0.1 * on,
        "bus.v_v": 230 + 0 * t_s,
        "price_cny_per_kwh": np.where(t_s < 1800, 0.3, 1.1),
        "islanded": on,
    }


def outside_plotly(page):
    """The page without plotly's own code, which names addresses it never visits."""
    return re.sub(r"<script>/\*\*.*?</script>", "", page, count=1, flags=re.S)


def test_full_report_is_self_contained_and_escaped(tmp_path):
    summary = {
        "title": HOSTILE,
        "site": HOSTILE,
        "start": "2026-08-31T00:00:00",
        "duration_s": 3600,
        "cost_cny": 12.5,
        "co2_kg": 3.0,
        "real_time_factor": 1234.0,
        "tariff": {"id": "t", "caveat": HOSTILE},
        "carbon": {"id": "south", "caveat": "0.4 kg/kWh of 2023 (confidence C)"},
        "plant": {"pv_absorbed_percent": 99.0, "unserved_critical_wh": 0.5, "residual_percent": 0},
        "assets": {
            "battery": {"name": HOSTILE, "role": "battery", "tier": None},
            "roof": {"name": "Roof", "role": "pv", "tier": None},
            "hall": {"name": "Hall", "role": "load", "tier": "critical"},
            "street": {"name": "Street", "role": "poi", "tier": None},
            "unseen": {"name": "Unseen", "role": "load", "tier": "priority"},
        },
        "verdicts": [
            {"name": HOSTILE, "unit": HOSTILE, "outcome": HOSTILE, "value": 1.0, "why": HOSTILE},
            {"name": "b", "outcome": "pass", "value": 0.0, "maximum": 1.0},
        ],
        "nodes": [{HOSTILE: HOSTILE, "trips": 1, "alive": True, "none": None}],
    }
    events = [
        {"t_s": 5.0, "text": HOSTILE, "asset": HOSTILE},
        {"t_s": 7.0, "text": "grid lost"},
    ]
    page = write_report(tmp_path / "r.html", summary, series(), events).read_text("utf-8")
    own = outside_plotly(page)
    assert len(own) < len(page) / 5
    assert "alert('x')" not in own and "<img" not in own
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)\s*=", page)
    assert "http://" not in own.replace("http://evil", "") and "https://" not in own
    # plotly, charts and diagram; nothing hostile has opened or closed one
    assert page.count("<script>") == 3 and page.count("</script>") == 5
    for data in re.findall(r"<script type='application/json' id=\w+>(.*?)</script>", page):
        json.loads(data)
    assert "grid lost" in own and "00:00:07.000" in own
    assert "The island lasted" in own and "12.50" in own
    assert "south: 0.4 kg/kWh of 2023 (confidence C)" in own and "1,234" in own
    for name in ("Roof", "Hall", "critical served", "Street: export"):
        assert name in own
    # what left no series is in the diagram, and in no chart
    assert own.count("Unseen: not recorded") == 1
    assert re.search(r"Hall: [^\"]*, contact closed", own)
    assert re.search(r"Roof: [^\"]*, contact unknown", own)  # the trace does not have it
    charts = re.search(r"id=charts>(.*?)</script>", page)[1]
    assert "Roof" in charts and "Unseen" not in charts


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"t_s": np.zeros(0)},
        {"t_s": np.array([0.0]), "battery.p_w": np.array([1.0])},
        {"t_s": np.array([0.0, 1.0])},
        {"t_s": np.array([0.0, 1.0, 2.0]), "bus.f_hz": np.full(3, np.nan)},
        {"t_s": np.array([0.0, 1.0, 2.0]), "battery.p_w": np.zeros(7), "pv.p_w": np.zeros(3)},
        {**series(2), "islanded": np.ones(2)},
    ],
)
def test_empty_and_odd_series_are_handled(tmp_path, data):
    page = write_report(tmp_path / "r.html", {}, data, []).read_text("utf-8")
    assert page.startswith("<!doctype html>") and page.endswith("</html>\n")


def test_long_frequency_series_keep_their_extremes(tmp_path):
    data = series(40_000)
    data["bus.f_hz"][20_003] = 48.765
    page = write_report(tmp_path / "r.html", {}, data, []).read_text("utf-8")
    assert "48.765" in page


def test_time_means_weigh_by_time():
    means = time_means(
        np.array([0.0, 1.0, 4.0]), np.array([10.0, 2.0, 99.0]), np.array([0.0, 2.0, 4.0])
    )
    assert means == pytest.approx([6.0, 2.0])
