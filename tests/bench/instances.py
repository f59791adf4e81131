"""Problems to measure on: seeded, about half of the rows inside their range, half at a bound.

The numbers are of the order of 1 to 10, read them as kW. The rivals' tolerances are made for such
numbers; our core has none. So the scale is the rivals' choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nansha_core import Balance, Problem, Tier, Tree

Array = NDArray[np.float64]

FEEDERS = 8
CABINETS = 64
STEP = 0.01
"""What the demand moves by from call to call, as a share of it."""
_REACH = 5
"""Steps that the demand wanders to each side."""


@dataclass(frozen=True)
class Groups:
    """Caps of three levels: group 0 is the site, then the feeders, then the cabinets."""

    cabinet: NDArray[np.int64]
    """The cabinet of each row, 0 … CABINETS - 1."""
    cap_lo: Array
    """Of the feeders, then of the cabinets."""
    cap_hi: Array

    @cached_property
    def tree(self) -> Tree:
        """The same in the core's words."""
        feeder_of = np.arange(CABINETS) * FEEDERS // CABINETS
        return Tree(
            group=1 + FEEDERS + self.cabinet,
            parent=np.concatenate([[-1], np.zeros(FEEDERS, int), 1 + feeder_of]),
            cap_lo_w=np.concatenate([[-np.inf], self.cap_lo]),
            cap_hi_w=np.concatenate([[np.inf], self.cap_hi]),
        )


@dataclass(frozen=True)
class Instance:
    """One site with quadratic costs, all a > 0, and the demand around which it lives."""

    a: Array
    b: Array
    lo: Array
    hi: Array
    demand: float
    groups: Groups | None = None

    @property
    def n(self) -> int:
        return len(self.a)

    @cached_property
    def demands(self) -> list[float]:
        """A walk that comes back to its start: 1 % up or down from each call to the next."""
        up = [*range(_REACH), *range(_REACH, -_REACH, -1), *range(-_REACH, 0)]
        return [self.demand * (1 + STEP * k) for k in up]

    def problem(self, demand: float | None = None) -> Problem:
        return Problem(
            tiers=(Tier(self.a, self.b),),
            lo_w=self.lo,
            hi_w=self.hi,
            demand_w=self.demand if demand is None else demand,
            tree=None if self.groups is None else self.groups.tree,
        )


def flat_site(n: int, seed: int = 0) -> Instance:
    """Make n rows on one bus."""
    random = np.random.default_rng((n, seed))
    hi = random.uniform(0, 10, n)
    return Instance(
        a=10 ** random.uniform(-2, 1, n),
        b=random.uniform(-3, 3, n),
        lo=-random.uniform(0, 10, n),
        hi=hi,
        demand=float(0.2 * hi.sum()),
    )


def tree_site(n: int, seed: int = 0, tight: float = 0.45) -> Instance:
    """Make n rows in 64 cabinets on 8 feeders; a share `tight` of all caps is drawn in.

    Where the rows would go without caps is known first. A tight cap lies 5 % of the group's range
    short of there, from above or from below in turn; a loose one 25 % beyond.
    """
    site = flat_site(n, seed)
    random = np.random.default_rng((n, seed, 1))
    cabinet = np.arange(n) * CABINETS // n
    balance = Balance(site.problem())
    balance.solve(site.demand)
    wish = _sums(cabinet, np.asarray(balance.p_w))
    room = _sums(cabinet, site.hi - site.lo)
    groups = FEEDERS + CABINETS
    # Spread evenly over each level: a level without a tight cap would be no level.
    is_tight = np.concatenate([_some(FEEDERS, tight, random), _some(CABINETS, tight, random)])
    above = random.permutation(groups) % 2 == 0
    return Instance(
        a=site.a,
        b=site.b,
        lo=site.lo,
        hi=site.hi,
        demand=site.demand,
        groups=Groups(
            cabinet=cabinet,
            cap_lo=np.where(is_tight & ~above, wish + 0.05 * room, wish - 0.25 * room),
            cap_hi=np.where(is_tight & above, wish - 0.05 * room, wish + 0.25 * room),
        ),
    )


def _some(count: int, share: float, random: np.random.Generator) -> NDArray[np.bool_]:
    return random.permutation(count) < round(share * count)


def _sums(cabinet: NDArray[np.int64], p: Array) -> Array:
    """Of the feeders, then of the cabinets."""
    inner = np.bincount(cabinet, p, CABINETS)
    return np.concatenate([inner.reshape(FEEDERS, -1).sum(axis=1), inner])
