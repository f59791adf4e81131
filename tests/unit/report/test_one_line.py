"""The one-line diagram: every asset once, contacts and directions as the words of the house say."""

import math
import re
from datetime import datetime
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nansha_hil.report.contacts import Contact, contact_at, told
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


def relay(t_s, what, asset="hall"):
    return {"t_s": t_s, "asset": asset, "text": f"relay {what} (trip)"}


def test_an_open_relay_is_drawn_open_at_its_time_and_only_then():
    assets = site()
    power = np.array([-3000.0, -3000.0, 0.0, 0.0, -3000.0, -3000.0])
    day = day_of(assets, (3000, 0, 0, 0, 0), 6, **{"hall.p_w": power})
    told_of = moments(day, assets, [relay(1.05, "opened"), relay(3.9, "closed")])
    track = told_of.branches["hall"]
    seen = {round(float(t), 3): track.states[k] for t, k in zip(told_of.t_s, track.at, strict=True)}
    assert 1.05 in seen and 3.9 in seen  # each event is a moment of its own
    for t_s, branch in seen.items():
        open_now = 1.05 <= t_s < 3.9
        assert branch.contact == ("open" if open_now else "closed")
        if open_now:
            assert branch.words == "disconnected" and branch.way == "none"
    assert groups(draw(assets, told_of))["hall"]["words"] == ["draws 3.00 kW"]


def test_power_tells_what_nodes_could_not():
    closed, opened = [(5.0, Contact.CLOSED)], [(5.0, Contact.OPEN)]
    assert contact_at(opened, 5.05, 5.0, -900.0, False, True) is Contact.OPEN  # sample of before
    assert contact_at(opened, 6.0, 6.0, -900.0, False, True) is Contact.CLOSED  # welded
    assert contact_at(closed, 4.0, 4.0, 0.0, False, True) is Contact.OPEN  # before it closed
    assert contact_at(opened, 4.0, 4.0, 0.0, True, True) is Contact.OPEN  # told late: host was dead
    assert contact_at([], 4.0, 4.0, 0.0, False, True) is Contact.CLOSED
    assert contact_at([], 4.0, 4.0, 0.0, False, False) is Contact.UNKNOWN


def test_only_relays_tell_and_in_order_of_time():
    events = [relay(9, "closed"), relay(2, "opened"), relay(None, "opened")]
    events += [{"t_s": 3, "asset": "hall", "text": "the relay opened"}, {"text": "relay opened"}]
    assert told(events) == {"hall": [(2.0, Contact.OPEN), (9.0, Contact.CLOSED)]}


def test_an_open_breaker_makes_an_island_before_the_host_says_so():
    assets = site()
    day = day_of(assets, (3000, 0, 0, -3000, 0), islanded=np.array([0.0, 0.0, 0.0, 1.0]))
    told_of = moments(day, assets, [relay(1.05, "opened", "street")])
    modes = {
        float(t): told_of.bus.states[k].mode
        for t, k in zip(told_of.t_s, told_of.bus.at, strict=True)
    }
    assert modes[1.0] == "connected" and modes[1.05] == "island" and modes[3.0] == "island"


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


def test_long_runs_keep_every_event_and_stay_small():
    assets = site()
    count = 86_400
    events = [relay(100.05 + 331.0 * k, "opened" if k % 2 else "closed") for k in range(200)]
    series = {"t_s": np.arange(float(count)), "hall.p_w": np.full(count, -10.0)}
    day = Day(series, assets, START, [e["t_s"] for e in events])
    told_of = moments(day, assets, events)
    assert {round(e["t_s"], 4) for e in events} <= set(told_of.t_s.tolist())
    assert len(told_of.t_s) <= 1.2 * MAX_MOMENTS
    assert np.all(np.diff(told_of.t_s) > 0)
    assert np.max(np.diff(told_of.t_s)) <= 2 * count / MAX_MOMENTS + 2


def test_no_name_leaves_its_place():
    assets = [Asset(HOSTILE + role, HOSTILE, role, HOSTILE) for role in (*ROLES, HOSTILE)]
    found = groups(draw(assets, moments(day_of(assets, [1, 2, 3, -4, -5, 6]), assets, [])))
    assert set(found) == {asset.id for asset in assets}
    for group in found.values():
        assert "onload" not in group["attrs"] and group["title"] == [HOSTILE]
