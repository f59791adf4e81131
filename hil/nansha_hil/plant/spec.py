"""What a plant is made of: frozen parameter records, one a component.

Powers in this package are bus injections: + delivers into the site's bus. Ratings are magnitudes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Tier = Literal["critical", "priority", "interruptible"]


class SpecError(ValueError):
    """A parameter that no real component could have."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise SpecError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class PvSpec:
    """A photovoltaic array behind its inverter.

    rated_w: DC power at 1000 W/m2 and 25 degC cells; also the inverter's AC limit. gamma_per_k:
    relative change of power per kelvin of cell temperature (negative). loss_fraction: wiring,
    soiling, inverter. noct_degc: nominal operating cell temperature. tau_s: response to a new
    limit. restart_delay_s: live bus time before it feeds again.
    """

    rated_w: float
    gamma_per_k: float = -0.0035
    loss_fraction: float = 0.10
    noct_degc: float = 45.0
    tau_s: float = 0.15
    restart_delay_s: float = 2.0
    relay_delay_s: float = 0.015
    irradiance_column: str = "poa_w_per_m2"
    starts_closed: bool = True

    def __post_init__(self) -> None:
        """Refuse what no real component could have."""
        _require(self.rated_w > 0.0, "pv rated_w must be above 0")
        _require(-0.02 <= self.gamma_per_k <= 0.0, "pv gamma_per_k must lie in -0.02..0")
        _require(0.0 <= self.loss_fraction < 1.0, "pv loss_fraction must lie in 0..1")
        _require(self.tau_s >= 0.0, "pv tau_s must not be negative")
        _require(self.restart_delay_s >= 0.0, "pv restart_delay_s must not be negative")
        _require(self.relay_delay_s >= 0.0, "pv relay_delay_s must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatterySpec:
    """A battery behind its converter.

    charge_efficiency and discharge_efficiency are one-way, AC to cells and cells to AC. self_use_w
    is drawn from the cells while the contactor is closed on a live bus. tau_s: first-order response
    to a new set power. A grid-forming converter holds the island's voltage and frequency.
    """

    rated_w: float
    capacity_wh: float
    soc_start: float = 0.5
    charge_efficiency: float = 0.96
    discharge_efficiency: float = 0.96
    self_use_w: float = 20.0
    tau_s: float = 0.02
    relay_delay_s: float = 0.015
    grid_forming: bool = True
    starts_closed: bool = True

    def __post_init__(self) -> None:
        """Refuse what no real component could have."""
        _require(self.rated_w > 0.0, "battery rated_w must be above 0")
        _require(self.capacity_wh > 0.0, "battery capacity_wh must be above 0")
        _require(0.0 <= self.soc_start <= 1.0, "battery soc_start must lie in 0..1")
        _require(0.0 < self.charge_efficiency <= 1.0, "battery charge_efficiency must lie in 0..1")
        _require(
            0.0 < self.discharge_efficiency <= 1.0, "battery discharge_efficiency must lie in 0..1"
        )
        _require(self.self_use_w >= 0.0, "battery self_use_w must not be negative")
        _require(self.tau_s >= 0.0, "battery tau_s must not be negative")
        _require(self.relay_delay_s >= 0.0, "battery relay_delay_s must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSpec:
    """A switched load that follows a profile column.

    rated_w: what the circuit is sized for; only a scale for displays. column: the profile column,
    watts of demand.
    """

    rated_w: float
    tier: Tier = "interruptible"
    column: str = ""
    relay_delay_s: float = 0.015
    starts_closed: bool = True

    def __post_init__(self) -> None:
        """Refuse what no real component could have."""
        _require(self.rated_w > 0.0, "load rated_w must be above 0")
        _require(self.relay_delay_s >= 0.0, "load relay_delay_s must not be negative")
        _require(
            self.tier in ("critical", "priority", "interruptible"),
            f"load tier {self.tier!r} is not critical, priority or interruptible",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EvSpec:
    """A charge point for one vehicle.

    min_w: below it the car pauses (6 A a phase, IEC 61851-1). taper_wh: over the last taper_wh of
    its energy the car reduces its power in proportion, down to 5 % of rated_w. tau_s: response
    to a new limit.
    """

    rated_w: float
    min_w: float = 1380.0
    taper_wh: float = 2000.0
    tau_s: float = 0.5
    relay_delay_s: float = 0.015
    starts_closed: bool = True

    def __post_init__(self) -> None:
        """Refuse what no real component could have."""
        _require(self.rated_w > 0.0, "ev rated_w must be above 0")
        _require(0.0 <= self.min_w <= self.rated_w, "ev min_w must lie in 0..rated_w")
        _require(self.taper_wh >= 0.0, "ev taper_wh must not be negative")
        _require(self.tau_s >= 0.0, "ev tau_s must not be negative")
        _require(self.relay_delay_s >= 0.0, "ev relay_delay_s must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class GridSpec:
    """The utility behind the point of interconnection, and the sync check of its breaker.

    source_ohm: impedance a phase between the utility and the bus. return_angle_deg: phase of the
    utility against the island at the moment it comes back. The sync_ limits close the sync-check
    contact; a breaker closed beyond the damage_ limits (C: common practice for sources up to 500
    kVA, 0.3 Hz, 10 %, 20 degrees) is recorded as out of phase.
    """

    voltage_pu: float = 1.0
    frequency_hz: float = 50.0
    source_ohm: float = 0.05
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


AssetSpec = PvSpec | BatterySpec | LoadSpec | EvSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantSpec:
    """A whole plant: its assets by name, the utility, the bus.

    poi: the name of the point of interconnection; it must not be an asset's. temperature_column:
    outdoor air, degC.
    """

    assets: Mapping[str, AssetSpec]
    grid: GridSpec = field(default_factory=GridSpec)
    bus: BusSpec = field(default_factory=BusSpec)
    poi: str = "poi"
    temperature_column: str = "temperature_degc"

    def __post_init__(self) -> None:
        """Refuse what no real component could have."""
        _require(bool(self.assets), "a plant needs at least one asset")
        _require(self.poi not in self.assets, f"{self.poi!r} names both an asset and the poi")
