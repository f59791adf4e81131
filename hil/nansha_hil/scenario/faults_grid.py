"""Faults of the utility and of components: the physical half of a bad day."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from nansha_hil.scenario.entry import Assets, Happening, listed
from nansha_hil.scenario.words import Duration, duration_text
from nansha_hil.stage import Stage


class Fault(Happening):
    """Something goes wrong."""

    def kind(self) -> str:
        """Its word in the file."""
        return str(getattr(self, "fault", ""))


class GridOutage(Fault):
    """The utility fails; with `for` it returns."""

    fault: Literal["grid_outage"]

    def text(self) -> str:
        """What begins."""
        return "grid outage" + (f", {duration_text(self.lasts_s)}" if self.lasts_s else "")

    def end_text(self) -> str:
        """What ends."""
        return "grid is back"

    def begin(self, stage: Stage) -> None:
        """Fail."""
        stage.plant.set_grid(False)

    def end(self, stage: Stage) -> None:
        """Return."""
        stage.plant.set_grid(True)


class GridVoltage(Fault):
    """The utility sags or swells, per unit of nominal, on all phases or on some."""

    fault: Literal["grid_voltage"]
    voltage_pu: float = Field(ge=0.0, le=2.0)
    ramp_s: Duration = Field(default=0.0, alias="ramp")
    phases: list[Literal["a", "b", "c"]] = Field(default=["a", "b", "c"])

    def text(self) -> str:
        """What begins."""
        which = "" if len(set(self.phases)) == 3 else f" on phase {', '.join(self.phases)}"
        return f"grid voltage is {100 * self.voltage_pu:.0f} %{which}"

    def end_text(self) -> str:
        """What ends."""
        return "grid voltage is nominal again"

    def begin(self, stage: Stage) -> None:
        """Shift."""
        self._set(stage, self.voltage_pu)

    def end(self, stage: Stage) -> None:
        """Shift back."""
        self._set(stage, stage.plant.spec.grid.voltage_pu)

    def _set(self, stage: Stage, voltage_pu: float) -> None:
        phases = tuple(sorted({"abc".index(p) for p in self.phases}))
        stage.plant.set_grid_voltage(voltage_pu, self.ramp_s, phases)


class GridFrequency(Fault):
    """The utility runs at another frequency."""

    fault: Literal["grid_frequency"]
    frequency_hz: float = Field(ge=40.0, le=70.0)
    ramp_s: Duration = Field(default=0.0, alias="ramp")

    def text(self) -> str:
        """What begins."""
        return f"grid runs at {self.frequency_hz:g} Hz"

    def end_text(self) -> str:
        """What ends."""
        return "grid frequency is nominal again"

    def begin(self, stage: Stage) -> None:
        """Shift."""
        stage.plant.set_grid_frequency(self.frequency_hz, self.ramp_s)

    def end(self, stage: Stage) -> None:
        """Shift back."""
        stage.plant.set_grid_frequency(stage.plant.spec.grid.frequency_hz, self.ramp_s)


class PhaseJump(Fault):
    """The utility's voltage jumps in phase, degrees."""

    fault: Literal["phase_jump"]
    angle_deg: float = Field(ge=-180.0, le=180.0)

    def text(self) -> str:
        """What begins."""
        return f"grid jumps by {self.angle_deg:g}°"

    def begin(self, stage: Stage) -> None:
        """Jump."""
        stage.plant.jump_grid_angle(self.angle_deg)


class _OfAssets(Fault):
    asset: Assets

    def roles(self) -> tuple[str, ...]:
        """What sits behind a converter or a contact of its own."""
        return ("pv", "battery", "load", "ev_charger")


class ComponentTrip(_OfAssets):
    """A component's own protection trips it; it starts again after its dead time."""

    fault: Literal["component_trip"]

    def text(self) -> str:
        """What begins."""
        return f"{listed(self.names())} trips by itself"

    def begin(self, stage: Stage) -> None:
        """Trip."""
        for asset in stage.each(self.names()):
            stage.plant.trip(asset)


class ComponentFails(_OfAssets):
    """A component is out of service; with `for` it is repaired."""

    fault: Literal["component_fails"]

    def text(self) -> str:
        """What begins."""
        return f"{listed(self.names())} breaks"

    def end_text(self) -> str:
        """What ends."""
        return f"{listed(self.names())} is repaired"

    def begin(self, stage: Stage) -> None:
        """Break."""
        for asset in stage.each(self.names()):
            stage.plant.fail(asset)

    def end(self, stage: Stage) -> None:
        """Repair."""
        for asset in stage.each(self.names()):
            stage.plant.repair(asset)


class PvShaded(Fault):
    """A share of an array's strings lies in the shade."""

    fault: Literal["pv_shaded"]
    asset: str
    share: float = Field(ge=0.0, le=1.0)

    def roles(self) -> tuple[str, ...]:
        """Arrays."""
        return ("pv",)

    def text(self) -> str:
        """What begins."""
        return f"{100 * self.share:.0f} % of {self.asset} is shaded"

    def end_text(self) -> str:
        """What ends."""
        return f"the shade leaves {self.asset}"

    def begin(self, stage: Stage) -> None:
        """Shade."""
        stage.plant.shade(self.asset, self.share)

    def end(self, stage: Stage) -> None:
        """Clear."""
        stage.plant.shade(self.asset, 0.0)


class MotorStarts(Fault):
    """A motor behind a load starts, with its inrush."""

    fault: Literal["motor_starts"]
    asset: str

    def roles(self) -> tuple[str, ...]:
        """Loads."""
        return ("load",)

    def text(self) -> str:
        """What begins."""
        return f"a motor starts behind {self.asset}"

    def begin(self, stage: Stage) -> None:
        """Start."""
        stage.plant.start_motor(self.asset)


class RelayWelded(_OfAssets):
    """A contact is stuck where it is."""

    fault: Literal["relay_welded"]

    def blinds_s(self) -> float:
        """It cannot open."""
        return self.lasts_s or math.inf

    def roles(self) -> tuple[str, ...]:
        """Any: every node has a contact."""
        return ()

    def text(self) -> str:
        """What begins."""
        return f"the contact of {listed(self.names())} is welded"

    def end_text(self) -> str:
        """What ends."""
        return f"the contact of {listed(self.names())} is free again"

    def begin(self, stage: Stage) -> None:
        """Weld."""
        for asset in stage.each(self.names()):
            stage.plant.weld(asset, True)

    def end(self, stage: Stage) -> None:
        """Free."""
        for asset in stage.each(self.names()):
            stage.plant.weld(asset, False)


class RelaySlow(RelayWelded):
    """A contact takes its time."""

    fault: Literal["relay_slow"]  # type: ignore[assignment]
    delay_s: Duration = Field(alias="delay")

    def text(self) -> str:
        """What begins."""
        return f"the contact of {listed(self.names())} takes {duration_text(self.delay_s)}"

    def end_text(self) -> str:
        """What ends."""
        return f"the contact of {listed(self.names())} is quick again"

    def begin(self, stage: Stage) -> None:
        """Slow down."""
        for asset in stage.each(self.names()):
            stage.plant.set_relay_delay(asset, self.delay_s)

    def end(self, stage: Stage) -> None:
        """As built."""
        for asset in stage.each(self.names()):
            name = stage.plant.spec.poi
            spec = stage.plant.spec.grid if asset == name else stage.plant.spec.assets[asset]
            stage.plant.set_relay_delay(asset, spec.relay_delay_s)


class RelayChatters(RelayWelded):
    """A contact bounces between open and closed for a while."""

    fault: Literal["relay_chatters"]  # type: ignore[assignment]
    period_s: Duration = Field(default=0.05, alias="period")
    lasts_s: Duration = Field(default=2.0, alias="for")

    def text(self) -> str:
        """What begins."""
        return f"the contact of {listed(self.names())} chatters"

    def begin(self, stage: Stage) -> None:
        """Chatter; it ends by itself."""
        for asset in stage.each(self.names()):
            stage.plant.chatter(asset, self.period_s, self.lasts_s)

    def end(self, stage: Stage) -> None:
        """Nothing to undo."""
