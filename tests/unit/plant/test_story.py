"""Outage, collapse, island, reconnection, black start: what a rig and its nodes live through."""

import pytest

from nansha_hil.plant import (
    BatterySpec,
    BusMode,
    EvSpec,
    GridSpec,
    LoadSpec,
    Plant,
    PlantSpec,
    Profile,
    PvSpec,
)

S = 1_000_000
MS = 1000


def site(**changes):
    values = {"poa_w_per_m2": 500.0, "temperature_degc": 30.0, "a": 8000.0, "b": 15_000.0}
    values.update(changes)
    return Plant(
        PlantSpec(
            assets={
                "pv": PvSpec(rated_w=30_000.0),
                "battery": BatterySpec(rated_w=30_000.0, capacity_wh=60_000.0),
                "a": LoadSpec(rated_w=10_000.0, tier="critical"),
                "b": LoadSpec(rated_w=18_000.0),
                "ev": EvSpec(rated_w=11_000.0),
            },
            grid=GridSpec(source_ohm=0.05),
        ),
        Profile.constant(**values),
    )


def unserved_w(plant):
    return plant.demand_w("a") + plant.power_w("a")


def kinds(plant):
    return [event.kind for event in plant.events]


def run_until(plant, condition, limit_us):
    end = plant.now_us + limit_us
    while plant.now_us < end and not condition():
        tick = plant.next_tick_us
        plant.advance(min(end, tick if tick else plant.now_us + S))
    return condition()


def islanded():
    plant = site()
    plant.advance(10 * S)
    plant.set_grid(False)
    plant.advance(10 * S + 40 * MS)
    plant.actuate("poi", False)
    plant.advance(15 * S)
    return plant


def test_grid_connected_powers_cancel_and_voltage_drops_a_little():
    plant = site()
    plant.advance(5 * S)
    assert sum(plant.power_w(name) for name in plant.nodes) == pytest.approx(0.0, abs=1e-9)
    volts, amps, hertz, _ = plant.sense("poi")
    assert plant.power_w("poi") > 0.0 and amps > 0.0
    assert volts == pytest.approx(230.0 - 0.05 * plant.power_w("poi") / (3 * 230.0))
    assert hertz == 50.0
    assert plant.flags("a") == (False, False)
    assert plant.flags("poi") == (False, True)
    assert plant.settled and plant.next_tick_us is None


def test_outage_collapses_until_the_breaker_opens():
    plant = site()
    plant.advance(10 * S)
    plant.set_grid(False)
    plant.advance(10 * S + 5 * MS)
    assert plant.flags("poi")[0] and plant.flags("a")[0]
    plant.advance(10 * S + 100 * MS)
    assert plant.mode is BusMode.COLLAPSED
    volts, _, hertz, _ = plant.sense("poi")
    assert volts == pytest.approx(69.0)
    assert hertz == 50.0
    assert plant.power_w("pv") == 0.0
    assert unserved_w(plant) > 6000.0
    assert plant.power_w("battery") == pytest.approx(0.3 * 30_000.0)
    assert sum(plant.power_w(name) for name in plant.nodes) == pytest.approx(0.0, abs=1e-6)
    assert plant.flags("poi") == (True, False)


def test_island_holds_and_pv_comes_back():
    plant = islanded()
    assert plant.mode is BusMode.ISLAND
    assert plant.sense("a")[0] == pytest.approx(230.0)
    assert plant.sense("poi") == (0.0, 0.0, 0.0, 0.0)
    assert plant.power_w("poi") == 0.0
    assert unserved_w(plant) == 0.0
    assert plant.power_w("pv") > 10_000.0
    assert plant.settled
    assert plant.flags("poi") == (True, False)


def test_breaker_closes_in_step():
    plant = islanded()
    plant.set_grid(True)
    assert not plant.flags("poi")[1]
    assert plant.sense("poi")[0] == 230.0
    assert run_until(plant, lambda: plant.flags("poi")[1], 60 * S)
    plant.actuate("poi", True)
    plant.advance(plant.now_us + S)
    assert plant.mode is BusMode.GRID
    assert "out_of_phase_closing" not in kinds(plant)
    plant.advance(plant.now_us + 3 * S)
    assert plant.settled
    assert not plant.flags("a")[0]


def test_closing_out_of_phase_is_recorded_with_its_angle():
    plant = islanded()
    plant.set_grid(True)
    plant.actuate("poi", True)
    plant.advance(plant.now_us + 100 * MS)
    event = next(e for e in plant.events if e.kind == "out_of_phase_closing")
    assert abs(event.value) > 20.0
    assert plant.accounts.summary()["out_of_phase_closings"] == 1


def test_closing_onto_a_dead_grid_collapses_the_island():
    plant = islanded()
    plant.actuate("poi", True)
    plant.advance(plant.now_us + 100 * MS)
    assert plant.mode is BusMode.COLLAPSED
    assert plant.accounts.summary()["dead_grid_closings"] == 1


def test_short_dip_rides_through_without_a_breaker():
    plant = site()
    plant.advance(10 * S)
    plant.set_grid(False)
    plant.advance(10 * S + 30 * MS)
    plant.set_grid(True)
    plant.advance(14 * S)
    assert plant.mode is BusMode.GRID
    assert plant.sense("a")[0] > 225.0
    assert plant.power_w("pv") > 10_000.0


def test_open_battery_blacks_the_island_and_black_start_needs_a_load_that_fits():
    plant = islanded()
    plant.actuate("battery", False)
    plant.advance(plant.now_us + S)
    assert plant.mode is BusMode.BLACK
    assert plant.sense("a")[0] == 0.0
    assert plant.power_w("pv") == 0.0 and unserved_w(plant) == 8000.0
    assert not plant.flags("poi")[1]  # dead on both sides
    plant.scale_load("b", 3.0)
    plant.actuate("battery", True)
    plant.advance(plant.now_us + S)
    assert plant.mode is BusMode.BLACK and kinds(plant)[-1] == "black_start_failed"
    plant.actuate("battery", False)
    plant.actuate("b", False)
    plant.advance(plant.now_us + S)
    plant.actuate("battery", True)
    plant.advance(plant.now_us + 5 * S)
    assert plant.mode is BusMode.ISLAND
    assert unserved_w(plant) == 0.0
    assert plant.sense("a")[2] > 49.0


def test_dead_bus_may_be_closed_onto_a_healthy_grid():
    plant = islanded()
    plant.actuate("battery", False)
    plant.advance(plant.now_us + S)
    plant.set_grid(True)
    assert plant.flags("poi")[1]
    plant.actuate("poi", True)
    plant.advance(plant.now_us + S)
    assert plant.mode is BusMode.GRID
    assert "out_of_phase_closing" not in kinds(plant)
    assert unserved_w(plant) == 0.0


def test_empty_battery_blacks_the_island():
    plant = site(poa_w_per_m2=0.0)
    plant.actuate("poi", False)
    plant.advance(4 * 3600 * S)
    assert plant.mode is BusMode.BLACK
    # At this power the cells reach their lowest voltage a little before their last charge.
    assert plant.sense("battery")[3] < 0.01
    assert abs(plant.accounts.residual_wh) < 1e-6


def test_alarm_holds_half_a_second_and_tells_when_it_ends():
    plant = site()
    plant.advance(5 * S)
    plant.set_grid_frequency(50.3)
    plant.advance(6 * S)
    assert plant.flags("a")[0]
    assert plant.next_tick_us is None  # bad and staying so: nothing to wait for
    plant.set_grid_frequency(50.0)
    plant.advance(6 * S + 10)
    assert plant.flags("a")[0]
    assert plant.next_tick_us == 6 * S + 500_000
    plant.advance(6 * S + 499_999)
    assert plant.flags("a")[0]
    plant.advance(6 * S + 500_000)
    assert not plant.flags("a")[0]


def test_voltage_alarm():
    plant = site()
    plant.set_grid_voltage(0.85)
    plant.advance(2 * S)
    assert plant.flags("a")[0] and plant.flags("poi")[0]
    assert 0.80 * 230 < plant.sense("a")[0] < 0.86 * 230


def test_relays_take_their_time_and_tell_when():
    plant = site()
    plant.advance(5 * S)
    plant.actuate("a", False)
    assert plant.next_tick_us == 5 * S + 15_000
    plant.advance(5 * S + 14_999)
    assert plant.power_w("a") == -8000.0
    plant.advance(5 * S + 15_000)
    assert plant.power_w("a") == 0.0
    plant.actuate("a", True)
    plant.actuate("a", False)  # a twitch shorter than the mechanics
    plant.advance(6 * S)
    assert plant.power_w("a") == 0.0


def test_island_transient_asks_for_ten_milliseconds_then_rests():
    plant = islanded()
    plant.actuate("b", False)
    plant.advance(plant.now_us + 15 * MS)
    assert not plant.settled
    assert plant.next_tick_us == plant.now_us + 10 * MS
    plant.advance(plant.now_us + 3 * S)
    assert plant.settled


def test_cloud_ramps_in_and_out():
    plant = site()
    plant.advance(S)
    plant.set_cloud(0.8, 60.0)
    plant.advance(32 * S)
    assert plant.sense("pv")[3] == pytest.approx(500 * (1 - 0.8 * 31 / 60), rel=0.02)
    plant.advance(100 * S)
    assert plant.sense("pv")[3] == pytest.approx(100.0)
    plant.set_cloud(0.0, 0.0)
    plant.advance(102 * S)
    assert plant.sense("pv")[3] == pytest.approx(500.0)


def test_a_plant_may_start_as_an_island():
    spec = site().spec
    start = PlantSpec(assets=spec.assets, grid=GridSpec(starts_closed=False))
    plant = Plant(start, Profile.constant(poa_w_per_m2=0.0, a=8000.0, b=15_000.0))
    plant.advance(5 * S)
    assert plant.mode is BusMode.ISLAND
    assert unserved_w(plant) == 0.0
