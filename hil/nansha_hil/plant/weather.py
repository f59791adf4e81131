"""Sun and air over the plant: the profile's columns, dimmed by one passing cloud cover."""

from __future__ import annotations

from nansha_hil.plant.profile import Cursor, Profile


class Cloud:
    """A factor on irradiance that ramps linearly to a new value."""

    __slots__ = ("_from", "_ramp_s", "_start_s", "_to")

    def __init__(self) -> None:
        """Start under a clear sky."""
        self._from = 1.0
        self._to = 1.0
        self._start_s = 0.0
        self._ramp_s = 0.0

    def set(self, now_s: float, depth: float, ramp_s: float) -> None:
        """Dim irradiance by depth (0 clear, 1 dark), over ramp_s seconds from what it is now.

        Raises ValueError for a depth outside 0..1 or a negative ramp.
        """
        if not 0.0 <= depth <= 1.0:
            raise ValueError(f"cloud depth {depth} must lie in 0..1")
        if ramp_s < 0.0:
            raise ValueError(f"cloud ramp_s {ramp_s} must not be negative")
        self._from = self.factor(now_s)
        self._to = 1.0 - depth
        self._start_s = now_s
        self._ramp_s = ramp_s

    def factor(self, now_s: float) -> float:
        """Share of the irradiance that gets through, 0..1."""
        done_s = now_s - self._start_s
        if done_s >= self._ramp_s:
            return self._to
        if done_s <= 0.0:
            return self._from
        return self._from + (self._to - self._from) * done_s / self._ramp_s


class Weather:
    """Irradiance in the arrays' planes, W/m2, and outdoor temperature, degC, of one moment."""

    __slots__ = ("_irradiance", "_temperature", "cloud", "irradiance_w_per_m2", "temperature_degc")

    def __init__(
        self, profile: Profile, irradiance_columns: list[str], temperature_column: str | None
    ) -> None:
        """Take one irradiance column for each array, and 25 degC if there is no temperature."""
        self.cloud = Cloud()
        self._irradiance: list[Cursor] = [profile.cursor(name) for name in irradiance_columns]
        self._temperature = profile.cursor(temperature_column) if temperature_column else None
        self.irradiance_w_per_m2 = [0.0] * len(irradiance_columns)
        self.temperature_degc = 25.0

    def sample(self, now_s: float) -> None:
        """Set the values of now_s seconds after the start."""
        factor = self.cloud.factor(now_s)
        values = self.irradiance_w_per_m2
        for index, cursor in enumerate(self._irradiance):
            values[index] = factor * cursor.at(now_s)
        if self._temperature is not None:
            self.temperature_degc = self._temperature.at(now_s)
