"""Devices instead of rows: bounds, ramps and costs of each, and the usual kinds of them.

`nansha_core.microgrid` makes a Problem of them; `nansha_core.account` says what its answer means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Literal

from nansha_core.curve import Curve, kinked, linear
from nansha_core.errors import ProblemError

SITE_NAME = "site"
"""Name of the group that holds all others."""

SERVE_CRITICAL = "serve critical"
SERVE_PRIORITY = "serve priority"
SERVE_INTERRUPTIBLE = "serve interruptible"
ABSORB = "absorb renewables"
WINDOW = "storage window"
PRICE = "price"
COMFORT = "comfort"

STANDARD_TIERS = (
    SERVE_CRITICAL, SERVE_PRIORITY, SERVE_INTERRUPTIBLE, ABSORB, WINDOW, PRICE, COMFORT,
)  # fmt: skip
"""The usual order of what matters. Nothing in a later tier can buy anything of an earlier one."""

Kind = Literal["load", "pv", "battery", "grid", "charger", "device"]
"""Which words an account uses: a battery charges, a load uses."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """How far a device's power can go in one cycle, from where it is."""

    last_w: float
    """Power now, W, + into the bus."""
    up_w_per_s: float
    """Fastest rise, W/s, >= 0; inf for no limit."""
    down_w_per_s: float
    """Fastest fall, W/s, >= 0."""
    dt_s: float
    """Length of the cycle, s."""

    def __post_init__(self) -> None:
        if not isfinite(self.last_w):
            raise ProblemError("last_w", self.last_w, "give the power now, a finite number")
        for name in ("up_w_per_s", "down_w_per_s"):
            if not getattr(self, name) >= 0:
                mend = "give W/s, 0 or more: how fast, whichever way it goes"
                raise ProblemError(name, getattr(self, name), mend)
        if not 0 < self.dt_s < inf:
            raise ProblemError("dt_s", self.dt_s, "give the seconds of a cycle, above 0")

    @property
    def reach_w(self) -> tuple[float, float]:
        """Least and greatest power at the end of the cycle, bounds aside."""
        return (
            self.last_w - self.down_w_per_s * self.dt_s,
            self.last_w + self.up_w_per_s * self.dt_s,
        )

    def narrow(self, lo_w: float, hi_w: float) -> tuple[float, float]:
        """What is left of lo_w … hi_w in this cycle.

        Where the bounds are out of reach, the one power that is nearest to them: a device that has
        to come down by more than it can comes down as far as it can.
        """
        least, most = self.reach_w
        if most < lo_w:
            return most, most
        if least > hi_w:
            return least, least
        return max(lo_w, least), min(hi_w, most)

    def misses(self, lo_w: float, hi_w: float) -> bool:
        """Whether the bounds are out of reach in this cycle."""
        least, most = self.reach_w
        return most < lo_w or least > hi_w


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device on the bus: what it can do, and what that costs."""

    name: str
    lo_w: float
    """Least power, W, + into the bus; a load has its demand here, below 0."""
    hi_w: float
    """Greatest power, W."""
    costs: Mapping[str, Curve] = field(default_factory=dict)
    """Its cost in each tier, by the tier's name; none in the others."""
    group: str = SITE_NAME
    ramp: Ramp | None = None
    kind: Kind = "device"

    def __post_init__(self) -> None:
        for name in ("lo_w", "hi_w"):
            if not isfinite(getattr(self, name)):
                raise self._wrong(name, getattr(self, name), "give a finite power in W")
        if self.lo_w > self.hi_w:
            raise self._wrong("lo_w", self.lo_w, f"lower it to hi_w = {self.hi_w!r} or raise hi_w")

    def _wrong(self, name: str, value: object, mend: str) -> ProblemError:
        return ProblemError(f"{self.name}.{name}", value, mend, None, self.name)

    @property
    def bounds_w(self) -> tuple[float, float]:
        """Least and greatest power in this cycle: its bounds, narrowed by its ramp."""
        if self.ramp is None:
            return self.lo_w, self.hi_w
        return self.ramp.narrow(self.lo_w, self.hi_w)

    @property
    def kinks_w(self) -> tuple[float, ...]:
        """Where its pieces meet, W: the kinks of all its curves."""
        return tuple(sorted({x + 0.0 for curve in self.costs.values() for x in curve.kinks_w}))


# ------------------------------------------------------------------ the usual ones


def load(
    name: str, demand_w: float, tier: str, *, group: str = SITE_NAME, ramp: Ramp | None = None
) -> Device:
    """Make a load that asks for demand_w (>= 0) and may be shed; `tier` says how important it is.

    In its tier each watt that it does not get costs 1.
    """
    return Device(
        name=name, lo_w=-_size(name, "demand_w", demand_w), hi_w=0.0, costs={tier: linear(1.0)},
        group=group, ramp=ramp, kind="load",
    )  # fmt: skip


def pv(
    name: str,
    available_w: float,
    *,
    tier: str = ABSORB,
    group: str = SITE_NAME,
    ramp: Ramp | None = None,
) -> Device:
    """Make a source that has available_w (>= 0) and may be spilled, which costs 1 per watt."""
    return Device(
        name=name, lo_w=0.0, hi_w=_size(name, "available_w", available_w),
        costs={tier: linear(-1.0)}, group=group, ramp=ramp, kind="pv",
    )  # fmt: skip


def battery(
    name: str,
    charge_w: float,
    discharge_w: float,
    *,
    charge_below: float,
    discharge_above: float,
    window: float = 0.0,
    group: str = SITE_NAME,
    ramp: Ramp | None = None,
) -> Device:
    """Make a battery that charges at prices below one and discharges at prices above another.

    charge_w and discharge_w are sizes (>= 0). `window` is its cost per W in the storage window's
    tier: 1 if its charge is below its window and it has to charge, -1 if above, 0 within.
    """
    costs = {PRICE: kinked(charge_below, discharge_above)}
    if window:
        costs[WINDOW] = linear(window)
    return Device(
        name=name, lo_w=-_size(name, "charge_w", charge_w),
        hi_w=_size(name, "discharge_w", discharge_w), costs=costs, group=group, ramp=ramp,
        kind="battery",
    )  # fmt: skip


def grid(
    name: str,
    import_w: float,
    export_w: float,
    *,
    buy: float,
    sell: float,
    group: str = SITE_NAME,
    ramp: Ramp | None = None,
) -> Device:
    """Make the grid connection: sizes of import and export (>= 0, W), a price for each way.

    `sell` is what the grid pays for an exported unit; below 0 it has to be paid to take it.
    """
    return Device(
        name=name, lo_w=-_size(name, "export_w", export_w), hi_w=_size(name, "import_w", import_w),
        costs={PRICE: kinked(sell, buy)}, group=group, ramp=ramp, kind="grid",
    )  # fmt: skip


def charger(
    name: str,
    wants_w: float,
    *,
    pays: float = 0.0,
    serve: str | None = None,
    group: str = SITE_NAME,
    ramp: Ramp | None = None,
) -> Device:
    """Make a car's charger: takes up to wants_w (>= 0) at prices up to `pays`.

    At that very price it charges, for comfort comes after price. A car that has to leave is served
    like a load: name the tier in `serve`.
    """
    costs = {PRICE: linear(pays), COMFORT: linear(1.0)}
    if serve is not None:
        costs = {serve: linear(1.0)}
    return Device(
        name=name, lo_w=-_size(name, "wants_w", wants_w), hi_w=0.0, costs=costs, group=group,
        ramp=ramp, kind="charger",
    )  # fmt: skip


def _size(name: str, what: str, value: float) -> float:
    """Convert the sign at the edge, and only there: a size is never below 0."""
    if not 0 <= value < inf:
        mend = "give a size in W, 0 or more: the sign is put in for you"
        raise ProblemError(f"{name}.{what}", value, mend, None, name)
    return float(value)
