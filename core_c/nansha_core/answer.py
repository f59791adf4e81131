"""The words of an answer, free of the solver: what the checker and the oracle may know."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Protocol


class Reason(IntEnum):
    """Why a device is where it is; read off its power, first match in the order below."""

    interior = 0
    """Inside its range, cost a > 0: its marginal cost is the price."""
    at_upper = 1
    """At hi_w: it would give more, or is exactly willing."""
    at_lower = 2
    """At lo_w: it would give less, or is exactly willing."""
    fixed = 3
    """lo_w == hi_w: there was no choice (this one is looked at before all others)."""
    tie = 4
    """Inside its range, cost a == 0 with b equal to the price: shares by the tie rule."""


class AnswerLike(Protocol):
    """Anything with the fields of an answer; powers in watts, n devices in order."""

    @property
    def p_w(self) -> Sequence[float]:
        """Power of each device, + into the bus."""

    @property
    def reasons(self) -> Sequence[Reason]:
        """One reason per device."""

    @property
    def price(self) -> float:
        """Price of power at the site, in cost per watt."""

    @property
    def residual_w(self) -> float:
        """Rounding left: sum(p_w) - (demand_w - shortage_w + surplus_w)."""

    @property
    def shortage_w(self) -> float:
        """Demand above sum(hi_w), else 0."""

    @property
    def surplus_w(self) -> float:
        """Sum(lo_w) above the demand, else 0."""
