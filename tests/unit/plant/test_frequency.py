"""Island frequency against the closed forms of the swing equation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nansha_hil.plant import BatterySpec, BusMode, BusSpec, LoadSpec, Plant, PlantSpec, Profile

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
    assert plant.mode is BusMode.ISLAND
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


@settings(max_examples=40, deadline=None)
@given(
    load_w=st.floats(1000.0, 30_000.0),
    command_w=st.floats(-4000.0, 4000.0),
    tau_s=st.floats(0.01, 0.3),
    inertia_s=st.floats(0.4, 5.0),
    droop_pu=st.floats(0.005, 0.05),
    damping=st.floats(0.0, 500.0),
)
def test_island_with_lag_follows_the_linear_system(
    load_w, command_w, tau_s, inertia_s, droop_pu, damping
):
    """M df/dt = p - load - D df, tau dp/dt = command - k df - p, from p = command, df = 0."""
    rated_w = 40_000.0
    inertia = 2.0 * inertia_s * rated_w / 50.0
    k = rated_w / (droop_pu * 50.0)
    a = np.array([[-damping / inertia, 1.0 / inertia], [-k / tau_s, -1.0 / tau_s]])
    b = np.array([-load_w / inertia, command_w / tau_s])
    rest = -np.linalg.solve(a, b)
    values, vectors = np.linalg.eig(a)
    weights = np.linalg.solve(vectors, (np.array([0.0, command_w]) - rest).astype(complex))
    times = np.arange(1, 300) * 1e-2
    course = rest[:, None] + (vectors @ (weights[:, None] * np.exp(np.outer(values, times)))).real
    if np.abs(command_w - k * course[0]).max() > 0.99 * rated_w or course[0].min() < -4.5:
        return  # limits are reached: no linear system
    plant = island(
        load_w,
        tau_s=tau_s,
        command_w=command_w,
        inertia_s=inertia_s,
        droop_pu=droop_pu,
        damping_w_per_hz=damping,
    )
    for step, low_hz in enumerate(course[0], start=1):
        plant.advance(5 * S + 15_000 + step * 10_000)
        assert plant.frequency.hz == pytest.approx(50.0 + low_hz, abs=1e-3)


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


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-3e4, 3e4), st.floats(5e3, 5e4)), min_size=1, max_size=3),
    st.floats(0.0, 1.2e5),
)
def test_rest_frequency_balances_powers(batteries, load_w):
    """Several converters share by droop; those at their limits give what they can."""
    spec = PlantSpec(
        assets={
            **{
                f"b{k}": BatterySpec(rated_w=rated_w, capacity_wh=10 * rated_w)
                for k, (_, rated_w) in enumerate(batteries)
            },
            "a": LoadSpec(rated_w=1e5),
        },
        bus=BusSpec(damping_w_per_hz=50.0, droop_pu=0.02, inertia_s=2.0),
    )
    plant = Plant(spec, Profile.constant(a=load_w))
    for k, (command_w, rated_w) in enumerate(batteries):
        plant.actuate(f"b{k}", True, max(-rated_w, min(rated_w, command_w)))
    plant.advance(S)
    plant.actuate("poi", False)
    plant.advance(30 * S)
    if plant.mode is BusMode.BLACK:
        given_w = sum(rated_w for _, rated_w in batteries)
        assert load_w > 0.95 * given_w or any(e.kind == "frequency_collapse" for e in plant.events)
        return
    if not plant.settled:  # a little more than they can: it falls slowly
        assert load_w > sum(battery.limits_w[1] for battery in plant.batteries)
        return
    low_hz = 50.0 - plant.frequency.hz
    total_w = -load_w + 50.0 * low_hz
    for battery in plant.batteries:
        low_w, high_w = battery.limits_w
        asks_w = battery.command_w + low_hz * battery.rated_w / (0.02 * 50.0)
        given_w = max(low_w, min(high_w, asks_w))
        assert battery.p_w == pytest.approx(given_w, abs=2e-3 * battery.rated_w)
        total_w += given_w
    assert total_w == pytest.approx(0.0, abs=100.0)


def test_light_inertia_stays_stable_and_exact():
    """A mode far faster than a millisecond: finer steps, and the same rest."""
    plant = island(12_000.0, inertia_s=0.05, droop_pu=0.001)
    plant.advance(8 * S)
    slope = 40_000.0 / 0.05 + 200.0
    assert plant.frequency.hz == pytest.approx(50.0 - 12_000.0 / slope, abs=1e-6)
    assert plant.lowest_hz >= 50.0 - 1.01 * 12_000.0 / slope


def test_surplus_rests_above_nominal():
    spec = PlantSpec(
        assets={
            "battery": BatterySpec(rated_w=10_000.0, capacity_wh=5000.0, soc_start=0.9),
            "a": LoadSpec(rated_w=1000.0),
        },
    )
    plant = Plant(spec, Profile.constant(a=0.0))
    plant.actuate("battery", True, 5000.0)  # a set power nobody takes
    plant.actuate("poi", False)
    plant.advance(30 * S)
    assert plant.sense("a")[2] == pytest.approx(50.25, abs=0.01)
    assert plant.power_w("battery") == pytest.approx(200.0 * 0.25, abs=2.0)
