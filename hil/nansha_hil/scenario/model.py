"""The tables of a scenario file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from nansha_hil.net import ProfileName
from nansha_hil.scenario.checks import Expect, Measure
from nansha_hil.scenario.faults import AnyFault
from nansha_hil.scenario.settings import AnySetting
from nansha_hil.scenario.words import Duration, Model

WORDS = ("fault", "set", "expect", "measure")
"""What a line of the timeline may be; it has exactly one of these."""


def _which(value: Any) -> str | None:
    if isinstance(value, Mapping):
        found = [word for word in WORDS if word in value]
        return found[0] if len(found) == 1 else None
    return next((word for word in WORDS if hasattr(value, word)), None)


Line: Any = Annotated[
    Annotated[AnyFault, Tag("fault")]
    | Annotated[AnySetting, Tag("set")]
    | Annotated[Expect, Tag("expect")]
    | Annotated[Measure, Tag("measure")],
    Discriminator(_which),
]


class Limit(Model):
    """What a run must keep to: a figure of its summary between min and max, in unit."""

    name: str = Field(min_length=1)
    measure: str = Field(min_length=1)
    unit: str = ""
    why: str = Field(min_length=1)
    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _some_bound(self) -> Limit:
        if self.min is None and self.max is None:
            raise ValueError("has neither min nor max; give one")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}; swap them")
        return self


class Head(Model):
    """[scenario]: start is local time; site is relative to the scenario's file."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    site: str
    start: datetime
    duration_s: float = Field(gt=0, le=31 * 86_400)
    seed: int = 0
    tags: list[str] = Field(default_factory=list)

    @field_validator("start")
    @classmethod
    def _local(cls, value: datetime) -> datetime:
        if value.tzinfo is not None:
            raise ValueError("has a time zone; write local time without one")
        return value


class Column(Model):
    """A column of the file whose unit is not the plant's own."""

    column: str
    unit: Literal["W", "kW", "MW", "W/m2", "kW/m2", "degC", "K", "degF"]


class Data(Model):
    """[data]: CSV or Parquet beside the scenario; columns: own name -> column of the file."""

    file: str
    interpolation: Literal["linear"] = "linear"
    columns: dict[str, str | Column] = Field(default_factory=dict)


class SensorTable(Model):
    """[sensors.ASSET.CHANNEL]: a healthy sensor's distance from the truth, in its unit."""

    noise: float = Field(default=0.0, ge=0.0)
    bias: float = 0.0
    gain: float = Field(default=0.0, gt=-1.0)
    step: float = Field(default=0.0, ge=0.0)
    delay_s: Duration = Field(default=0.0, alias="delay")


class FeederLine(Model):
    """[feeder.NAME]: a cable to the bus NAME; an asset hangs there by `at = "NAME"` in its plant.

    Ohm a phase, positive sequence; r0_ohm, x0_ohm: zero sequence, neutral included. upstream: the
    bus it starts at, "" the site's main bus.
    """

    r_ohm: float = Field(ge=0.0)
    x_ohm: float = Field(default=0.0, ge=0.0)
    r0_ohm: float = Field(default=0.0, ge=0.0)
    x0_ohm: float = Field(default=0.0, ge=0.0)
    upstream: str = ""


class ScenarioFile(Model):
    """A whole scenario file.

    network: asset (or '*') -> what its link is like. sweep: path of a field
    (`plant.battery.soc_start`, `timeline.ID.at`, `scenario.seed`) -> its values; all paths together
    make a grid of variants.
    """

    scenario: Head
    data: Data
    plant: dict[str, dict[str, Any]] = Field(default_factory=dict)
    feeder: dict[str, FeederLine] = Field(default_factory=dict)
    sensors: dict[str, dict[Literal["v", "i", "f", "x"], SensorTable]] = Field(default_factory=dict)
    network: dict[str, ProfileName] = Field(default_factory=dict)
    timeline: list[Line] = Field(default_factory=list)
    limits: list[Limit] = Field(default_factory=list)
    sweep: dict[str, list[Any]] = Field(default_factory=dict)
