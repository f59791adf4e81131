"""The checker: takes no answer on trust and shares no code with what made it.

`docs/balance.md` says which answer is the right one. Here are the sums: shapes, bounds, caps, what
is missing or too much, reasons. `nansha_core.verify_prices` has the prices, from which follows
that no better answer exists.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, inf, isfinite, sqrt

from nansha_core.answer import Answer, Hold, Reason
from nansha_core.errors import CertificateError
from nansha_core.problem import SITE, Problem
from nansha_core.verify_prices import Case, check_prices

TOLERANCE = 1e-12
"""Default tolerance, relative to the largest power and to the prices compared."""

COARSEST = 1e-9
"""No tolerance is larger: many rows, and shares of wide ranges, may need more than the default."""

SMALLEST_W = 1e-6
"""No power is taken to be smaller when tolerances are reckoned: where 1 kW and -1 kW cancel,
what is left below has no digits to compare."""

_ULPS = 4 * 2.0**-52  # of the figure itself, where that is far larger than any power


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """An answer that passed, and by how much."""

    residual_w: float
    """sum(p_w) - (demand_w - shortage_w + surplus_w), summed exactly and rounded once."""
    price_gap: float
    """Largest breach of a price condition, in cost per watt; within tolerance, often 0."""
    largest_w: float
    """The power that the tolerances in watts are relative to."""
    slack_w: float
    """What sums may be off by."""


def _floats(values: Sequence[float], count: int, field: str, of: str) -> list[float]:
    if len(values) != count:
        raise CertificateError(f"{field} has {len(values)} items for {count} {of}")
    floats = list(map(float, values))
    if len(floats) != count:
        raise CertificateError(f"{field} has {len(floats)} items, but says {count}")
    return floats


def _finite(case: Case, values: list[float], field: str) -> None:
    if not all(map(isfinite, values)):
        i = next(i for i, x in enumerate(values) if not isfinite(x))
        raise case.device(f"{field} = {values[i]} is not finite", i)


def _read_tree(case: Case, problem: Problem) -> None:
    tree = problem.tree
    if tree is None:
        return
    n, m = len(case.p), len(tree.parent)
    if len(tree.group) != n:
        raise CertificateError(f"group has {len(tree.group)} items for {n} devices")
    if m == 0 or tree.parent[SITE] != -1:
        raise CertificateError("parent: the site, group 0, must have -1")
    case.m = m
    case.group_names = tree.names
    case.group, case.parent = list(tree.group), list(tree.parent)
    case.cap_lo = _floats(tree.cap_lo_w, m, "cap_lo_w", "groups")
    case.cap_hi = _floats(tree.cap_hi_w, m, "cap_hi_w", "groups")
    case.rows, case.inner = [[] for _ in range(m)], [[] for _ in range(m)]
    for i, g in enumerate(case.group):
        if not 0 <= g < m:
            raise case.device(f"group = {g} is none of 0..{m - 1}", i)
        case.rows[g].append(i)
    for g in range(1, m):
        if not 0 <= case.parent[g] < m:
            raise case.of_group(f"parent = {case.parent[g]} is none of 0..{m - 1}", g)
        case.inner[case.parent[g]].append(g)
    case.order = [SITE]
    for g in case.order:
        case.order += case.inner[g]
    if len(case.order) != m:
        lost = min(set(range(m)).difference(case.order))
        raise case.of_group("has no way to the site: its parents go round", lost)
    for g, (lo, hi) in enumerate(zip(case.cap_lo, case.cap_hi, strict=True)):
        if not (lo <= hi and lo < inf and hi > -inf) or (g == SITE and (lo, hi) != (-inf, inf)):
            raise case.of_group(f"not a problem: cap_lo_w={lo}, cap_hi_w={hi}", g)


def _read(problem: Problem, answer: Answer, tolerance: float) -> Case:
    n = len(problem.lo_w)
    if type(answer.p_w) is not tuple or any(type(p) is not float for p in answer.p_w):
        raise CertificateError("p_w is not a tuple of floats: what is checked must be what is sent")
    case = Case(
        lo=_floats(problem.lo_w, n, "lo_w", "devices"),
        hi=_floats(problem.hi_w, n, "hi_w", "devices"),
        p=_floats(answer.p_w, n, "p_w", "devices"),
        names=problem.names,
        tolerance=tolerance,
    )
    _finite(case, case.lo, "lo_w")
    _finite(case, case.hi, "hi_w")
    _finite(case, case.p, "p_w")
    _read_tree(case, problem)
    if not problem.tiers:
        raise CertificateError("no tier: nothing says which answer is the best")
    for tier in problem.tiers:
        a = _floats(tier.a, n, f"a of tier {tier.name}", "devices")
        b = _floats(tier.b, n, f"b of tier {tier.name}", "devices")
        _finite(case, a, "a")
        _finite(case, b, "b")
        if n and min(a) < 0:
            i = a.index(min(a))
            raise case.device(f"not a problem: a = {a[i]} is below 0", i)
        case.tiers.append((a, b))
    if len(answer.prices) != len(case.tiers) + 1:
        raise CertificateError(
            f"prices has {len(answer.prices)} items for {len(case.tiers)} tiers and the tie rule"
        )
    for prices in answer.prices:
        case.prices.append(_floats(prices, case.m, "prices", "groups"))
        for g, price in enumerate(case.prices[-1]):
            if not isfinite(price):
                raise case.of_group(f"price = {price} is not finite", g)
    if len(answer.holds) != case.m:
        raise CertificateError(f"holds has {len(answer.holds)} items for {case.m} groups")
    case.holds = list(answer.holds)
    case.overload = _floats(answer.overload_w, case.m, "overload_w", "groups")
    figures = (problem.demand_w, answer.residual_w, answer.shortage_w, answer.surplus_w)
    for field, x in zip(
        ("demand_w", "residual_w", "shortage_w", "surplus_w"), figures, strict=True
    ):
        if not isfinite(x):
            raise CertificateError(f"{field} = {x} is not finite")
    return case


def _check_rows(case: Case, reasons: Sequence[Reason]) -> None:
    if len(reasons) != len(case.p):
        raise CertificateError(f"reasons has {len(reasons)} items for {len(case.p)} devices")
    for i, (p, lo, hi, reason) in enumerate(zip(case.p, case.lo, case.hi, reasons, strict=True)):
        if not lo <= p <= hi:
            if not lo <= hi:
                raise case.device(f"not a problem: lo_w={lo}, hi_w={hi}", i)
            raise case.device(f"p_w = {p} is outside {lo}..{hi}", i)
        if lo == hi:
            expected = Reason.fixed
        elif p == hi:
            expected = Reason.at_upper
        elif p == lo:
            expected = Reason.at_lower
        else:
            expected = Reason.tie
            for a, _ in case.tiers:
                if a[i]:
                    expected = Reason.interior
        if reason != expected:
            raise case.device(f"reason {reason!r}, but p_w = {p} is {expected!r}", i)


def _check_site(case: Case, least: float, most: float, demand: float, answer: Answer) -> float:
    """Shortage, surplus and residual, given what the site can reach."""
    shortage, surplus, slack = answer.shortage_w, answer.surplus_w, case.slack
    if shortage < 0 or surplus < 0:
        raise CertificateError(f"shortage_w = {shortage}, surplus_w = {surplus}: below 0")
    if shortage and surplus:
        raise CertificateError(f"shortage_w = {shortage} and surplus_w = {surplus} at once")
    missing, spilled = max(demand - most, 0.0), max(least - demand, 0.0)
    digits = slack + _ULPS * abs(demand)  # a demand far beyond all powers has no more
    if abs(shortage - missing) > digits:
        raise CertificateError(f"shortage_w = {shortage}, but it is {missing}")
    if abs(surplus - spilled) > digits:
        raise CertificateError(f"surplus_w = {surplus}, but it is {spilled}")
    residual = fsum([*case.p, -demand, shortage, -surplus])
    if abs(fsum([*case.p, -min(max(demand, least), most)])) > slack:
        raise CertificateError(f"the powers miss the demand by {residual} W (allowed {slack} W)")
    if abs(answer.residual_w - residual) > digits:
        raise CertificateError(f"residual_w = {answer.residual_w}, but it is {residual}")
    return residual


def _check_groups(case: Case) -> tuple[float, float]:
    """Sums, caps, overload and which groups are fixed; returns what the site can reach."""
    low, high = [0.0] * case.m, [0.0] * case.m
    single = [False] * case.m  # nothing to choose, or caps leave one sum
    p, lo, hi, slack = case.p, case.lo, case.hi, case.slack
    for g in reversed(case.order):
        rows, inner = case.rows[g], case.inner[g]
        total = fsum([p[i] for i in rows] + [case.total[h] for h in inner])
        least = fsum([lo[i] for i in rows] + [low[h] for h in inner])
        most = fsum([hi[i] for i in rows] + [high[h] for h in inner])
        case.total[g] = total
        cap_lo, cap_hi = case.cap_lo[g], case.cap_hi[g]
        over = least - cap_hi if least > cap_hi else most - cap_lo if most < cap_lo else 0.0
        given = case.overload[g]
        digits = slack + _ULPS * abs(over)
        if not abs(given - over) <= digits:
            raise case.of_group(f"overload_w = {given}, but it is {over}", g)
        if not cap_lo - digits <= total - over <= cap_hi + digits:
            raise case.of_group(f"sum {total} W is outside {cap_lo}..{cap_hi}, overload {over}", g)
        low[g] = max(min(max(least, cap_lo), cap_hi), least) if most >= cap_lo else most
        high[g] = min(max(min(most, cap_hi), cap_lo), most) if least <= cap_hi else least
        choice = any(lo[i] < hi[i] for i in rows) or not all(single[h] for h in inner)
        hold = case.holds[g]
        single[g] = not choice or hold == Hold.fixed
        if g == SITE or not choice:
            if hold != Hold.free:
                raise case.of_group(f"hold {hold!r}, but nothing in it could choose", g)
        elif hold == Hold.fixed:
            if high[g] - low[g] > slack:
                raise case.of_group(f"hold {hold!r}, but it could have {low[g]}..{high[g]}", g)
        elif most - least > slack and (cap_lo == cap_hi or abs(over) > slack):
            raise case.of_group(f"hold {hold!r}, but caps leave only {low[g]} W", g)
    return low[SITE], high[SITE]


def _largest(case: Case, demand: float) -> float:
    """The largest power there is; of a demand beyond all powers only what they could be."""
    sizes = list(map(abs, case.p))
    return max(max(sizes, default=0.0), min(abs(demand), fsum(sizes)), SMALLEST_W)


def _slack(case: Case, largest: float) -> float:
    """What a sum may be off by, W: roundings of many rows add up like a random walk, and a share of
    a range is known no better than its bounds."""
    spread = 0.0
    for i, (p, lo, hi) in enumerate(zip(case.p, case.lo, case.hi, strict=True)):
        if lo < p < hi and not any(a[i] for a, _ in case.tiers):
            spread = max(spread, abs(lo), abs(hi))
    walk = case.tolerance * largest * max(1.0, sqrt(len(case.p) / 64))
    return min(max(walk, 2 * _ULPS * spread), COARSEST * largest)


def verify(problem: Problem, answer: Answer, *, tolerance: float = TOLERANCE) -> Certificate:
    """Certify `answer` for `problem`, or raise CertificateError.

    Bounds and reasons are checked to the bit, the rest to `tolerance` relative to the largest power
    and to the prices compared. Where a cap or an equal price is met only within rounding, either
    side of it passes.
    """
    if not 0.0 <= tolerance <= COARSEST:
        raise ValueError(f"tolerance = {tolerance}: give 0 to {COARSEST}")
    try:
        case = _read(problem, answer, tolerance)
    except (TypeError, ValueError, AttributeError, IndexError, OverflowError) as wrong:
        raise CertificateError(f"not an answer to a problem: {wrong}") from wrong
    demand = float(problem.demand_w)
    largest = _largest(case, demand)
    case.slack = _slack(case, largest)
    _check_rows(case, answer.reasons)
    if problem.tree is None:
        if case.overload[SITE] != 0 or case.holds[SITE] != Hold.free:
            raise CertificateError("the site has no cap that could overload or hold it")
        least, most = fsum(case.lo), fsum(case.hi)
    else:
        least, most = _check_groups(case)
    residual = _check_site(case, least, most, demand, answer)
    gap = check_prices(case)
    return Certificate(residual_w=residual, price_gap=gap, largest_w=largest, slack_w=case.slack)
