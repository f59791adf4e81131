"""A photovoltaic array: what the sun offers, what the limit lets through."""

from __future__ import annotations

from nansha_hil.plant.meter import Node
from nansha_hil.plant.response import respond
from nansha_hil.plant.spec import PvSpec

STC_W_PER_M2 = 1000.0
STC_DEGC = 25.0
NOCT_W_PER_M2 = 800.0
NOCT_AIR_DEGC = 20.0
NO_LIMIT_FRACTION = 0.999
"""A command from here on means no limit: an analog output seldom reaches its very top."""


def cell_degc(air_degc: float, irradiance_w_per_m2: float, noct_degc: float) -> float:
    """Cell temperature, degC: Tc = Ta + (NOCT - 20) / 800 * G (the NOCT model of IEC 61215)."""
    return air_degc + (noct_degc - NOCT_AIR_DEGC) / NOCT_W_PER_M2 * irradiance_w_per_m2


def array_w(spec: PvSpec, irradiance_w_per_m2: float, air_degc: float) -> float:
    """AC power that the array can deliver, W, within 0..rated_w.

    P = P_rated * G/1000 * (1 + gamma (Tc - 25)) * (1 - losses): the linear efficiency model
    of PVWatts (NREL/TP-6A20-62641).
    """
    heat = 1.0 + spec.gamma_per_k * (
        cell_degc(air_degc, irradiance_w_per_m2, spec.noct_degc) - STC_DEGC
    )
    power_w = spec.rated_w * irradiance_w_per_m2 / STC_W_PER_M2 * heat * (1.0 - spec.loss_fraction)
    return min(max(power_w, 0.0), spec.rated_w)


class Pv(Node):
    """One array behind its inverter; the command is an upper limit, W."""

    __slots__ = (
        "_gain",
        "_heat_0",
        "_heat_g",
        "_heat_t",
        "irradiance_w_per_m2",
        "ready_us",
        "spec",
        "tau_s",
    )

    def __init__(self, name: str, spec: PvSpec) -> None:
        """Start dark, connected and without a limit."""
        super().__init__(name, spec.rated_w, spec.relay_delay_s, spec.starts_closed)
        self.spec = spec
        self.tau_s = spec.tau_s
        self.command_w = spec.rated_w
        self.irradiance_w_per_m2 = 0.0
        self.ready_us: int | None = 0
        # array_w() with its constants folded: this runs every simulated second.
        self._gain = spec.rated_w / STC_W_PER_M2 * (1.0 - spec.loss_fraction)
        self._heat_0 = 1.0 - spec.gamma_per_k * STC_DEGC
        self._heat_t = spec.gamma_per_k
        self._heat_g = spec.gamma_per_k * (spec.noct_degc - NOCT_AIR_DEGC) / NOCT_W_PER_M2

    def refresh(self, irradiance_w_per_m2: float, air_degc: float, live: bool) -> None:
        """Set what is available and aimed at; live: bus voltage there, restart delay over."""
        self.irradiance_w_per_m2 = irradiance_w_per_m2
        available = (
            self._gain
            * irradiance_w_per_m2
            * (self._heat_0 + self._heat_t * air_degc + self._heat_g * irradiance_w_per_m2)
        )
        rated = self.rated_w
        if available > rated:
            available = rated
        elif available < 0.0:
            available = 0.0
        tracking = self.p_w == self.available_w
        self.available_w = available
        if not live or not self.closed:
            self.target_w = self.p_w = 0.0
            return
        limit = self.command_w
        target = available if limit >= available or limit >= NO_LIMIT_FRACTION * rated else limit
        if target < 0.0:
            target = 0.0
        self.target_w = target
        power = self.p_w
        if power > available:  # no sun, no power, however slow the control
            power = available
        gap = target - power
        if -self.band_w <= gap <= self.band_w or (tracking and target == available):
            power = target  # a tracker keeps up with the sun; tau_s is for new limits
        self.p_w = power

    def step(self, h_s: float) -> float:
        """Let h_s seconds pass; energy into the bus, J."""
        power = self.p_w
        if power == self.target_w:
            energy = power * h_s
        else:
            self.p_w, energy = respond(power, self.target_w, self.tau_s, h_s)
        self.out_j += energy
        self.available_j += self.available_w * h_s
        return energy
