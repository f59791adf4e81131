"""The one-line diagram: every asset once, contacts and directions as the words of the house say."""

import math
import re
from datetime import datetime
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nansha_hil.report.day import Asset, Day
from nansha_hil.report.moments import MAX_MOMENTS, Powers, moments
from nansha_hil.report.one_line import draw

START = datetime(2026, 8, 31, 18, 0)
ROLES = ("poi", "pv", "battery", "load", "ev_charger")
HOSTILE = "</text></svg><script>alert('x')</script>\"' onload=x &"

powers_w = st.floats(-90_000, 90_000) | st.just(0.0) | st.just(math.nan)


def site(names=("street", "roof", "store", "hall", "post")):
    return [
        Asset(name, name.title(), role, "critical" if role == "load" else "")
        for name, role in zip(names, ROLES, strict=True)
    ]


def day_of(assets, power_w, count=4, **more):
    series = {"t_s": np.arange(float(count)), "bus.v_v": np.full(count, 230.0)}
    series |= {
        f"{a.id}.p_w": np.full(count, float(w)) for a, w in zip(assets, power_w, strict=True)
    }
    return Day(series | more, assets, START)


class _Groups(HTMLParser):
    """The diagram's groups as a browser reads them: attributes, title, texts by class."""

    def __init__(self, svg):
        super().__init__()
        self.found, self._group, self._into = {}, None, None
        self.feed(svg)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if "data-asset" in attrs:
            assert attrs["data-asset"] not in self.found
            self._group = self.found[attrs["data-asset"]] = {"attrs": attrs, "name": []}
        elif tag in ("title", "text") and self._group is not None:
            self._into = self._group.setdefault(attrs.get("class", tag), [])
            self._into.append("")
        assert tag != "script"

    def handle_endtag(self, tag):
        if tag in ("title", "text"):
            self._into = None

    def handle_data(self, data):
        if self._into is not None:
            self._into[-1] += data


def groups(svg):
    return _Groups(svg).found


# What the architecture says of signs, written as a person would check it: + delivers into the bus.
READS = {
    ("poi", True): "imports",
    ("poi", False): "exports",
    ("pv", True): "delivers",
    ("battery", True): "discharging",
    ("battery", False): "charging",
    ("load", False): "draws",
    ("ev_charger", False): "charging",
}


@given(st.lists(powers_w, min_size=5, max_size=5))
def test_every_asset_once_and_its_direction_is_its_sign(power_w):
    assets = site()
    found = groups(draw(assets, moments(day_of(assets, power_w), assets, [])))
    assert set(found) == {asset.id for asset in assets}
    for asset, watts in zip(assets, power_w, strict=True):
        attrs, words = found[asset.id]["attrs"], found[asset.id]["words"][0]
        assert "-" not in words and "−" not in words
        shown_kw = re.search(r"([\d.]+) kW$", words)
        if math.isnan(watts):
            assert words == "no data" and attrs["data-way"] == "none"
            continue
        if shown_kw is None:
            # nothing said only where it rounds to nothing
            assert abs(watts) < 51.0 and attrs["data-way"] == "none"
            continue
        assert float(shown_kw[1]) > 0
        assert float(shown_kw[1]) == pytest.approx(abs(watts) / 1000, abs=0.051)
        assert attrs["data-way"] == ("in" if watts > 0 else "out")
        expected = READS.get((asset.role, watts > 0))
        assert expected is None or words.startswith(expected + " ")


@given(st.floats(1e-3, 1e6), st.floats(-1, 1))
def test_words_and_numbers_agree_at_any_size(largest_w, share):
    powers = Powers(largest_w)
    words = powers.words("battery", share * largest_w)
    way, wide = powers.way(share * largest_w)
    if words == "idle":
        assert (way, wide) == ("none", 0)
    else:
        assert not re.search(r" 0\.0+ kW$", words)
        assert way == {"discharging": "in", "charging": "out"}[words.split()[0]]
        assert 1 <= wide <= 6


def contacts_by_time(told_of, asset):
    track = told_of.branches[asset]
    return {float(t): track.states[k] for t, k in zip(told_of.t_s, track.at, strict=True)}


@given(st.lists(st.sampled_from([0.0, 1.0, math.nan]), min_size=2, max_size=9), powers_w)
def test_a_contact_stands_as_the_trace_has_it_whatever_flows_and_is_told(closed, watts):
    # its node tells the opposite, as one with a welded contact does
    assets = site()
    events = [
        {"t_s": k + 0.5, "asset": "hall", "text": f"relay {'opened' if on else 'closed'} (trip)"}
        for k, on in enumerate(closed)
    ]
    more = {"hall.closed": np.array(closed), "hall.p_w": np.full(len(closed), watts)}
    told_of = moments(day_of(assets, [0] * 5, len(closed), **more), assets, events)
    seen = contacts_by_time(told_of, "hall")
    assert len(seen) == 2 * len(closed) - 1  # each event is a moment of its own
    words = {0.0: "open", 1.0: "closed"}
    for t_s, branch in seen.items():
        assert branch.contact == words.get(closed[int(t_s)], "unknown")
        if branch.contact == "open" and not math.isnan(watts):
            assert branch.words == "disconnected" and branch.way == "none"


def test_a_trace_without_contacts_draws_none():
    assets = site()
    events = [{"t_s": 1.0, "asset": "hall", "text": "relay opened (trip)"}]
    found = groups(draw(assets, moments(day_of(assets, [1] * 5), assets, events)))
    assert {group["attrs"]["data-contact"] for group in found.values()} == {"unknown"}


def test_an_open_breaker_makes_an_island_before_the_host_says_so():
    assets = site()
    day = day_of(
        assets,
        (3000, 0, 0, -3000, 0),
        islanded=np.array([0.0, 0.0, 0.0, 1.0]),
        **{"street.closed": np.array([1.0, 1.0, 0.0, 0.0])},
    )
    told_of = moments(day, assets, [])
    modes = {
        float(t): told_of.bus.states[k].mode
        for t, k in zip(told_of.t_s, told_of.bus.at, strict=True)
    }
    assert modes == {0.0: "connected", 1.0: "connected", 2.0: "island", 3.0: "island"}


def test_a_dead_bus_is_said():
    assets = site()
    volts = np.array([230.0, 0.0, 3.0, 230.0])
    told_of = moments(day_of(assets, (1, 1, 1, -1, 0), **{"bus.v_v": volts}), assets, [])
    assert [told_of.bus.states[k].mode for k in told_of.bus.at] == [
        "connected",
        "dead",
        "dead",
        "connected",
    ]


def test_an_asset_without_series_is_drawn_and_says_so():
    assets = [*site(), Asset("unseen", "Unseen", "load", "priority")]
    group = groups(draw(assets, moments(day_of(assets[:5], [1] * 5), assets, [])))["unseen"]
    assert group["words"] == ["not recorded"] and group["attrs"]["data-contact"] == "unknown"


def test_long_runs_keep_every_event_and_move_and_stay_small():
    assets = site()
    count = 86_400
    t_s = np.arange(float(count))
    events = [{"t_s": 100.05 + 331.0 * k, "asset": "hall", "text": "trip"} for k in range(200)]
    # moves that nobody tells of, such as while the host is dead
    moved_s = 300.0 + 401.0 * np.arange(200)
    closed = np.searchsorted(moved_s, t_s, side="right") % 2.0
    series = {"t_s": t_s, "hall.p_w": np.full(count, -10.0), "hall.closed": closed}
    day = Day(series, assets, START, [e["t_s"] for e in events])
    told_of = moments(day, assets, events)
    assert {round(e["t_s"], 4) for e in events} <= set(told_of.t_s.tolist())
    assert set(moved_s.tolist()) <= set(told_of.t_s.tolist())
    assert len(told_of.t_s) <= 1.5 * MAX_MOMENTS
    assert np.all(np.diff(told_of.t_s) > 0)
    assert np.max(np.diff(told_of.t_s)) <= 2 * count / MAX_MOMENTS + 2


def test_a_run_with_too_many_events_is_still_told_to_its_end():
    assets = site()
    times = np.arange(0.0, 4000.0, 2.0)
    day = Day({"t_s": np.arange(4000.0), "store.p_w": np.ones(4000)}, assets, START, times.tolist())
    events = [{"t_s": t + 0.25, "asset": "store", "text": "trip"} for t in times]
    told = moments(day, assets, events).t_s
    assert np.count_nonzero(told % 1 == 0.25) >= MAX_MOMENTS // 4, "events themselves"
    in_parts, _ = np.histogram(told, bins=8, range=(0, 4000))
    assert in_parts.min() >= 0.8 * in_parts.max() and told[-1] >= 3998.0


def test_no_name_leaves_its_place():
    assets = [Asset(HOSTILE + role, HOSTILE, role, HOSTILE) for role in (*ROLES, HOSTILE)]
    found = groups(draw(assets, moments(day_of(assets, [1, 2, 3, -4, -5, 6]), assets, [])))
    assert set(found) == {asset.id for asset in assets}
    for group in found.values():
        assert "onload" not in group["attrs"] and group["title"] == [HOSTILE]
