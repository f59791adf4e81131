"""When a change to a right answer is a fault: what makes powers and prices wrong beyond doubt."""

from math import fsum, inf

from nansha_core.answer import Answer, Hold
from nansha_core.problem import Problem

MARGIN = 1e-10  # a hundred times the checker's tolerance


class Case:
    """A problem and the right answer to it, as measures of wrong ones."""

    def __init__(self, problem: Problem, answer: Answer) -> None:
        self.problem, self.answer = problem, answer
        self.n = len(answer.p_w)
        self.m = len(answer.holds)
        tree = problem.tree
        self.group = tree.group if tree else (0,) * self.n
        self.parent = tree.parent if tree else (-1,)
        self.cap_lo = tree.cap_lo_w if tree else (-inf,)
        self.cap_hi = tree.cap_hi_w if tree else (inf,)
        self.big = max(map(abs, (*answer.p_w, problem.demand_w, 1e-6)))
        self.range = [hi - lo for lo, hi in zip(problem.lo_w, problem.hi_w, strict=True)]

    def totals(self, p_w: tuple[float, ...]) -> list[float]:
        """Each group's sum, rows of inner groups included."""
        parts: list[list[float]] = [[] for _ in range(self.m)]
        for p, g in zip(p_w, self.group, strict=True):
            while g >= 0:
                parts[g].append(p)
                g = self.parent[g]
        return [fsum(x) for x in parts]

    def price_noise(self, k: int, g: int | None = None) -> float:
        """Far more than the tolerance of a price in this tier: of group g's, or of any."""
        prices = self.answer.prices[k]
        rows = [
            i
            for i, h in enumerate(self.group)
            if self.range[i] > 0 and (g is None or prices[h] == prices[g])
        ]
        if k == len(self.problem.tiers):
            # A share is known as well as the narrowest range lets it be.
            lo, hi = self.problem.lo_w, self.problem.hi_w
            noise = ((self.big + abs(lo[i]) + abs(hi[i])) / self.range[i] for i in rows)
            return MARGIN * (1 + max(noise, default=0.0))
        tier, p_w = self.problem.tiers[k], self.answer.p_w
        terms = (abs(tier.b[i]) + tier.a[i] * (abs(p_w[i]) + self.big) for i in rows)
        return MARGIN * max((*terms, *map(abs, prices)))

    def row_breaks(self, i: int, p: float) -> bool:
        """With the answer's prices, row i can not have the power p: says the first tier to decide.

        It had the right power before, so moving it by d moves a marginal cost that was the price,
        or on the right side of it, by a d to the wrong side.
        """
        moved = abs(p - self.answer.p_w[i])
        lo, hi = self.problem.lo_w[i], self.problem.hi_w[i]
        if not lo <= p <= hi:
            return True
        if moved <= MARGIN * (self.big + abs(lo) + abs(hi)):
            return False
        for k, tier in enumerate(self.problem.tiers):
            price = self.answer.prices[k][self.group[i]]
            a, b = tier.a[i], tier.b[i]
            if a > 0:
                size = a * (abs(p) + self.big) + abs(b) + abs(price)
                return a * moved > MARGIN * size
            if b != price:  # it has to stay at its bound
                return abs(b - price) > MARGIN * (abs(b) + abs(price))
        return True  # by the tie rule

    def powers_break(self, p_w: tuple[float, ...]) -> bool:
        """These powers are wrong: a sum, a cap or a row's conditions are off by the margin."""
        least = MARGIN * max((self.big, *map(abs, p_w)))
        if abs(fsum(p_w) - fsum(self.answer.p_w)) > least:
            return True
        for g, (new, old) in enumerate(
            zip(self.totals(p_w), self.totals(self.answer.p_w), strict=True)
        ):
            if new > max(self.cap_hi[g], old) + least or new < min(self.cap_lo[g], old) - least:
                return True
            if self.answer.holds[g] != Hold.free and abs(new - old) > least:
                return True
        return any(self.row_breaks(i, p) for i, p in enumerate(p_w))
