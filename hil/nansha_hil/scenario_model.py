"""The fields of a scenario file and what each kind of event does to a plant."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from nansha_hil.plant import EvSpec, LoadSpec, Plant


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"


class _Event(_Model):
    """Something that happens at a local time of day, the first such time after the start."""

    kind: str
    at: time

    @field_validator("at", mode="before")
    @classmethod
    def _clock(cls, value: Any) -> Any:
        if isinstance(value, time) and value.tzinfo is None:
            return value
        try:
            if "+" not in value and "Z" not in value:
                return time.fromisoformat(value)
            raise ValueError
        except (TypeError, ValueError):
            raise ValueError(f'{value!r} is not a time of day; write it like "18:30:00"') from None

    def asset_name(self) -> str:
        """The asset it happens to, or empty."""
        return str(getattr(self, "asset", ""))

    def needs(self) -> type[EvSpec] | type[LoadSpec] | None:
        """What kind of asset it needs."""
        return None

    def lasts_s(self) -> int:
        """Duration, s; 0 if it has no end of its own."""
        return int(getattr(self, "duration_s", 0))

    def text(self) -> str:
        """What begins, for people."""
        raise NotImplementedError

    def end_text(self) -> str:
        """What ends, for people."""
        return ""

    def begin(self, plant: Plant) -> None:
        """Do it."""
        raise NotImplementedError

    def end(self, plant: Plant) -> None:
        """Undo it."""


class GridOutage(_Event):
    """The utility fails and returns."""

    kind: Literal["grid_outage"]
    duration_s: int = Field(gt=0)

    def text(self) -> str:
        """What begins."""
        return f"grid outage, {_minutes(self.duration_s)}"

    def end_text(self) -> str:
        """What ends."""
        return "grid is back"

    def begin(self, plant: Plant) -> None:
        """Fail."""
        plant.set_grid(False)

    def end(self, plant: Plant) -> None:
        """Return."""
        plant.set_grid(True)


class CloudFront(_Event):
    """Clouds dim the sun by depth (0..1), ramping in and out over ramp_s."""

    kind: Literal["cloud_front"]
    depth: float = Field(ge=0.0, le=1.0)
    ramp_s: float = Field(default=60.0, ge=0.0)
    duration_s: int = Field(gt=0)

    def text(self) -> str:
        """What begins."""
        return f"cloud front takes {100 * self.depth:.0f} % of the sun, {_minutes(self.duration_s)}"

    def end_text(self) -> str:
        """What ends."""
        return "clouds pass"

    def begin(self, plant: Plant) -> None:
        """Darken."""
        plant.set_cloud(self.depth, self.ramp_s)

    def end(self, plant: Plant) -> None:
        """Clear."""
        plant.set_cloud(0.0, self.ramp_s)


class EvArrives(_Event):
    """A car is plugged in."""

    kind: Literal["ev_arrives"]
    asset: str
    energy_wh: float = Field(gt=0.0)

    def needs(self) -> type[EvSpec]:
        """A charge point."""
        return EvSpec

    def text(self) -> str:
        """What begins."""
        return f"car arrives at {self.asset}, wants {self.energy_wh / 1000:g} kWh"

    def begin(self, plant: Plant) -> None:
        """Plug."""
        plant.plug(self.asset, self.energy_wh)


class EvLeaves(_Event):
    """The car leaves."""

    kind: Literal["ev_leaves"]
    asset: str

    def needs(self) -> type[EvSpec]:
        """A charge point."""
        return EvSpec

    def text(self) -> str:
        """What begins."""
        return f"car leaves {self.asset}"

    def begin(self, plant: Plant) -> None:
        """Unplug."""
        plant.unplug(self.asset)


class LoadStep(_Event):
    """A load's profile is multiplied by factor, for duration_s or for good."""

    kind: Literal["load_step"]
    asset: str
    factor: float = Field(ge=0.0, le=100.0)
    duration_s: int = Field(default=0, ge=0)

    def needs(self) -> type[LoadSpec]:
        """A load."""
        return LoadSpec

    def text(self) -> str:
        """What begins."""
        return f"{self.asset} draws {100 * self.factor:.0f} % of its profile"

    def end_text(self) -> str:
        """What ends."""
        return f"{self.asset} is back on its profile"

    def begin(self, plant: Plant) -> None:
        """Scale."""
        plant.scale_load(self.asset, self.factor)

    def end(self, plant: Plant) -> None:
        """Unscale."""
        plant.scale_load(self.asset, 1.0)


class GridFrequency(_Event):
    """The utility runs at another frequency, for duration_s or for good."""

    kind: Literal["grid_frequency"]
    frequency_hz: float = Field(ge=40.0, le=70.0)
    duration_s: int = Field(default=0, ge=0)

    def text(self) -> str:
        """What begins."""
        return f"grid runs at {self.frequency_hz:g} Hz"

    def end_text(self) -> str:
        """What ends."""
        return "grid frequency is nominal again"

    def begin(self, plant: Plant) -> None:
        """Shift."""
        plant.set_grid_frequency(self.frequency_hz)

    def end(self, plant: Plant) -> None:
        """Shift back."""
        plant.set_grid_frequency(plant.spec.grid.frequency_hz)


class GridVoltage(_Event):
    """The utility sags or swells, per unit of nominal, for duration_s or for good."""

    kind: Literal["grid_voltage"]
    voltage_pu: float = Field(ge=0.0, le=2.0)
    duration_s: int = Field(default=0, ge=0)

    def text(self) -> str:
        """What begins."""
        return f"grid voltage is {100 * self.voltage_pu:.0f} %"

    def end_text(self) -> str:
        """What ends."""
        return "grid voltage is nominal again"

    def begin(self, plant: Plant) -> None:
        """Shift."""
        plant.set_grid_voltage(self.voltage_pu)

    def end(self, plant: Plant) -> None:
        """Shift back."""
        plant.set_grid_voltage(plant.spec.grid.voltage_pu)


Event = GridOutage | CloudFront | EvArrives | EvLeaves | LoadStep | GridFrequency | GridVoltage
"""Anything that can happen to a plant."""

EVENT_KINDS: dict[str, type[Event]] = {
    "grid_outage": GridOutage,
    "cloud_front": CloudFront,
    "ev_arrives": EvArrives,
    "ev_leaves": EvLeaves,
    "load_step": LoadStep,
    "grid_frequency": GridFrequency,
    "grid_voltage": GridVoltage,
}


class Limit(_Model):
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


class Head(_Model):
    """[scenario]: start is local time; site is relative to the scenario's file."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    site: str
    start: datetime
    duration_s: int = Field(gt=0, le=31 * 86_400)
    seed: int = 0

    @field_validator("start")
    @classmethod
    def _local(cls, value: datetime) -> datetime:
        if value.tzinfo is not None:
            raise ValueError("has a time zone; write local time without one")
        return value


class Data(_Model):
    """[data]: a CSV relative to the scenario's file; columns: own name -> column of the file."""

    file: str
    interpolation: Literal["linear"] = "linear"
    columns: dict[str, str] = {}


class ScenarioFile(_Model):
    """A whole scenario file."""

    scenario: Head
    data: Data
    plant: dict[str, dict[str, Any]] = {}
    events: list[Annotated[Event, Field(discriminator="kind")]] = []
    limits: list[Limit] = []
