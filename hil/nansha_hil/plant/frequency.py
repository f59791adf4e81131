"""Frequency of an island held by grid-forming converters: droop, virtual inertia, load damping.

Swing equation, W: M df/dt = sum of powers into the bus - D (f - fn), with M = 2 H S / fn and S the
summed rating of the grid-forming converters (Kundur, Power System Stability and Control, ch. 11, in
hertz instead of per unit). A converter aims at setpoint + (fn - f) * rated / (droop * fn), within
rating and cells, and gets there with its time constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from nansha_hil.plant.battery import Battery
from nansha_hil.plant.spec import BusSpec

ARRIVED_HZ = 0.0005
"""Closer than this to its rest, the island is treated as quasi-static."""
LEFT_HZ = 0.02
"""Farther than this from a new rest, it swings again."""
MAX_SUBSTEP_US = 1000


class Frequency:
    """Frequency of the island and the energies that move it.

    hz: frequency now. inertia_j: net energy put into the virtual inertia so far. damping_j: net
    energy by which the loads' dependence on frequency relieved (-) or burdened (+) the island."""

    __slots__ = (
        "damping_j",
        "damping_w_per_hz",
        "droop_hz",
        "hz",
        "inertia_j",
        "inertia_w_s_per_hz",
        "nominal_hz",
        "substep_us",
    )

    def __init__(self, bus: BusSpec, forming_rated_w: float) -> None:
        """Start at nominal; forming_rated_w: summed rating of the forming converters, W."""
        self.nominal_hz = bus.nominal_hz
        self.hz = bus.nominal_hz
        self.damping_w_per_hz = bus.damping_w_per_hz
        self.droop_hz = bus.droop_pu * bus.nominal_hz
        self.inertia_w_s_per_hz = 2.0 * bus.inertia_s * max(forming_rated_w, 1.0) / bus.nominal_hz
        self.inertia_j = 0.0
        self.damping_j = 0.0
        # The stiffest mode must stay well resolved, whatever inertia the site asks for.
        rate = (forming_rated_w / self.droop_hz + self.damping_w_per_hz) / self.inertia_w_s_per_hz
        self.substep_us = max(20, min(MAX_SUBSTEP_US, int(1e5 / max(rate, 1e-9))))

    def _aim_w(self, battery: Battery, low_hz: float) -> float:
        """What the droop asks of a converter low_hz below nominal, W, before any limit."""
        return battery.command_w + low_hz * battery.rated_w / self.droop_hz

    def rest_hz(self, forming: Sequence[Battery], other_w: float) -> float:
        """Frequency, Hz, at which the converters carry the others; +-inf if they cannot."""
        command_w = other_w
        slope = self.damping_w_per_hz
        for battery in forming:
            command_w += self._aim_w(battery, 0.0)
            slope += battery.rated_w / self.droop_hz
        low_hz = -command_w / slope
        for battery in forming:
            aim_w = self._aim_w(battery, low_hz)
            if battery.clip(aim_w) != aim_w:
                return self.nominal_hz - self._saturated_low_hz(forming, other_w)
        return self.nominal_hz - low_hz

    def _saturated_low_hz(self, forming: Sequence[Battery], other_w: float) -> float:
        """Hertz below nominal where the clipped, rising sum of powers passes zero."""

        def surplus_w(low_hz: float) -> float:
            total = other_w + self.damping_w_per_hz * low_hz
            for battery in forming:
                total += battery.clip(self._aim_w(battery, low_hz))
            return total

        corners = sorted(
            (edge - self._aim_w(battery, 0.0)) * self.droop_hz / battery.rated_w
            for battery in forming
            for edge in (battery.clip(-battery.rated_w), battery.clip(battery.rated_w))
        )
        for left, right in pairwise(corners):
            at_left, at_right = surplus_w(left), surplus_w(right)
            if at_left <= 0.0 <= at_right:
                return (
                    left
                    if at_right == at_left
                    else left - at_left * (right - left) / (at_right - at_left)
                )
        corner = corners[0] if surplus_w(corners[0]) > 0.0 else corners[-1]
        if self.damping_w_per_hz <= 0.0:
            return float("-inf") if surplus_w(corner) > 0.0 else float("inf")
        return corner - surplus_w(corner) / self.damping_w_per_hz

    def swing(self, forming: Sequence[Battery], other_j: float, h_s: float) -> float:
        """One short step of the swing equation, second order in h_s; the rate of change, Hz/s.

        other_j: energy of everything but the forming batteries, J, into the bus.
        """
        inertia = self.inertia_w_s_per_hz
        before_hz = self.hz
        power_w = other_j / h_s - self.damping_w_per_hz * (before_hz - self.nominal_hz)
        low_hz = self.nominal_hz - before_hz
        for battery in forming:
            if battery.tau_s > 0.0:
                power_w += battery.p_w
            else:
                power_w += battery.clip(self._aim_w(battery, low_hz))
        middle_hz = before_hz + 0.5 * h_s * power_w / inertia
        low_hz = self.nominal_hz - middle_hz
        energy_j = other_j
        for battery in forming:
            battery.target_w = battery.clip(self._aim_w(battery, low_hz))
            energy_j += battery.step(h_s)
        return self._move(energy_j, -self.damping_w_per_hz * low_hz * h_s) / h_s

    def rest(self, forming: Sequence[Battery], other_j: float, h_s: float) -> float:
        """One long step at rest: converters carry the others exactly, and the frequency holds.

        The small move to the rest frequency is paid for by the converters too, so energy closes.
        """
        rest_hz = self.rest_hz(forming, other_j / h_s)
        low_hz = self.nominal_hz - rest_hz
        move_j = self.inertia_w_s_per_hz * (rest_hz - self.hz) / len(forming)
        energy_j = other_j
        for battery in forming:
            power_w = battery.clip(self._aim_w(battery, low_hz))
            battery.p_w = battery.target_w = power_w
            energy_j += battery.deliver(power_w * h_s + move_j, h_s)
        return self._move(energy_j, -self.damping_w_per_hz * low_hz * h_s)

    def _move(self, energy_j: float, damping_j: float) -> float:
        moved_j = energy_j - damping_j
        self.damping_j += damping_j
        self.inertia_j += moved_j
        moved_hz = moved_j / self.inertia_w_s_per_hz
        self.hz += moved_hz
        return moved_hz
