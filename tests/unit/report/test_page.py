"""How the page's parts fit: times that jump, ranges that fit the run, charts on one time axis."""

import re
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nansha_hil.report.chart_sections import chart_data, chart_sections
from nansha_hil.report.day import MAX_POINTS, Asset, Day, near, thin
from nansha_hil.report.looks import NIGHT
from nansha_hil.report.style import STYLE
from nansha_hil.report.tables import event_table, verdict_table
from nansha_hil.report.timebar import time_bar

START = datetime(2026, 8, 31, 18, 0)
ASSETS = [Asset("roof", "Roof", "pv", ""), Asset("hall", "Hall", "load", "critical")]


def day_of(t_s, events_s=()):
    count = len(t_s)
    series = {
        "t_s": t_s,
        "roof.p_w": np.full(count, 900.0),
        "roof.available_w": np.full(count, 950.0),
        "hall.p_w": np.full(count, -900.0),
        "hall.demand_w": np.full(count, 900.0),
        "bus.f_hz": np.full(count, 50.0),
        "bus.v_v": np.full(count, 230.0),
    }
    return Day(series, ASSETS, START, events_s)


@pytest.mark.parametrize(
    ("length_s", "ranges"),
    [(9, ["whole"]), (20, ["whole", "10"]), (600, ["whole", "300", "10"]),
     (86_400, ["whole", "3600", "300", "10"])],
)  # fmt: skip
def test_only_ranges_shorter_than_the_run_are_offered(length_s, ranges):
    bar = time_bar(day_of(np.linspace(0, length_s, 50)), [1.0, 2.0, length_s + 5.0])
    assert re.findall(r"data-show=(\w+)", bar) == ranges
    shares = [float(s) for s in re.findall(r"--share:([\d.]+)", bar)]
    assert shares == pytest.approx([1 / length_s, 2 / length_s], abs=1e-5)  # those inside


def test_times_in_tables_jump_and_zoom():
    html = event_table([{"t_s": 60.047, "text": "trip"}, {"text": "no time"}], START)
    assert re.findall(r"<button data-t=([\d.]+)( data-span=4)?", html) == [
        ("60.0470", ""),
        ("60.0470", " data-span=4"),
    ]
    assert "18:01:00.047" in html
    whole, at = {"name": "a", "outcome": "pass"}, {"name": "b", "outcome": "pass", "t_s": 1.5}
    assert "When" not in verdict_table([whole], START)
    assert verdict_table([whole, at], START).count("data-t=1.5000") == 2


def test_charts_share_their_times_and_one_range():
    day = day_of(np.arange(100.0))
    charts = []
    html = "".join(chart_sections(day, charts))
    data = chart_data(day, charts)
    assert [f"id=chart{k} " in html for k in range(len(charts))] == [True] * len(charts)
    assert len(charts) == 5 and len(data["times"]) == 1
    for chart in data["charts"]:
        assert list(chart["layout"]["xaxis"]["range"]) == data["whole"]
        for trace in chart["data"]:
            assert len(trace["y"]) == len(data["times"][trace["x"]])
    first = datetime.fromisoformat("2026-08-31T18:00:00+00:00").timestamp()
    assert data["whole"] == [1000 * first, 1000 * first + 99_000]


@given(st.lists(st.floats(0, 86_400), max_size=40))
def test_a_long_run_keeps_every_sample_around_events_and_stays_small(events_s):
    t_s = np.arange(86_400.0)
    day = day_of(t_s, events_s)
    for event_s in events_s:
        close = t_s[(t_s >= event_s - 1) & (t_s <= event_s + 1)]
        assert np.isin(close, day.edges_s).all()
    assert len(day.edges_s) <= 2 * MAX_POINTS + 10


def test_a_storm_of_events_fills_no_page():
    t_s = np.arange(86_400.0)
    assert len(near(t_s, t_s)) <= MAX_POINTS + 10


def test_thinning_keeps_extremes_and_chosen_rows():
    t_s = np.arange(50_000.0)
    values = np.where(t_s == 31_234, -7.0, np.where(t_s == 44_321, 9.0, 1.0))
    thinned_s, thinned = thin(t_s, values, np.array([17, 25_001]))
    assert thinned.min() == -7.0 and thinned.max() == 9.0 and len(thinned_s) < 10_000
    assert {17.0, 25_001.0, 31_234.0, 44_321.0} <= set(thinned_s.tolist())


def test_every_colour_of_day_and_night_is_one_of_its_own():
    # the page's script swaps colours as text, one after the other
    assert not set(NIGHT) & set(NIGHT.values())
    used = set(re.findall(r"var\((--\w+)\)", STYLE))
    by_script = {"--wide", "--level", "--share"}
    assert used - by_script <= set(re.findall(r"(--\w+):", STYLE))
