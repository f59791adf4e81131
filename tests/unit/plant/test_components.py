"""Components against closed forms and hand values."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nansha_hil.plant import (
    BatterySpec,
    BusMode,
    BusSpec,
    EvSpec,
    LoadSpec,
    Plant,
    PlantSpec,
    Profile,
    PvSpec,
    SpecError,
)
from nansha_hil.plant.battery import Battery
from nansha_hil.plant.pv import array_w, cell_degc
from nansha_hil.plant.response import respond, zero_crossing_s

S = 1_000_000


def one(name, spec, **columns):
    columns.setdefault("poa_w_per_m2", 0.0)
    columns.setdefault("temperature_degc", 25.0)
    return Plant(PlantSpec(assets={name: spec}), Profile.constant(**columns))


def test_pv_gives_its_rating_at_standard_test_conditions():
    # 25 degC cells at 1000 W/m2: with NOCT 20 degC the cells are as warm as the air.
    spec = PvSpec(rated_w=5000.0, loss_fraction=0.0, noct_degc=20.0)
    assert array_w(spec, 1000.0, 25.0) == pytest.approx(5000.0, rel=1e-12)
    plant = one("pv", spec, poa_w_per_m2=1000.0)
    plant.advance(10 * S)
    assert plant.power_w("pv") == pytest.approx(5000.0, rel=1e-12)


def test_pv_against_a_hand_value():
    # Tc = 30 + 25/800*800 = 55 degC; 10 kW * 0.8 * (1 - 0.004*30) * 0.9 = 6336 W
    spec = PvSpec(rated_w=10_000.0, gamma_per_k=-0.004, loss_fraction=0.1, noct_degc=45.0)
    assert cell_degc(30.0, 800.0, 45.0) == pytest.approx(55.0)
    assert array_w(spec, 800.0, 30.0) == pytest.approx(6336.0)
    plant = one("pv", spec, poa_w_per_m2=800.0, temperature_degc=30.0)
    plant.advance(10 * S)
    assert plant.power_w("pv") == pytest.approx(6336.0)
    volts, amps, hertz, x = plant.sense("pv")
    assert amps == pytest.approx(6336.0 / 3 / volts)
    assert (hertz, x) == (50.0, 800.0)


@given(st.floats(0, 1400), st.floats(-20, 50))
def test_folded_pv_formula_equals_the_plain_one(irradiance, air):
    spec = PvSpec(rated_w=7000.0)
    plant = one("pv", spec, poa_w_per_m2=irradiance, temperature_degc=air)
    assert plant.available_w("pv") == pytest.approx(array_w(spec, irradiance, air), abs=1e-8)


def test_pv_obeys_its_limit_and_near_full_scale_means_none():
    plant = one("pv", PvSpec(rated_w=10_000.0, loss_fraction=0.0, noct_degc=20), poa_w_per_m2=1000)
    plant.actuate("pv", True, 4000.0)
    assert not plant.settled
    plant.advance(5 * S)
    assert plant.power_w("pv") == pytest.approx(4000.0, abs=10.0)
    assert plant.available_w("pv") == pytest.approx(10_000.0)
    plant.actuate("pv", True, 9990.0)
    plant.advance(10 * S)
    assert plant.power_w("pv") == pytest.approx(10_000.0)
    plant.actuate("pv", False)
    plant.advance(11 * S)
    assert plant.power_w("pv") == 0.0


def test_first_order_response_is_exact():
    p, energy = respond(0.0, 1000.0, 0.2, 0.3)
    assert p == pytest.approx(1000.0 * (1 - math.exp(-1.5)))
    assert energy == pytest.approx(1000.0 * (0.3 - 0.2 * (1 - math.exp(-1.5))))
    halfway, first = respond(0.0, 1000.0, 0.2, 0.1)
    end, second = respond(halfway, 1000.0, 0.2, 0.2)
    assert (end, first + second) == pytest.approx((p, energy), rel=1e-12)
    assert respond(5.0, 7.0, 0.0, 2.0) == (7.0, 14.0)
    crossing = zero_crossing_s(-500.0, 1000.0, 0.2)
    assert respond(-500.0, 1000.0, 0.2, crossing)[0] == pytest.approx(0.0, abs=1e-9)
    assert zero_crossing_s(500.0, 1000.0, 0.2) == math.inf


def test_battery_follows_the_closed_form():
    spec = BatterySpec(rated_w=10_000.0, capacity_wh=10_000.0, tau_s=0.5, self_use_w=0.0)
    plant = one("battery", spec)
    plant.actuate("battery", True, 8000.0)
    plant.advance(700_000)
    assert plant.power_w("battery") == pytest.approx(8000.0 * (1 - math.exp(-1.4)), rel=1e-12)
    energy_j = 8000.0 * (0.7 - 0.5 * (1 - math.exp(-1.4)))
    assert plant.accounts.asset("battery").into_bus_wh * 3600 == pytest.approx(energy_j, rel=1e-12)
    soc = 0.5 - energy_j / 0.96 / (10_000.0 * 3600)
    assert plant.sense("battery")[3] == pytest.approx(soc, rel=1e-14)


def test_battery_round_trip_costs_its_efficiencies():
    spec = BatterySpec(
        rated_w=5000.0,
        capacity_wh=10_000.0,
        charge_efficiency=0.9,
        discharge_efficiency=0.8,
        self_use_w=10.0,
        tau_s=0.0,
    )
    plant = one("battery", spec)
    plant.actuate("battery", True, -3600.0)
    plant.advance(3600 * S)
    assert plant.sense("battery")[3] == pytest.approx(0.5 + (3600 * 0.9 - 10) / 10_000)
    plant.actuate("battery", True, 1600.0)
    plant.advance(7200 * S)
    assert plant.sense("battery")[3] == pytest.approx(0.5 + (3240 - 2000 - 20) / 10_000)
    assert plant.accounts.asset("battery").loss_wh == pytest.approx(360 + 400 + 20)


def test_battery_stops_hard_at_both_ends():
    spec = BatterySpec(rated_w=10_000.0, capacity_wh=1000.0, self_use_w=0.0)
    plant = one("battery", spec)
    plant.actuate("battery", True, 10_000.0)
    plant.advance(600 * S)
    assert plant.sense("battery")[3] == 0.0
    assert plant.power_w("battery") == 0.0
    assert plant.accounts.asset("battery").into_bus_wh == pytest.approx(480.0, rel=1e-12)
    plant.actuate("battery", True, -10_000.0)
    plant.advance(1200 * S)
    assert plant.sense("battery")[3] == 1.0
    assert plant.accounts.asset("battery").from_bus_wh == pytest.approx(1000 / 0.96, rel=1e-12)
    assert abs(plant.accounts.residual_wh) < 1e-9


@given(
    st.floats(0, 1),
    st.lists(st.tuples(st.floats(-15_000, 15_000), st.floats(1e-4, 500)), max_size=30),
)
def test_battery_never_leaves_its_cells_and_books_close(soc, moves):
    spec = BatterySpec(rated_w=10_000.0, capacity_wh=500.0, soc_start=soc, tau_s=0.3)
    battery = Battery("b", spec)
    before_j = battery.stored_j
    for command_w, h_s in moves:
        battery.command_w = command_w
        battery.refresh(True, False)
        battery.step(h_s)
        assert 0.0 <= battery.soc <= 1.0
        assert abs(battery.p_w) <= 10_000.0
    closed = battery.in_j - battery.out_j - (battery.stored_j - before_j) - battery.loss_j
    assert abs(closed) < 1e-6
    assert battery.loss_j >= -1e-6


def test_car_charges_tapers_and_stops():
    spec = EvSpec(rated_w=7000.0, taper_wh=1000.0)
    plant = one("ev", spec)
    assert plant.flags("ev") == (False, False)
    plant.plug("ev", 5000.0)
    assert plant.flags("ev")[1]
    plant.advance(60 * S)
    assert plant.power_w("ev") == pytest.approx(-7000.0)
    plant.actuate("ev", True, -3000.0)
    plant.advance(120 * S)
    assert plant.power_w("ev") == pytest.approx(-3000.0)
    plant.actuate("ev", True, -1000.0)  # below six amperes a phase: the car pauses
    plant.advance(180 * S)
    assert plant.power_w("ev") == 0.0
    plant.actuate("ev", True, -7000.0)
    plant.advance(3 * 3600 * S)
    assert plant.power_w("ev") == 0.0
    assert plant.accounts.asset("ev").from_bus_wh == pytest.approx(5000.0, abs=1.0)
    plant.unplug("ev")
    assert plant.flags("ev") == (False, False)


def test_load_scales_opens_and_counts_what_it_misses():
    plant = one("a", LoadSpec(rated_w=5000.0), a=2000.0)
    plant.scale_load("a", 1.5)
    plant.advance(3600 * S)
    plant.actuate("a", False)
    plant.advance(7200 * S)
    account = plant.accounts.asset("a")
    assert account.demand_wh == pytest.approx(6000.0)
    assert account.unserved_wh == pytest.approx(3000.0, rel=1e-4)
    assert (plant.demand_w("a"), plant.power_w("a")) == (3000.0, 0.0)
    # 15 ms of mechanics after the order
    assert account.from_bus_wh == pytest.approx(3000.0 * (3600.015 / 3600))


@pytest.mark.parametrize(
    "make",
    [
        lambda: PvSpec(rated_w=0.0),
        lambda: BatterySpec(rated_w=1.0, capacity_wh=1.0, soc_start=1.2),
        lambda: BatterySpec(rated_w=1.0, capacity_wh=1.0, charge_efficiency=0.0),
        lambda: LoadSpec(rated_w=1.0, tier="vital"),
        lambda: EvSpec(rated_w=1000.0, min_w=2000.0),
        lambda: BusSpec(phases=2),
        lambda: PlantSpec(assets={}),
        lambda: PlantSpec(assets={"poi": PvSpec(rated_w=1.0)}),
    ],
)
def test_impossible_parameters_are_refused(make):
    with pytest.raises(SpecError):
        make()


def test_unknown_names_and_values_are_refused():
    plant = one("a", LoadSpec(rated_w=1.0), a=1.0)
    for call in (
        lambda: plant.sense("b"),
        lambda: plant.actuate("b", True),
        lambda: plant.flags("b"),
        lambda: plant.plug("a", 1.0),
        lambda: plant.scale_load("poi", 1.0),
    ):
        with pytest.raises(KeyError):
            call()
    for call in (
        lambda: plant.set_cloud(1.5),
        lambda: plant.set_cloud(0.5, -1.0),
        lambda: plant.scale_load("a", -1.0),
        lambda: plant.set_grid_voltage(3.0),
        lambda: plant.set_grid_frequency(20.0),
        lambda: plant.advance(-1),
    ):
        with pytest.raises(ValueError):
            call()
    assert plant.mode is BusMode.GRID
