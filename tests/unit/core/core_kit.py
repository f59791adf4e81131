"""What the core's tests share: an answer held against the exact one."""

import math
from dataclasses import replace
from fractions import Fraction

from nansha_core import Answer, Balance, Problem, verify
from nansha_core.reference import ExactAnswer, solve_exact

TINY_W = 1e-6
"""As in verify: smaller powers are what larger ones left when they cancelled."""
ERROR = 1e-9
"""Of the largest power: the bar for every row."""


def solved(problem: Problem) -> Answer:
    """The core's answer, from a standing start."""
    return Balance(problem).answer()


def top_w(problem: Problem, exact: ExactAnswer) -> float:
    return max([abs(float(p)) for p in exact.p_w] + [abs(problem.demand_w), TINY_W])


def check(problem: Problem, answer: Answer, exact: ExactAnswer | None = None) -> ExactAnswer:
    """Powers, sums and words as exact arithmetic finds them; and the checker agrees."""
    exact = solve_exact(problem) if exact is None else exact
    top = top_w(problem, exact)
    for i, (p, q) in enumerate(zip(answer.p_w, exact.p_w, strict=True)):
        # A shared tie is a fraction of a range, known to the rounding of that range.
        shared = 4e-16 * (abs(problem.lo_w[i]) + abs(problem.hi_w[i]))
        assert abs(Fraction(p) - q) <= ERROR * top + shared, f"row {i}: {p} against {float(q)}"
    groups = len(answer.holds)
    rounding = 8 * groups * math.ulp(top)
    assert abs(answer.shortage_w - float(exact.shortage_w)) <= rounding
    assert abs(answer.surplus_w - float(exact.surplus_w)) <= rounding
    for over, exactly in zip(answer.overload_w, exact.overload_w, strict=True):
        # A cap may lie far beyond all powers: then its own digits say how exact this can be.
        assert abs(over - float(exactly)) <= rounding + 4 * math.ulp(over)
    met = Fraction(problem.demand_w) - Fraction(answer.shortage_w) + Fraction(answer.surplus_w)
    total = sum(map(Fraction, answer.p_w), Fraction(0))
    assert abs(total - met) <= rounding
    assert abs(answer.residual_w - float(total - met)) <= rounding
    verify(problem, answer)
    return exact


def at(problem: Problem, demand_w: float) -> Problem:
    """The same site with another demand."""
    return replace(problem, demand_w=demand_w)
