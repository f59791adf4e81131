"""Random balances with all that hurts solvers and checkers, and right answers to them in floats."""

import math
from fractions import Fraction
from random import Random

from nansha_core.answer import Answer, Hold, Reason
from nansha_core.problem import Problem, Tier, Tree
from nansha_core.reference import ExactAnswer

INF = math.inf
TINY_W = 1e-300
SIZES = (0, 1, 2, 3, 5, 8, 17)
KINDS = ("plain", "whole", "linear", "neighbours", "wide", "nearly linear")
TREE_KINDS = ("plain", "whole", "small", "linear", "neighbours", "wide")
TIES = (-0.1, 0.0, 0.1, 0.2, 0.3)


def random_problem(r: Random, most: int = 64) -> Problem:
    """Any problem: half of them flat with one tier, the rest with trees and tiers."""
    return flat_problem(r, most) if r.random() < 0.5 else tree_problem(r, most)


def flat_problem(r: Random, most: int = 64, tiers: int = 1) -> Problem:
    """One bus, with ties, plateaus, point ranges, one-ulp ranges and near misses."""
    kind = r.choice(KINDS)
    n = _size(r, most)
    bounds = [_bounds(r, kind) for _ in range(n)]
    return _problem(r, kind, bounds, tiers, None)


def tree_problem(r: Random, most: int = 64, kinds: tuple[str, ...] = TREE_KINDS) -> Problem:
    """A tree of depth 0 to 4, one to four tiers, caps that bind, meet exactly or are out of reach.

    Not "nearly linear", and no range of 5e-324: there a price is b to the last bit though a row
    with a > 0 is inside its range, and no double says on which side of a tie it is.
    """
    kind = r.choice(kinds)
    bounds = [_bounds(r, kind) for _ in range(_size(r, most))]
    bounds = [(lo, hi) if hi - lo > TINY_W else (lo, lo) for lo, hi in bounds]
    tree = None if r.random() < 0.1 else _tree(r, kind, bounds)
    return _problem(r, kind, bounds, r.choice((1, 1, 2, 3, 4)), tree)


def _size(r: Random, most: int) -> int:
    return min(r.choice((*SIZES, most)), most)


def _bounds(r: Random, kind: str) -> tuple[float, float]:
    if kind == "small":  # few whole watts: sums meet caps, corners meet demands
        lo = float(r.choice((0, 0, -1, -2, 1)))
        return lo, lo + r.choice((0, 1, 1, 2, 3))
    if kind == "even":  # all of one size, so that other solvers can follow
        lo = r.choice((0.0, -10.0, r.uniform(-10, 5)))
        return lo, lo + r.choice((0.0, 10.0, r.uniform(1, 10)))
    size = 10 ** (r.uniform(-8, 8) if kind == "wide" else r.uniform(0, 6))
    lo = r.choice((0.0, -size, -size * r.random(), size * r.random()))
    hi = r.choice((lo, lo + size, lo + size * r.random(), math.nextafter(lo, INF)))
    if kind == "whole":
        lo, hi = float(round(lo)), float(round(hi))
    return lo, hi


def _tier(r: Random, kind: str, n: int, linear: float, name: str) -> Tier:
    a, b = [], []
    for _ in range(n):
        x = 10 ** r.uniform(-6, 3)
        y = r.choice(TIES) if r.random() < 0.6 else r.uniform(-500, 500)
        if kind == "nearly linear":
            x = 10 ** r.uniform(-100, 20)
        elif kind == "even":
            x, y = r.uniform(0.2, 2.0), r.choice((-1.0, 0.0, 0.5, 0.5, 1.0, r.uniform(-2, 2)))
        elif kind == "small":
            x, y = r.choice((0.5, 1.0, 1.0, 2.0)), float(r.choice((-1, 0, 1, 1, 2)))
        elif kind == "neighbours":
            y = r.choice((math.nextafter(0.3, 0), 0.3, math.nextafter(0.3, 1)))
        a.append(0.0 if kind == "linear" or r.random() < linear else x)
        b.append(y)
    return Tier(tuple(a), tuple(b), name)


def _shed(r: Random, n: int, name: str) -> Tier:
    """A tier that only wants a few rows high or low, as tiers of shedding and spilling do."""
    b = [r.choice((-1.0, 0.0, 0.0, 0.0, 1.0)) for _ in range(n)]
    return Tier((0.0,) * n, tuple(b), name)


def _tree(r: Random, kind: str, bounds: list[tuple[float, float]]) -> Tree:
    m = r.choice((1, 2, 3, 4, 6, 9))
    parent, depth = [-1], [0]
    for _ in range(1, m):
        around = r.choice([g for g, d in enumerate(depth) if d < 4])
        parent.append(around)
        depth.append(depth[around] + 1)
    group = [r.randrange(m) for _ in bounds]
    caps: list[tuple[float, float]] = [(-INF, INF)] * m
    reach = [(0.0, 0.0)] * m
    for g in reversed(range(m)):  # an inner group has a higher number until numbers are mixed
        own = [bounds[i] for i, x in enumerate(group) if x == g]
        own += [reach[h] for h in range(m) if parent[h] == g]
        lo, hi = math.fsum(x for x, _ in own), math.fsum(x for _, x in own)
        if g:
            caps[g] = _caps(r, kind, own, lo, hi)
        least, most = caps[g]
        reach[g] = (min(max(lo, least), most), max(min(hi, most), least))
    order = [0, *r.sample(range(1, m), m - 1)]  # old number of each new one
    new = {g: k for k, g in enumerate(order)}
    return Tree(
        group=tuple(new[g] for g in group),
        parent=tuple(-1 if g == 0 else new[parent[g]] for g in order),
        cap_lo_w=tuple(caps[g][0] for g in order),
        cap_hi_w=tuple(caps[g][1] for g in order),
    )


def _caps(
    r: Random, kind: str, own: list[tuple[float, float]], lo: float, hi: float
) -> tuple[float, float]:
    def value() -> float:
        corner = math.fsum(r.choice(pair) for pair in own)
        x = r.choice(
            (
                *[lo + (hi - lo) * r.random()] * 4,
                corner,
                corner,
                math.nextafter(corner, r.choice((-INF, INF))),
                lo,
                hi,
            )
        )
        return float(round(x)) if kind in ("whole", "small") else x

    way = r.randrange(8)
    if way == 0:
        return -INF, INF
    if way == 1:
        x = value()
        return x, x
    if way == 2:  # out of reach
        return r.choice(((hi + 1.0, hi + 2.0), (lo - 2.0, lo - 1.0), (hi + 1.0, INF)))
    x, y = sorted((value(), value()))
    return r.choice(
        ((-INF, x), (-INF, y), (y, INF), (x, INF), (x, y), (-y, y) if y > 0 else (x, y))
    )


def _problem(
    r: Random, kind: str, bounds: list[tuple[float, float]], count: int, tree: Tree | None
) -> Problem:
    n = len(bounds)
    lo, hi = tuple(x for x, _ in bounds), tuple(x for _, x in bounds)
    tiers = [
        _shed(r, n, f"shed {k}") if r.random() < 0.4 else _tier(r, kind, n, 0.7, f"tier {k}")
        for k in range(count - 1)
    ]
    least, most = math.fsum(lo), math.fsum(hi)
    corner = math.fsum(r.choice(pair) for pair in bounds)
    demand = r.choice(
        (
            *[least + (most - least) * r.random()] * 6,
            *[least, most, corner, math.nextafter(corner, r.choice((-INF, INF)))],
            *[0.0, least - 1.0, most + 1.0, math.nextafter(most, INF)],
        )
    )
    if kind in ("whole", "small") and r.random() < 0.7:
        demand = float(round(demand))
    return Problem(
        tiers=(*tiers, _tier(r, kind, n, 0.3, "price")),
        lo_w=lo,
        hi_w=hi,
        demand_w=demand,
        tree=tree,
    )


def rounded(problem: Problem, exact: ExactAnswer) -> Answer:
    """The exact answer in floats. It is right: no field is off by more than an ulp or two.

    A row strictly inside its range stays inside if any float is there, else it goes to hi_w: prices
    and reasons are read off powers, and a bound that rounding invented would tell another story.
    """
    p_w = tuple(
        _inward(p, lo, hi) for p, lo, hi in zip(exact.p_w, problem.lo_w, problem.hi_w, strict=True)
    )
    shortage, surplus = float(exact.shortage_w), float(exact.surplus_w)
    prices = tuple(tuple(map(float, tier)) for tier in exact.prices)
    return Answer(
        p_w=p_w,
        reasons=fitting(problem, p_w),
        prices=prices,
        holds=_holds(problem, exact.holds, prices),
        overload_w=tuple(map(float, exact.overload_w)),
        residual_w=math.fsum((*p_w, -problem.demand_w, shortage, -surplus)),
        shortage_w=shortage,
        surplus_w=surplus,
    )


def _holds(
    problem: Problem, holds: tuple[Hold, ...], prices: tuple[tuple[float, ...], ...]
) -> tuple[Hold, ...]:
    """A hold is read off prices; where those inside and outside round to the same, it is gone."""
    if problem.tree is None:
        return holds
    around = problem.tree.parent
    return tuple(
        hold
        if hold == Hold.fixed or any(tier[g] != tier[around[g]] for tier in prices)
        else Hold.free
        for g, hold in enumerate(holds)
    )


def _inward(p: Fraction, lo: float, hi: float) -> float:
    x = float(p)
    if lo < p < hi:
        if x == lo:
            x = math.nextafter(lo, INF)
        elif x == hi:
            x = max(math.nextafter(hi, -INF), lo)
            x = hi if x == lo else x
    return x


def fitting(problem: Problem, p_w: tuple[float, ...]) -> tuple[Reason, ...]:
    """The reasons that go with powers."""
    return tuple(
        _reason(p, lo, hi, any(tier.a[i] > 0 for tier in problem.tiers))
        for i, (p, lo, hi) in enumerate(zip(p_w, problem.lo_w, problem.hi_w, strict=True))
    )


def _reason(p: float, lo: float, hi: float, curved: bool) -> Reason:
    if lo == hi:
        return Reason.fixed
    if p == hi:
        return Reason.at_upper
    if p == lo:
        return Reason.at_lower
    return Reason.interior if curved else Reason.tie
