"""The plant's kernels beside programs and formulas that were not written here.

Each function returns both sides; `test_validation` holds them to its bars, `run` prints and draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pvlib
from grid_model import GridModel
from networks import Network, solve_pandapower
from numpy.typing import NDArray
from power_grid_model import CalculationMethod

from nansha_hil.plant.cells import Pack
from nansha_hil.plant.cells_data import LFP_26650
from nansha_hil.plant.diode import Array
from nansha_hil.plant.diode_data import JKM400M_72L as MODULE

Floats = NDArray[np.float64]
SUNS_W_PER_M2 = (50, 100, 200, 400, 600, 800, 1000, 1200)
HEATS_DEGC = (-10, 0, 25, 50, 70)
PULSE_A, PULSE_S, STEP_S = 3.0, 300.0, 0.1


@dataclass
class Sides:
    """Ours and theirs over x."""

    x: Floats
    ours: Floats
    theirs: Floats

    @property
    def percent(self) -> float:
        """Largest difference, percent of theirs."""
        return float(100.0 * np.abs(self.ours / self.theirs - 1.0).max())


def _five(sun: float, heat: float) -> tuple[float, ...]:
    five: tuple[float, ...] = pvlib.pvsystem.calcparams_desoto(
        sun, heat, MODULE.alpha_a_per_k, MODULE.a_v, MODULE.il_a, MODULE.io_a,
        MODULE.rsh_ohm, MODULE.rs_ohm,
    )  # fmt: skip
    return five


def maximum_power(heat_degc: float) -> Sides:
    """W of one module over irradiance; pvlib by its Newton search."""
    array = Array(MODULE, 400.0)
    ours = [array.mpp_w(sun, heat_degc) / array.scale for sun in SUNS_W_PER_M2]
    theirs = [
        pvlib.pvsystem.max_power_point(*_five(sun, heat_degc), method="newton")["p_mp"]
        for sun in SUNS_W_PER_M2
    ]
    return Sides(np.array(SUNS_W_PER_M2, float), np.array(ours), np.array(theirs))


def module_current(sun_w_per_m2: float, heat_degc: float, points: int = 7) -> Sides:
    """A of one module over voltage; pvlib by Lambert's W."""
    array, volts = Array(MODULE, 400.0), np.linspace(0.0, 48.0, points)
    ours = np.array([array.i_a(v, sun_w_per_m2, heat_degc) for v in volts])
    return Sides(volts, ours, pvlib.pvsystem.i_from_v(volts, *_five(sun_w_per_m2, heat_degc)))


def pulse() -> Sides:
    """V of one cell over s: 1 C for 300 s, then rest, beside the circuit's closed form.

    v = OCV(q) - i R0 - sum of i R_k (1 - exp(-t / tau_k)), each pair decaying after the pulse.
    Resistances are held at 25 degC, for the closed form knows no heat.
    """
    cell = replace(LFP_26650, activation_j_per_mol=0.0)
    pack = Pack(cell, soc=0.55)
    steps = round(PULSE_S / STEP_S)
    t: Floats = np.linspace(STEP_S, 2 * PULSE_S, 2 * steps)
    on = np.minimum(t, PULSE_S)
    flowing = np.arange(1, 2 * steps + 1) <= steps
    ours = np.empty_like(t)
    for k, flows in enumerate(flowing):
        pack.step_a(PULSE_A if flows else 0.0, STEP_S)
        ours[k] = pack.terminal_v
    soc, volts = zip(*cell.ocv, strict=True)
    exact = np.interp(0.55 - PULSE_A * on / (3600.0 * cell.capacity_ah), soc, volts)
    exact -= np.where(flowing, PULSE_A * cell.r0_ohm, 0.0)
    for ohm, tau_s in zip(cell.pair_ohm, cell.pair_s, strict=True):
        exact -= PULSE_A * ohm * (1 - np.exp(-on / tau_s)) * np.exp(-(t - on) / tau_s)
    return Sides(t, ours, exact)


def published_point(make: Callable[[], Network]) -> tuple[Network, Sides]:
    """Per-unit |V| by bus at the network's own loads; theirs is pandapower's Newton-Raphson."""
    network = make()
    ours = network.feeder(1).step(network.load_va[:, None] / 3)[:, 0] / network.nominal_v
    theirs = solve_pandapower(network)
    assert np.abs(np.angle(ours / theirs)).max() < 1e-9
    return network, Sides(np.arange(len(ours), dtype=float), np.abs(ours), np.abs(theirs))


def random_points(make: Callable[[], Network], phases: int, count: int = 50) -> float:
    """Largest difference of a complex voltage from power-grid-model's Newton-Raphson, per unit.

    Each load at -0.5 to 1.2 of its own, each phase by itself where there are three.
    """
    network = make()
    scale = np.random.default_rng(1).uniform(-0.5, 1.2, (count, len(network.load_va), phases))
    s_va = network.load_va[None, :, None] / 3 * scale
    volts, passes = network.feeder(phases).batch(s_va)
    model = GridModel(network, phases)
    found = model.solve(model.update(s_va), CalculationMethod.newton_raphson, -1, 1e-11)
    assert passes.min() > 0
    return float(np.abs(volts / network.nominal_v - model.volts_pu(found)).max())
