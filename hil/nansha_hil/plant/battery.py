"""A battery: cells with hard ends, a converter with losses and a first-order response."""

from __future__ import annotations

from nansha_hil.plant.meter import Node
from nansha_hil.plant.response import respond, zero_crossing_s
from nansha_hil.plant.spec import BatterySpec

RELEASE_FRACTION = 0.005
"""After a hard stop the cells must move this far from the end before it is released."""


class Battery(Node):
    """One battery; the command is a set power, W, + discharging.

    stored_j: energy in the cells, J, always within 0..capacity. empty and full: latched hard stops.
    tripped: the grid-forming converter has given up on an island until its contactor is opened.
    """

    __slots__ = (
        "_charge",
        "_discharge",
        "capacity_j",
        "empty",
        "full",
        "live",
        "self_use_w",
        "spec",
        "stored_j",
        "tau_s",
        "tripped",
    )

    def __init__(self, name: str, spec: BatterySpec) -> None:
        """Start at soc_start, doing nothing."""
        super().__init__(name, spec.rated_w, spec.relay_delay_s, spec.starts_closed)
        self.spec = spec
        self.tau_s = spec.tau_s
        self.self_use_w = spec.self_use_w
        self.capacity_j = spec.capacity_wh * 3600.0
        self.stored_j = self.capacity_j * spec.soc_start
        self.empty = self.stored_j <= 0.0
        self.full = self.stored_j >= self.capacity_j
        self.tripped = False
        self.live = False
        self._charge = spec.charge_efficiency
        self._discharge = 1.0 / spec.discharge_efficiency

    @property
    def soc(self) -> float:
        """State of charge, 0..1."""
        return self.stored_j / self.capacity_j

    @property
    def forming(self) -> bool:
        """Ready to hold an island."""
        return self.spec.grid_forming and self.closed and not self.tripped and not self.empty

    def clip(self, power_w: float) -> float:
        """Nearest power that rating and hard stops allow, W."""
        high = 0.0 if self.empty else self.rated_w
        low = 0.0 if self.full else -self.rated_w
        return high if power_w > high else low if power_w < low else power_w

    def refresh(self, live: bool, forming: bool) -> None:
        """Release the hard stops where due and aim at the set power.

        live: the bus carries voltage. forming: this converter makes it; its aim follows frequency.
        """
        if self.empty and self.stored_j > RELEASE_FRACTION * self.capacity_j:
            self.empty = False
        if self.full and self.stored_j < (1.0 - RELEASE_FRACTION) * self.capacity_j:
            self.full = False
        self.live = (live or forming) and self.closed
        if not self.live:
            self.target_w = self.p_w = 0.0
            return
        if (self.empty and self.p_w > 0.0) or (self.full and self.p_w < 0.0):
            self.p_w = 0.0
        if forming:
            return
        self.target_w = target = self.clip(self.command_w)
        if abs(target - self.p_w) <= self.band_w:
            self.p_w = target

    def step(self, h_s: float) -> float:
        """Let h_s seconds pass towards the target; energy into the bus, J."""
        power, target = self.p_w, self.target_w
        if power == target:
            return self.deliver(power * h_s, h_s)
        cross_s = zero_crossing_s(power, target, self.tau_s)
        if cross_s < h_s:  # the two directions have different losses
            _, first_j = respond(power, target, self.tau_s, cross_s)
            done_j = self.deliver(first_j, cross_s)
            self.p_w, rest_j = respond(0.0, target, self.tau_s, h_s - cross_s)
            return done_j + self.deliver(rest_j, h_s - cross_s)
        self.p_w, energy = respond(power, target, self.tau_s, h_s)
        return self.deliver(energy, h_s)

    def deliver(self, energy_j: float, h_s: float) -> float:
        """Book energy of one direction, J, over h_s seconds; what the cells allowed of it, J.

        Discharging takes E / discharge_efficiency from the cells; charging stores
        E * charge_efficiency in them.
        """
        idle_j = self.self_use_w * h_s if self.live else 0.0
        cells_j = -energy_j * (self._discharge if energy_j > 0.0 else self._charge)
        stored = self.stored_j + cells_j - idle_j
        if not 0.0 < stored < self.capacity_j and (cells_j != 0.0 or idle_j != 0.0):
            return self._stop(energy_j, cells_j, idle_j, stored)
        self.stored_j = stored
        if energy_j > 0.0:
            self.out_j += energy_j
        else:
            self.in_j -= energy_j
        self.loss_j += idle_j - cells_j - energy_j
        return energy_j

    def _stop(self, energy_j: float, cells_j: float, idle_j: float, stored: float) -> float:
        """Come to rest exactly at an end of the cells: only the share before it is delivered."""
        moved_j = cells_j - idle_j
        room_j = -self.stored_j if stored <= 0.0 else self.capacity_j - self.stored_j
        share = min(1.0, room_j / moved_j) if moved_j != 0.0 else 1.0
        if stored <= 0.0:
            self.stored_j, self.empty = 0.0, True
        else:
            self.stored_j, self.full = self.capacity_j, True
        self.p_w = self.target_w = 0.0
        energy_j *= share
        self.book(energy_j)
        self.loss_j += share * (idle_j - cells_j) - energy_j
        return energy_j
