"""The network between nodes and host: latency, jitter, loss, corruption, bandwidth, outages.

Each link draws from a generator of its own, seeded by the scenario, the asset and the direction, so
that what one link does changes nothing on another. A wire keeps the order of its bytes; a packet
link does not.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from nansha_wire.serial import Deframer, pack

KEPT = 400
"""Frames that a link remembers, for somebody to play again."""


@dataclass(frozen=True, slots=True)
class LinkProfile:
    """What a link does to a frame.

    latency_ms and jitter_ms: one way, jitter added evenly from 0 up. down_ms: so much more on the
    way to the node. loss and corruption: share of frames. bandwidth_bps: 0 for as much as the line
    itself gives. ordered: frames arrive in the order in which they went.
    """

    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    loss: float = 0.0
    corruption: float = 0.0
    duplicates: float = 0.0
    bandwidth_bps: float = 0.0
    ordered: bool = True
    down_ms: float = 0.0

    @property
    def plain(self) -> bool:
        """Whether it does nothing at all."""
        return self == _PLAIN


_PLAIN = LinkProfile()
ProfileName = Literal["wire", "wifi", "wifi_poor", "cellular", "cellular_poor"]
PROFILES: dict[ProfileName, LinkProfile] = {
    "wire": _PLAIN,
    # Figures of confidence C: common experience, not a measurement of a certain network.
    "wifi": LinkProfile(2.0, 8.0, 0.002, 0.0, 0.0005, 0.0, ordered=False),
    "wifi_poor": LinkProfile(10.0, 120.0, 0.05, 0.0, 0.01, 0.0, ordered=False),
    # LTE-M: 3GPP TR 36.888 asks for about 1 Mbit/s; round trips of 100 to 150 ms are usual.
    "cellular": LinkProfile(60.0, 60.0, 0.01, 0.0, 0.002, 300_000.0, ordered=False),
    "cellular_poor": LinkProfile(250.0, 700.0, 0.08, 0.0, 0.01, 20_000.0, ordered=False),
}


class Link:
    """One node's way to the host and back. Times in microseconds."""

    def __init__(self, asset: str, profile: LinkProfile, seed: int) -> None:
        self.asset = asset
        self.profile = profile
        self.usual = profile
        self.cuts = 0
        """Faults that cut it now; nothing passes while there is one."""
        self._luck = [random.Random(f"{seed} {asset} {way}") for way in ("down", "up")]
        self._deframers = [Deframer(), Deframer()]
        self._free_us = [0, 0]
        self._last_us = [0, 0]
        self._kept: list[deque[tuple[int, bytes]]] = [deque(maxlen=KEPT), deque(maxlen=KEPT)]

    def carry(self, now_us: int, data: bytes, up: bool) -> list[tuple[int, bytes]]:
        """What becomes of bytes that have left one end at `now_us`: (arrival, bytes) pairs."""
        if self.profile.plain and not self.cuts:
            self._remember(now_us, data, up)
            return [(now_us, data)]
        arrivals: list[tuple[int, bytes]] = []
        for frame in self._deframers[up].feed(data):
            arrivals += self._one(now_us, pack(frame), up)
        return arrivals

    def _remember(self, now_us: int, data: bytes, up: bool) -> None:
        self._kept[up].append((now_us, data))

    def _one(self, now_us: int, data: bytes, up: bool) -> list[tuple[int, bytes]]:
        profile, luck = self.profile, self._luck[up]
        if self.cuts or luck.random() < profile.loss:
            return []
        self._remember(now_us, data, up)
        leaves_us = now_us
        if profile.bandwidth_bps:
            leaves_us = max(now_us, self._free_us[up])
            leaves_us += round(len(data) * 8e6 / profile.bandwidth_bps)
            self._free_us[up] = leaves_us
        copies = 2 if luck.random() < profile.duplicates else 1
        arrivals = []
        for _ in range(copies):
            delay_us = 1000.0 * (profile.latency_ms + profile.jitter_ms * luck.random())
            delay_us += 0.0 if up else 1000.0 * profile.down_ms
            arrives_us = leaves_us + round(delay_us)
            if profile.ordered:
                arrives_us = self._last_us[up] = max(arrives_us, self._last_us[up])
            body = data
            if luck.random() < profile.corruption:
                body = spoiled(data, luck)
            arrivals.append((arrives_us, body))
        return arrivals

    def recorded(self, up: bool, since_us: int = 0, until_us: int | None = None) -> list[bytes]:
        """What it has carried meanwhile and somebody may have listened to."""
        return [
            data
            for t_us, data in self._kept[up]
            if t_us >= since_us and (until_us is None or t_us <= until_us)
        ]


def spoiled(data: bytes, luck: random.Random) -> bytes:
    """The bytes with one to three of their bits turned over."""
    out = bytearray(data)
    for _ in range(luck.randint(1, 3)):
        out[luck.randrange(len(out))] ^= 1 << luck.randrange(8)
    return bytes(out)


class Net:
    """All links of a site."""

    def __init__(self, profiles: dict[str, LinkProfile], seed: int) -> None:
        """`profiles`: by asset."""
        self.links = {asset: Link(asset, profile, seed) for asset, profile in profiles.items()}

    def cut(self, assets: Iterable[str]) -> None:
        """Nothing passes any more."""
        for asset in assets:
            self.links[asset].cuts += 1

    def mend(self, assets: Iterable[str]) -> None:
        """Undo one `cut`."""
        for asset in assets:
            self.links[asset].cuts = max(0, self.links[asset].cuts - 1)
