"""Components against closed forms and hand values."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pvlib import pvsystem

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
from nansha_hil.plant.cells import Pack
from nansha_hil.plant.cells_data import LFP_26650
from nansha_hil.plant.diode_data import JKM400M_72L

S = 1_000_000


def one(name, spec, **columns):
    columns.setdefault("poa_w_per_m2", 0.0)
    columns.setdefault("temperature_degc", 25.0)
    return Plant(PlantSpec(assets={name: spec}), Profile.constant(**columns))


def test_pv_gives_its_rating_at_standard_test_conditions():
    # 25 degC cells at 1000 W/m2: with NOCT 20 degC the cells are as warm as the air.
    spec = PvSpec(rated_w=5000.0, loss_fraction=0.0, noct_degc=20.0)
    plant = one("pv", spec, poa_w_per_m2=1000.0)
    plant.advance(10 * S)
    assert plant.power_w("pv") == pytest.approx(5000.0, rel=1e-9)


def pvlib_w(w_per_m2, degc):
    """Maximum power of one module by the De Soto model, W."""
    parameters = pvsystem.calcparams_desoto(
        w_per_m2,
        degc,
        alpha_sc=JKM400M_72L.alpha_a_per_k,
        a_ref=JKM400M_72L.a_v,
        I_L_ref=JKM400M_72L.il_a,
        I_o_ref=JKM400M_72L.io_a,
        R_sh_ref=JKM400M_72L.rsh_ohm,
        R_s=JKM400M_72L.rs_ohm,
    )
    return float(pvsystem.singlediode(*parameters)["p_mp"])


@given(st.floats(100, 1100), st.floats(-10, 45))
def test_pv_with_its_modules_own_gamma_is_the_single_diode_of_pvlib(irradiance, air):
    own = (pvlib_w(1000.0, 65.0) / pvlib_w(1000.0, 25.0) - 1.0) / 40.0
    spec = PvSpec(rated_w=7000.0, gamma_per_k=own, loss_fraction=0.1)
    plant = one("pv", spec, poa_w_per_m2=irradiance, temperature_degc=air)
    cell = air + 25.0 / 800.0 * irradiance  # NOCT 45 degC
    expected = 7000.0 * 0.9 * pvlib_w(irradiance, cell) / pvlib_w(1000.0, 25.0)
    assert plant.available_w("pv") == pytest.approx(min(expected, 7000.0), rel=1e-5)
    volts, amps, hertz, x = plant.sense("pv")
    assert amps == pytest.approx(plant.power_w("pv") / 3 / volts)
    assert (hertz, x) == (50.0, irradiance)


@pytest.mark.parametrize("gamma", [-0.0025, -0.0035, -0.005])
def test_pv_loses_with_heat_what_its_coefficient_says(gamma):
    spec = PvSpec(rated_w=5000.0, loss_fraction=0.0, noct_degc=20.0, gamma_per_k=gamma)
    plant = one("pv", spec, poa_w_per_m2=1000.0, temperature_degc=50.0)
    assert plant.available_w("pv") / 5000.0 - 1.0 == pytest.approx(25.0 * gamma, rel=0.02)


def test_shade_takes_whole_strings_and_the_tracker_lags_behind_the_sun():
    spec = PvSpec(rated_w=5000.0, loss_fraction=0.0, noct_degc=20.0)
    plant = one("pv", spec, poa_w_per_m2=1000.0)
    plant.advance(5 * S)
    plant.shade("pv", 1 / 3)
    one_string_w = plant.available_w("pv")
    assert 5000.0 * 0.6 < one_string_w < 5000.0 * 2 / 3
    plant.shade("pv", 1.0)
    assert plant.available_w("pv") < 5000.0 * 0.25
    plant.shade("pv", 0.0)
    plant.advance(10 * S)
    assert plant.power_w("pv") == pytest.approx(5000.0, rel=1e-6)
    plant.set_cloud(0.9)
    at_once_w = plant.available_w("pv")
    plant.advance(40 * S)
    assert 0.7 * plant.available_w("pv") < at_once_w < plant.available_w("pv")


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


def test_battery_follows_the_closed_form():
    spec = BatterySpec(rated_w=10_000.0, capacity_wh=10_000.0, tau_s=0.5, self_use_w=0.0)
    plant = one("battery", spec)
    plant.actuate("battery", True, 8000.0)
    plant.advance(700_000)
    assert plant.power_w("battery") == pytest.approx(8000.0 * (1 - math.exp(-1.4)), rel=1e-9)
    energy_j = 8000.0 * (0.7 - 0.5 * (1 - math.exp(-1.4)))
    assert plant.accounts.asset("battery").into_bus_wh * 3600 == pytest.approx(energy_j, rel=1e-9)


def test_a_ramp_binds_until_the_lag_is_the_slower_of_the_two():
    spec = BatterySpec(rated_w=10_000.0, capacity_wh=10_000.0, tau_s=0.1, ramp_per_s=2.0)
    plant = one("battery", spec)
    plant.actuate("battery", True, 8000.0)
    plant.advance(200_000)
    assert plant.power_w("battery") == pytest.approx(4000.0, rel=1e-9)
    plant.advance(400_000)  # from 6000 W on: 20 kW/s times 0.1 s from the target
    expected = 8000.0 - 2000.0 * math.exp(-1.0)
    assert plant.power_w("battery") == pytest.approx(expected, rel=1e-9)


def test_battery_is_its_converter_before_its_cells():
    """The same terminal powers into a pack alone give the same charge, heat and losses."""
    spec = BatterySpec(
        rated_w=5000.0,
        capacity_wh=10_000.0,
        charge_efficiency=0.9,
        discharge_efficiency=0.8,
        self_use_w=10.0,
        tau_s=0.0,
        resistance_factor=2.0,
    )
    plant = one("battery", spec)
    plant.actuate("battery", True, -3600.0)
    plant.advance(3600 * S)
    plant.actuate("battery", True, 1600.0)
    plant.advance(7200 * S)
    soc, volts = zip(*LFP_26650.ocv, strict=True)
    steps = zip(soc, soc[1:], volts, volts[1:], strict=False)
    cell_wh = LFP_26650.capacity_ah * sum((b - a) * (u + v) / 2 for a, b, u, v in steps)
    cell = replace(
        LFP_26650,
        r0_ohm=2 * LFP_26650.r0_ohm,
        pair_ohm=tuple(2 * ohm for ohm in LFP_26650.pair_ohm),
    )
    series = 700.0 / 3.2907
    pack = Pack(cell, series=series, parallel=10_000.0 / cell_wh / series)
    for _ in range(3600):
        pack.step_w(-3600.0 * 0.9 + 10.0, 1.0)
    for _ in range(3600):
        pack.step_w(1600.0 / 0.8 + 10.0, 1.0)
    battery = plant.batteries[0]
    assert battery.soc == pytest.approx(pack.soc, rel=1e-9)
    assert battery.degc == pytest.approx(pack.degc, rel=1e-9)
    converter_j = 3600.0 * (360.0 + 400.0 + 20.0)
    assert battery.loss_j == pytest.approx(converter_j + pack.books[2], rel=1e-9)


def test_battery_stops_at_both_ends():
    spec = BatterySpec(rated_w=1000.0, capacity_wh=1000.0, self_use_w=0.0)
    plant = one("battery", spec)
    plant.actuate("battery", True, 1000.0)
    plant.advance(3600 * S)
    assert plant.sense("battery")[3] < 1e-3
    assert plant.power_w("battery") == pytest.approx(0.0, abs=50.0)
    assert 0.93 * 480.0 < plant.accounts.asset("battery").into_bus_wh < 480.0
    plant.actuate("battery", True, -1000.0)
    plant.advance(4 * 3600 * S)
    assert plant.sense("battery")[3] > 0.999
    assert 1000.0 / 0.96 < plant.accounts.asset("battery").from_bus_wh < 1.07 * 1000.0 / 0.96
    assert abs(plant.accounts.residual_wh) < 1e-9


@settings(deadline=None)
@given(
    st.floats(0, 1),
    st.lists(st.tuples(st.floats(-15_000, 15_000), st.floats(1e-3, 500)), max_size=20),
)
def test_battery_never_leaves_its_cells_and_books_close(soc, moves):
    spec = BatterySpec(rated_w=10_000.0, capacity_wh=500.0, soc_start=soc, tau_s=0.3)
    plant = one("b", spec)
    battery = plant.batteries[0]
    before_j = battery.stored_j
    for command_w, h_s in moves:
        plant.actuate("b", True, command_w)
        plant.advance(plant.now_us + round(h_s * 1e6))
        assert 0.0 <= battery.soc <= 1.0
        assert abs(battery.p_w) <= 10_000.0
    closed = battery.in_j - battery.out_j - (battery.stored_j - before_j) - battery.loss_j
    assert abs(closed) < 1e-9 * max(1e6, battery.in_j + battery.out_j)
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
