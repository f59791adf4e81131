"""A sensor between the truth and the transducer: noise, bias, gain, step, delay, and faults."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SensorSpec:
    """How far a healthy sensor is from the truth, in the channel's own unit (V, A, Hz, 0..1, W/m2).

    noise: standard deviation. bias: added. gain: relative error. step: quantisation before the
    converter's own. delay_s: age of what it shows.
    """

    noise: float = 0.0
    bias: float = 0.0
    gain: float = 0.0
    step: float = 0.0
    delay_s: float = 0.0


IDEAL = SensorSpec()


class Sensor:
    """One channel of one node. Its random numbers come from its own seed."""

    __slots__ = ("_drift_since_us", "_history", "_last", "_luck", "_per_s", "_sigma", "_stuck",
                 "active", "spec")  # fmt: skip

    def __init__(self, spec: SensorSpec, seed: str) -> None:
        self.spec = spec
        self._luck = random.Random(seed)
        self._history: deque[tuple[int, float]] = deque()
        self._last = 0.0
        self.heal()

    def heal(self) -> None:
        """No fault any more."""
        self._stuck: float | None = None
        self._sigma = 0.0
        self._per_s = 0.0
        self._drift_since_us = 0
        self._settle()

    def stick(self, value: float | None) -> None:
        """Show `value`, or what was shown last; NaN is a broken wire."""
        self._stuck = self._last if value is None else value
        self._settle()

    def rustle(self, sigma: float) -> None:
        """Add noise of this standard deviation."""
        self._sigma = sigma
        self._settle()

    def drift(self, per_s: float, now_us: int) -> None:
        """Run away by so much a second from now on."""
        self._per_s, self._drift_since_us = per_s, now_us
        self._settle()

    def _settle(self) -> None:
        self.active = (
            self.spec != IDEAL or self._stuck is not None or self._sigma > 0.0 or self._per_s != 0.0
        )
        """Whether it is anything but a wire."""

    def shows(self, value: float, now_us: int) -> float:
        """What it shows for a true value; a broken wire shows NaN."""
        if not self.active:
            self._last = value
            return value
        if self._stuck is not None:
            return self._stuck
        spec = self.spec
        if spec.delay_s:
            value = self._delayed(value, now_us)
        value = value * (1.0 + spec.gain) + spec.bias
        value += self._per_s * (now_us - self._drift_since_us) * 1e-6
        sigma = spec.noise + self._sigma
        if sigma:
            value += self._luck.gauss(0.0, sigma)
        if spec.step:
            value = round(value / spec.step) * spec.step
        self._last = value
        return value

    def _delayed(self, value: float, now_us: int) -> float:
        history, then_us = self._history, now_us - round(self.spec.delay_s * 1e6)
        history.append((now_us, value))
        while len(history) > 1 and history[1][0] <= then_us:
            history.popleft()
        return history[0][1]
