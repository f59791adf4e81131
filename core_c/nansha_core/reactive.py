"""Active and reactive power of a site: two balances, one after the other.

Who comes first has its bounds from the inverter alone. Who comes second has what the first leaves
of each inverter's circle and power factor. Each balance has costs, a demand and caps of its own;
with costs a = r (the resistance on the way) the reactive one makes the losses least, for they grow
with r Q^2. The answer is the best of the first, and the best of the second that the first allows;
it is not a trade of one for the other.

The second balance's problem is not blind to the first: where the first leaves nothing, the second
says shortage, and `limits` says at whose inverter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite

from nansha_core.answer import Answer
from nansha_core.balance import Balance
from nansha_core.circle import (
    First,
    Inverter,
    Limit,
    check_inverter,
    p_range_w,
    q_most_var,
    q_reach_var,
)
from nansha_core.errors import ProblemError
from nansha_core.problem import Problem
from nansha_core.verify import verify


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerAnswer:
    """What n inverters give; both sums as their demands ask, as far as can be."""

    active: Answer
    """Of the active problem, W."""
    reactive: Answer
    """Of the reactive problem; what it calls watts is var."""
    limits: tuple[Limit, ...]
    """One per inverter: what holds its second power, `none` inside the range that was left."""


def solve(problem: Problem) -> Answer:
    """One balance, verified. Raises ProblemError, CertificateError."""
    balance = Balance(problem)
    balance.solve(problem.demand_w)
    answer = balance.answer()
    verify(problem, answer)
    return answer


def dispatch(
    inverters: Sequence[Inverter], active: Problem, reactive: Problem, first: First = "p"
) -> PowerAnswer:
    """Share P and Q among n inverters, `first` one of them, then the other.

    `active` has n rows in W. `reactive` has n rows as well, with var wherever a name says `_w`: its
    bounds (they come beside the inverters' own), its demand, its caps and its costs, per var. Trees
    and tiers may differ. Every pair (P, Q) of the answer keeps `circle.within`, exactly. With P
    first, reactive bounds that P leaves out of reach are brought to the nearest that is within.

    Raises ProblemError, naming the inverter, if an input is none or its least power is beyond its
    rating; and if, with Q first, a power factor is asked of one whose active bounds reach to both
    sides of 0, for it would have to choose a side.
    """
    _check(inverters, active, reactive)
    if first == "p":
        return _p_first(inverters, active, reactive)
    if first != "q":
        raise ProblemError("first", first, "give p or q")
    return _q_first(inverters, active, reactive)


def _p_first(inverters: Sequence[Inverter], active: Problem, reactive: Problem) -> PowerAnswer:
    p_lo, p_hi = _p_bounds(inverters, active)
    active_answer = solve(replace(active, lo_w=p_lo, hi_w=p_hi))
    pairs = list(zip(active_answer.p_w, inverters, strict=True))
    ranges = [
        _q_left(lo, hi, q_most_var(p, x, False), q_most_var(p, x, True))
        for lo, hi, (p, x) in zip(reactive.lo_w, reactive.hi_w, pairs, strict=True)
    ]
    answer = solve(_bounded(reactive, ranges))
    return PowerAnswer(active=active_answer, reactive=answer, limits=_limits(answer, ranges))


def _q_first(inverters: Sequence[Inverter], active: Problem, reactive: Problem) -> PowerAnswer:
    p_bounds = list(zip(*_p_bounds(inverters, active), strict=True))
    q_ranges = []
    for i, (x, (lo, hi)) in enumerate(zip(inverters, p_bounds, strict=True)):
        if lo < 0 < hi and (x.pf_over is not None or x.pf_under is not None):
            mend = "with Q first, give active bounds on one side of 0, or no power factor"
            raise ProblemError("active bounds", (lo, hi), mend, i, _name(active, i))
        under, over = q_reach_var(lo, hi, x, False), q_reach_var(lo, hi, x, True)
        for field, q, beyond in (
            ("reactive.lo_w", reactive.lo_w[i], reactive.lo_w[i] > over[0]),
            ("reactive.hi_w", reactive.hi_w[i], reactive.hi_w[i] < -under[0]),
        ):
            if beyond:
                mend = f"bring it within {-under[0]} to {over[0]} var"
                raise ProblemError(field, q, mend, i, _name(active, i))
        q_ranges.append(_q_left(reactive.lo_w[i], reactive.hi_w[i], under, over))
    reactive_answer = solve(_bounded(reactive, q_ranges))
    ranges = [
        _p_left(lo, hi, q, x)
        for (lo, hi), q, x in zip(p_bounds, reactive_answer.p_w, inverters, strict=True)
    ]
    answer = solve(_bounded(active, ranges))
    return PowerAnswer(active=answer, reactive=reactive_answer, limits=_limits(answer, ranges))


@dataclass(frozen=True, slots=True)
class _Range:
    """Bounds of a row, and which limit made each."""

    lo: float
    hi: float
    at_lo: Limit
    at_hi: Limit


def _q_left(lo: float, hi: float, under: tuple[float, Limit], over: tuple[float, Limit]) -> _Range:
    """Bounds asked for, within what the inverter can; nearest to it where they do not meet."""
    low, at_lo = (lo, Limit.rating) if lo >= -under[0] else (-under[0], under[1])
    high, at_hi = (hi, Limit.rating) if hi <= over[0] else (over[0], over[1])
    if low > over[0]:
        low, at_lo = over
    if high < -under[0]:
        high, at_hi = -under[0], under[1]
    return _Range(low, high, at_lo, at_hi)


def _p_left(lo: float, hi: float, q_var: float, inverter: Inverter) -> _Range:
    """Active bounds that a reactive power leaves of lo … hi, which allow it somewhere."""
    least, most = p_range_w(q_var, inverter)
    low, at_lo = (lo, Limit.rating) if lo >= -most else (-most, Limit.circle)
    high, at_hi = (hi, Limit.rating) if hi <= most else (most, Limit.circle)
    if least > 0 and hi > 0 and least > low:
        low, at_lo = least, Limit.power_factor
    elif least > 0 and hi <= 0 and -least < high:
        high, at_hi = -least, Limit.power_factor
    return _Range(low, high, at_lo, at_hi)


def _bounded(problem: Problem, ranges: Sequence[_Range]) -> Problem:
    return replace(problem, lo_w=[r.lo for r in ranges], hi_w=[r.hi for r in ranges])


def _limits(answer: Answer, ranges: Sequence[_Range]) -> tuple[Limit, ...]:
    return tuple(
        r.at_hi if x == r.hi else r.at_lo if x == r.lo else Limit.none
        for x, r in zip(answer.p_w, ranges, strict=True)
    )


def _p_bounds(inverters: Sequence[Inverter], active: Problem) -> tuple[list[float], list[float]]:
    """Active bounds within the ratings."""
    lows, highs = [], []
    for i, x in enumerate(inverters):
        lo, hi = active.lo_w[i], active.hi_w[i]
        for field, p, beyond in (
            ("active.lo_w", lo, lo > x.s_va),
            ("active.hi_w", hi, hi < -x.s_va),
        ):
            if beyond:
                mend = f"bring it within s_va = {x.s_va}"
                raise ProblemError(field, p, mend, i, _name(active, i))
        lows.append(max(lo, -x.s_va))
        highs.append(min(hi, x.s_va))
    return lows, highs


def _check(inverters: Sequence[Inverter], active: Problem, reactive: Problem) -> None:
    n = len(inverters)
    for which, problem in (("active", active), ("reactive", reactive)):
        for field in ("lo_w", "hi_w"):
            bounds = getattr(problem, field)
            if len(bounds) != n:
                raise ProblemError(f"{which}.{field}", len(bounds), f"give {n} items")
            for i, x in enumerate(bounds):
                if not isfinite(x):
                    mend = "give a finite number"
                    raise ProblemError(f"{which}.{field}", x, mend, i, _name(active, i))
        for i, (lo, hi) in enumerate(zip(problem.lo_w, problem.hi_w, strict=True)):
            if lo > hi:
                mend = f"lower it to hi_w = {hi}"
                raise ProblemError(f"{which}.lo_w", lo, mend, i, _name(active, i))
    for i, inverter in enumerate(inverters):
        check_inverter(inverter, i, _name(active, i))


def _name(problem: Problem, i: int) -> str | None:
    return None if problem.names is None else problem.names[i]
