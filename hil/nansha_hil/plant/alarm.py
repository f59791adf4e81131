"""The alarm output of an emulated power meter."""

from __future__ import annotations

from nansha_hil.plant.spec import BusSpec


class Alarm:
    """Active while V, f or df/dt are out of bounds and for a while after; times in microseconds."""

    __slots__ = (
        "_hold_us",
        "_hz",
        "_hz_per_s",
        "_nominal_hz",
        "_pu",
        "_violated",
        "last_us",
    )

    def __init__(self, bus: BusSpec) -> None:
        """Take bounds and hold time from the bus."""
        self._pu = bus.alarm_voltage_pu
        self._hz = bus.alarm_hz
        self._hz_per_s = bus.alarm_hz_per_s
        self._nominal_hz = bus.nominal_hz
        self._hold_us = round(bus.alarm_hold_s * 1e6)
        self.last_us = -(10**15)
        self._violated = False

    def watch(self, now_us: int, voltage_pu: float, frequency_hz: float, hz_per_s: float) -> None:
        """Look at one moment, voltage in per unit."""
        low = 1.0 - self._pu
        self._violated = (
            not low <= voltage_pu <= 1.0 + self._pu
            or not -self._hz <= frequency_hz - self._nominal_hz <= self._hz
            or not -self._hz_per_s <= hz_per_s <= self._hz_per_s
        )
        if self._violated:
            self.last_us = now_us

    def active(self, now_us: int) -> bool:
        """Is the output on."""
        return now_us - self.last_us < self._hold_us

    def releases_us(self, now_us: int) -> int | None:
        """When the output goes off; None if it is off, or on for as long as things stay bad."""
        release = self.last_us + self._hold_us
        return release if release > now_us and not self._violated else None
