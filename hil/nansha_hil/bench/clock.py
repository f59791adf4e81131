"""The box's clock on the rig's: from round trips, the best of the last ones (Cristian, 1989).

An answer carries the box's time, which lies between the request's departure and the answer's
arrival; half of that is how wrong the middle can be. A fast round trip tells more than a slow one,
and an old one less by what two quartzes drift apart.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

PERIOD_US = 1 << 30
DRIFT_PPM = 100.0
_KEPT = 256


@dataclass(frozen=True, slots=True)
class _Sample:
    offset_us: float
    half_us: float
    arrived_us: float


class BoxClock:
    """Times in us. The box's wrap at 2**30."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque(maxlen=_KEPT)
        self._last_us: int | None = None

    def sample(self, sent_us: float, arrived_us: float, box_us: int) -> None:
        """One round trip: `box_us` was between the two."""
        box = self._last_us = self._whole(box_us)
        half_us = (arrived_us - sent_us) / 2
        self._samples.append(_Sample((sent_us + arrived_us) / 2 - box, half_us, arrived_us))

    def rig_us(self, box_us: int) -> float:
        """The rig's time of a moment within nine minutes of the last answer."""
        return self._whole(box_us) + self._best().offset_us

    @property
    def error_us(self) -> float:
        """How wrong `rig_us` can be now, at most."""
        return self._uncertain(self._best())

    def _best(self) -> _Sample:
        if not self._samples:
            raise RuntimeError("no answer has come yet")
        return min(self._samples, key=self._uncertain)

    def _uncertain(self, sample: _Sample) -> float:
        age_us = self._samples[-1].arrived_us - sample.arrived_us
        return sample.half_us + age_us * DRIFT_PPM * 1e-6

    def _whole(self, box_us: int) -> int:
        """Without the wraps: the moment nearest to the last known one."""
        if self._last_us is None:
            return box_us
        half = PERIOD_US >> 1
        return self._last_us + (box_us - self._last_us + half) % PERIOD_US - half
