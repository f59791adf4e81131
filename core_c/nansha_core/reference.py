"""The slow oracle: the balance of a flat site in exact rational arithmetic.

Same problem, same tie rule, same price rule as `nansha_core.balance`, found by walking the sorted
break points, with no rounding anywhere: every float is a fraction, and stays one. Cost O(n^2).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from nansha_core.answer import Reason


@dataclass(frozen=True)
class ExactAnswer:
    """The answer to a problem, exactly; n powers and reasons in device order."""

    p_w: tuple[Fraction, ...]
    """Watts, + into the bus."""
    reasons: tuple[Reason, ...]
    """One per device."""
    price: Fraction
    """Cost per watt."""
    shortage_w: Fraction
    """Demand above sum(hi_w), else 0."""
    surplus_w: Fraction
    """Sum(lo_w) above the demand, else 0."""
    cost: Fraction
    """Sum of a/2 p^2 + b p."""


@dataclass(frozen=True)
class _Device:
    a: Fraction
    b: Fraction
    lo: Fraction
    hi: Fraction

    def marginal(self, p: Fraction) -> Fraction:
        return self.a * p + self.b

    def reply(self, price: Fraction) -> tuple[Fraction, Fraction]:
        """Least and greatest power that is optimal at this price; they differ only in a tie."""
        if price < self.marginal(self.lo):
            return self.lo, self.lo
        if price > self.marginal(self.hi):
            return self.hi, self.hi
        if self.a == 0:
            return self.lo, self.hi
        p = (price - self.b) / self.a
        return p, p


def _split(devices: list[_Device], demand: Fraction) -> list[Fraction]:
    """Powers for a demand between sum(lo) and sum(hi)."""
    prices = sorted({d.marginal(p) for d in devices for p in (d.lo, d.hi)})
    below = prices[0]
    for price in prices:
        least = [d.reply(price)[0] for d in devices]
        greatest = [d.reply(price)[1] for d in devices]
        if sum(greatest) < demand:
            below = price
            continue
        if sum(least) <= demand:  # at this very price: ties give the same fraction of their range
            gap = sum(greatest) - sum(least)
            part = (demand - sum(least)) / gap if gap else Fraction(0)
            return [lo + part * (hi - lo) for lo, hi in zip(least, greatest, strict=True)]
        # Strictly between two neighbouring breaks, where every power is linear in the price.
        start = [d.reply(below)[1] for d in devices]
        part = (demand - sum(start)) / (sum(least) - sum(start))
        return [p + part * (q - p) for p, q in zip(start, least, strict=True)]
    raise AssertionError("the demand was within sum(lo)..sum(hi)")


def _reason(device: _Device, p: Fraction) -> Reason:
    if device.lo == device.hi:
        return Reason.fixed
    if p == device.hi:
        return Reason.at_upper
    if p == device.lo:
        return Reason.at_lower
    return Reason.interior if device.a else Reason.tie


def _price(devices: list[_Device], p_w: list[Fraction], reasons: list[Reason]) -> Fraction:
    by_reason: dict[Reason, list[Fraction]] = {reason: [] for reason in Reason}
    for device, p, reason in zip(devices, p_w, reasons, strict=True):
        by_reason[reason].append(device.marginal(p))
    inside = by_reason[Reason.interior] + by_reason[Reason.tie]
    if inside:
        return inside[0]  # all equal, for the answer is exact
    if by_reason[Reason.at_upper]:
        return max(by_reason[Reason.at_upper])
    return min(by_reason[Reason.at_lower], default=Fraction(0))


def solve_exact(
    a: Iterable[float],
    b: Iterable[float],
    lo_w: Iterable[float],
    hi_w: Iterable[float],
    demand_w: float = 0.0,
) -> ExactAnswer:
    """Minimise sum(a/2 p^2 + b p) with sum(p) = demand_w and lo_w <= p <= hi_w, exactly.

    All four iterables have n finite items with a >= 0 and lo_w <= hi_w; ValueError, OverflowError
    or a ValueError of zip say otherwise. What the bounds cannot meet is shortage or surplus.
    """
    devices = [
        _Device(Fraction(ai), Fraction(bi), Fraction(lo), Fraction(hi))
        for ai, bi, lo, hi in zip(a, b, lo_w, hi_w, strict=True)
    ]
    if any(d.a < 0 or d.lo > d.hi for d in devices):
        raise ValueError("give a >= 0 and lo_w <= hi_w")
    demand = Fraction(demand_w)
    shortage = max(demand - sum(d.hi for d in devices), Fraction(0))
    surplus = max(sum(d.lo for d in devices) - demand, Fraction(0))
    p_w = _split(devices, demand - shortage + surplus) if devices else []
    reasons = [_reason(d, p) for d, p in zip(devices, p_w, strict=True)]
    return ExactAnswer(
        p_w=tuple(p_w),
        reasons=tuple(reasons),
        price=_price(devices, p_w, reasons),
        shortage_w=shortage,
        surplus_w=surplus,
        cost=sum(
            (d.a * p * p / 2 + d.b * p for d, p in zip(devices, p_w, strict=True)), Fraction(0)
        ),
    )
