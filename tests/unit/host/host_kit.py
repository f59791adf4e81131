"""What the host's tests share: sites, images, and the node's own refusal as an oracle."""

import copy
import tomllib
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from nansha.dispatch import ControlState
from nansha.image import STALE_MS, Image, Sample
from nansha.session import make_controller
from nansha.site import load_site, parse_site

DEMO = Path(__file__).parents[3] / "sites" / "nansha_campus.toml"
RAW = tomllib.loads(DEMO.read_text(encoding="utf-8"))
ZONE = ZoneInfo("Asia/Shanghai")
SECRET = bytes(range(32))


def demo():
    """The demo site."""
    return load_site(DEMO)


def twins(**poi):
    """A site with two of everything, on a thin grid connection, so that every limit is met."""
    raw = copy.deepcopy(RAW)
    raw["site"]["id"] = "twins"
    rows = {row["role"] if row["role"] != "load" else row["tier"]: row for row in raw["asset"]}
    rows["poi"].update(import_limit_w=30_000, export_limit_w=20_000, **poi)
    extra = []
    changes = {
        "pv": {"rated_w": 7_777.4},
        "battery": {"rated_w": 12_500.6, "capacity_wh": 30_000, "soc_min": 0.2, "soc_reserve": 0.5},
        "critical": {"rated_w": 3_000},
        "priority": {"rated_w": 9_000},
        "interruptible": {"rated_w": 6_000},
        "ev_charger": {"rated_w": 7_400},
    }
    rows["ev_charger"]["rated_w"] = 12_000
    for number, (key, change) in enumerate(changes.items()):
        row = copy.deepcopy(rows[key])
        row.update(change, id=row["id"] + "_2", node=20 + number)
        if row["link"]["kind"] == "serial":
            row["link"]["port"] += "_2"
        extra.append(row)
    raw["asset"] += extra
    return parse_site(raw)


def local_ms(*moment):
    """Host time of a local moment at the sites."""
    return int(datetime(*moment, tzinfo=ZONE).timestamp() * 1000)


NOON = local_ms(2024, 4, 10, 12, 30)
VALLEY = local_ms(2024, 4, 10, 3, 0)
PEAK = local_ms(2024, 4, 10, 10, 30)
SHARP = local_ms(2024, 7, 10, 15, 30)
EVENING = local_ms(2024, 4, 10, 20, 0)


def sample(**changed):
    """A fresh sample of a closed, leased asset on a healthy bus."""
    values = {
        "age_ms": 100,
        "p_w": 0.0,
        "v_v": 220.0,
        "f_hz": 50.0,
        "x": 0.0,
        "p_set_w": 0.0,
        "closed": True,
        "leased": True,
        "alert": False,
        "input": False,
        "tripped": False,
        "reason": "setpoint",
    }
    values.update(changed)
    return Sample(**values)


def image(site, t_ms, **changed):
    """A calm day at `site`; `asset={...}` changes a sample, `asset=None` leaves it out."""
    samples = {}
    for asset in site.assets:
        calm = {
            "poi": {"input": True},
            "pv": {"p_w": 10_000.0, "p_set_w": getattr(asset, "rated_w", 0.0), "x": 300.0},
            "battery": {"x": 0.6},
            "load": {"p_w": -0.5 * getattr(asset, "rated_w", 0.0)},
            "ev_charger": {"closed": False},
        }[asset.role]
        change = changed.pop(asset.id, {})
        if change is not None:
            samples[asset.id] = sample(**{**calm, **change})
    assert not changed, changed
    return Image(t_ms, MappingProxyType(samples))


def run(site, *images, state=None, hot_day=False):
    """Step through images; the last state and dispatch."""
    controller = make_controller(site, hot_day)
    state = state or ControlState()
    for item in images:
        state, dispatch = controller.step(state, item)
    return state, dispatch


def loads(site):
    """The loads, in the order of the site file."""
    return [a for a in site.assets if a.role == "load"]


def would_refuse(site, item):
    """Why the asset's node would refuse this setpoint, by the bounds that are flashed into it."""
    spec = site.node_spec(item.asset)
    if not isinstance(item.p_w, int):
        return "no integer"
    if not spec.min_w <= item.p_w <= spec.max_w:
        return f"{item.p_w} outside {spec.min_w}..{spec.max_w}"
    if spec.ev_min_w and 0 < -item.p_w < spec.ev_min_w:
        return f"{item.p_w} in the charger's gap"
    return None


_fresh = st.integers(0, STALE_MS)
_age = st.one_of(_fresh, _fresh, _fresh, st.integers(STALE_MS - 2, STALE_MS + 3), st.just(10**9))


@st.composite
def samples(draw, asset, wild=False):
    """A sample of `asset`, or None; `wild`: whatever a broken sensor may say."""
    if draw(st.integers(0, 11)) == 0:
        return None
    rated = getattr(asset, "rated_w", 0.0)
    if wild:
        power = st.integers(-(2**31), 2**31 - 1)
        x = st.integers(-(2**15), 2**15 - 1)
        volts, hertz = st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1)
    else:
        low, high = {
            "pv": (0, rated),
            "battery": (-rated, rated),
            "load": (-rated, 0),
            "ev_charger": (-rated, 0),
            "poi": (-100_000, 100_000),
        }[asset.role]
        power = st.sampled_from([low, 0, high]) | st.integers(round(low), round(high))
        x = st.integers(0, 1000)
        volts = st.sampled_from([220_000, 220_000, 219_000, 231_000, 150_000, 0])
        hertz = st.sampled_from([50_000, 50_000, 49_950, 50_100, 49_500, 0])
    spec_low, spec_high = (-round(rated), round(rated)) if rated else (-100_000, 100_000)
    raw_x = draw(x)
    return Sample(
        age_ms=draw(_age),
        p_w=float(draw(power)),
        v_v=draw(volts) / 1000,
        f_hz=draw(hertz) / 1000,
        x=raw_x / 1000 if asset.role == "battery" else float(raw_x),
        p_set_w=float(draw(st.sampled_from([0, spec_low, spec_high]))),
        closed=draw(st.integers(0, 4)) > 0,
        leased=draw(st.booleans()),
        alert=draw(st.booleans()),
        input=draw(st.booleans()),
        tripped=draw(st.booleans()),
        reason="setpoint",
    )


@st.composite
def journeys(draw, site, wild=False, most=4):
    """A few images in a row, seconds to minutes apart, from any moment of a year."""
    t_ms = draw(st.integers(local_ms(2024, 1, 1), local_ms(2024, 12, 31)))
    images = []
    for _ in range(draw(st.integers(1, most))):
        found = {a.id: draw(samples(a, wild)) for a in site.assets}
        known = {name: s for name, s in found.items() if s is not None}
        images.append(Image(t_ms, MappingProxyType(known)))
        t_ms += draw(st.sampled_from([3, 1000, 1000, 16_000, 31_000, 900_000]))
    return images
