"""Settings: what the world does to a site on a good day. `set = "…"` in a timeline."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nansha_hil.scenario.entry import Happening
from nansha_hil.scenario.words import Duration, duration_text
from nansha_hil.stage import Stage


class Setting(Happening):
    """Something set in the world."""

    def kind(self) -> str:
        """Its word in the file."""
        return str(getattr(self, "set", ""))


class Cloud(Setting):
    """Clouds dim the sun by depth (0..1), within `ramp`."""

    set: Literal["cloud"]
    depth: float = Field(ge=0.0, le=1.0)
    ramp_s: Duration = Field(default=60.0, alias="ramp")

    def text(self) -> str:
        """What begins."""
        long = f", {duration_text(self.lasts_s)}" if self.lasts_s else ""
        return f"cloud front takes {100 * self.depth:.0f} % of the sun{long}"

    def end_text(self) -> str:
        """What ends."""
        return "clouds pass"

    def begin(self, stage: Stage) -> None:
        """Darken."""
        stage.plant.set_cloud(self.depth, self.ramp_s)

    def end(self, stage: Stage) -> None:
        """Clear."""
        stage.plant.set_cloud(0.0, self.ramp_s)


class Demand(Setting):
    """A load draws its profile times factor."""

    set: Literal["demand"]
    asset: str
    factor: float = Field(ge=0.0, le=100.0)

    def roles(self) -> tuple[str, ...]:
        """Loads."""
        return ("load",)

    def text(self) -> str:
        """What begins."""
        return f"{self.asset} draws {100 * self.factor:.0f} % of its profile"

    def end_text(self) -> str:
        """What ends."""
        return f"{self.asset} is back on its profile"

    def begin(self, stage: Stage) -> None:
        """Scale."""
        stage.plant.scale_load(self.asset, self.factor)

    def end(self, stage: Stage) -> None:
        """Unscale."""
        stage.plant.scale_load(self.asset, 1.0)


class Car(Setting):
    """A car is plugged in and wants energy; with `for` it leaves after so long."""

    set: Literal["car"]
    asset: str
    energy_wh: float = Field(gt=0.0)

    def roles(self) -> tuple[str, ...]:
        """Charge points."""
        return ("ev_charger",)

    def text(self) -> str:
        """What begins."""
        return f"car arrives at {self.asset}, wants {self.energy_wh / 1000:g} kWh"

    def end_text(self) -> str:
        """What ends."""
        return f"car leaves {self.asset}"

    def begin(self, stage: Stage) -> None:
        """Plug."""
        stage.plant.plug(self.asset, self.energy_wh)

    def end(self, stage: Stage) -> None:
        """Unplug."""
        stage.plant.unplug(self.asset)


class CarLeaves(Setting):
    """The car leaves, charged or not."""

    set: Literal["car_leaves"]
    asset: str

    def roles(self) -> tuple[str, ...]:
        """Charge points."""
        return ("ev_charger",)

    def text(self) -> str:
        """What begins."""
        return f"car leaves {self.asset}"

    def begin(self, stage: Stage) -> None:
        """Unplug."""
        stage.plant.unplug(self.asset)


AnySetting = Annotated[Cloud | Demand | Car | CarLeaves, Field(discriminator="set")]
SETTINGS: dict[str, type[Setting]] = {
    "cloud": Cloud,
    "demand": Demand,
    "car": Car,
    "car_leaves": CarLeaves,
}
