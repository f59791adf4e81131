"""The checker's second half: prices that prove that no better answer exists.

Tier after tier, the conditions and the price rule of `docs/balance.md`. Floats can not tell
everything: a price may be equal to a row's cost because it is, or because it was rounded. So a row
whose place that would change is a **doubtful** one: it is not held to later tiers' conditions, and
may or may not speak for their price. That is only so where it could not have another power anyway.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import inf, isfinite

from nansha_core.answer import Hold
from nansha_core.errors import CertificateError
from nansha_core.problem import SITE

_ROUNDING = 8 * 2.0**-52  # a share of a range is known no better than its bounds
_EXACTLY = 4 * 2.0**-52  # a marginal cost of floats is known to so much of its terms

# What a zone's rows say about its price, as bits.
_GIVES = 1  # some row is not at lo
_GIVES_AT = 2  # … and its marginal cost is the price
_WANTS = 4  # some row is not at hi
_WANTS_AT = 8
_CURVED_AT = 16  # a row with a > 0 says the price, which may be rounded
_INSIDE = 32  # a linear row is inside its range: the price is its b, to the bit


class Case:
    """A problem and an answer to it, as plain lists. One site without a tree is one group."""

    __slots__ = (
        "cap_hi", "cap_lo", "group", "group_names", "hi", "holds", "inner", "lo", "m", "names",
        "order", "overload", "p", "parent", "prices", "rows", "slack", "tiers", "tolerance",
        "total",
    )  # fmt: skip

    def __init__(
        self,
        *,
        lo: list[float],
        hi: list[float],
        p: list[float],
        names: Sequence[str] | None,
        tolerance: float,
    ) -> None:
        """Start with what every case has."""
        self.lo, self.hi, self.p, self.names, self.tolerance = lo, hi, p, names, tolerance
        self.slack = 0.0
        self.m = 1
        self.group = [SITE] * len(p)
        self.parent, self.order = [-1], [SITE]
        self.cap_lo, self.cap_hi = [-inf], [inf]
        self.group_names: Sequence[str] | None = None
        self.rows: list[list[int]] = [[]]
        self.inner: list[list[int]] = [[]]
        self.tiers: list[tuple[list[float], list[float]]] = []
        self.prices: list[list[float]] = []
        self.holds: list[Hold] = []
        self.overload: list[float] = []
        self.total: dict[int, float] = {}

    def device(self, wrong: str, i: int) -> CertificateError:
        """Make the error that names a device."""
        return CertificateError(wrong, i, self.names[i] if self.names is not None else None)

    def of_group(self, wrong: str, g: int) -> CertificateError:
        """Make the error that names a group."""
        name = self.group_names[g] if self.group_names is not None else None
        return CertificateError(wrong, g, name, "group")


class _Zones:
    """Which groups have one price in a tier. A zone goes by the number of its outermost group."""

    def __init__(self, case: Case) -> None:
        self.case = case
        m = case.m
        self.severed = [g == SITE or hold == Hold.fixed for g, hold in enumerate(case.holds)]
        self.fresh: list[int] = []  # severed in this very tier
        self.rounded = [False] * m  # may have been severed before, by less than rounding shows
        self.zone = [SITE] * m
        self.low_met = [False] * m  # a cap between here and the zone's outermost group
        self.high_met = [False] * m  # is met within rounding: it may hold or not

    def next_tier(self, prices: list[float]) -> None:
        """Sort the groups by this tier's prices; a cap that is said to hold must be met."""
        case, slack = self.case, self.case.slack
        for g in self.fresh:
            self.severed[g] = True
        self.fresh = []
        for g in case.order:
            if self.severed[g]:
                self.zone[g] = g
                continue
            around = case.parent[g]
            off_hi = abs(case.total[g] - case.cap_hi[g])
            off_lo = abs(case.total[g] - case.cap_lo[g])
            if prices[g] == prices[around]:
                self.zone[g] = self.zone[around]
                self.low_met[g] = self.low_met[around] or off_lo <= slack
                self.high_met[g] = self.high_met[around] or off_hi <= slack
                continue
            self.zone[g] = g
            self.low_met[g] = self.high_met[g] = False
            upper = prices[g] < prices[around]
            hold = Hold.at_upper if upper else Hold.at_lower
            if case.holds[g] != hold:
                met = off_lo if upper else off_hi  # the other cap is the one that is said to hold
                if self.rounded[g] and case.holds[g] != Hold.free and met <= slack:
                    self.severed[g] = True
                    continue
                raise case.of_group(
                    f"hold {case.holds[g]!r}, but its price {prices[g]} against {prices[around]} "
                    f"outside says {hold!r}",
                    g,
                )
            if (off_hi if upper else off_lo) > slack:
                raise case.of_group(
                    f"hold {hold!r}, but its sum {case.total[g]} W is off the cap", g
                )
            self.fresh.append(g)

    def doubt(self, unsure: list[bool]) -> None:
        """Groups inside a zone whose price may be rounded may have one next to it."""
        for g, z in enumerate(self.zone):
            if unsure[z] and g != z:
                self.rounded[g] = True

    def finish(self) -> None:
        """After the last tier: a group that no price held is free."""
        for g in self.fresh:
            self.severed[g] = True
        for g, severed in enumerate(self.severed):
            if not severed and self.case.holds[g] != Hold.free:
                raise self.case.of_group(
                    f"hold {self.case.holds[g]!r}, but its prices are those outside", g
                )


class _Tier:
    """What the rows say of each zone in one tier."""

    def __init__(self, case: Case, zones: _Zones, prices: list[float]) -> None:
        self.case, self.zones, self.prices = case, zones, prices
        m = case.m
        self.sure = [0] * m
        self.maybe = [0] * m
        self.greatest_b = [-inf] * m  # of linear rows at hi
        self.least_b = [inf] * m  # of linear rows at lo
        self.ceil = [inf] * m  # least marginal cost of rows not at hi
        self.floor = [-inf] * m  # greatest of those not at lo
        self.narrow = [False] * m  # some row's whole range is lost in rounding
        # The greatest that a watt less of some row could save, the least that one more could cost.
        self.saves = [-inf] * m
        self.costs = [inf] * m
        self.worst = 0.0

    def note(self, i: int, marginal: float, near: bool, doubtful: bool) -> None:
        """Count a row into its zone; `near` says that its marginal cost is the price."""
        case, zones = self.case, self.zones
        g = case.group[i]
        z = zones.zone[g]
        p = case.p[i]
        if case.hi[i] - case.lo[i] <= case.slack:  # at which bound it is says nothing
            self.narrow[z] = True
            self.maybe[z] |= _GIVES_AT | _WANTS_AT if near else 0
            return
        if p != case.lo[i]:
            if doubtful or zones.low_met[g]:
                self.maybe[z] |= _GIVES_AT if near else 0
            else:
                self.sure[z] |= _GIVES | _GIVES_AT if near else _GIVES
            if marginal > self.floor[z]:
                self.floor[z] = marginal
        if p != case.hi[i]:
            if doubtful or zones.high_met[g]:
                self.maybe[z] |= _WANTS_AT if near else 0
            else:
                self.sure[z] |= _WANTS | _WANTS_AT if near else _WANTS
            if marginal < self.ceil[z]:
                self.ceil[z] = marginal

    def offer(self, i: int, a: float, marginal: float, doubt: float) -> None:
        """Note what moving a watt out of a row, or into it, is worth to its zone.

        A power is known to the slack, so a row with a > 0 may stand so much of its slope off.
        """
        case, zones = self.case, self.zones
        g = case.group[i]
        z = zones.zone[g]
        off = a * case.slack - doubt
        if case.p[i] != case.lo[i] and not zones.low_met[g] and marginal - off > self.saves[z]:
            self.saves[z] = marginal - off
        if case.p[i] != case.hi[i] and not zones.high_met[g] and marginal + off < self.costs[z]:
            self.costs[z] = marginal + off

    def check_exchange(self, rows: list[int], a: list[float], b: list[float]) -> None:
        """No watt moved from one row of a zone to another may save anything.

        Floats clear nearly all zones. In the others the rows are compared exactly: of nearly linear
        ones the price, which rounds, does not say which comes first.
        """
        case, zones = self.case, self.zones
        close = {g for g in range(case.m) if self.saves[g] > self.costs[g]}
        if not close:
            return
        saves: dict[int, tuple[Fraction, int]] = {}
        costs: dict[int, tuple[Fraction, int]] = {}
        for i in rows:
            g = case.group[i]
            z = zones.zone[g]
            if z not in close or case.hi[i] - case.lo[i] <= case.slack:
                continue
            slope = Fraction(a[i])
            marginal, off = (
                slope * Fraction(case.p[i]) + Fraction(b[i]),
                slope * Fraction(case.slack),
            )
            if case.p[i] != case.lo[i] and not zones.low_met[g]:
                saves[z] = max(saves.get(z, (marginal - off, i)), (marginal - off, i))
            if case.p[i] != case.hi[i] and not zones.high_met[g]:
                costs[z] = min(costs.get(z, (marginal + off, i)), (marginal + off, i))
        for z in saves.keys() & costs.keys():
            if saves[z][0] > costs[z][0]:
                i, other = saves[z][1], costs[z][1]
                raise case.device(f"a watt of it moved to device {other} would save", i)

    def check_rule(self) -> None:
        """The price rule: each zone's own price is one that the rule can mean."""
        for g in self.case.order:
            if self.zones.zone[g] != g:
                continue
            sure, maybe, price = self.sure[g], self.maybe[g], self.prices[g]
            if (sure | maybe) & _GIVES_AT:
                continue
            if not sure & _GIVES:
                if (sure | maybe) & _WANTS_AT:
                    continue
                if not sure & _WANTS and price == 0:
                    continue
            raise self.case.of_group(
                f"price {price}, but by the price rule it is "
                f"{self.floor[g] if sure & _GIVES else self.ceil[g] if sure & _WANTS else 0.0}",
                g,
            )

    def check_need(self) -> None:
        """A cap is blamed only if it holds something back: not if the price outside would do too.

        Where the cap is met to the bit. Within rounding, nobody can tell.
        """
        case, prices, rel = self.case, self.prices, self.case.tolerance
        fresh = self.zones.fresh
        for g in reversed(fresh):  # inner groups first, their floors and ceilings count here
            outside = prices[case.parent[g]]
            upper = outside > prices[g]
            cap = case.cap_hi[g] if upper else case.cap_lo[g]
            if case.total[g] == cap and not self.narrow[g]:
                edge = self.ceil[g] if upper else self.floor[g]
                margin = rel * (abs(outside) + abs(edge)) if isfinite(edge) else 0.0
                if (outside <= edge - margin) if upper else (outside >= edge + margin):
                    raise case.of_group(
                        f"hold {case.holds[g]!r}, but the price {outside} outside would do", g
                    )
            around = self.zones.zone[case.parent[g]]
            if upper:
                self.floor[around] = max(self.floor[around], self.floor[g])
            else:
                self.ceil[around] = min(self.ceil[around], self.ceil[g])


def _check_costs(
    tier: _Tier, costs: tuple[list[float], list[float]], rows: list[int], doubtful: set[int]
) -> tuple[list[int], set[int]]:
    """One tier of the problem; returns the rows that stay open, and the doubtful among them."""
    case, (a, b), prices = tier.case, costs, tier.prices
    zone, group, rel, slack = tier.zones.zone, case.group, case.tolerance, case.slack
    for i in rows:
        g = group[i]
        z, price, p, curve = zone[g], prices[g], case.p[i], a[i]
        term = curve * p
        marginal = term + b[i]
        gap = marginal - price
        inside = case.lo[i] < p < case.hi[i]
        breach = abs(gap) if inside else gap if p == case.hi[i] else -gap
        near = rel * (abs(term) + abs(b[i]) + abs(price))
        if not isfinite(near):
            raise case.device(f"marginal cost {curve} * {p} + {b[i]} is too large", i)
        if curve:
            allowed = near + curve * slack
            if inside or case.hi[i] - case.lo[i] <= slack:
                near = allowed
            if abs(gap) <= near and (inside or _beyond(curve, p, b[i], price, p == case.hi[i])):
                tier.sure[z] |= _CURVED_AT
        elif inside:
            allowed = near if i in doubtful else 0.0
            tier.sure[z] |= _INSIDE
        else:
            allowed = near
            if i in doubtful:
                pass
            elif p == case.hi[i]:
                tier.greatest_b[z] = max(tier.greatest_b[z], b[i])
            else:
                tier.least_b[z] = min(tier.least_b[z], b[i])
        if breach > allowed and i not in doubtful:
            place = "inside its range" if inside else "at hi_w" if p == case.hi[i] else "at lo_w"
            raise case.device(f"marginal cost {marginal} against price {price}, {place}", i)
        if breach > tier.worst and i not in doubtful:
            tier.worst = breach
        tier.note(i, marginal, abs(gap) <= near, i in doubtful)
        if i not in doubtful and case.hi[i] - case.lo[i] > slack:
            tier.offer(i, curve, marginal, _EXACTLY * (abs(term) + abs(b[i])) if curve else 0.0)
    tier.check_exchange([i for i in rows if i not in doubtful], a, b)
    pinned = _check_linear(tier)
    unclear = [bool(x & _CURVED_AT) and not y for x, y in zip(tier.sure, pinned, strict=True)]
    tier.zones.doubt(unclear)
    still, unsure = [], set()
    for i in rows:
        g = group[i]
        if not a[i] and b[i] == prices[g]:
            still.append(i)
            if i in doubtful or unclear[zone[g]]:
                unsure.add(i)
    return still, unsure


def _beyond(a: float, p: float, b: float, price: float, at_hi: bool) -> bool:
    """The marginal cost at a bound is, without rounding, on the wrong side of the price."""
    exact = Fraction(a) * Fraction(p) + Fraction(b)
    return exact > price if at_hi else exact < price


def _check_linear(tier: _Tier) -> list[bool]:
    """Linear costs need no rounding: one price must part those at hi from those at lo exactly.

    Returns, by zone, whether they leave no doubt about the price, to the bit.
    """
    pinned = []
    for g in range(tier.case.m):
        high, low, price = tier.greatest_b[g], tier.least_b[g], tier.prices[g]
        inside = bool(tier.sure[g] & _INSIDE)
        if high > low or ((inside or high == low) and not high <= price <= low):
            raise tier.case.of_group(
                f"price {price} does not part costs up to {high} at hi_w from {low} on at lo_w", g
            )
        pinned.append(inside or high == low)
    return pinned


def _check_ties(tier: _Tier, rows: list[int], doubtful: set[int]) -> None:
    """The tie rule: open rows take the same fraction of their ranges, as far as caps let them."""
    case = tier.case
    for i in rows:
        lo, hi, p, price = case.lo[i], case.hi[i], case.p[i], tier.prices[case.group[i]]
        width = hi - lo
        share = (p - lo) / width
        off = (share - price) * width
        breach = abs(off) if lo < p < hi else off if p == hi else -off
        allowed = case.slack + _ROUNDING * (abs(lo) + abs(hi))
        if not isfinite(allowed):
            raise case.device(f"range {lo}..{hi} is too large", i)
        if breach > allowed and i not in doubtful:
            raise case.device(f"p_w = {p}, but its share of the tie is {lo + price * width}", i)
        tier.note(i, share, abs(off) <= allowed, i in doubtful)


def check_prices(case: Case) -> float:
    """Check every tier and the tie rule; returns the largest breach, in cost per watt."""
    zones = _Zones(case)
    rows = [i for i, (lo, hi) in enumerate(zip(case.lo, case.hi, strict=True)) if lo < hi]
    doubtful: set[int] = set()
    worst = 0.0
    for k, prices in enumerate(case.prices):
        zones.next_tier(prices)
        tier = _Tier(case, zones, prices)
        if k < len(case.tiers):
            rows, doubtful = _check_costs(tier, case.tiers[k], rows, doubtful)
            worst = max(worst, tier.worst)
        else:
            _check_ties(tier, rows, doubtful)
        tier.check_rule()
        if zones.fresh:
            tier.check_need()
    zones.finish()
    return worst
