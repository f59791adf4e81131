"""Measurements against their limits: name, unit, limits, value, verdict, where it was read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Protocol


class Outcome(StrEnum):
    """How a measurement ended."""

    PASS = "pass"
    FAIL = "fail"
    MISSING = "missing"


class LimitLike(Protocol):
    """What a limit must have; scenario_model.Limit does."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def measure(self) -> str: ...  # noqa: D102
    @property
    def unit(self) -> str: ...  # noqa: D102
    @property
    def why(self) -> str: ...  # noqa: D102
    @property
    def min(self) -> float | None: ...  # noqa: D102
    @property
    def max(self) -> float | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Verdict:
    """One measurement and what became of it.

    where: dotted path in the summary, or the signal. t_s: when in the trace it was decided or
    reached, s from the start; None for figures of the whole run. seen: what a failed one saw last.
    """

    name: str
    unit: str
    minimum: float | None
    maximum: float | None
    value: float | None
    outcome: Outcome
    where: str
    why: str
    t_s: float | None = None
    seen: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a summary file."""
        return {**asdict(self), "outcome": self.outcome.value}


def judge(limits: Iterable[LimitLike], summary: Mapping[str, Any]) -> list[Verdict]:
    """One verdict a limit, in order. Absent, non-numeric and non-finite values are `missing`."""
    verdicts = []
    for limit in limits:
        value = _find(summary, limit.measure)
        if value is None:
            outcome = Outcome.MISSING
        elif (limit.min is not None and value < limit.min) or (
            limit.max is not None and value > limit.max
        ):
            outcome = Outcome.FAIL
        else:
            outcome = Outcome.PASS
        verdicts.append(
            Verdict(
                limit.name,
                limit.unit,
                limit.min,
                limit.max,
                value,
                outcome,
                limit.measure,
                limit.why,
            )
        )
    return verdicts


def limits_text(low: float | None, high: float | None) -> str:
    """Limits for people: '≤ 5', '≥ 1', '1 to 5', '= 0'."""
    if low is None:
        return "-" if high is None else f"≤ {high:g}"
    if high is None:
        return f"≥ {low:g}"
    return f"= {low:g}" if low == high else f"{low:g} to {high:g}"


def _find(summary: Mapping[str, Any], path: str) -> float | None:
    place: Any = summary
    for part in path.split("."):
        if not isinstance(place, Mapping) or part not in place:
            return None
        place = place[part]
    if isinstance(place, bool):
        return float(place)
    try:
        value = float(place)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None
