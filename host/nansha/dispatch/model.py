"""What a cycle decides."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LEASE_MS = 10_000
"""For so long a node obeys a setpoint after the telemetry that it answers."""


class Mode(StrEnum):
    """Where the site stands, in the words of IEEE 2030.7."""

    UNKNOWN = "unknown"
    """Nothing heard of the point of interconnection yet."""
    GRID_CONNECTED = "grid_connected"
    ISLANDED = "islanded"
    SYNCHRONISING = "synchronising"
    """Islanded, the grid is healthy again, the breaker may close as soon as the phases agree."""
    BLACK = "black"
    """The bus is dead."""


@dataclass(frozen=True, slots=True)
class AssetDispatch:
    """What one asset is told."""

    asset: str
    p_w: int
    """Setpoint, W, bus injection; pv and ev_charger: the limit."""
    closed: bool
    """Relay, contactor or breaker."""
    reason: str
    """Why, in one word that reports count by."""
    armed: bool = False
    """It sheds by itself as soon as the frequency falls below `armed_f_hz`."""
    armed_f_hz: float = 0.0
    sheds: bool = False
    """This setpoint takes power from somebody; it goes out first."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One cycle's decision, with the figures that vouch for it."""

    t_ms: int
    mode: Mode
    price: float
    """The site's price of power, CNY/kWh: the multiplier of the balance."""
    residual_w: float
    """What the balance leaves over, W, as the independent checker sees it."""
    shortage_w: float
    """Demand that nothing could meet, W."""
    surplus_w: float
    """Power that nothing could take, W."""
    assets: tuple[AssetDispatch, ...]

    def of(self, asset: str) -> AssetDispatch:
        """The decision on one asset; KeyError when it has none."""
        for item in self.assets:
            if item.asset == asset:
                return item
        raise KeyError(asset)
