"""The slow oracle: a whole balance in exact rational arithmetic, as `docs/balance.md` states it.

Tree, tiers, tie rule and price rule, with no rounding anywhere: every float is a fraction, and
stays one. It shares nothing with the solver or the checker. Two passes:

1. Powers. In each tier a price is sought at which the site gives its demand. Groups that their caps
   clip at that price are solved alone, at the cap. What the tier decides is then nailed down: rows
   become points, clipped groups get equal caps. The tie rule is the last tier.
2. Prices. The price rule reads them off the powers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf

from nansha_core.answer import Hold, Reason
from nansha_core.problem import SITE, Problem

Range = tuple[Fraction, Fraction]
_ZERO = Fraction(0)


@dataclass(frozen=True, kw_only=True)
class ExactAnswer:
    """The one right answer: the fields of `Answer`, and what each tier costs."""

    p_w: tuple[Fraction, ...]
    """Watts, + into the bus."""
    reasons: tuple[Reason, ...]
    """One per row."""
    prices: tuple[tuple[Fraction, ...], ...]
    """One per tier and group; last the shares of the tie rule."""
    holds: tuple[Hold, ...]
    """One per group."""
    overload_w: tuple[Fraction, ...]
    """One per group."""
    shortage_w: Fraction
    """Demand above all that can be given, else 0."""
    surplus_w: Fraction
    """What must be given above the demand, else 0."""
    costs: tuple[Fraction, ...]
    """One per tier: the sum of a/2 p^2 + b p."""


@dataclass(frozen=True)
class _Tree:
    """Groups with what is in them; `order` has every group after the group around it."""

    parent: tuple[int, ...]
    order: tuple[int, ...]
    rows: tuple[tuple[int, ...], ...]
    inner: tuple[tuple[int, ...], ...]
    cap: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class _Costs:
    a: tuple[Fraction, ...]
    b: tuple[Fraction, ...]

    def marginal(self, i: int, p: Fraction) -> Fraction:
        return self.a[i] * p + self.b[i]


def _read_tree(problem: Problem) -> _Tree:
    n = len(problem.lo_w)
    if problem.tree is None:
        return _Tree((-1,), (SITE,), (tuple(range(n)),), ((),), ((-inf, inf),))
    tree = problem.tree
    m = len(tree.parent)
    rows: list[list[int]] = [[] for _ in range(m)]
    inner: list[list[int]] = [[] for _ in range(m)]
    for i, g in enumerate(tree.group):
        rows[g].append(i)
    for g, parent in enumerate(tree.parent):
        if g != SITE:
            inner[parent].append(g)
    order = [SITE]
    for g in order:
        order += inner[g]
    if len(order) != m or tree.parent[SITE] != -1:
        raise ValueError("give every group a way to the site, group 0, which has parent -1")
    caps = tuple(zip(tree.cap_lo_w, tree.cap_hi_w, strict=True))
    if caps[SITE] != (-inf, inf) or any(not lo <= hi for lo, hi in caps):
        raise ValueError("give cap_lo_w <= cap_hi_w, and no caps to the site")
    return _Tree(
        tuple(tree.parent), tuple(order), tuple(map(tuple, rows)), tuple(map(tuple, inner)), caps
    )


def _clip(x: Fraction, lo: Fraction | float, hi: Fraction | float) -> Fraction:
    """X, or the end of lo … hi next to it; an end that is infinite is never next."""
    if x < lo:
        return Fraction(lo)
    return Fraction(hi) if x > hi else x


def _sum(values: Sequence[Fraction]) -> Fraction:
    return sum(values, _ZERO)


class _Tier:
    """The search for one tier's prices: rows within `span`, group sums within `caps`."""

    def __init__(self, tree: _Tree, costs: _Costs, span: list[Range], caps: list[Range]) -> None:
        self.tree, self.costs, self.span, self.caps = tree, costs, span, caps
        self.edge = [
            (costs.marginal(i, lo), costs.marginal(i, hi)) for i, (lo, hi) in enumerate(span)
        ]
        self.price = [_ZERO] * len(caps)
        self.held: dict[int, Fraction] = {}  # groups that the price alone does not place

    def _row(self, i: int, price: Fraction) -> Range:
        """Least and greatest power of a row that is best at this price."""
        (lo, hi), (least, most) = self.span[i], self.edge[i]
        if price < least or lo == hi:
            return lo, lo
        if price > most:
            return hi, hi
        a = self.costs.a[i]
        if not a:
            return lo, hi
        p = (price - self.costs.b[i]) / a
        return p, p

    def _reply(self, g: int, price: Fraction) -> Range:
        """Least and greatest sum of a group, its own cap aside."""
        low, high = [], []
        for i in self.tree.rows[g]:
            lo, hi = self._row(i, price)
            low.append(lo)
            high.append(hi)
        for h in self.tree.inner[g]:
            cap = self.caps[h]
            lo, hi = cap if cap[0] == cap[1] else self._reply(h, price)
            low.append(_clip(lo, *cap))
            high.append(_clip(hi, *cap))
        return _sum(low), _sum(high)

    def _line(self, g: int, price: Fraction) -> tuple[Fraction, Fraction, Fraction]:
        """A group's sum at a price that is no row's edge, and its slope below and above there."""
        total, below = _ZERO, _ZERO
        for i in self.tree.rows[g]:
            total += self._row(i, price)[0]
            if self.costs.a[i] and self.edge[i][0] < price < self.edge[i][1]:
                below += 1 / self.costs.a[i]
        above = below
        for h in self.tree.inner[g]:
            lo, hi = self.caps[h]
            if lo == hi:
                total += lo
                continue
            inside, slope_below, slope_above = self._line(h, price)
            total += _clip(inside, lo, hi)
            below += slope_below if lo < inside <= hi else 0
            above += slope_above if lo <= inside < hi else 0
        return total, below, above

    def _edges(self, g: int) -> list[Fraction]:
        """Every price at which a row of the group turns, inner groups that may choose included."""
        found = [
            x for i in self.tree.rows[g] if self.span[i][0] < self.span[i][1] for x in self.edge[i]
        ]
        for h in self.tree.inner[g]:
            if self.caps[h][0] < self.caps[h][1]:
                found += self._edges(h)
        return found

    def _between(self, g: int, low: Fraction, high: Fraction, target: Fraction) -> Fraction:
        """The price where the sum is the target; low and high give too little and too much.

        No row turns between them, but groups may meet their caps: steps along the line at either
        end, halving where they miss. A step hits as soon as its line has no kink before the target.
        """
        price = (low + high) / 2
        while True:
            total, below, above = self._line(g, price)
            if total == target:
                return price
            if total < target:
                low, slope = price, above
            else:
                high, slope = price, below
            if slope:
                step = price + (target - total) / slope
                if low < step < high:
                    total = self._line(g, step)[0]
                    if total == target:
                        return step
                    if total < target:
                        low = step
                    else:
                        high = step
            price = (low + high) / 2

    def _search(self, g: int, target: Fraction) -> Fraction:
        """A price at which the group can give the target."""
        edges = sorted(set(self._edges(g)))
        first, last = 0, len(edges)
        while first < last:  # the first edge at which the group can give enough
            middle = (first + last) // 2
            if self._reply(g, edges[middle])[1] < target:
                first = middle + 1
            else:
                last = middle
        if not edges:
            return _ZERO
        if first == len(edges):
            raise AssertionError("the target is out of the group's reach")
        if first == 0 or self._reply(g, edges[first])[0] <= target:
            return edges[first]
        return self._between(g, edges[first - 1], edges[first], target)

    def solve(self, g: int, target: Fraction) -> None:
        """Price a group whose sum is given, and all that is in it."""
        self.held[g] = target
        self._spread(g, self._search(g, target))

    def _spread(self, g: int, price: Fraction) -> None:
        self.price[g] = price
        for h in self.tree.inner[g]:
            lo, hi = self.caps[h]
            least, most = (lo, hi) if lo == hi else self._reply(h, price)
            if lo == hi or most < lo:
                self.solve(h, lo)
            elif least > hi:
                self.solve(h, hi)
            else:
                self._spread(h, price)

    def narrow(self, group: Sequence[int]) -> tuple[list[Range], list[Range]]:
        """What is left to later tiers: points for what is decided, equal caps where clipped."""
        span = [self._row(i, self.price[g]) for i, g in enumerate(group)]
        caps = [
            (self.held[g], self.held[g]) if g in self.held else cap
            for g, cap in enumerate(self.caps)
        ]
        return span, caps


def _reach(tree: _Tree, bounds: list[Range]) -> tuple[list[Range], list[Range], list[Fraction]]:
    """What each group can give without its cap and with it, and its overload."""
    m = len(tree.order)
    free: list[Range] = [(_ZERO, _ZERO)] * m
    caps: list[Range] = [(_ZERO, _ZERO)] * m
    overload = [_ZERO] * m
    for g in reversed(tree.order):
        parts = [bounds[i] for i in tree.rows[g]] + [caps[h] for h in tree.inner[g]]
        lo, hi = _sum([x for x, _ in parts]), _sum([x for _, x in parts])
        least, most = tree.cap[g]
        free[g] = (lo, hi)
        caps[g] = (_clip(_clip(lo, least, most), lo, hi), _clip(_clip(hi, least, most), lo, hi))
        if lo > most:
            overload[g] = lo - Fraction(most)
        elif hi < least:
            overload[g] = hi - Fraction(least)
    return free, caps, overload


def _reason(p: Fraction, bounds: Range, curved: bool) -> Reason:
    if bounds[0] == bounds[1]:
        return Reason.fixed
    if p == bounds[1]:
        return Reason.at_upper
    if p == bounds[0]:
        return Reason.at_lower
    return Reason.interior if curved else Reason.tie


class _Prices:
    """The price rule, read off final powers."""

    def __init__(
        self, tree: _Tree, bounds: list[Range], p_w: list[Fraction], fixed: list[bool]
    ) -> None:
        self.tree, self.bounds, self.p_w = tree, bounds, p_w
        self.group = [0] * len(p_w)
        self.total = [_ZERO] * len(fixed)
        for g in reversed(tree.order):
            for i in tree.rows[g]:
                self.group[i] = g
            inner = [self.total[h] for h in tree.inner[g]]
            self.total[g] = _sum([p_w[i] for i in tree.rows[g]] + inner)
        self.severed = list(fixed)
        self.severed[SITE] = True
        self.holds = [Hold.fixed if x else Hold.free for x in fixed]
        self.open = [lo < hi for lo, hi in bounds]

    def tier(self, costs: _Costs) -> tuple[Fraction, ...]:
        """Declare this tier's prices, note the groups that they sever and the rows they decide."""
        floor, ceil = self._floors_and_ceilings(costs)
        price = [_ZERO] * len(floor)
        for g in self.tree.order:
            if not self.severed[g]:
                outside = price[self.tree.parent[g]]
                if floor[g] <= outside <= ceil[g]:
                    price[g] = outside
                    continue
                self.holds[g] = Hold.at_upper if outside > ceil[g] else Hold.at_lower
            price[g] = next((Fraction(x) for x in (floor[g], ceil[g]) if abs(x) != inf), _ZERO)
        for g in self.tree.order[1:]:
            self.severed[g] |= price[g] != price[self.tree.parent[g]]
        for i, g in enumerate(self.group):
            self.open[i] &= not costs.a[i] and costs.b[i] == price[g]
        return tuple(price)

    def _floors_and_ceilings(
        self, costs: _Costs
    ) -> tuple[list[Fraction | float], list[Fraction | float]]:
        floor: list[Fraction | float] = [-inf] * len(self.severed)
        ceil: list[Fraction | float] = [inf] * len(self.severed)
        for g in reversed(self.tree.order):
            for i in self.tree.rows[g]:
                if self.open[i]:
                    p, marginal = self.p_w[i], costs.marginal(i, self.p_w[i])
                    if p > self.bounds[i][0]:
                        floor[g] = max(floor[g], marginal)
                    if p < self.bounds[i][1]:
                        ceil[g] = min(ceil[g], marginal)
            for h in self.tree.inner[g]:
                if not self.severed[h]:
                    if self.total[h] != self.tree.cap[h][0]:
                        floor[g] = max(floor[g], floor[h])
                    if self.total[h] != self.tree.cap[h][1]:
                        ceil[g] = min(ceil[g], ceil[h])
            if floor[g] > ceil[g]:
                raise AssertionError("the powers are not the best")
        return floor, ceil


def _tie_rule(bounds: list[Range]) -> _Costs:
    """The last tier: the same fraction of each range; a point has no part in it."""
    a = tuple(1 / (hi - lo) if lo < hi else Fraction(1) for lo, hi in bounds)
    return _Costs(a, tuple(-lo * x for x, (lo, _) in zip(a, bounds, strict=True)))


def solve_exact(problem: Problem) -> ExactAnswer:
    """Solve a balance exactly. ValueError or OverflowError if it is not one."""
    tree = _read_tree(problem)
    bounds = [
        (Fraction(lo), Fraction(hi)) for lo, hi in zip(problem.lo_w, problem.hi_w, strict=True)
    ]
    tiers = [_Costs(tuple(map(Fraction, t.a)), tuple(map(Fraction, t.b))) for t in problem.tiers]
    n = len(bounds)
    if sum(map(len, tree.rows)) != n or any({len(t.a), len(t.b)} != {n} for t in tiers):
        raise ValueError("give every list of rows the same length")
    if any(lo > hi for lo, hi in bounds) or any(a < 0 for t in tiers for a in t.a):
        raise ValueError("give a >= 0 and lo_w <= hi_w")
    demand = Fraction(problem.demand_w)
    free, caps, overload = _reach(tree, bounds)
    target = _clip(demand, *caps[SITE])
    fixed = [lo == hi and free[g][0] < free[g][1] for g, (lo, hi) in enumerate(caps)]
    fixed[SITE] = False

    group = [0] * n
    for g, rows in enumerate(tree.rows):
        for i in rows:
            group[i] = g
    span = list(bounds)
    for costs in [*tiers, _tie_rule(bounds)]:
        tier = _Tier(tree, costs, span, caps)
        tier.solve(SITE, target)
        span, caps = tier.narrow(group)
    p_w = [p for p, _ in span]

    rule = _Prices(tree, bounds, p_w, fixed)
    prices = tuple(rule.tier(costs) for costs in [*tiers, _tie_rule(bounds)])
    return ExactAnswer(
        p_w=tuple(p_w),
        reasons=tuple(_reason(p, bounds[i], any(t.a[i] for t in tiers)) for i, p in enumerate(p_w)),
        prices=prices,
        holds=tuple(rule.holds),
        overload_w=tuple(overload),
        shortage_w=max(demand - target, _ZERO),
        surplus_w=max(target - demand, _ZERO),
        costs=tuple(
            _sum([t.a[i] * p * p / 2 + t.b[i] * p for i, p in enumerate(p_w)]) for t in tiers
        ),
    )
