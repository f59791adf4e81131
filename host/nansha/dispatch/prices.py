"""A tariff as the controller reads it: price now, and the day to come in quarter hours."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from nansha.tariff import Tariff

STEP_MIN = 15
STEPS_A_DAY = 24 * 60 // STEP_MIN
_STEP_MS = STEP_MIN * 60_000


class Prices:
    """Prices by host time; remembers the quarter hour it was asked about last."""

    def __init__(self, tariff: Tariff, timezone: str, hot_day: bool) -> None:
        self._tariff = tariff
        self._zone = ZoneInfo(timezone)
        self._hot_day = hot_day
        self._slot = -1
        self._ahead: tuple[float, ...] = ()
        self._sell_slot = -1
        self._sell = 0.0

    def local(self, t_ms: int) -> datetime:
        """Host time as the site's clock shows it."""
        return datetime.fromtimestamp(t_ms / 1000, UTC).astimezone(self._zone)

    @staticmethod
    def slot(t_ms: int) -> int:
        """Number of the quarter hour; prices do not change within one."""
        return t_ms // _STEP_MS

    def ahead(self, t_ms: int) -> tuple[float, ...]:
        """Prices of the next 24 h, CNY/kWh, in quarter hours, the present one first."""
        slot = self.slot(t_ms)
        if slot != self._slot:
            self._ahead = tuple(
                self._tariff.price_cny_per_kwh(self.local((slot + k) * _STEP_MS), self._hot_day)
                for k in range(STEPS_A_DAY)
            )
            self._slot = slot
        return self._ahead

    def buy(self, t_ms: int) -> float:
        """Price of an imported kWh now, CNY."""
        return self.ahead(t_ms)[0]

    def sell(self, t_ms: int) -> float:
        """Price of an exported kWh now, CNY."""
        slot = self.slot(t_ms)
        if slot != self._sell_slot:
            self._sell = self._tariff.feed_in_cny_per_kwh(self.local(t_ms))
            self._sell_slot = slot
        return self._sell
