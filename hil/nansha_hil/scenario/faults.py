"""All faults by their word."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Annotated, Any, get_args

from pydantic import Field

from nansha_hil.scenario import faults_grid as grid
from nansha_hil.scenario import faults_host as host
from nansha_hil.scenario import faults_link as link
from nansha_hil.scenario import faults_node as node
from nansha_hil.scenario.faults_grid import Fault

_CLASSES: tuple[type[Fault], ...] = (
    *(grid.GridOutage, grid.GridVoltage, grid.GridFrequency, grid.PhaseJump),
    *(grid.ComponentTrip, grid.ComponentFails, grid.PvShaded, grid.MotorStarts),
    *(grid.RelayWelded, grid.RelaySlow, grid.RelayChatters),
    *(node.SensorStuck, node.SensorNoisy, node.SensorNan, node.SensorSwapped, node.SensorDrifting),
    *(node.NodeReset, node.NodeBrownout, node.NodeHangs, node.ClockDrift, node.FlashWorn),
    *(link.LinkLoss, link.LinkCorruption, link.LinkPoor, link.LinkLate),
    *(link.LinkReplay, link.LinkForged, link.RogueCommands),
    *(host.SplitBrain, host.HostKilled, host.HostPaused, host.HostClockJumps),
    *(host.BrokerKilled, host.DiskFull),
)
FAULTS: dict[str, type[Fault]] = {
    get_args(cls.model_fields["fault"].annotation)[0]: cls for cls in _CLASSES
}
AnyFault: Any = Annotated[reduce(or_, _CLASSES), Field(discriminator="fault")]
