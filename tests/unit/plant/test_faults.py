"""Faults of components and of the grid: what trips, what comes back, and when."""

import math
from dataclasses import replace

import pytest

from nansha_hil.plant import (
    BatterySpec,
    BusMode,
    EvSpec,
    GridSpec,
    LineSpec,
    LoadSpec,
    Plant,
    PlantSpec,
    Profile,
    PvSpec,
)

S = 1_000_000
MS = 1000


def site(load=None, pv=None, battery=None, lines=None, grid=None, **columns):
    assets = {
        "pv": PvSpec(rated_w=30_000.0, **(pv or {})),
        "battery": BatterySpec(rated_w=30_000.0, capacity_wh=60_000.0, **(battery or {})),
        "a": LoadSpec(rated_w=10_000.0, **(load or {})),
        "ev": EvSpec(rated_w=11_000.0),
    }
    values = {"poa_w_per_m2": 500.0, "temperature_degc": 30.0, "a": 8000.0, **columns}
    spec = PlantSpec(
        assets=assets,
        lines=lines or {},
        grid=GridSpec(source_ohm=0.0, **(grid or {})),
    )
    return Plant(spec, Profile.constant(**values))


def when(plant, kind, asset=""):
    return [e.time_us for e in plant.events if e.kind == kind and e.asset == asset]


def test_a_tripped_converter_is_back_after_its_dead_time():
    plant = site(pv={"dead_time_s": 20.0})
    plant.advance(5 * S)
    plant.trip("pv")
    assert plant.power_w("pv") == 0.0
    plant.advance(25 * S - 1)
    assert plant.power_w("pv") == 0.0
    assert plant.settled and plant.next_tick_us == 25 * S
    plant.advance(27 * S)
    assert plant.power_w("pv") == pytest.approx(plant.available_w("pv"))
    assert when(plant, "tripped", "pv") == [5 * S]
    assert when(plant, "restarted", "pv") == [25 * S]


def test_a_tripped_forming_battery_starts_the_island_again():
    plant = site(battery={"dead_time_s": 30.0})
    plant.actuate("poi", False)
    plant.advance(10 * S)
    plant.trip("battery")
    assert plant.mode is BusMode.BLACK
    plant.advance(39 * S)
    assert plant.mode is BusMode.BLACK
    plant.advance(45 * S)
    assert plant.mode is BusMode.ISLAND
    assert when(plant, "black_start") == [40 * S]
    assert plant.power_w("a") == pytest.approx(-8000.0)


@pytest.mark.parametrize(
    ("per_unit", "kind", "after_s"),
    [
        (0.80, "trip_undervoltage_1", 3.0),
        (0.10, "trip_undervoltage_2", 0.625),
        (1.25, "trip_overvoltage_1", 10.0),
        (1.35, "trip_overvoltage_2", 0.5),
    ],
)
def test_voltage_outside_a_band_trips_after_its_time(per_unit, kind, after_s):
    plant = site()
    plant.advance(5 * S)
    plant.set_grid_voltage(per_unit)
    plant.advance(5 * S + round(after_s * 1e6) - 20 * MS)
    assert not when(plant, kind, "pv")
    plant.advance(5 * S + round(after_s * 1e6) + 50 * MS)  # and the voltage's own lag
    assert len(when(plant, kind, "pv")) == 1
    plant.advance(30 * S)
    assert plant.power_w("pv") == 0.0
    plant.set_grid_voltage(1.0)
    back_us = plant.now_us
    plant.advance(60 * S)
    assert plant.power_w("pv") > 10_000.0
    restarted = when(plant, "restarted", "pv")
    assert len(restarted) == 1 and 10 * S <= restarted[0] - back_us <= 10 * S + 50 * MS


def test_frequency_ramps_and_trips_outside_its_band():
    plant = site()
    plant.advance(5 * S)
    plant.set_grid_frequency(52.0, ramp_s=4.0)
    plant.advance(7 * S)
    assert plant.sense("a")[2] == pytest.approx(51.0, abs=1e-6)
    assert plant.flags("a")[0]
    plant.advance(10 * S)
    (tripped,) = when(plant, "trip_overfrequency", "pv")
    assert tripped == pytest.approx(8.2 * S, abs=2 * MS)  # 51.5 Hz after 3 s, and 0.2 s


def test_a_sag_on_one_phase_is_seen_on_it_alone():
    plant = site()
    plant.advance(5 * S)
    plant.set_grid_voltage(0.7, phases=(1,))
    plant.advance(6 * S)
    a, b, c = plant.phase_voltages("a")
    assert (a, c) == (pytest.approx(230.0), pytest.approx(230.0))
    assert b == pytest.approx(161.0)
    assert plant.sense("a")[0] == pytest.approx(230.0 * 2.7 / 3)
    assert plant.flags("a")[0]
    served = (1.0 + 1.0 + (0.7 / 0.9) ** 2) / 3
    assert plant.power_w("a") == pytest.approx(-8000.0 * served)


def test_a_phase_jump_beyond_the_limit_loses_the_phase_for_a_moment():
    plant = site(pv={"pll_jump_deg": 30.0, "pll_relock_s": 0.3})
    plant.advance(5 * S)
    plant.jump_grid_angle(20.0)
    assert plant.power_w("pv") > 10_000.0 and plant.flags("a")[0]
    plant.jump_grid_angle(45.0)
    assert plant.power_w("pv") == 0.0
    assert when(plant, "pll_lost", "pv") == [5 * S]
    plant.advance(8 * S)
    assert when(plant, "restarted", "pv") == [5 * S + 300 * MS]
    assert plant.power_w("pv") > 10_000.0


def test_fast_frequency_loses_the_phase_too():
    plant = site(pv={"pll_hz_per_s": 2.0})
    plant.advance(5 * S)
    plant.set_grid_frequency(50.9, ramp_s=0.3)
    plant.advance(6 * S)
    assert when(plant, "pll_lost", "pv") and not when(plant, "pll_lost", "battery")


def test_a_failed_part_is_out_until_it_is_repaired():
    plant = site()
    plant.advance(5 * S)
    for name in ("pv", "a", "battery"):
        plant.fail(name)
    plant.advance(10 * S)
    assert [plant.power_w(n) for n in plant.nodes] == [0.0] * 5
    assert plant.demand_w("a") == 8000.0
    plant.actuate("poi", False)
    plant.advance(11 * S)
    assert plant.mode is BusMode.BLACK
    for name in ("pv", "a", "battery"):
        plant.repair(name)
    plant.advance(20 * S)
    assert plant.mode is BusMode.ISLAND
    assert plant.power_w("a") == pytest.approx(-8000.0)


def test_a_welded_contact_stays_and_then_follows():
    plant = site()
    plant.advance(5 * S)
    plant.weld("a", True)
    plant.actuate("a", False)
    plant.advance(6 * S)
    assert plant.nodes["a"].closed and plant.power_w("a") == pytest.approx(-8000.0)
    plant.weld("a", False)
    plant.advance(6 * S + 15 * MS)
    assert not plant.nodes["a"].closed and plant.power_w("a") == 0.0


def test_a_slow_relay_takes_its_time():
    plant = site()
    plant.set_relay_delay("a", 0.4)
    plant.actuate("a", False)
    plant.advance(399 * MS)
    assert plant.nodes["a"].closed
    plant.advance(400 * MS)
    assert not plant.nodes["a"].closed


def test_a_chattering_contact_bounces_and_ends_where_it_is_wanted():
    plant = site()
    plant.advance(S)
    plant.chatter("a", 0.1, 1.0)
    plant.advance(1500 * MS)
    plant.actuate("a", False)
    plant.advance(3 * S)
    moves = sorted(when(plant, "closed", "a") + when(plant, "opened", "a"))
    assert len(moves) > 15 and moves[-1] <= 2 * S
    assert not plant.nodes["a"].closed


def test_a_motor_starts_with_inrush_stalls_and_is_started_again():
    load = {
        "motor_share": 1.0,
        "inrush": 6.0,
        "start_s": 0.5,
        "power_factor": 0.8,
        "start_power_factor": 0.3,
    }
    plant = site(load=load)
    plant.advance(5 * S)
    running_a = abs(plant.sense("a")[1])
    assert running_a == pytest.approx(8000.0 / 0.8 / 3 / 230.0)
    plant.actuate("a", False)
    plant.advance(6 * S)
    plant.actuate("a", True)
    plant.advance(6 * S + 15 * MS)
    p_w = 8000.0 + 5 * 10_000.0 * 0.3
    q_var = 6000.0 + 5 * 10_000.0 * math.sqrt(1 - 0.09)
    assert abs(plant.sense("a")[1]) == pytest.approx(math.hypot(p_w, q_var) / 690.0, rel=1e-6)
    plant.advance(6 * S + 515 * MS)
    assert plant.power_w("a") == pytest.approx(-8000.0 - 15_000.0 * math.exp(-1.0), rel=2e-3)
    plant.advance(12 * S)
    assert plant.power_w("a") == pytest.approx(-8000.0)
    plant.set_grid_voltage(0.5)
    plant.advance(13 * S)
    assert when(plant, "motor_stalled", "a")
    plant.set_grid_voltage(1.0)
    plant.advance(15 * S)
    assert plant.power_w("a") == pytest.approx(-6.0 * 10_000.0 * 0.3, rel=1e-6)
    plant.start_motor("a")
    plant.advance(25 * S)
    assert plant.power_w("a") == pytest.approx(-8000.0)
    assert abs(plant.accounts.residual_wh) < 1e-6 * plant.accounts.throughput_wh


def test_cold_loads_pick_up_more_and_forget_it():
    plant = site(load={"cold_pickup": 2.0, "cold_tau_s": 600.0})
    plant.advance(S)
    plant.actuate("a", False)
    plant.advance(S + 600 * S)
    plant.actuate("a", True)
    plant.advance(S + 600 * S + 15 * MS)
    cold = 1 - math.exp(-1.0)
    assert plant.power_w("a") == pytest.approx(-8000.0 * (1 + cold), rel=1e-3)
    plant.advance(S + 1200 * S)
    assert plant.power_w("a") == pytest.approx(-8000.0 * (1 + cold * math.exp(-1.0)), rel=1e-3)


def test_zip_shares_follow_the_voltage():
    plant = site(load={"z_share": 0.5, "i_share": 0.3})
    plant.set_grid_voltage(0.95)
    plant.advance(5 * S)
    expected = 0.5 * 0.95**2 + 0.3 * 0.95 + 0.2
    assert plant.power_w("a") == pytest.approx(-8000.0 * expected)
    assert plant.demand_w("a") == pytest.approx(8000.0 * expected)


def test_a_transformer_adds_its_drop_and_a_line_its_loss():
    lines = {"yard": LineSpec(r_ohm=0.2)}
    plant = site(load={"at": "yard"}, lines=lines, poa_w_per_m2=0.0)
    plant.advance(10 * S)
    # V^2 - 230 V + R P / 3 = 0 a phase
    volts = (230.0 + math.sqrt(230.0**2 - 4 * 0.2 * 8000.0 / 3)) / 2
    assert plant.sense("a")[0] == pytest.approx(volts, rel=1e-6)
    assert plant.sense("pv")[0] == pytest.approx(230.0)
    loss_w = 3 * 0.2 * (8000.0 / 3 / volts) ** 2
    assert plant.power_w("poi") == pytest.approx(8000.0 + loss_w, rel=1e-6)
    assert plant.line_loss_j == pytest.approx(10 * loss_w, rel=1e-2)
    behind = site(grid={"transformer_va": 50_000.0, "transformer_r_pu": 0.02}, poa_w_per_m2=0.0)
    behind.advance(10 * S)
    assert behind.bus_v == pytest.approx(230.0 * (1 - 0.02 * 8000.0 / 50_000.0), rel=1e-3)


def test_a_single_phase_load_pulls_its_own_phase():
    spec = site(load={"phases": "b"}, poa_w_per_m2=0.0).spec
    weak = replace(spec, grid=GridSpec(source_ohm=0.1))
    plant = Plant(weak, Profile.constant(poa_w_per_m2=0.0, a=8000.0))
    plant.advance(5 * S)
    a, b, c = plant.phase_voltages("a")
    assert a == c == pytest.approx(230.0)
    assert b == pytest.approx(230.0 - 0.1 * 8000.0 / 230.0)
    assert plant.sense("a")[0] == pytest.approx(b)
    assert plant.sense("a")[1] == pytest.approx(-8000.0 / b)


def test_names_and_values_are_checked():
    plant = site()
    for deed in (
        lambda: plant.trip("a"),
        lambda: plant.trip("poi"),
        lambda: plant.fail("poi"),
        lambda: plant.weld("nothing", True),
        lambda: plant.chatter("nothing", 1.0, 1.0),
        lambda: plant.shade("a", 0.5),
        lambda: plant.start_motor("pv"),
        lambda: plant.phase_voltages("nothing"),
    ):
        with pytest.raises(KeyError):
            deed()
    for wrong in (
        lambda: plant.shade("pv", 1.5),
        lambda: plant.set_relay_delay("a", -1.0),
        lambda: plant.chatter("a", 0.0, 1.0),
        lambda: plant.jump_grid_angle(200.0),
        lambda: plant.set_grid_voltage(1.0, -1.0),
        lambda: plant.set_grid_voltage(1.0, 0.0, (3,)),
    ):
        with pytest.raises(ValueError):
            wrong()
    assert plant.events == []
