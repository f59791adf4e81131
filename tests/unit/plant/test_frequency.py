"""Island frequency against the closed forms of the swing equation."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nansha_hil.plant import BatterySpec, BusMode, BusSpec, LoadSpec, Plant, PlantSpec, Profile
from nansha_hil.plant.battery import Battery
from nansha_hil.plant.frequency import Frequency

S = 1_000_000


def island(load_w, *, tau_s=0.0, command_w=0.0, rated_w=40_000.0, soc=0.5, **bus):
    spec = PlantSpec(
        assets={
            "battery": BatterySpec(
                rated_w=rated_w, capacity_wh=50_000.0, tau_s=tau_s, self_use_w=0.0, soc_start=soc
            ),
            "a": LoadSpec(rated_w=50_000.0),
        },
        bus=BusSpec(**{"voltage_tau_s": 0.0, **bus}),
    )
    plant = Plant(spec, Profile.constant(a=load_w))
    plant.actuate("battery", True, command_w)
    plant.advance(5 * S)
    plant.actuate("poi", False)
    plant.advance(5 * S + 15_000)
    assert plant.mode is BusMode.GRID or plant.mode is BusMode.ISLAND
    return plant


def test_unsaturated_island_follows_the_first_order_closed_form():
    load_w, rated_w, droop, h, damping = 12_000.0, 40_000.0, 0.01, 0.8, 200.0
    plant = island(load_w, droop_pu=droop, inertia_s=h, damping_w_per_hz=damping)
    inertia = 2 * h * rated_w / 50.0
    stiffness = rated_w / (droop * 50.0) + damping
    for step in range(1, 120):
        plant.advance(5 * S + 15_000 + step * 1000)
        t_s = step * 1e-3
        expected = 50.0 - load_w / stiffness * (1 - math.exp(-stiffness / inertia * t_s))
        # half a millihertz: there the island is declared at rest
        assert plant.sense("a")[2] == pytest.approx(expected, abs=6e-4)
        if t_s < 0.05:
            assert plant.sense("a")[2] == pytest.approx(expected, abs=1e-4)


def test_saturated_island_falls_on_a_straight_line_and_goes_black():
    plant = island(48_000.0, inertia_s=2.0, damping_w_per_hz=0.0)
    inertia = 2 * 2.0 * 40_000.0 / 50.0
    t0 = 5 * S + 500_000
    plant.advance(t0)
    before = plant.sense("a")[2]
    plant.advance(t0 + 200_000)
    assert before - plant.sense("a")[2] == pytest.approx(8000.0 / inertia * 0.2, rel=1e-6)
    plant.advance(10 * S)
    assert plant.mode is BusMode.BLACK
    assert plant.sense("a")[:3] == (0.0, 0.0, 0.0)
    assert [e.kind for e in plant.events][-2:] == ["frequency_collapse", "black"]


@pytest.mark.parametrize("tau_s", [0.0, 0.02, 0.1])
def test_island_rests_where_droop_meets_load(tau_s):
    plant = island(20_000.0, tau_s=tau_s, command_w=4000.0, damping_w_per_hz=100.0)
    plant.advance(20 * S)
    assert plant.settled
    slope = 40_000.0 / 0.5 + 100.0
    assert plant.sense("a")[2] == pytest.approx(50.0 - 16_000.0 / slope, abs=1e-9)
    low_hz = 16_000.0 / slope
    assert plant.power_w("battery") == pytest.approx(20_000.0 - 100.0 * low_hz, rel=1e-9)


@given(
    st.lists(st.tuples(st.floats(-3e4, 3e4), st.floats(5e3, 5e4)), min_size=1, max_size=3),
    st.floats(-1.2e5, 1.2e5),
)
def test_rest_frequency_balances_powers(batteries, other_w):
    bus = BusSpec(damping_w_per_hz=50.0)
    forming = []
    for command_w, rated_w in batteries:
        battery = Battery("b", BatterySpec(rated_w=rated_w, capacity_wh=1000.0))
        battery.command_w = max(-rated_w, min(rated_w, command_w))
        forming.append(battery)
    frequency = Frequency(bus, sum(b.rated_w for b in forming))
    low_hz = 50.0 - frequency.rest_hz(forming, other_w)
    total = other_w + 50.0 * low_hz
    for battery in forming:
        total += battery.clip(battery.command_w + low_hz * battery.rated_w / 0.5)
    assert total == pytest.approx(0.0, abs=1e-6)


def test_light_inertia_gets_finer_steps():
    stiff = Frequency(BusSpec(inertia_s=0.05, droop_pu=0.001), 40_000.0)
    easy = Frequency(BusSpec(inertia_s=5.0), 40_000.0)
    assert stiff.substep_us < easy.substep_us == 1000


def test_surplus_rests_above_nominal():
    spec = PlantSpec(
        assets={
            "battery": BatterySpec(rated_w=10_000.0, capacity_wh=5000.0, soc_start=1.0),
            "a": LoadSpec(rated_w=1000.0),
        },
    )
    plant = Plant(spec, Profile.constant(a=0.0))
    plant.actuate("battery", True, 5000.0)  # a set power nobody takes
    plant.actuate("poi", False)
    plant.advance(30 * S)
    assert plant.sense("a")[2] == pytest.approx(50.25, abs=0.01)
    assert plant.power_w("battery") == pytest.approx(200.0 * 0.25, abs=2.0)
