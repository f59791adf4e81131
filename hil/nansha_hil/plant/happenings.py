"""What happens in a plant, in words: modes of the bus and events."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LIVE_PU = 0.5
"""Below this voltage a bus feeds nothing that matters; converters block there by default."""


class BusMode(StrEnum):
    """What the bus hangs on."""

    GRID = "grid_connected"
    COLLAPSED = "collapsed"
    ISLAND = "islanded"
    BLACK = "black"


@dataclass(frozen=True, slots=True)
class PlantEvent:
    """Something that happened in the plant; the unit of value follows from the kind."""

    time_us: int
    kind: str
    asset: str = ""
    value: float = 0.0


MODES = (BusMode.GRID, BusMode.COLLAPSED, BusMode.ISLAND, BusMode.BLACK)

KINDS = (
    *(mode.value for mode in MODES),
    "no_forming_battery",
    "frequency_collapse",
    "closed_onto_dead_grid",
    "out_of_phase_closing",
    "black_start",
    "black_start_failed",
    "trip_undervoltage_1",
    "trip_undervoltage_2",
    "trip_overvoltage_1",
    "trip_overvoltage_2",
    "trip_underfrequency",
    "trip_overfrequency",
    "ceased",
    "pll_lost",
    "restarted",
    "motor_started",
    "motor_stalled",
)
"""Names of the events that the engine makes, in the order of `Happening` in state.pxd."""
