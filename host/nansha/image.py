"""The process image: what the host knows of its site, frozen for one cycle.

Frames come in at any time and change the builder; a cycle takes one image and decides on that
alone, so the same frames at the same times always give the same decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nansha_wire import codes
from nansha_wire.frames import Frame

STALE_MS = 3500
"""A sample older than this is not believed: three periods of a calm node, and a half for the
way."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The last telemetry of one asset. Powers in bus-injection sign."""

    age_ms: int
    """Host time since it came in, ms."""
    p_w: float
    """Active power, W."""
    v_v: float
    """RMS voltage at its terminals (poi: of the grid), V."""
    f_hz: float
    """Frequency at its terminals (poi: of the grid), Hz; 0 on a dead bus."""
    x: float
    """Battery: state of charge, 0 to 1. PV: irradiance, W/m2. Else 0."""
    p_set_w: float
    """Power the node is holding to, W."""
    closed: bool
    """Relay, contactor or breaker closed."""
    leased: bool
    """The node obeys a lease of the host."""
    alert: bool
    """The meter's alarm."""
    input: bool
    """EV charger: a car is plugged in. POI: the synchronism check agrees."""
    tripped: bool
    """A protection element holds the relay open."""
    reason: str
    """Why the node's output is what it is."""

    @property
    def fresh(self) -> bool:
        """Whether it is young enough to decide on."""
        return self.age_ms <= STALE_MS


@dataclass(frozen=True, slots=True)
class Image:
    """All samples of one cycle, by asset. An asset never heard of has none."""

    t_ms: int
    """Host time of the cycle, ms since 1970 UTC."""
    samples: Mapping[str, Sample]

    def fresh(self, asset: str) -> Sample | None:
        """The asset's sample, or None when there is none or it is stale."""
        sample = self.samples.get(asset)
        return sample if sample is not None and sample.fresh else None


class ImageBuilder:
    """Collects telemetry; `image` freezes it."""

    def __init__(self, asset_of_node: Mapping[int, str], roles: Mapping[str, str]) -> None:
        self._asset_of_node = dict(asset_of_node)
        self._roles = dict(roles)
        self._last: dict[str, tuple[int, Frame]] = {}

    def telemetry(self, t_ms: int, frame: Frame) -> None:
        """Take in one telemetry frame that arrived at host time `t_ms`."""
        asset = self._asset_of_node.get(frame.node)
        if asset is not None:
            self._last[asset] = (t_ms, frame)

    def image(self, t_ms: int) -> Image:
        """Freeze what is known at `t_ms`."""
        samples = {
            asset: self._sample(t_ms - arrived_ms, self._roles[asset], frame)
            for asset, (arrived_ms, frame) in self._last.items()
        }
        return Image(t_ms, MappingProxyType(samples))

    @staticmethod
    def _sample(age_ms: int, role: str, frame: Frame) -> Sample:
        body = frame.body
        flags = body.flags
        return Sample(
            age_ms,
            float(body.p_w),
            body.v_mv / 1000,
            body.f_mhz / 1000,
            body.x / 1000 if role == "battery" else float(body.x),
            float(body.p_set_w),
            bool(flags & codes.FLAG_CLOSED),
            bool(flags & codes.FLAG_LEASE),
            bool(flags & codes.FLAG_ALERT),
            bool(flags & codes.FLAG_INPUT),
            bool(flags & codes.FLAG_TRIPPED),
            codes.REASONS[body.reason] if body.reason < len(codes.REASONS) else "unknown",
        )
