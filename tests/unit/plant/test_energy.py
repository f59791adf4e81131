"""Energy closes, whatever is done; same calls, same bits; one step equals many."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nansha_hil.plant import (
    BatterySpec,
    EvSpec,
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
        "battery": BatterySpec(rated_w=30_000.0, capacity_wh=3000.0),
        "follower": BatterySpec(rated_w=5000.0, capacity_wh=300.0, grid_forming=False),
        "a": LoadSpec(rated_w=10_000.0, tier="critical"),
        "b": LoadSpec(rated_w=18_000.0),
        "ev": EvSpec(rated_w=11_000.0),
    }
)
PROFILE = Profile(
    [0.0, 600.0, 1200.0],
    {
        "poa_w_per_m2": [200.0, 1000.0, 0.0],
        "temperature_degc": [25.0, 35.0, 30.0],
        "a": [5000.0, 9000.0, 8000.0],
        "b": [15_000.0, 12_000.0, 16_000.0],
    },
)

ASSETS = [*SPEC.assets, "poi"]
WATTS = st.floats(-40_000.0, 40_000.0)
DEED = st.one_of(
    st.tuples(st.just("actuate"), st.sampled_from(ASSETS), st.booleans(), WATTS),
    st.tuples(st.just("set_grid"), st.booleans()),
    st.tuples(st.just("set_cloud"), st.floats(0, 1), st.floats(0, 60)),
    st.tuples(st.just("scale_load"), st.sampled_from(["a", "b"]), st.floats(0, 2)),
    st.tuples(st.just("plug"), st.just("ev"), st.floats(0, 3000)),
    st.tuples(st.just("unplug"), st.just("ev")),
    st.tuples(st.just("set_grid_frequency"), st.floats(49, 51)),
    st.tuples(st.just("set_grid_voltage"), st.floats(0.0, 1.2)),
)
WAIT_US = st.one_of(st.integers(0, 100_000), st.integers(0, 40 * S))


def live(deeds, on_step=None):
    plant = Plant(SPEC, PROFILE)
    for wait_us, deed in deeds:
        plant.advance(plant.now_us + wait_us)
        getattr(plant, deed[0])(*deed[1:])
        if on_step:
            on_step(plant)
    plant.advance(plant.now_us + S)
    return plant


def state(plant):
    nodes = [(n.p_w, n.out_j, n.in_j, n.demand_j, n.loss_j) for n in plant.nodes.values()]
    return nodes, [plant.sense(a) for a in ASSETS], plant.events, plant.poi.angle_deg


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(WAIT_US, DEED), max_size=25))
def test_energy_closes_and_nothing_leaves_its_bounds(deeds):
    def check(plant):
        for battery in plant.batteries:
            assert 0.0 <= battery.soc <= 1.0
            assert abs(battery.p_w) <= battery.rated_w * (1 + 1e-9)
        for pv in plant.pvs:
            assert -1e-9 <= pv.p_w <= pv.available_w + 1e-9
        for load in plant.loads:
            assert -load.demand_w - 1e-9 <= load.p_w <= 0.0
        for asset in ASSETS:
            volts, amps, hertz, _ = plant.sense(asset)
            assert 0.0 <= volts < 300.0 and abs(amps) < 1000.0 and 0.0 <= hertz <= 70.0
            plant.flags(asset)
        tick = plant.next_tick_us
        assert tick is None or tick > plant.now_us

    plant = live(deeds, check)
    scale_wh = max(plant.accounts.throughput_wh, 1.0)
    assert abs(plant.accounts.residual_wh) <= 1e-9 * scale_wh
    assert abs(plant.unbalanced_j()) <= 1e-9 * 3600 * scale_wh
    assert plant.balance_residual_w < 1e-3


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(WAIT_US, DEED), max_size=12))
def test_same_calls_same_bits(deeds):
    assert state(live(deeds)) == state(live(deeds))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 3 * S), min_size=1, max_size=40),
    st.booleans(),
    st.floats(-5000.0, 5000.0),
)
def test_one_step_equals_many_when_settled(steps, island, command_w):
    def start():
        plant = Plant(SPEC, PROFILE)
        plant.actuate("battery", True, command_w)
        plant.actuate("ev", False)
        plant.actuate("b", False)
        if island:
            plant.actuate("poi", False)
        plant.advance(20 * S)
        assert plant.settled
        return plant

    many, one = start(), start()
    end = one.now_us + sum(steps)
    for step in steps:
        many.advance(many.now_us + step)
        many.sense("battery")
    one.advance(end)
    for name in ASSETS:
        a, b = many.accounts.asset(name), one.accounts.asset(name)
        net_wh = b.into_bus_wh - b.from_bus_wh
        assert a.into_bus_wh - a.from_bus_wh == pytest.approx(net_wh, rel=1e-6, abs=1e-6)
        # Which way the last millijoules of settling flow depends on where a step ends.
        assert a.into_bus_wh == pytest.approx(b.into_bus_wh, rel=1e-9, abs=1e-3)
        assert a.from_bus_wh == pytest.approx(b.from_bus_wh, rel=1e-9, abs=1e-3)
        assert many.sense(name) == pytest.approx(one.sense(name), rel=1e-6, abs=1e-6)


def test_summary_speaks_in_units():
    plant = live([(60 * S, ("actuate", "b", False, 0.0)), (60 * S, ("set_grid", True))])
    summary = plant.accounts.summary()
    assert summary["unserved_critical_wh"] == 0.0
    assert summary["unserved_interruptible_wh"] > 100.0
    assert summary["pv_absorbed_percent"] == pytest.approx(100.0)
    assert summary["residual_percent"] < 1e-9
    assert set(summary["assets"]) == set(ASSETS)
