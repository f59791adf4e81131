"""Time: no split of `advance` and no look changes anything; long steps equal short ones."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nansha_hil.plant import (
    BatterySpec,
    EvSpec,
    LineSpec,
    LoadSpec,
    Plant,
    PlantSpec,
    Profile,
    PvSpec,
)

S = 1_000_000
SPEC = PlantSpec(
    assets={
        "pv": PvSpec(rated_w=40_000.0),
        "roof": PvSpec(rated_w=5000.0, phases="b", ramp_per_s=0.5, at="yard"),
        "battery": BatterySpec(rated_w=30_000.0, capacity_wh=20_000.0),
        "follower": BatterySpec(rated_w=5000.0, capacity_wh=3000.0, grid_forming=False),
        "a": LoadSpec(rated_w=10_000.0, tier="critical", z_share=0.3, i_share=0.2),
        "b": LoadSpec(rated_w=18_000.0, motor_share=0.5, power_factor=0.9, at="yard"),
        "c": LoadSpec(rated_w=4000.0, phases="a", cold_pickup=2.0, cold_tau_s=60.0, at="shed"),
        "ev": EvSpec(rated_w=11_000.0, taper_wh=300.0, dead_time_s=5.0),
    },
    lines={
        "yard": LineSpec(r_ohm=0.05, x_ohm=0.03, r0_ohm=0.15, x0_ohm=0.09),
        "shed": LineSpec(r_ohm=0.1, upstream="yard"),
    },
)
PROFILE = Profile(
    [0.0, 600.0, 1200.0],
    {
        "poa_w_per_m2": [200.0, 1000.0, 0.0],
        "temperature_degc": [25.0, 35.0, 30.0],
        "a": [5000.0, 9000.0, 8000.0],
        "b": [8000.0, 6000.0, 9000.0],
        "c": [1000.0, 2000.0, 3000.0],
    },
)
NAMES = [*SPEC.assets, "poi"]
CONVERTERS = ["pv", "roof", "battery", "follower", "ev"]
LOADS = ["a", "b", "c"]
DEED = st.one_of(
    st.tuples(
        st.just("actuate"), st.sampled_from(NAMES), st.booleans(), st.floats(-40_000.0, 40_000.0)
    ),
    st.tuples(st.just("set_grid"), st.booleans()),
    st.tuples(st.just("set_cloud"), st.floats(0, 1), st.floats(0, 60)),
    st.tuples(st.just("scale_load"), st.sampled_from(LOADS), st.floats(0, 2)),
    st.tuples(st.just("plug"), st.just("ev"), st.floats(0, 1500)),
    st.tuples(st.just("unplug"), st.just("ev")),
    st.tuples(st.just("set_grid_frequency"), st.floats(46, 53), st.floats(0, 3)),
    st.tuples(
        st.just("set_grid_voltage"),
        st.floats(0.0, 1.35),
        st.floats(0, 3),
        st.sets(st.sampled_from([0, 1, 2])).map(sorted),
    ),
    st.tuples(st.just("jump_grid_angle"), st.floats(-180, 180)),
    st.tuples(st.just("trip"), st.sampled_from(CONVERTERS)),
    st.tuples(st.just("fail"), st.sampled_from(list(SPEC.assets))),
    st.tuples(st.just("repair"), st.sampled_from(list(SPEC.assets))),
    st.tuples(st.just("weld"), st.sampled_from(NAMES), st.booleans()),
    st.tuples(st.just("set_relay_delay"), st.sampled_from(NAMES), st.floats(0, 0.5)),
    st.tuples(st.just("chatter"), st.sampled_from(NAMES), st.floats(0.01, 1), st.floats(0.01, 2)),
    st.tuples(st.just("shade"), st.sampled_from(["pv", "roof"]), st.floats(0, 1)),
    st.tuples(st.just("start_motor"), st.sampled_from(LOADS)),
)
WAIT_US = st.one_of(st.integers(0, 100_000), st.integers(0, 20 * S))
STORY = st.lists(st.tuples(WAIT_US, DEED), max_size=10)


def state(plant):
    nodes = [
        (n.closed, n.p_w, n.q_var, n.out_j, n.in_j, n.available_j, n.demand_j, n.loss_j)
        for n in plant.nodes.values()
    ]
    seen = [(plant.sense(n), plant.flags(n), plant.phase_voltages(n)) for n in NAMES]
    cells = [(b.soc, b.degc, b.fade, b.stored_j) for b in plant.batteries]
    return nodes, seen, cells, plant.events, plant.poi.angle_deg, plant.frequency.hz, plant.settled


def live(story, between=lambda plant, to_us: None):
    plant = Plant(SPEC, PROFILE)
    for wait_us, deed in [*story, (2 * S + 345, None)]:
        to_us = plant.now_us + wait_us
        between(plant, to_us)
        plant.advance(to_us)
        if deed:
            getattr(plant, deed[0])(*deed[1:])
    return plant


@settings(max_examples=60, deadline=None)
@given(STORY, st.lists(st.integers(1, 3 * S), min_size=1, max_size=30))
def test_no_split_and_no_look_changes_a_bit(story, pieces):
    def in_pieces(plant, to_us):
        for piece in pieces:
            if plant.now_us + piece >= to_us:
                return
            plant.advance(plant.now_us + piece)
            state(plant)
            _ = plant.next_tick_us

    assert state(live(story, in_pieces)) == state(live(story))


@settings(max_examples=100, deadline=None)
@given(STORY)
def test_energy_closes_whatever_happens(story):
    plant = live(story)
    scale_wh = max(plant.accounts.throughput_wh, 1.0)
    assert abs(plant.accounts.residual_wh) <= 1e-6 * scale_wh
    assert abs(plant.unbalanced_j()) <= 1e-6 * 3600 * scale_wh
    for battery in plant.batteries:
        assert 0.0 <= battery.soc <= 1.0
        assert abs(battery.p_w) <= battery.rated_w * (1 + 1e-9)
        assert battery.loss_j >= -1e-6
    for pv in plant.pvs:
        assert -1e-9 <= pv.p_w <= pv.available_w + 1e-9
    for load in plant.loads:
        assert -load.demand_w - 1e-9 <= load.p_w <= 0.0
    assert plant.line_loss_j >= -1e-6
    for name in NAMES:
        volts, _, hertz, _ = plant.sense(name)
        assert 0.0 <= volts < 400.0 and 0.0 <= hertz <= 70.0


def slice_of_a_day(fixed_steps, island):
    plant = Plant(SPEC, PROFILE, fixed_steps=fixed_steps)
    plant.plug("ev", 400.0)
    plant.actuate("battery", True, 3000.0)
    plant.advance(20 * S + 5000)
    if island:
        plant.set_grid(False)
        plant.advance(20 * S + 50_000)
        plant.actuate("poi", False)
    plant.advance(60 * S)
    plant.set_cloud(0.7, 20.0)
    plant.scale_load("a", 1.2)
    plant.advance(200 * S)
    plant.trip("follower")
    plant.actuate("battery", True, -2000.0)
    plant.shade("pv", 0.4)
    plant.advance(300 * S)
    return plant


@pytest.mark.parametrize("island", [False, True])
def test_long_steps_equal_a_millisecond_everywhere(island):
    long, short = slice_of_a_day(False, island), slice_of_a_day(True, island)
    kinds = [[(e.kind, e.asset) for e in plant.events] for plant in (long, short)]
    assert kinds[0] == kinds[1]
    for one, other in zip(long.events, short.events, strict=True):
        assert one.time_us == pytest.approx(other.time_us, abs=5000)
    through_j = 3600.0 * long.accounts.throughput_wh
    for name in NAMES:
        a, b = long.nodes[name], short.nodes[name]
        for key in ("out_j", "in_j", "available_j", "demand_j", "loss_j"):
            assert getattr(a, key) == pytest.approx(getattr(b, key), abs=1e-6 * through_j), key
    assert long.line_loss_j == pytest.approx(short.line_loss_j, abs=1e-6 * through_j)
    for one, other in zip(long.batteries, short.batteries, strict=True):
        assert one.soc == pytest.approx(other.soc, abs=1e-6)
        assert one.degc == pytest.approx(other.degc, abs=1e-3)


def test_a_balanced_feeder_behaves_like_its_bus_when_its_lines_are_short():
    short = {
        name: replace(line, r_ohm=1e-7, x_ohm=0.0, r0_ohm=0.0, x0_ohm=0.0)
        for name, line in SPEC.lines.items()
    }
    near = Plant(replace(SPEC, lines=short), PROFILE)
    flat = {name: replace(asset, at="") for name, asset in SPEC.assets.items()}
    one = Plant(replace(SPEC, assets=flat, lines={}), PROFILE)
    for plant in (near, one):
        plant.advance(30 * S)
    for name in NAMES:
        assert near.power_w(name) == pytest.approx(one.power_w(name), rel=1e-4, abs=0.5)
        expected = pytest.approx(one.phase_voltages(name), rel=1e-4)
        assert near.phase_voltages(name) == expected
