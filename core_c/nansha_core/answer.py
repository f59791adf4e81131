"""The words of an answer, free of the solver: what the checker and the oracle may know."""

from dataclasses import dataclass
from enum import IntEnum


class Reason(IntEnum):
    """Why a row is where it is; read off its power, first match in the order 3, 1, 2, 0, 4."""

    interior = 0
    """Inside its range, with a > 0 in some tier: there its marginal cost is the price."""
    at_upper = 1
    """At hi_w: it would give more, or is exactly willing."""
    at_lower = 2
    """At lo_w: it would give less, or is exactly willing."""
    fixed = 3
    """lo_w == hi_w: there was no choice."""
    tie = 4
    """Inside its range, a == 0 in every tier: shares by the tie rule."""


class Hold(IntEnum):
    """What a group's cap does to it."""

    free = 0
    """Nothing: inside and outside power has the same price."""
    at_upper = 1
    """Holds it at cap_hi_w: a watt is worth less inside than outside."""
    at_lower = 2
    """Holds it at cap_lo_w: a watt is worth more inside than outside."""
    fixed = 3
    """Leaves a single sum that it can have: equal caps, or caps out of its rows' reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the core decided for n rows in m groups; it never changes. Powers in watts."""

    p_w: tuple[float, ...]
    """Power of each row, + into the bus."""
    reasons: tuple[Reason, ...]
    """One per row."""
    prices: tuple[tuple[float, ...], ...]
    """One per tier and group, in cost per watt; last of all the shares of the tie rule."""
    holds: tuple[Hold, ...]
    """One per group."""
    overload_w: tuple[float, ...]
    """One per group: what no choice could keep above cap_hi_w (+) or below cap_lo_w (-), else 0."""
    residual_w: float
    """Rounding left: sum(p_w) - (demand_w - shortage_w + surplus_w)."""
    shortage_w: float
    """Demand above all that bounds and caps let through, else 0."""
    surplus_w: float
    """What bounds and caps force upon the site above the demand, else 0."""

    @property
    def price(self) -> float:
        """The site's price of power in the last tier, in cost per watt."""
        return self.prices[-2][0]
