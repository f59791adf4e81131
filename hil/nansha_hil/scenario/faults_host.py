"""Faults of the host and what it stands on: a rival, a kill, a pause; clock, broker, disk."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nansha_hil.scenario.faults_grid import Fault
from nansha_hil.scenario.words import Duration, duration_text, seconds
from nansha_hil.stage import Stage


class _HostFault(Fault):
    def lockstep_only(self) -> bool:
        """The rig's own host."""
        return True


class SplitBrain(_HostFault):
    """A second host with the same keys commands the same site."""

    fault: Literal["split_brain"]

    def text(self) -> str:
        """What begins."""
        return "a second host commands the same site"

    def end_text(self) -> str:
        """What ends."""
        return "the second host is gone"

    def begin(self, stage: Stage) -> None:
        """Start it."""
        stage.machinery.host.rival(True)

    def end(self, stage: Stage) -> None:
        """Stop it."""
        stage.machinery.host.rival(False)


class HostKilled(_HostFault):
    """The host dies between two instructions; with `for` it is started again."""

    fault: Literal["host_killed"]

    def text(self) -> str:
        """What begins."""
        return "the host is killed"

    def end_text(self) -> str:
        """What ends."""
        return "the host is started again"

    def begin(self, stage: Stage) -> None:
        """Kill."""
        stage.machinery.host.kill()

    def end(self, stage: Stage) -> None:
        """Start."""
        stage.machinery.host.start()


class HostPaused(_HostFault):
    """The host stands still, as under a debugger; what arrives waits for it."""

    fault: Literal["host_paused"]
    lasts_s: Duration = Field(default=20.0, alias="for")

    def text(self) -> str:
        """What begins."""
        return f"the host stands still for {duration_text(self.lasts_s)}"

    def end_text(self) -> str:
        """What ends."""
        return "the host goes on"

    def begin(self, stage: Stage) -> None:
        """Stop."""
        stage.machinery.host.pause(True)

    def end(self, stage: Stage) -> None:
        """Go on."""
        stage.machinery.host.pause(False)


class HostClockJumps(_HostFault):
    """The wall clock jumps, and the host is restarted on it: a running host does not look again."""

    fault: Literal["host_clock_jumps"]
    by: str

    def text(self) -> str:
        """What begins."""
        return f"the host's clock jumps by {self.by}, and the host is restarted"

    def begin(self, stage: Stage) -> None:
        """Jump."""
        sign = -1.0 if self.by.strip().startswith("-") else 1.0
        stage.machinery.host.jump(sign * abs(seconds(self.by)))
        stage.machinery.host.kill()
        stage.machinery.host.start()


class BrokerKilled(_HostFault):
    """The broker dies: no node that the site file puts on MQTT is heard or reached."""

    fault: Literal["broker_killed"]
    lasts_s: Duration = Field(default=30.0, alias="for")

    def text(self) -> str:
        """What begins."""
        return "the broker is killed"

    def end_text(self) -> str:
        """What ends."""
        return "the broker is back"

    def begin(self, stage: Stage) -> None:
        """Cut."""
        stage.machinery.net.cut(sorted(stage.machinery.wireless))

    def end(self, stage: Stage) -> None:
        """Back."""
        stage.machinery.net.mend(sorted(stage.machinery.wireless))


class DiskFull(_HostFault):
    """The host's disk takes no more bytes."""

    fault: Literal["disk_full"]
    lasts_s: Duration = Field(default=60.0, alias="for")

    def text(self) -> str:
        """What begins."""
        return "the host's disk is full"

    def end_text(self) -> str:
        """What ends."""
        return "there is room on the disk again"

    def begin(self, stage: Stage) -> None:
        """Fill."""
        stage.machinery.host.fill_disk(True)

    def end(self, stage: Stage) -> None:
        """Make room."""
        stage.machinery.host.fill_disk(False)
