"""A charge point and the car that comes and goes."""

from __future__ import annotations

from nansha_hil.plant.meter import Node
from nansha_hil.plant.response import respond
from nansha_hil.plant.spec import EvSpec

TAPER_FLOOR = 0.05
"""The car's last current, as a fraction of the rating."""


class Ev(Node):
    """One charge point; the command is the charge limit in bus injection, <= 0; 0 means pause."""

    __slots__ = ("needed_j", "plugged", "spec", "tau_s")

    def __init__(self, name: str, spec: EvSpec) -> None:
        """Start without a car and without a limit."""
        super().__init__(name, spec.rated_w, spec.relay_delay_s, spec.starts_closed)
        self.spec = spec
        self.tau_s = spec.tau_s
        self.command_w = -spec.rated_w
        self.plugged = False
        self.needed_j = 0.0

    def plug(self, energy_wh: float) -> None:
        """A car arrives that wants energy_wh. Raises ValueError for a negative or absent energy."""
        if not energy_wh >= 0.0:
            raise ValueError(f"energy_wh {energy_wh} must not be negative")
        self.plugged = True
        self.needed_j = energy_wh * 3600.0

    def unplug(self) -> None:
        """The car leaves, charged or not."""
        self.plugged = False
        self.needed_j = 0.0
        self.p_w = self.target_w = 0.0

    def refresh(self, live: bool) -> None:
        """Set what the car would take unhindered (demand) and what it aims at under the limit."""
        appetite = 0.0
        if self.plugged and self.needed_j > 0.0:
            appetite = self.rated_w
            taper_j = self.spec.taper_wh * 3600.0
            if self.needed_j < taper_j:
                appetite *= max(TAPER_FLOOR, self.needed_j / taper_j)
        self.demand_w = appetite
        limit = -self.command_w
        if not live or not self.closed or appetite == 0.0:
            self.target_w = self.p_w = 0.0
            return
        target = 0.0 if limit < self.spec.min_w or limit <= 0.0 else -min(appetite, limit)
        self.target_w = target
        if abs(target - self.p_w) <= self.band_w:
            self.p_w = target

    def step(self, h_s: float) -> float:
        """Let h_s seconds pass; energy into the bus, J (<= 0)."""
        power = self.p_w
        if power == self.target_w:
            energy = power * h_s
        else:
            self.p_w, energy = respond(power, self.target_w, self.tau_s, h_s)
        if energy != 0.0:
            self.in_j -= energy
            self.needed_j = max(0.0, self.needed_j + energy)
        self.demand_j += self.demand_w * h_s
        return energy
