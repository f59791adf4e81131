"""A switched load: its demand follows a profile, its relay decides whether it is served."""

from __future__ import annotations

from nansha_hil.plant.meter import Node
from nansha_hil.plant.profile import Cursor
from nansha_hil.plant.spec import LoadSpec

FULL_POWER_PU = 0.9
"""From this voltage on a load draws its demand; below, like an impedance, with its square."""


class Load(Node):
    """One circuit, demand in W >= 0, power into the bus <= 0."""

    __slots__ = ("_cursor", "factor", "spec")

    def __init__(self, name: str, spec: LoadSpec, cursor: Cursor) -> None:
        """Take the demand from a profile's cursor, W."""
        super().__init__(name, spec.rated_w, spec.relay_delay_s, spec.starts_closed)
        self.spec = spec
        self.factor = 1.0
        self._cursor = cursor

    def refresh(self, now_s: float, voltage_pu: float) -> None:
        """Set demand and power for the bus voltage, per unit."""
        demand = self._cursor.at(now_s) * self.factor
        if demand < 0.0:
            demand = 0.0
        self.demand_w = demand
        self.follow(voltage_pu)

    def follow(self, voltage_pu: float) -> None:
        """Set the power that the demand becomes at this voltage."""
        if not self.closed:
            power = 0.0
        elif voltage_pu >= FULL_POWER_PU:
            power = -self.demand_w
        else:
            power = -self.demand_w * (voltage_pu / FULL_POWER_PU) ** 2
        self.p_w = self.target_w = power

    def step(self, h_s: float) -> float:
        """Let h_s seconds pass; energy into the bus, J (<= 0)."""
        energy = self.p_w * h_s
        self.in_j -= energy
        self.demand_j += self.demand_w * h_s
        return energy
