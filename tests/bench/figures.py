"""What was measured, against its bar: the records behind summary.json and the printed table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol


class Say(Protocol):
    """How a part tells how far it is: a share of 1, and what it does now."""

    def __call__(self, share: float, text: str) -> None: ...


class WrongAnswer(Exception):
    """A solver's or checker's answer is wrong: the one thing that fails a bench."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measurement. At most one of the bars."""

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def bar(self) -> float | None:
        return self.at_least if self.at_least is not None else self.at_most

    @property
    def holds(self) -> bool:
        if self.at_least is not None:
            return self.value >= self.at_least
        return self.at_most is None or self.value <= self.at_most

    @property
    def bar_words(self) -> str:
        if self.bar is None:
            return ""
        return f"{'≥' if self.at_least is not None else '≤'} {number(self.bar)}"

    def as_dict(self) -> dict[str, Any]:
        note = self.note
        if self.bar is not None:
            note = f"at {'least' if self.at_least is not None else 'most'} the bar; {note}"
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "bar": self.bar,
            "holds": self.holds,
            "note": note.removesuffix("; "),
        }


@dataclass
class Table:
    """A table to print and to keep."""

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)


@dataclass
class Part:
    """What one part of the bench found."""

    figures: list[Figure] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)


def number(value: float) -> str:
    """Write a figure with four digits, without an exponent where it is short."""
    if value == int(value) and abs(value) < 1e7:
        return f"{int(value):_}".replace("_", " ")
    return f"{value:.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"
