"""The checker: takes no answer on trust and shares no code with what made it.

A balance is optimal exactly when it is feasible and there is a price such that every device
inside its range has that marginal cost, every device at hi_w a lower one and every device at
lo_w a higher one (the Karush-Kuhn-Tucker conditions; sufficient, for the problem is convex).
Beyond that the declared rules are checked, so that only one answer passes: how ties share, and
which price is stated where several would do.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import fsum, isfinite
from sys import float_info

from nansha_core.answer import AnswerLike, Reason
from nansha_core.errors import CertificateError

TOLERANCE = 1e-12
"""Default tolerance, relative to the largest power and to the prices compared."""

SMALLEST_W = 1e-6
"""No power is taken to be smaller when tolerances are reckoned: where 1 kW and -1 kW cancel,
what is left below has no digits to compare."""


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """An answer that passed, and by how much."""

    residual_w: float
    """sum(p_w) - (demand_w - shortage_w + surplus_w), summed exactly and rounded once."""
    price_gap: float
    """Largest breach of a price condition, in cost per watt; within tolerance, often 0."""
    largest_w: float
    """The power that the tolerances in watts are relative to."""
    tolerance: float
    """The relative tolerance used."""


@dataclass(frozen=True)
class _Problem:
    a: Sequence[float]
    b: Sequence[float]
    lo: Sequence[float]
    hi: Sequence[float]
    names: Sequence[str] | None

    def refuse(self, wrong: str, i: int | None = None) -> CertificateError:
        name = self.names[i] if self.names is not None and i is not None else None
        return CertificateError(wrong, i, name)

    def marginal(self, i: int, p: float) -> float:
        return self.a[i] * p + self.b[i]


def _read(problem: _Problem, answer: AnswerLike, demand: float) -> tuple[list[float], list[Reason]]:
    n = len(problem.a)
    lengths = {"b": problem.b, "lo_w": problem.lo, "hi_w": problem.hi, "p_w": answer.p_w,
               "reasons": answer.reasons}  # fmt: skip
    for field, values in lengths.items():
        if len(values) != n:
            raise problem.refuse(f"{field} has {len(values)} items for {n} devices")
    for field in ("price", "residual_w", "shortage_w", "surplus_w"):
        if not isfinite(getattr(answer, field)):
            raise problem.refuse(f"{field} = {getattr(answer, field)} is not finite")
    if not isfinite(demand):
        raise problem.refuse(f"demand_w = {demand} is not finite")
    p_w = [float(p) for p in answer.p_w]
    for i in range(n):
        a, b, lo, hi = problem.a[i], problem.b[i], problem.lo[i], problem.hi[i]
        if not (all(map(isfinite, (a, b, lo, hi))) and a >= 0 and lo <= hi):
            raise problem.refuse(f"not a problem: a={a}, b={b}, lo_w={lo}, hi_w={hi}", i)
        if not isfinite(p_w[i]):
            raise problem.refuse(f"p_w = {p_w[i]} is not finite", i)
        if not lo <= p_w[i] <= hi:
            raise problem.refuse(f"p_w = {p_w[i]} is outside {lo}..{hi}", i)
    return p_w, list(answer.reasons)


def _check_sum(
    problem: _Problem, p_w: list[float], demand: float, answer: AnswerLike, slack: float
) -> float:
    shortage, surplus = answer.shortage_w, answer.surplus_w
    if shortage < 0 or surplus < 0:
        raise problem.refuse(f"shortage_w = {shortage}, surplus_w = {surplus}: below 0")
    if shortage and surplus:
        raise problem.refuse(f"shortage_w = {shortage} and surplus_w = {surplus} at once")
    for i, p in enumerate(p_w):
        if shortage and p != problem.hi[i]:
            raise problem.refuse(f"p_w = {p} is below hi_w = {problem.hi[i]} in a shortage", i)
        if surplus and p != problem.lo[i]:
            raise problem.refuse(f"p_w = {p} is above lo_w = {problem.lo[i]} in a surplus", i)
    residual = fsum([*p_w, -demand, shortage, -surplus])
    if abs(residual) > slack:
        raise problem.refuse(f"the powers miss the demand by {residual} W (allowed {slack} W)")
    if abs(answer.residual_w - residual) > slack:
        raise problem.refuse(f"residual_w = {answer.residual_w}, but it is {residual}")
    return residual


def _expected(problem: _Problem, i: int, p: float) -> Reason:
    if problem.lo[i] == problem.hi[i]:
        return Reason.fixed
    if p == problem.hi[i]:
        return Reason.at_upper
    if p == problem.lo[i]:
        return Reason.at_lower
    return Reason.interior if problem.a[i] > 0 else Reason.tie


def _check_prices(
    problem: _Problem,
    p_w: list[float],
    reasons: list[Reason],
    price: float,
    slack: float,
    rel: float,
) -> float:
    worst = 0.0
    for i, (p, reason) in enumerate(zip(p_w, reasons, strict=True)):
        expected = _expected(problem, i, p)
        if reason != expected:
            raise problem.refuse(f"reason {reason!r}, but p_w = {p} is {expected!r}", i)
        gap = problem.marginal(i, p) - price
        if reason == Reason.at_upper:
            breach = max(gap, 0.0)
        elif reason == Reason.at_lower:
            breach = max(-gap, 0.0)
        else:
            breach = abs(gap) if reason != Reason.fixed else 0.0
        size = abs(problem.a[i] * p) + abs(problem.b[i]) + abs(price)
        if breach > rel * size + problem.a[i] * slack:
            raise problem.refuse(
                f"marginal cost {problem.marginal(i, p)} against price {price}, {reason!r}", i
            )
        worst = max(worst, breach)
    return worst


def _check_price_rule(
    problem: _Problem, p_w: list[float], reasons: list[Reason], price: float, rel: float
) -> None:
    if Reason.interior in reasons or Reason.tie in reasons:
        return  # the price is unique and has been compared with each of them
    at = {
        reason: [(problem.marginal(i, p_w[i]), i) for i, r in enumerate(reasons) if r == reason]
        for reason in (Reason.at_upper, Reason.at_lower)
    }
    declared, i = 0.0, None
    if at[Reason.at_upper]:
        declared, i = max(at[Reason.at_upper])
    elif at[Reason.at_lower]:
        declared, i = min(at[Reason.at_lower])
    size = 0.0 if i is None else abs(problem.a[i] * p_w[i]) + abs(problem.b[i])
    if abs(price - declared) > rel * size:
        raise problem.refuse(f"price {price}, but by the price rule it is {declared}", i)


def _check_ties(problem: _Problem, p_w: list[float], price: float, slack: float) -> None:
    tied = [
        i
        for i in range(len(p_w))
        if problem.a[i] == 0 and problem.b[i] == price and problem.lo[i] < problem.hi[i]
    ]
    gap = fsum(problem.hi[i] - problem.lo[i] for i in tied)
    if not gap:
        return
    part = fsum(p_w[i] - problem.lo[i] for i in tied) / gap
    for i in tied:
        fair = problem.lo[i] + part * (problem.hi[i] - problem.lo[i])
        # A fraction of a range is known no better than the bounds it is reckoned from.
        rounding = 8 * float_info.epsilon * (abs(problem.lo[i]) + abs(problem.hi[i]))
        if abs(p_w[i] - fair) > slack + rounding:
            raise problem.refuse(f"p_w = {p_w[i]}, but its share of the tie is {fair}", i)


def verify(
    a: Collection[float],
    b: Collection[float],
    lo_w: Collection[float],
    hi_w: Collection[float],
    demand_w: float,
    answer: AnswerLike,
    *,
    names: Sequence[str] | None = None,
    tolerance: float = TOLERANCE,
) -> Certificate:
    """Certify `answer` for the problem given, or raise CertificateError.

    a in cost/W^2, b in cost/W, bounds and demand in watts; n items each. Bounds and reasons are
    checked to the bit, the rest to `tolerance` relative to the largest power and price.
    """
    problem = _Problem(
        [float(x) for x in a],
        [float(x) for x in b],
        [float(x) for x in lo_w],
        [float(x) for x in hi_w],
        names,
    )
    p_w, reasons = _read(problem, answer, demand_w)
    largest = max([abs(p) for p in p_w] + [abs(demand_w), SMALLEST_W])
    slack = tolerance * largest
    residual = _check_sum(problem, p_w, demand_w, answer, slack)
    gap = _check_prices(problem, p_w, reasons, answer.price, slack, tolerance)
    _check_price_rule(problem, p_w, reasons, answer.price, tolerance)
    _check_ties(problem, p_w, answer.price, slack)
    return Certificate(residual_w=residual, price_gap=gap, largest_w=largest, tolerance=tolerance)
