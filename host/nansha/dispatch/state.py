"""What the controller remembers from cycle to cycle; plain values, so that it can be written
down."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace

from nansha.dispatch.model import Mode


@dataclass(slots=True)
class ControlState:
    """Memory of the controller. Times are host times in ms; -1 means never."""

    mode: Mode = Mode.UNKNOWN
    t_ms: int = -1
    grid_ok_since_ms: int = -1
    """Since when the grid has been healthy without a break."""
    poi_ms: int = -1
    """When the point of interconnection was last heard."""
    nudge: float = 0.0
    """What the batteries add to shift an island's frequency while it synchronises, share of
    rating."""
    shed: dict[str, str] = field(default_factory=dict)
    """Loads that the host holds open, and why."""
    shed_ms: dict[str, int] = field(default_factory=dict)
    """When each of them was opened."""
    restored_ms: int = -1
    """When the last load was let back."""
    demand_w: dict[str, float] = field(default_factory=dict)
    """Each load's demand as last seen while it was closed, W, positive."""
    ev_wh: dict[str, float] = field(default_factory=dict)
    """Energy delivered in the running session of each charger, Wh."""

    def copy(self) -> ControlState:
        """One that can change without this one changing."""
        return replace(
            self,
            shed=dict(self.shed),
            shed_ms=dict(self.shed_ms),
            demand_w=dict(self.demand_w),
            ev_wh=dict(self.ev_wh),
        )

    def to_json(self) -> str:
        """As text; floats keep every bit."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ControlState:
        """Back from `to_json`."""
        state = cls(**json.loads(text))
        state.mode = Mode(state.mode)
        return state
