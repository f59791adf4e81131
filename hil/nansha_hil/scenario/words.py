"""How a scenario writes times: durations with their unit, moments of the day, random moments."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time
from random import Random
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
)

from nansha_boards import nearest

US = 1_000_000
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(us|ms|s|min|h)")


class Model(BaseModel):
    """A table of a scenario file: frozen, and no field that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint for a typing error: the nearest known word, or all of them."""
    known = sorted(known)
    near = nearest(word, known)
    return f"did you mean {near!r}?" if near else "known are: " + ", ".join(known or ["none"])


def seconds(value: Any) -> float:
    """'90 s', '1.5 min', '100 ms' or a plain number of seconds. ValueError otherwise."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f'{value!r} is not a duration; write it like "90 s", "5 min" or "100 ms"')
    return float(found[1]) * _UNITS[found[2]]


def duration_text(value_s: float) -> str:
    """A duration for people."""
    for unit, size in (("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if value_s >= size:
            return f"{value_s / size:.6g} {unit}"
    return f"{value_s * 1000:.6g} ms"


def _positive(value: Any) -> float:
    found = seconds(value)
    if found < 0:
        raise ValueError(f"{value!r} is negative; a duration is not")
    return found


_SCHEMA = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(us|ms|s|min|h)$"},
    ],
    "description": 'seconds, or text with its unit: "90 s", "5 min", "100 ms"',
}
Duration = Annotated[float, BeforeValidator(_positive), WithJsonSchema(_SCHEMA)]
"""A duration, s >= 0."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A time of day, or seconds after the start (or after the entry that `after` names)."""

    clock: time | None = None
    offset_s: float = 0.0

    def us(self, start: datetime) -> int:
        """Microseconds after `start`: the first such time of day, or the offset."""
        if self.clock is None:
            return round(self.offset_s * US)
        day = datetime.combine(start.date(), self.clock) - start
        return (day.days * 86_400 * US + day.seconds * US + day.microseconds) % (86_400 * US)


def _moment(value: Any) -> Any:
    if isinstance(value, Moment):
        return value
    if isinstance(value, time) and value.tzinfo is None:
        return Moment(clock=value)
    if isinstance(value, str):
        text = value.strip()
        if text.startswith(("+", "-")):
            return Moment(offset_s=seconds(text[1:]) * (-1 if text[0] == "-" else 1))
        try:
            if "+" not in text and "Z" not in text:
                return Moment(clock=time.fromisoformat(text))
        except ValueError:
            pass
    raise ValueError(
        f'{value!r} is not a time; write a time of day, "18:30:00", or "+90 s" after the start'
    )


At = Annotated[
    Moment,
    BeforeValidator(_moment),
    WithJsonSchema(
        {
            "type": "string",
            "description": 'time of day "18:02:30", or "+90 s" after the start or after `after`',
        }
    ),
]
"""A moment."""


class RandomTimes(Model):
    """Moments drawn from the scenario's seed, in order, at least `apart` from each other."""

    random: int = Field(gt=0, le=10_000)
    first: At = Field(alias="from")
    last: At = Field(alias="to")
    apart: Duration = 0.0

    def us(self, start: datetime, luck: Random) -> list[int]:
        """The moments, us after `start`. ValueError where they do not fit."""
        begin, end = self.first.us(start), self.last.us(start)
        room = end - begin - round(self.apart * US) * (self.random - 1)
        if room < 0:
            raise ValueError(
                f"{self.random} moments {duration_text(self.apart)} apart need more than "
                f"{duration_text(max(0, end - begin) / US)}; widen from and to"
            )
        free = sorted(luck.randrange(room + 1) for _ in range(self.random))
        gap = round(self.apart * US)
        return [begin + f + number * gap for number, f in enumerate(free)]


def _which(value: Any) -> str:
    return "random" if isinstance(value, dict | RandomTimes) else "moment"


When = Annotated[
    Annotated[At, Tag("moment")] | Annotated[RandomTimes, Tag("random")], Discriminator(_which)
]
"""One moment, or several drawn at random."""
