"""A run's series with what charts and diagram need from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]

MAX_POINTS = 1440
BEFORE_S, AFTER_S = 2.0, 5.0
"""Around an event every sample is kept, so that a trip of 50 ms can be zoomed into."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One asset as the report shows it."""

    id: str
    name: str
    role: str
    tier: str


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, s since the start."""

    from_s: float
    to_s: float


class Day:
    """The series of a run, of any length."""

    def __init__(
        self,
        series: Mapping[str, Array],
        assets: Sequence[Asset],
        start: datetime,
        events_s: Sequence[float] = (),
    ) -> None:
        """Series of another length than t_s are ignored. events_s: where to look closely."""
        self.t_s = np.asarray(series.get("t_s", ()), dtype=float)
        self.series = {
            key: np.asarray(values, dtype=float)
            for key, values in series.items()
            if key != "t_s" and len(values) == len(self.t_s)
        }
        self.assets = list(assets)
        self.start_ms = start.replace(tzinfo=UTC).timestamp() * 1000.0
        self.islands = _spans(self.t_s, self.series.get("islanded"))
        self.close = near(self.t_s, events_s)
        self.edges_s = self._edges()

    def _edges(self) -> Array:
        """Between which times charts take means: every sample, or even steps and every event."""
        if len(self.t_s) <= MAX_POINTS:
            return self.t_s
        even = np.linspace(self.t_s[0], self.t_s[-1], MAX_POINTS + 1)
        return np.union1d(even, self.t_s[self.close])

    @property
    def empty(self) -> bool:
        """Nothing to draw."""
        return len(self.t_s) < 2

    @property
    def length_s(self) -> float:
        """From the first sample to the last."""
        return 0.0 if self.empty else float(self.t_s[-1] - self.t_s[0])

    def times(self, t_s: Array) -> list[float]:
        """Local times as plotly wants them: ms since 1970, as if the site were on UTC."""
        return [float(t) for t in np.round(self.start_ms + 1000.0 * np.asarray(t_s), 1)]

    def clock(self, t_s: float) -> float:
        """One local time for plotly."""
        return self.times(np.array([t_s]))[0]

    def mean_kw(self, key: str) -> Array:
        """A series of watts averaged over the report's intervals, kW; zeros if it is absent."""
        values = self.series.get(key)
        if values is None or self.empty:
            return np.zeros(max(len(self.edges_s) - 1, 0))
        return time_means(self.t_s, values, self.edges_s) / 1000.0

    def role(self, role: str) -> list[Asset]:
        """Assets of one role."""
        return [asset for asset in self.assets if asset.role == role]


def near(t_s: Array, events_s: Sequence[float]) -> Index:
    """Rows around events, in order; in a storm of events, around some of them all through it."""
    spans = []
    for event_s in events_s:
        low, high = np.searchsorted(t_s, (event_s - BEFORE_S, event_s + AFTER_S)).tolist()
        spans.append(range(max(low - 1, 0), min(high + 1, len(t_s))))
    many = sum(map(len, spans)) / MAX_POINTS
    chosen = kept(len(spans), int(len(spans) / max(many, 1.0)))
    rows = {row for number in chosen.tolist() for row in spans[number]}
    return np.array(sorted(rows), dtype=np.int64)


def kept(count: int, most: int) -> Index:
    """Places of at most so many of `count` things, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def time_means(t_s: Array, values: Array, edges_s: Array) -> Array:
    """Time-weighted means of a series that holds each value until the next, between edges."""
    held = np.nan_to_num(values[:-1])
    total = np.concatenate(([0.0], np.cumsum(held * np.diff(t_s))))
    width = np.maximum(np.diff(edges_s), 1e-12)
    return np.asarray(np.diff(np.interp(edges_s, t_s, total)) / width)


def thin(t_s: Array, values: Array, keep: Index) -> tuple[Array, Array]:
    """At most some thousand points, every extreme and the rows `keep` among them."""
    count = len(t_s)
    if count <= 3 * MAX_POINTS:
        return t_s, values
    rows: list[int] = []
    for chunk in np.array_split(np.arange(count), MAX_POINTS // 2):
        part = np.nan_to_num(values[chunk], nan=float(np.nanmean(values)))
        rows += {int(chunk[0]), int(chunk[part.argmin()]), int(chunk[part.argmax()])}
    index = np.union1d(np.array(rows, dtype=np.int64), keep)
    return t_s[index], values[index]


def _spans(t_s: Array, flags: Array | None) -> list[Span]:
    if flags is None or len(t_s) < 2:
        return []
    on = np.nan_to_num(flags) > 0.5
    edges = np.diff(np.concatenate(([0], on.astype(int), [0])))
    starts, ends = np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist()
    last = len(t_s) - 1
    return [
        Span(float(t_s[a]), float(t_s[min(b, last)])) for a, b in zip(starts, ends, strict=True)
    ]
