"""What an inverter can give: active and reactive power within P^2 + Q^2 <= S^2.

The true circle, with no polygon in its place, and two limits more: a least power factor and a
greatest reactive power. Pure functions on floats. No result is ever outside a limit, reckoned
exactly on the numbers returned, not even by the last bit: a square root only guesses, fractions
decide.

Signs: + is into the bus. Q > 0 is given (over-excited), Q < 0 is taken (under-excited). Sources:
S^2 = P^2 + Q^2 and power factor |P| / S by IEEE 1459-2010 for sinusoidal conditions; the
categories by IEEE 1547-2018, 5.2, table 7.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from math import copysign, inf, isfinite, isnan, nextafter, sqrt
from typing import Literal

from nansha_core.errors import ProblemError

First = Literal["p", "q"]
"""Which of the two is served first; the other has what the circle leaves."""

LEAST_VA, GREATEST_VA = 1e-100, 1e100
"""Ratings that are taken; the balance takes no larger powers."""


class Limit(IntEnum):
    """What holds an inverter's reactive or active power where it is."""

    none = 0
    """Nothing of its own."""
    circle = 1
    """P^2 + Q^2 = S^2, to the last bits."""
    power_factor = 2
    """The least power factor."""
    rating = 3
    """A bound on P or Q alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inverter:
    """The limits of one inverter."""

    s_va: float
    """Rated apparent power, VA, 1e-100 to 1e100."""
    pf_over: float | None = None
    """Least power factor while it gives reactive power, above 0, up to 1; None: any."""
    pf_under: float | None = None
    """Least power factor while it takes reactive power, above 0, up to 1; None: any."""
    q_over_var: float = inf
    """Greatest reactive power given, var, >= 0; inf for no limit."""
    q_under_var: float = inf
    """Greatest reactive power taken, var, >= 0; inf for no limit."""


def category_a(s_va: float) -> Inverter:
    """Hold Q to what IEEE 1547-2018 asks of category A: give 44 % of S, take 25 %."""
    return Inverter(s_va=s_va, q_over_var=0.44 * s_va, q_under_var=0.25 * s_va)


def category_b(s_va: float) -> Inverter:
    """Hold Q to what IEEE 1547-2018 asks of category B: give and take 44 % of S."""
    return Inverter(s_va=s_va, q_over_var=0.44 * s_va, q_under_var=0.44 * s_va)


def check_inverter(inverter: Inverter, index: int | None = None, name: str | None = None) -> None:
    """Raise ProblemError, with the device's number and name, if the limits are none."""
    if not LEAST_VA <= inverter.s_va <= GREATEST_VA:
        raise ProblemError("s_va", inverter.s_va, "give 1e-100 to 1e100 VA", index, name)
    for field in ("pf_over", "pf_under"):
        pf = getattr(inverter, field)
        if pf is not None and not 0 < pf <= 1:
            raise ProblemError(field, pf, "give a power factor above 0, up to 1", index, name)
    for field in ("q_over_var", "q_under_var"):
        most = getattr(inverter, field)
        if not most >= 0:
            raise ProblemError(field, most, "give a size, 0 var or more", index, name)


def within(p_w: float, q_var: float, inverter: Inverter) -> bool:
    """Whether a point keeps every limit, with no rounding."""
    over = q_var > 0
    return (
        _in_circle(p_w, q_var, inverter.s_va)
        and (q_var == 0 or _in_sector(p_w, q_var, _pf(inverter, over)))
        and -inverter.q_under_var <= q_var <= inverter.q_over_var
    )


def q_range_var(p_w: float, inverter: Inverter) -> tuple[float, float]:
    """Least and greatest Q, var, that an active power leaves: (<= 0, >= 0).

    Each is the last float within the limits. Raises ProblemError if |p_w| is above s_va.
    """
    check_inverter(inverter)
    _check_size("p_w", p_w, inverter.s_va)
    return -q_most_var(p_w, inverter, False)[0], q_most_var(p_w, inverter, True)[0]


def q_most_var(p_w: float, inverter: Inverter, over: bool) -> tuple[float, Limit]:
    """Greatest |Q| given (`over`) or taken at p_w, |p_w| <= s_va, and which limit says so."""
    p_w = abs(p_w)
    most, limit = _leg(p_w, inverter.s_va), Limit.circle
    pf = _pf(inverter, over)
    if pf is not None and not _in_sector(p_w, most, pf):
        guess = p_w / pf * sqrt((1 - pf) * (1 + pf))  # P tan(arccos pf)
        most, limit = _last(guess, lambda q: _in_sector(p_w, q, pf)), Limit.power_factor
    rating = inverter.q_over_var if over else inverter.q_under_var
    return (rating, Limit.rating) if rating < most else (most, limit)


def p_range_w(q_var: float, inverter: Inverter) -> tuple[float, float]:
    """Least and greatest |P|, W, at which a reactive power can be had, by giving or by taking P.

    The least is above 0 only where a power factor asks for active power. Both keep every limit.
    Raises ProblemError if no P allows q_var.
    """
    check_inverter(inverter)
    _check_size("q_var", q_var, inverter.s_va)
    over = q_var > 0
    least, most = 0.0, _leg(q_var, inverter.s_va)
    pf = _pf(inverter, over)
    if q_var and pf is not None:
        least = _first_p(abs(q_var), pf, most)
    if least > most or not -inverter.q_under_var <= q_var <= inverter.q_over_var:
        raise ProblemError("q_var", q_var, "bring it nearer to 0: no active power allows it")
    return least, most


def q_reach_var(lo_w: float, hi_w: float, inverter: Inverter, over: bool) -> tuple[float, Limit]:
    """Greatest |Q| that some P within lo_w … hi_w allows, lo_w <= hi_w within +-s_va.

    Where the power factor's line meets the circle, at |P| = S pf, is the most; below it the line
    holds, above it the circle.
    """
    nearest = 0.0 if lo_w <= 0 <= hi_w else min(abs(lo_w), abs(hi_w))
    pf = _pf(inverter, over)
    # Below 1e-150 S the circle loses nothing yet, and S pf could vanish in the floats.
    best = 0.0 if pf is None else inverter.s_va * max(pf, 1e-150)
    return q_most_var(max(nearest, min(best, max(abs(lo_w), abs(hi_w)))), inverter, over)


def clip(p_w: float, q_var: float, inverter: Inverter, first: First = "p") -> tuple[float, float]:
    """Bring a wish (p_w, q_var) within all limits; sizes only ever shrink, signs stay.

    `first` "p": P as far as the circle goes, then Q as far as P leaves it. "q": Q as far as some
    active power up to p_w allows it, then P as far as that Q leaves it. Raises ProblemError.
    """
    check_inverter(inverter)
    for field, value in (("p_w", p_w), ("q_var", q_var)):
        if isnan(value):
            raise ProblemError(field, value, "give a number")
    if isfinite(p_w) and isfinite(q_var) and within(p_w, q_var, inverter):
        return p_w, q_var
    p, q = min(abs(p_w), inverter.s_va), abs(q_var)
    over = q_var > 0
    if first == "p":
        q = min(q, q_most_var(p, inverter, over)[0])
    else:
        q = min(q, q_reach_var(0.0, p, inverter, over)[0])
        p = min(p, _leg(q, inverter.s_va))
    return copysign(p, p_w), copysign(q, q_var)


def _pf(inverter: Inverter, over: bool) -> float | None:
    return inverter.pf_over if over else inverter.pf_under


def _check_size(field: str, value: float, s_va: float) -> None:
    if not isfinite(value) or abs(value) > s_va:
        raise ProblemError(field, value, f"keep it within s_va = {s_va}")


def _in_circle(p: float, q: float, s: float) -> bool:
    return Fraction(p) ** 2 + Fraction(q) ** 2 <= Fraction(s) ** 2


def _in_sector(p: float, q: float, pf: float | None) -> bool:
    """|P| / sqrt(P^2 + Q^2) >= pf, squared."""
    if pf is None:
        return True
    p2 = Fraction(p) ** 2
    return Fraction(pf) ** 2 * (p2 + Fraction(q) ** 2) <= p2


def _last(guess: float, good: Callable[[float], bool]) -> float:
    """The greatest float that is good, near a guess; all up to some number are, and 0 is."""
    while not good(guess):
        guess = nextafter(guess, 0.0)
    while good(after := nextafter(guess, inf)):
        guess = after
    return guess


def _leg(other: float, s: float) -> float:
    """The greatest float x with x^2 + other^2 <= s^2, for |other| <= s."""
    other = abs(other)
    guess = sqrt(s - other) * sqrt(s + other)  # two roots: no square that could overflow
    return _last(guess, lambda x: _in_circle(x, other, s))


def _first_p(q: float, pf: float, most: float) -> float:
    """The least float |P| that the power factor asks for at |Q| = q; inf if above `most`."""
    if not _in_sector(most, q, pf):
        return inf
    guess = min(most, q * pf / sqrt((1 - pf) * (1 + pf)))
    while not _in_sector(guess, q, pf):
        guess = nextafter(guess, inf)
    while _in_sector(before := nextafter(guess, 0.0), q, pf):
        guess = before
    return guess
