"""What a balance with switches decided, and how far from the best it can be at most."""

from __future__ import annotations

from dataclasses import dataclass

from nansha_core.answer import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchedAnswer:
    """The chosen states, the balance in them, and a bound that no other choice goes below.

    `parts` names what is made least, the first thing first: overload, what is missing, each tier.
    """

    choice: tuple[int, ...]
    """The state of each switch."""
    answer: Answer
    """The balance in these states: `verify(switched.problem_of(choice), answer)` holds."""
    parts: tuple[str, ...]
    objective: tuple[float, ...]
    """What was reached, one per part; W for overload and missing, else the tier's cost."""
    bound: tuple[float, ...]
    """No choice is below it, read in order: compare the first part that differs."""
    tolerance: tuple[float, ...]
    """Two values of a part that differ by no more are taken for the same."""
    operations: int
    """How many switches go to another state."""
    nodes: int
    """How many balances were solved."""
    exact: bool
    """No choice is better, within the tolerances: the bound is the objective."""

    @property
    def gaps(self) -> tuple[float, ...]:
        """Objective less bound, part by part. After the first that differs they say nothing."""
        return tuple(x - y for x, y in zip(self.objective, self.bound, strict=True))

    @property
    def gap_at(self) -> int | None:
        """The first part that differs from its bound; None if none does."""
        pairs = enumerate(zip(self.gaps, self.tolerance, strict=True))
        return next((k for k, (gap, tolerance) in pairs if abs(gap) > tolerance), None)

    @property
    def gap(self) -> float:
        """How far the first part that differs is from its bound; 0 if none does."""
        k = self.gap_at
        return 0.0 if k is None else max(self.gaps[k], 0.0)

    @property
    def relative_gap(self) -> float:
        """The same, as a share of the larger of the two in size."""
        k = self.gap_at
        if k is None:
            return 0.0
        return self.gap / max(abs(self.objective[k]), abs(self.bound[k]))
