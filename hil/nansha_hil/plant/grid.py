"""The utility, the breaker at the point of interconnection and its sync check."""

from __future__ import annotations

from nansha_hil.plant.meter import Node
from nansha_hil.plant.spec import GridSpec

DEAD_PU = 0.05
"""Below so little voltage a bus only rises or falls: no current is read off it."""


def wrapped_deg(angle_deg: float) -> float:
    """The same angle within -180..180 degrees."""
    return (angle_deg + 180.0) % 360.0 - 180.0


class Poi(Node):
    """Point of interconnection: power is import (+) or export (-).

    angle_deg: phase of the bus ahead of the utility, meaningful while the breaker is open between
    two live sides.
    """

    __slots__ = ("angle_deg", "frequency_hz", "healthy", "spec", "voltage_pu")

    def __init__(self, name: str, spec: GridSpec) -> None:
        """Start with a healthy utility."""
        super().__init__(name, 1.0, spec.relay_delay_s, spec.starts_closed)
        self.spec = spec
        self.healthy = True
        self.voltage_pu = spec.voltage_pu
        self.frequency_hz = spec.frequency_hz
        self.angle_deg = 0.0

    def turn(self, bus_hz: float, h_s: float) -> None:
        """Let the angle between the two sides drift for h_s seconds at a constant bus frequency."""
        self.angle_deg = wrapped_deg(self.angle_deg + 360.0 * (bus_hz - self.frequency_hz) * h_s)

    def in_step(self, bus_hz: float, bus_pu: float) -> bool:
        """The sync-check contact: healthy utility, bus dead or matched in V, f and angle."""
        if not self.healthy:
            return False
        if self.closed or bus_pu < DEAD_PU:
            return True
        spec = self.spec
        return (
            abs(bus_pu - self.voltage_pu) <= spec.sync_voltage_pu
            and abs(bus_hz - self.frequency_hz) <= spec.sync_hz
            and abs(self.angle_deg) <= spec.sync_angle_deg
        )

    def out_of_phase(self, bus_hz: float, bus_pu: float) -> bool:
        """Closing now would hurt: live bus, and V, f or angle beyond the damage limits."""
        spec = self.spec
        return bus_pu >= DEAD_PU and (
            abs(bus_pu - self.voltage_pu) > spec.damage_voltage_pu
            or abs(bus_hz - self.frequency_hz) > spec.damage_hz
            or abs(self.angle_deg) > spec.damage_angle_deg
        )

    def contact_changes_in_s(self, bus_hz: float) -> float:
        """Seconds until the drifting angle meets an edge of the sync window; inf if it stands."""
        slip = 360.0 * (bus_hz - self.frequency_hz)
        if abs(slip) < 1e-6:
            return float("inf")
        edge = self.spec.sync_angle_deg
        angle = self.angle_deg if slip > 0.0 else -self.angle_deg
        ahead = (
            -edge - angle
            if angle < -edge
            else edge - angle
            if angle <= edge
            else 360.0 - edge - angle
        )
        return max(0.0, ahead / abs(slip))
