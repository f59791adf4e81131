"""What a plant is made of: frozen parameter records, one a component.

Powers in this package are bus injections: + delivers into the site's bus. Ratings are magnitudes.
Confidence of a default that is no law: A read in the source, B second hand, C recalled or chosen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Tier = Literal["critical", "priority", "interruptible"]
PHASES = ("a", "b", "c", "ab", "bc", "ac", "abc")


class SpecError(ValueError):
    """A parameter that no real component could have."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise SpecError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSpec:
    """What every component has: rating, contactor, place.

    rated_w: W. relay_delay_s: from the order to the contact. at: the feeder bus it hangs on, "" the
    site's main bus. phases: those it is connected to, its power in equal parts on each.
    """

    rated_w: float
    relay_delay_s: float = 0.015
    starts_closed: bool = True
    at: str = ""
    phases: str = "abc"

    def __post_init__(self) -> None:
        """Refuse what no real component could have."""
        _require(self.rated_w > 0.0, "rated_w must be above 0")
        _require(self.relay_delay_s >= 0.0, "relay_delay_s must not be negative")
        _require(self.phases in PHASES, f"phases {self.phases!r} must be one of {PHASES}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConverterSpec(PartSpec):
    """A power converter's control and protection.

    tau_s: first-order response to a new set power or limit. ramp_per_s: fastest change, of the
    rating a second. restart_delay_s: live terminals before it feeds again after a pause;
    dead_time_s: the same after a trip. cease_pu: below it the converter blocks (momentary
    cessation). pll_jump_deg, pll_hz_per_s: beyond them it loses the phase, for pll_relock_s.

    Trip curve: voltage below uv1_pu for uv1_s, below uv2_pu for uv2_s, above ov1_pu for ov1_s,
    above ov2_pu for ov2_s; frequency below uf_hz for uf_s, above of_hz for of_s. Voltages are the
    worst of its phases. The default voltages and frequencies are the outer edges of ride-through
    in GB/T 37408-2019 (C: recalled), the jump what IEEE 1547-2018 asks of each phase (B: 60
    degrees; 20 of all together), its 3 Hz/s of category III widened to 20 (C).
    """

    tau_s: float = 0.1
    ramp_per_s: float = math.inf
    restart_delay_s: float = 0.0
    dead_time_s: float = 10.0
    cease_pu: float = 0.5
    uv1_pu: float = 0.85
    uv1_s: float = 3.0
    uv2_pu: float = 0.20
    uv2_s: float = 0.625
    ov1_pu: float = 1.20
    ov1_s: float = 10.0
    ov2_pu: float = 1.30
    ov2_s: float = 0.5
    uf_hz: float = 46.5
    uf_s: float = 0.2
    of_hz: float = 51.5
    of_s: float = 0.2
    pll_jump_deg: float = 60.0
    pll_hz_per_s: float = 20.0
    pll_relock_s: float = 0.2

    def __post_init__(self) -> None:
        """Refuse what no real component could have."""
        PartSpec.__post_init__(self)
        for name in ("tau_s", "uv1_s", "uv2_s", "ov1_s", "ov2_s", "uf_s", "of_s", "pll_relock_s"):
            _require(getattr(self, name) >= 0.0, f"{name} must not be negative")
        for name in ("restart_delay_s", "dead_time_s"):
            _require(0.0 <= getattr(self, name) <= 600.0, f"{name} must lie in 0..600 s")
        _require(self.ramp_per_s > 0.0, "ramp_per_s must be above 0")
        _require(0.0 <= self.cease_pu < 1.0, "cease_pu must lie in 0..1")
        _require(
            self.uv2_pu <= self.uv1_pu < 1.0 < self.ov1_pu <= self.ov2_pu,
            "the trip voltages must lie as uv2_pu <= uv1_pu < 1 < ov1_pu <= ov2_pu",
        )
        _require(self.uf_hz < self.of_hz, "uf_hz must be below of_hz")
        _require(self.pll_jump_deg > 0.0, "pll_jump_deg must be above 0")
        _require(self.pll_hz_per_s > 0.0, "pll_hz_per_s must be above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class PvSpec(ConverterSpec):
    """A photovoltaic array behind its inverter.

    rated_w: DC power at 1000 W/m2 and 25 degC cells, to which a set of single-diode modules is
    scaled; also the inverter's AC limit. gamma_per_k: relative change of power per kelvin of cell
    temperature (negative). loss_fraction: wiring, soiling, inverter. noct_degc: nominal operating
    cell temperature. mppt_tau_s: how fast the tracker's voltage follows the maximum's.
    """

    gamma_per_k: float = -0.0035
    loss_fraction: float = 0.10
    noct_degc: float = 45.0
    mppt_tau_s: float = 1.0
    irradiance_column: str = "poa_w_per_m2"
    tau_s: float = 0.15
    restart_delay_s: float = 2.0

    def __post_init__(self) -> None:
        """Refuse what no real component could have."""
        ConverterSpec.__post_init__(self)
        _require(-0.02 <= self.gamma_per_k <= 0.0, "pv gamma_per_k must lie in -0.02..0")
        _require(0.0 <= self.loss_fraction < 1.0, "pv loss_fraction must lie in 0..1")
        _require(self.mppt_tau_s >= 0.0, "pv mppt_tau_s must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatterySpec(ConverterSpec):
    """A battery of LFP cells behind its converter.

    capacity_wh: integral of the open-circuit voltage over the charge, empty to full.
    charge_efficiency and discharge_efficiency: the converter's, one-way, AC to DC and DC to AC;
    what the cells lose comes on top. self_use_w: drawn from the cells while the contactor is closed
    on a live bus. resistance_factor: of the cells' resistances, 1 for the cell of
    `cells_data`. dc_v: open-circuit voltage at half charge. A grid-forming converter holds the
    island's voltage and frequency; there its own frequency trips yield to the bus's black limits.
    """

    capacity_wh: float
    soc_start: float = 0.5
    charge_efficiency: float = 0.96
    discharge_efficiency: float = 0.96
    self_use_w: float = 20.0
    resistance_factor: float = 1.0
    dc_v: float = 700.0
    grid_forming: bool = True
    tau_s: float = 0.02
    uv1_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuse what no real component could have."""
        ConverterSpec.__post_init__(self)
        _require(self.capacity_wh > 0.0, "battery capacity_wh must be above 0")
        _require(0.0 <= self.soc_start <= 1.0, "battery soc_start must lie in 0..1")
        _require(0.0 < self.charge_efficiency <= 1.0, "battery charge_efficiency must lie in 0..1")
        _require(
            0.0 < self.discharge_efficiency <= 1.0, "battery discharge_efficiency must lie in 0..1"
        )
        _require(self.self_use_w >= 0.0, "battery self_use_w must not be negative")
        _require(self.resistance_factor > 0.0, "battery resistance_factor must be above 0")
        _require(self.dc_v > 0.0, "battery dc_v must be above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSpec(PartSpec):
    """A switched load that follows a profile column.

    rated_w: what the circuit is sized for; only a scale for displays. column: the profile column,
    watts of demand at nominal voltage.

    z_share, i_share: shares of constant impedance and constant current, the rest is constant power;
    from 0.9 per unit on (z v^2 + i v + p), below that all of it with the square of the voltage.
    power_factor: lagging. motor_share: share of the demand that is a motor's: when it starts it
    draws inrush times its running apparent power at start_power_factor, falling to 1 with start_s;
    below stall_pu for stall_s it stalls and stays at that until it is started again or its voltage
    has been away. cold_pickup: demand after a long outage over the usual one, forgotten and built
    up with cold_tau_s (cold load pickup).
    """

    tier: Tier = "interruptible"
    column: str = ""
    z_share: float = 0.0
    i_share: float = 0.0
    power_factor: float = 1.0
    motor_share: float = 0.0
    inrush: float = 6.0
    start_s: float = 0.3
    start_power_factor: float = 0.3
    stall_pu: float = 0.6
    stall_s: float = 0.5
    cold_pickup: float = 1.0
    cold_tau_s: float = 900.0

    def __post_init__(self) -> None:
        """Refuse what no real component could have."""
        PartSpec.__post_init__(self)
        _require(
            self.tier in ("critical", "priority", "interruptible"),
            f"load tier {self.tier!r} is not critical, priority or interruptible",
        )
        _require(
            min(self.z_share, self.i_share) >= 0.0 and self.z_share + self.i_share <= 1.0,
            "load z_share and i_share must be shares of one",
        )
        for name in ("power_factor", "start_power_factor"):
            _require(0.0 < getattr(self, name) <= 1.0, f"load {name} must lie in 0..1")
        _require(0.0 <= self.motor_share <= 1.0, "load motor_share must lie in 0..1")
        _require(self.inrush >= 1.0, "load inrush must be 1 or more")
        _require(self.start_s > 0.0 and self.stall_s > 0.0, "load start_s, stall_s: above 0")
        _require(0.0 <= self.stall_pu < 0.9, "load stall_pu must lie in 0..0.9")
        _require(self.cold_pickup >= 1.0, "load cold_pickup must be 1 or more")
        _require(self.cold_tau_s > 0.0, "load cold_tau_s must be above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvSpec(ConverterSpec):
    """A charge point for one vehicle.

    min_w: below it the car pauses (6 A a phase, IEC 61851-1). taper_wh: over the last taper_wh of
    its energy the car reduces its power in proportion, down to 5 % of rated_w. tau_s: response
    to a new limit. The car asks anew once a second.
    """

    min_w: float = 1380.0
    taper_wh: float = 2000.0
    tau_s: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what no real component could have."""
        ConverterSpec.__post_init__(self)
        _require(0.0 <= self.min_w <= self.rated_w, "ev min_w must lie in 0..rated_w")
        _require(self.taper_wh >= 0.0, "ev taper_wh must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class GridSpec:
    """The utility behind the point of interconnection, and the sync check of its breaker.

    source_ohm, source_x_ohm: impedance a phase between the utility and the bus.
    transformer_va: rating of a transformer there, 0 for none; transformer_r_pu, transformer_x_pu
    add to that impedance (4 % short-circuit voltage, 1 % copper loss: usual up to 630 kVA, C).
    The meter of the poi is on the bus side. return_angle_deg: phase of the utility against the
    island at the moment it comes back. The sync_ limits close the sync-check contact; a breaker
    closed beyond the damage_ limits (C: common practice for sources up to 500 kVA, 0.3 Hz, 10 %,
    20 degrees) is recorded as out of phase.
    """

    voltage_pu: float = 1.0
    frequency_hz: float = 50.0
    source_ohm: float = 0.05
    source_x_ohm: float = 0.0
    transformer_va: float = 0.0
    transformer_r_pu: float = 0.01
    transformer_x_pu: float = 0.0387
    return_angle_deg: float = 137.0
    sync_angle_deg: float = 10.0
    sync_hz: float = 0.2
    sync_voltage_pu: float = 0.05
    damage_angle_deg: float = 20.0
    damage_hz: float = 0.3
    damage_voltage_pu: float = 0.10
    relay_delay_s: float = 0.015
    starts_closed: bool = True

    def __post_init__(self) -> None:
        """Refuse what no real component could have."""
        _require(self.source_ohm >= 0.0, "grid source_ohm must not be negative")
        _require(self.source_x_ohm >= 0.0, "grid source_x_ohm must not be negative")
        _require(self.transformer_va >= 0.0, "grid transformer_va must not be negative")
        _require(
            min(self.transformer_r_pu, self.transformer_x_pu) >= 0.0,
            "grid transformer_r_pu, transformer_x_pu must not be negative",
        )
        _require(self.relay_delay_s >= 0.0, "grid relay_delay_s must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class BusSpec:
    """The site's bus and the island it can become.

    nominal_v: phase to neutral, RMS. inertia_s: virtual inertia constant H of the grid-forming
    converters on their summed rating. droop_pu: relative frequency fall from zero to rated power.
    damping_w_per_hz: how much less the loads draw per hertz of fall. voltage_tau_s: how fast the
    bus voltage (a one-cycle RMS) follows. collapsed_pu: bus voltage while the dead utility's
    neighbours hang on the closed breaker.
    """

    nominal_v: float = 230.0
    nominal_hz: float = 50.0
    phases: int = 3
    inertia_s: float = 0.8
    droop_pu: float = 0.01
    damping_w_per_hz: float = 200.0
    voltage_tau_s: float = 0.01
    collapsed_pu: float = 0.3
    black_below_hz: float = 45.0
    black_above_hz: float = 55.0
    alarm_voltage_pu: float = 0.10
    alarm_hz: float = 0.1
    alarm_hz_per_s: float = 0.5
    alarm_hold_s: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what no real component could have."""
        _require(self.nominal_v > 0.0, "bus nominal_v must be above 0")
        _require(self.nominal_hz > 0.0, "bus nominal_hz must be above 0")
        _require(self.phases in (1, 3), "bus phases must be 1 or 3")
        _require(0.05 <= self.inertia_s <= 60.0, "bus inertia_s must lie in 0.05..60 s")
        _require(0.001 <= self.droop_pu <= 0.1, "bus droop_pu must lie in 0.001..0.1")
        _require(self.damping_w_per_hz >= 0.0, "bus damping_w_per_hz must not be negative")
        _require(self.voltage_tau_s >= 0.0, "bus voltage_tau_s must not be negative")
        _require(0.0 < self.collapsed_pu < 0.5, "bus collapsed_pu must lie in 0..0.5")
        _require(
            0.0 < self.black_below_hz < self.nominal_hz < self.black_above_hz,
            "bus black_below_hz and black_above_hz must enclose nominal_hz",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSpec:
    """A branch of the site's radial feeder; its name is that of the bus at its far end.

    upstream: the bus it starts at, "" the main bus. r_ohm, x_ohm: a phase, positive sequence;
    r0_ohm, x0_ohm: zero sequence, neutral included.
    """

    r_ohm: float
    x_ohm: float = 0.0
    r0_ohm: float = 0.0
    x0_ohm: float = 0.0
    upstream: str = ""

    def __post_init__(self) -> None:
        """Refuse what no real line could have."""
        least = min(self.r_ohm, self.x_ohm, self.r0_ohm, self.x0_ohm)
        _require(least >= 0.0, "a line's impedances must not be negative")


AssetSpec = PvSpec | BatterySpec | LoadSpec | EvSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantSpec:
    """A whole plant: its assets by name, the utility, the bus, the feeder.

    poi: the name of the point of interconnection; it must not be an asset's. lines: branches by the
    bus at their far end; none means that everything is on the main bus. temperature_column: outdoor
    air, degC.
    """

    assets: Mapping[str, AssetSpec]
    grid: GridSpec = field(default_factory=GridSpec)
    bus: BusSpec = field(default_factory=BusSpec)
    lines: Mapping[str, LineSpec] = field(default_factory=dict)
    poi: str = "poi"
    temperature_column: str = "temperature_degc"

    def __post_init__(self) -> None:
        """Refuse what no real component could have."""
        _require(bool(self.assets), "a plant needs at least one asset")
        _require(self.poi not in self.assets, f"{self.poi!r} names both an asset and the poi")
        _require("" not in self.lines, "a line needs a name")
        for name, line in self.lines.items():
            seen, at = {name}, line.upstream
            while at:
                _require(at in self.lines, f"line {name!r}: upstream {at!r} is no line")
                _require(at not in seen, f"line {name!r} hangs on itself")
                seen.add(at)
                at = self.lines[at].upstream
        for name, asset in self.assets.items():
            _require(not asset.at or asset.at in self.lines, f"{name!r}: {asset.at!r} is no line")
            _require(
                self.bus.phases == 3 or asset.phases in ("a", "abc"),
                f"{name!r}: phases {asset.phases!r} on a bus of one phase",
            )
