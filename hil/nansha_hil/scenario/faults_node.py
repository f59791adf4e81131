"""Faults of a node: its sensors, its program, its clock, its flash."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from nansha_hil.scenario.entry import Assets, listed
from nansha_hil.scenario.faults_grid import Fault
from nansha_hil.scenario.words import Duration
from nansha_hil.stage import Stage

WATCHDOG_S = 12.0
"""Watchdog and boot: after so long a hung or reset program runs again."""
Channel = Literal["v", "i", "f", "x"]
_WORDS = {"v": "voltage", "i": "current", "f": "frequency", "x": "state"}


class _SensorFault(Fault):
    """A sensor of a node lies. channel: v, i, f, or x (state of charge, irradiance)."""

    asset: Assets
    channel: Channel

    def text(self) -> str:
        """What begins."""
        word = self.kind().removeprefix("sensor_")
        return f"{_WORDS[self.channel]} sensor of {listed(self.names())}: {word}"

    def end_text(self) -> str:
        """What ends."""
        return f"{_WORDS[self.channel]} sensor of {listed(self.names())} is well again"

    def blinds_s(self) -> float:
        """It cannot protect what it does not see."""
        return self.lasts_s or math.inf

    def end(self, stage: Stage) -> None:
        """Heal."""
        for asset in stage.each(self.names()):
            stage.boards[asset].transducers.sensors[self.channel].heal()


class SensorStuck(_SensorFault):
    """It shows what it showed last, or `value` (V, A, Hz, 0..1 or W/m2)."""

    fault: Literal["sensor_stuck"]
    value: float | None = None

    def begin(self, stage: Stage) -> None:
        """Stick."""
        for asset in stage.each(self.names()):
            stage.boards[asset].transducers.sensors[self.channel].stick(self.value)


class SensorNoisy(_SensorFault):
    """It adds noise, sigma in its own unit."""

    fault: Literal["sensor_noisy"]
    sigma: float = Field(gt=0.0)

    def begin(self, stage: Stage) -> None:
        """Rustle."""
        for asset in stage.each(self.names()):
            stage.boards[asset].transducers.sensors[self.channel].rustle(self.sigma)


class SensorNan(_SensorFault):
    """It has no value at all: a broken wire, which the converter reads as 0."""

    fault: Literal["sensor_nan"]

    def begin(self, stage: Stage) -> None:
        """Break the wire."""
        for asset in stage.each(self.names()):
            stage.boards[asset].transducers.sensors[self.channel].stick(float("nan"))


class SensorSwapped(_SensorFault):
    """Its wire and that of channel `other` are exchanged."""

    fault: Literal["sensor_swapped"]
    other: Channel

    def begin(self, stage: Stage) -> None:
        """Exchange."""
        for asset in stage.each(self.names()):
            stage.boards[asset].transducers.swap = (self.channel, self.other)

    def end(self, stage: Stage) -> None:
        """Put the wires right."""
        for asset in stage.each(self.names()):
            stage.boards[asset].transducers.swap = None


class SensorDrifting(_SensorFault):
    """It drifts away by so much a second, in its own unit."""

    fault: Literal["sensor_drifting"]
    per_s: float

    def begin(self, stage: Stage) -> None:
        """Drift."""
        for asset in stage.each(self.names()):
            sensor = stage.boards[asset].transducers.sensors[self.channel]
            sensor.drift(self.per_s, stage.now_us())


class _NodeFault(Fault):
    asset: Assets

    def blinds_s(self) -> float:
        """Until it runs again: watchdog and boot, or longer where it lasts."""
        return max(WATCHDOG_S, self.lasts_s)

    def lockstep_only(self) -> bool:
        """Needs the rig's clock."""
        return True


class NodeReset(_NodeFault):
    """The chip is reset by its pin."""

    fault: Literal["node_reset"]

    def text(self) -> str:
        """What begins."""
        return f"{listed(self.names())}: the node is reset"

    def begin(self, stage: Stage) -> None:
        """Reset."""
        for asset in stage.each(self.names()):
            stage.machinery.reset(asset)


class NodeBrownout(_NodeFault):
    """The node's supply fails for a while: the coil falls, the chip forgets."""

    fault: Literal["node_brownout"]
    lasts_s: Duration = Field(default=0.5, alias="for", gt=0.0)

    def text(self) -> str:
        """What begins."""
        return f"{listed(self.names())}: the node's supply fails"

    def end_text(self) -> str:
        """What ends."""
        return f"{listed(self.names())}: the node has its supply again"

    def begin(self, stage: Stage) -> None:
        """Off."""
        for asset in stage.each(self.names()):
            stage.machinery.power(asset, False)

    def end(self, stage: Stage) -> None:
        """On."""
        for asset in stage.each(self.names()):
            stage.machinery.power(asset, True)


class NodeHangs(_NodeFault):
    """The program stands in an endless loop; only its watchdog helps."""

    fault: Literal["node_hangs"]

    def text(self) -> str:
        """What begins."""
        return f"{listed(self.names())}: the program hangs"

    def begin(self, stage: Stage) -> None:
        """Hang."""
        for asset in stage.each(self.names()):
            stage.boards[asset].frozen = True


class ClockDrift(_NodeFault):
    """The node's clock runs fast (or slow) by so many parts per million."""

    fault: Literal["clock_drift"]
    ppm: float = Field(ge=-100_000, le=100_000)

    def text(self) -> str:
        """What begins."""
        return f"{listed(self.names())}: the clock is off by {self.ppm:g} ppm"

    def begin(self, stage: Stage) -> None:
        """Drift."""
        for asset in stage.each(self.names()):
            stage.boards[asset].set_drift(stage.now_us(), self.ppm * 1e-6)

    def end(self, stage: Stage) -> None:
        """True again, where it has got to."""
        for asset in stage.each(self.names()):
            stage.boards[asset].set_drift(stage.now_us(), 0.0)


class FlashWorn(_NodeFault):
    """The flash takes no more writes, and the node is reset on it."""

    fault: Literal["flash_worn"]

    def text(self) -> str:
        """What begins."""
        return f"{listed(self.names())}: the flash is worn, and the node is reset"

    def begin(self, stage: Stage) -> None:
        """Wear it out."""
        for asset in stage.each(self.names()):
            stage.boards[asset].wear_flash(True)
            stage.machinery.reset(asset)

    def end(self, stage: Stage) -> None:
        """A new chip."""
        for asset in stage.each(self.names()):
            stage.boards[asset].wear_flash(False)
