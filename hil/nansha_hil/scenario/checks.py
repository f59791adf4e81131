"""What a timeline asks of the site: `expect` a state, `measure` a figure."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from nansha_hil.scenario.entry import Entry
from nansha_hil.scenario.words import Duration, Model, duration_text

Value = bool | float | str


class Condition(Model):
    """What a signal has to be: exactly `is`, or between `min` and `max`."""

    equals: Value | None = Field(default=None, alias="is")
    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _some(self) -> Condition:
        if self.equals is None and self.min is None and self.max is None:
            raise ValueError("asks for nothing; give is, min or max")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}; swap them")
        return self

    def holds(self, value: Value | None) -> bool:
        """Whether the value will do; an absent value never does."""
        if value is None:
            return False
        if self.equals is not None:
            return value == self.equals
        if isinstance(value, str):
            return False
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)

    def text(self) -> str:
        """The condition for people."""
        if self.equals is not None:
            return f"is {str(self.equals).lower()}"
        if self.min is not None and self.max is not None:
            return f"in {self.min:g} to {self.max:g}"
        return f"≥ {self.min:g}" if self.min is not None else f"≤ {self.max:g}"


class Expect(Entry, Condition):
    """A signal meets its condition, `within` a time, and goes on doing so `for` a time."""

    expect: str
    within_s: Duration = Field(default=0.0, alias="within")
    for_s: Duration = Field(default=0.0, alias="for")

    def label(self) -> str:
        """What is expected, for people."""
        text = f"{self.expect} {self.text()}"
        if self.within_s:
            text += f" within {duration_text(self.within_s)}"
        return text + (f" for {duration_text(self.for_s)}" if self.for_s else "")


How = Literal["min", "max", "mean", "last", "span", "rises", "time_to"]


class Measure(Entry):
    """A figure of a signal over `for`, with limits.

    how: min, max, mean (over time), last, span (max - min), rises (how often it became true), or
    time_to: seconds until it meets `until`, looked for `within` a time.
    """

    measure: str = Field(min_length=1)
    signal: str
    how: How
    for_s: Duration = Field(default=0.0, alias="for")
    within_s: Duration = Field(default=0.0, alias="within")
    until: Condition | None = None
    unit: str = ""
    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _whole(self) -> Measure:
        if self.how == "time_to":
            if self.until is None or not self.within_s:
                raise ValueError("time_to needs `until` (what it waits for) and `within`")
        elif not self.for_s and self.how != "last":
            raise ValueError(f"{self.how} needs `for`: over how long")
        elif self.until is not None:
            raise ValueError('`until` belongs to how = "time_to"')
        return self


AnyCheck = Expect | Measure
