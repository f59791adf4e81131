"""What the core is asked: rows with costs and bounds, in tiers, on a tree of groups.

A record and nothing more: who solves or checks a problem reads its numbers and trusts none of them.
`docs/balance.md` states the mathematics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SITE = 0
"""Number of the root group, which is the whole site."""


@dataclass(frozen=True, slots=True)
class Tier:
    """One objective, sum of a/2 p^2 + b p over n rows; it comes before all tiers after it."""

    a: Sequence[float]
    """Cost per W^2, n items >= 0; 0 makes a row linear in this tier."""
    b: Sequence[float]
    """Cost per W, n items."""
    name: str = "price"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """m groups (site, feeder, phase, cabinet, cluster), each with a cap on the sum inside it."""

    group: Sequence[int]
    """The group of each of the n rows, 0 … m - 1."""
    parent: Sequence[int]
    """The group around each group; the site, group 0, has -1."""
    cap_lo_w: Sequence[float]
    """Least sum of all power in the group, W; -inf for none. The site has none."""
    cap_hi_w: Sequence[float]
    """Greatest sum of all power in the group, W; inf for none. The site has none."""
    names: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A whole balance: minimise the tiers one after the other, sum of p = demand_w, caps kept."""

    tiers: Sequence[Tier]
    """At least one; the first is the most important."""
    lo_w: Sequence[float]
    """Least power of each of the n rows, W, + into the bus."""
    hi_w: Sequence[float]
    """Greatest power of each row, W; lo_w <= hi_w."""
    demand_w: float = 0.0
    """What all rows together have to give, W."""
    tree: Tree | None = None
    """None: the site is the only group."""
    names: Sequence[str] | None = None
    """Of the rows, for messages."""


def flat(
    a: Sequence[float],
    b: Sequence[float],
    lo_w: Sequence[float],
    hi_w: Sequence[float],
    demand_w: float = 0.0,
    *,
    names: Sequence[str] | None = None,
) -> Problem:
    """Make the plain case: one objective, one bus."""
    return Problem(tiers=(Tier(a, b),), lo_w=lo_w, hi_w=hi_w, demand_w=demand_w, names=names)
