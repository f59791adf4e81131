"""Fair timing on a machine that others use: short blocks of ours and theirs in turn.

A busy neighbour slows both sides of a pair alike, so the ratio of a pair says more than any time.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any


class Side:
    """One solver: what a call is, and the demands to come, round and round."""

    def __init__(self, step: Callable[[float], Any], demands: Sequence[float]) -> None:
        self._step = step
        self._demands = list(demands)
        self._at = 0

    def seconds_per_call(self, calls: int) -> float:
        """Time so many calls in a row; the loop around them is in it, a few nanoseconds."""
        cycle = self._demands
        start = self._at
        self._at = (start + calls) % len(cycle)
        demands = (cycle[start:] + cycle * (calls // len(cycle) + 1))[:calls]
        step = self._step
        before = perf_counter()
        for demand in demands:
            step(demand)
        return (perf_counter() - before) / calls

    def calls_in(self, block_s: float) -> int:
        """Find how many calls fill a block; whole walks where they fit, for all their steps count.

        The calls it takes to find out also warm the solver up.
        """
        calls = 1
        while (taken_s := self.seconds_per_call(calls) * calls) < block_s / 4:
            calls *= 2
        fit = max(1, round(calls * block_s / taken_s))
        walk = len(self._demands)
        return fit if fit < walk else fit // walk * walk


@dataclass
class Pairs:
    """Seconds a call, ours and theirs, pair by pair."""

    ours_s: list[float] = field(default_factory=list)
    theirs_s: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """How many times our time theirs is: the median of the pairs."""
        return median(t / o for o, t in zip(self.ours_s, self.theirs_s, strict=True))

    @property
    def ours(self) -> float:
        return median(self.ours_s)

    @property
    def theirs(self) -> float:
        return median(self.theirs_s)

    def as_dict(self) -> dict[str, Any]:
        return {"ours_s": self.ours_s, "theirs_s": self.theirs_s, "ratio": self.ratio}


@contextmanager
def no_collector() -> Iterator[None]:
    """Keep the garbage collector out of the timed blocks."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def interleave(
    ours: Side, theirs: Side, count: int, *, block_s: float = 0.01, into: Pairs | None = None
) -> Pairs:
    """Measure so many pairs of blocks, ours and theirs in turn, after warming both up."""
    pairs = Pairs() if into is None else into
    with no_collector():
        our_calls, their_calls = ours.calls_in(block_s), theirs.calls_in(block_s)
        for _ in range(count):
            pairs.ours_s.append(ours.seconds_per_call(our_calls))
            pairs.theirs_s.append(theirs.seconds_per_call(their_calls))
    return pairs


def alone(side: Side, *, block_s: float, budget_s: float, least: int = 3) -> list[float]:
    """Measure one side by itself: seconds a call, block by block, until the budget is used."""
    with no_collector():
        calls = side.calls_in(block_s)
        samples: list[float] = []
        end = perf_counter() + budget_s
        while len(samples) < least or perf_counter() < end:
            samples.append(side.seconds_per_call(calls))
    return samples


def words(seconds: float) -> str:
    """Write a time in the unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"
