"""Devices that switch: their states, what each costs, and which of them may be taken now.

Bounds are physics and minimum times are safety: neither is ever given up. A switch that is locked
in a state that suits nobody stays in it, and the balance says what was missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite

from nansha_core.errors import ProblemError

LARGEST = 1e100
"""No power or cost is larger, as in Balance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One way a device can be: bounds of its rows, and what does not depend on power.

    Costs are in the unit of their tier, one per tier, the first tier first; missing ones are 0.
    Where a tier is a cost per hour, divide what is paid once by the hours that it is meant to last.
    """

    name: str
    lo_w: tuple[float, ...]
    """Least power of each row of the switch, W, + into the bus."""
    hi_w: tuple[float, ...]
    """Greatest power of each row, W."""
    cost: tuple[float, ...] = ()
    """Of being in this state: no-load cost."""
    enter_cost: tuple[float, ...] = ()
    """Of coming here from another state: wear, start."""
    least_s: float = 0.0
    """Once entered, it is not left for so long."""
    barred: bool = False
    """It may not be entered now. Who is locked in it stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A device that is in one of its states: one row of the problem, or several together."""

    rows: tuple[int, ...]
    """Which rows of the problem; their own bounds there are not used."""
    states: tuple[State, ...]
    now: int
    """The state it is in."""
    since_s: float | None = None
    """How long it has been there; None: not known, which counts as just switched."""
    name: str | None = None


def locked(switch: Switch) -> bool:
    """Say whether its minimum time keeps it where it is."""
    stayed_s = 0.0 if switch.since_s is None else switch.since_s
    return stayed_s < switch.states[switch.now].least_s


def allowed(switch: Switch) -> tuple[int, ...]:
    """The states it may be in next: only the present one until its minimum time is over."""
    if locked(switch):
        return (switch.now,)
    return tuple(j for j, state in enumerate(switch.states) if not state.barred)


def fixed_cost(switch: Switch, state: int, tier: int) -> float:
    """What it costs in a tier to be in `state`, coming from where it is, at any power."""
    it = switch.states[state]
    cost = it.cost[tier] if tier < len(it.cost) else 0.0
    if state != switch.now and tier < len(it.enter_cost):
        cost += it.enter_cost[tier]
    return cost


# ------------------------------------------------------------------ the usual ones


def relay(
    row: int,
    lo_w: float,
    hi_w: float,
    *,
    on: bool,
    since_s: float | None = None,
    on_least_s: float = 0.0,
    off_least_s: float = 0.0,
    wear: float = 0.0,
    tier: int = 0,
    name: str | None = None,
) -> Switch:
    """Make a relay: off is 0 W, on is lo_w … hi_w; each operation costs `wear` in `tier`."""
    return genset(
        row, lo_w, hi_w, on=on, since_s=since_s, on_least_s=on_least_s, off_least_s=off_least_s,
        start=wear, stop=wear, tier=tier, name=name,
    )  # fmt: skip


def zone(
    row: int, least_w: float, most_w: float, *, on: bool, wear: float = 0.0, tier: int = 0,
    name: str | None = None,
) -> Switch:  # fmt: skip
    """Make a device that gives 0 or least_w … most_w; for a load give -max, -min.

    A charger from 6 A to 16 A at 230 V: zone(row, -3680, -1380). Without minimum times.
    """
    return relay(row, least_w, most_w, on=on, since_s=inf, wear=wear, tier=tier, name=name)


def genset(
    row: int,
    least_w: float,
    most_w: float,
    *,
    on: bool,
    since_s: float | None = None,
    on_least_s: float = 0.0,
    off_least_s: float = 0.0,
    no_load: float = 0.0,
    start: float = 0.0,
    stop: float = 0.0,
    tier: int = 0,
    name: str | None = None,
) -> Switch:
    """Make a genset: off, or least_w … most_w with a cost of running idle, of a start, a stop."""
    off_state = State(
        name="off", lo_w=(0.0,), hi_w=(0.0,), enter_cost=_at(tier, stop), least_s=off_least_s
    )
    on_state = State(
        name="on",
        lo_w=(least_w,),
        hi_w=(most_w,),
        cost=_at(tier, no_load),
        enter_cost=_at(tier, start),
        least_s=on_least_s,
    )
    return Switch(
        rows=(row,), states=(off_state, on_state), now=int(on), since_s=since_s, name=name
    )


def one_way(
    draws: int, gives: int, charge_w: float, discharge_w: float, *, charging: bool,
    name: str | None = None,
) -> Switch:  # fmt: skip
    """Make a battery that is two rows of the problem, of which only one may be used at a time.

    `draws` is the row that charges, -charge_w … 0; `gives` the one that discharges. Needed where
    prices pay for doing both; else one row that goes both ways, without a switch, is quicker.
    """
    charge = State(name="charge", lo_w=(-charge_w, 0.0), hi_w=(0.0, 0.0))
    discharge = State(name="discharge", lo_w=(0.0, 0.0), hi_w=(0.0, discharge_w))
    return Switch(
        rows=(draws, gives), states=(charge, discharge), now=int(not charging), since_s=inf,
        name=name,
    )  # fmt: skip


def _at(tier: int, cost: float) -> tuple[float, ...]:
    return (0.0,) * tier + (cost,)


# ------------------------------------------------------------------ what is refused


def check(switches: Sequence[Switch], n: int, tiers: int) -> None:
    """Refuse, with a ProblemError that names the switch, what is none."""
    taken: dict[int, int] = {}
    for s, switch in enumerate(switches):
        try:
            _check_one(switch, n, tiers)
            for row in switch.rows:
                if row in taken:
                    mend = f"it is in switch {taken[row]} too: give a row to one switch"
                    raise _Wrong("rows", row, mend)
                taken[row] = s
        except _Wrong as wrong:
            field, value, mend = wrong.args
            name = getattr(switch, "name", None)
            raise ProblemError(field, value, mend, s, name, "switch") from None


class _Wrong(Exception):
    """field, value, mend."""


def _check_one(switch: Switch, n: int, tiers: int) -> None:
    if not isinstance(switch, Switch):
        raise _Wrong("switches", type(switch).__name__, "give a nansha_core.switch.Switch")
    if not switch.rows:
        raise _Wrong("rows", "none", "give at least one row")
    for row in switch.rows:
        if not isinstance(row, int) or not 0 <= row < n:
            raise _Wrong("rows", row, f"this problem has rows 0 to {n - 1}")
    if not switch.states:
        raise _Wrong("states", "none", "give at least one state")
    for j, state in enumerate(switch.states):
        _check_state(state, f"states[{j}]", len(switch.rows), tiers)
    if not isinstance(switch.now, int) or not 0 <= switch.now < len(switch.states):
        raise _Wrong("now", switch.now, f"give a state from 0 to {len(switch.states) - 1}")
    if switch.since_s is not None:
        _number("since_s", switch.since_s)
        if not switch.since_s >= 0.0:
            raise _Wrong("since_s", switch.since_s, "give seconds >= 0, or None if not known")
    if not allowed(switch):
        raise _Wrong("states", "all barred", "leave at least one that it may go to")


def _check_state(state: State, where: str, rows: int, tiers: int) -> None:
    for field in ("lo_w", "hi_w"):
        values = getattr(state, field)
        if len(values) != rows:
            raise _Wrong(f"{where}.{field}", f"{len(values)} values", f"give {rows}, one per row")
        _finite(f"{where}.{field}", values)
    for lo, hi in zip(state.lo_w, state.hi_w, strict=True):
        if lo > hi:
            raise _Wrong(f"{where}.lo_w", lo, f"lower it to hi_w = {hi!r} or raise hi_w")
    for field in ("cost", "enter_cost"):
        values = getattr(state, field)
        if len(values) > tiers:
            mend = f"this problem has {tiers} tiers"
            raise _Wrong(f"{where}.{field}", f"{len(values)} values", mend)
        _finite(f"{where}.{field}", values)
    _number(f"{where}.least_s", state.least_s)
    if not (isfinite(state.least_s) and state.least_s >= 0.0):
        raise _Wrong(f"{where}.least_s", state.least_s, "give finite seconds >= 0")


def _finite(field: str, values: Sequence[float]) -> None:
    for x in values:
        _number(field, x)
        if not abs(x) <= LARGEST:
            raise _Wrong(field, x, "give a finite number, at most 1e100 in size")


def _number(field: str, x: object) -> None:
    try:
        float(x)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise _Wrong(field, x, "give a real number") from None
