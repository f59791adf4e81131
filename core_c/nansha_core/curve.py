"""What a device costs over its power: straight, curved, or in pieces that meet at kinks."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import fsum

from nansha_core.errors import ProblemError
from nansha_core.switch import LARGEST


@dataclass(frozen=True, slots=True)
class Curve:
    """A cost that is 0 at 0 W and goes up by `a p + b` for the next watt at power p.

    One pair a, b per piece, from the least power to the greatest; kinks lie between them. A device
    may have a cost that falls at a kink only where a tier before says which piece comes first: see
    `nansha_core.devices.Microgrid`, which knows the order of the tiers.
    """

    a: tuple[float, ...] = (0.0,)
    """Cost per W^2, >= 0, one per piece."""
    b: tuple[float, ...] = (0.0,)
    """Cost per W at 0 W, as if the piece went on that far; one per piece."""
    kinks_w: tuple[float, ...] = ()
    """Powers where one piece ends and the next begins, W, rising."""

    def __post_init__(self) -> None:
        pieces = len(self.kinks_w) + 1
        for field, values in (("a", self.a), ("b", self.b), ("kinks_w", self.kinks_w)):
            for x in values:
                if not abs(x) <= LARGEST:
                    raise ProblemError(field, x, "give a finite number, at most 1e100 in size")
        for field, values in (("a", self.a), ("b", self.b)):
            if len(values) != pieces:
                mend = f"{len(self.kinks_w)} kinks make {pieces} pieces: give one for each"
                raise ProblemError(field, f"{len(values)} values", mend)
        for x in self.a:
            if x < 0:
                raise ProblemError("a", x, "give 0 or more: a marginal cost may not fall")
        for x, y in zip(self.kinks_w, self.kinks_w[1:], strict=False):
            if not x < y:
                raise ProblemError("kinks_w", f"{x:g} before {y:g}", "give them in rising order")

    def at(self, p_w: float, *, up: bool) -> int:
        """The piece above (`up`) or below power p_w, which differ at a kink."""
        return (bisect_right if up else bisect_left)(self.kinks_w, p_w)

    def marginal(self, p_w: float, *, up: bool) -> float:
        """Cost of the next watt above p_w (`up`), or what the last watt below it costs."""
        k = self.at(p_w, up=up)
        return self.a[k] * p_w + self.b[k]

    def edge(self, p_w: float, *, up: bool) -> tuple[Fraction, bool]:
        """The same without rounding, and whether the piece is curved."""
        k = self.at(p_w, up=up)
        return Fraction(self.a[k]) * Fraction(p_w) + Fraction(self.b[k]), self.a[k] > 0

    def change(self, from_w: float, to_w: float) -> float:
        """What it costs to go from one power to another."""
        if from_w > to_w:
            return -self.change(to_w, from_w)
        inside = self.kinks_w[self.at(from_w, up=True) : self.at(to_w, up=False)]
        stops = (from_w, *inside, to_w)
        # Piece by piece, mean marginal cost times width: nothing large that cancels.
        return fsum(
            (self.a[k] * (0.5 * (x + y)) + self.b[k]) * (y - x)
            for k, x, y in zip(
                range(self.at(from_w, up=True), len(self.a)), stops, stops[1:], strict=False
            )
        )

    def cost(self, p_w: float) -> float:
        """Cost of power p_w; that of 0 W is 0."""
        return self.change(0.0, p_w)

    def corners(self, lo_w: float, hi_w: float) -> list[float]:
        """Powers from lo_w to hi_w of which one is the cheapest: ends, kinks, bottoms."""
        found = [lo_w, hi_w, *(x for x in self.kinks_w if lo_w < x < hi_w)]
        ends = (lo_w, *self.kinks_w, hi_w)
        for k, (a, b) in enumerate(zip(self.a, self.b, strict=True)):
            if a > 0:
                bottom = -b / a
                left = max(lo_w, ends[k])
                right = min(hi_w, ends[k + 1])
                if left < bottom < right:
                    found.append(bottom)
        return found


# ------------------------------------------------------------------ the usual ones


def linear(b: float) -> Curve:
    """Every watt costs b; with -1 every watt is wished for."""
    return Curve((0.0,), (float(b),))


def quadratic(a: float, b: float = 0.0) -> Curve:
    """a/2 p^2 + b p: each watt is dearer than the one before."""
    return Curve((float(a),), (float(b),))


def kinked(below: float, above: float, at_w: float = 0.0) -> Curve:
    """A watt costs `below` up to at_w and `above` from there: as for selling and buying."""
    return Curve((0.0, 0.0), (float(below), float(above)), (float(at_w),))


def piecewise(kinks_w: Iterable[float], pieces: Sequence[tuple[float, float]]) -> Curve:
    """Pieces (a, b), one more than kinks; the next watt at power p costs a p + b."""
    return Curve(
        tuple(float(a) for a, _ in pieces),
        tuple(float(b) for _, b in pieces),
        tuple(float(x) for x in kinks_w),
    )
