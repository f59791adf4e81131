"""A million devices against the memory: warm, cold, and after a change of one device."""

from __future__ import annotations

from time import perf_counter

import numpy as np
from figures import Figure, Part, Say, WrongAnswer
from instances import Instance, flat_site
from residual import residual
from timing import Pairs, Side, interleave, no_collector, words

from nansha_core import Balance
from nansha_core.balance import stream

N = 1_000_000
WARM_PAIRS = 21
COLD_PAIRS = 9
ROUNDS = 15
CHANGES = 100
"""Of one device each in a round, before a walk of full solves."""


def measure(say: Say) -> Part:
    part = Part()
    say(0.0, "a million devices")
    site = flat_site(N)
    balance = Balance(site.problem())
    _check(site, balance)
    say(0.3, "a million devices, warm")
    warm = interleave(
        Side(balance.solve, site.demands),
        Side(lambda _: stream(balance), site.demands),
        WARM_PAIRS,
        block_s=0.05,
    )
    say(0.5, "a million devices, one changed")
    one = _one_change(site, balance)
    say(0.7, "a million devices, cold")
    cold = _cold(site)
    part.raw = {
        "warm": warm.as_dict(),
        "cold": cold.as_dict(),
        "one_change": one.as_dict(),
    }
    part.figures = [
        _of_stream("million_warm_vs_stream", warm, 1.3),
        _of_stream("million_cold_vs_stream", cold, 2.0),
        Figure(
            name="million_one_change",
            value=1 / one.ratio,
            unit="of a solve",
            at_most=1 / 500,
            note=f"set_device and price {words(one.ours)}, a full solve {words(one.theirs)}",
        ),
    ]
    return part


def _of_stream(name: str, pairs: Pairs, bar: float) -> Figure:
    return Figure(
        name=name,
        value=1 / pairs.ratio,
        unit="x",
        at_most=bar,
        note=f"{words(pairs.ours)}, one stream over the same arrays {words(pairs.theirs)}",
    )


def _cold(site: Instance) -> Pairs:
    """Time the first solve of a fresh object, then streams over that same object."""
    pairs = Pairs()
    with no_collector():
        for k in range(COLD_PAIRS):
            balance = Balance(site.problem())
            before = perf_counter()
            balance.solve(site.demands[k])
            pairs.ours_s.append(perf_counter() - before)
            again = Side(lambda _, balance=balance: stream(balance), site.demands)
            pairs.theirs_s.append(again.seconds_per_call(5))
    return pairs


def _one_change(site: Instance, balance: Balance) -> Pairs:
    """Time set_device and price beside full solves; each time another device and other values."""
    other = flat_site(N, seed=1)
    devices = np.random.default_rng(7).integers(0, N, ROUNDS * CHANGES).tolist()
    changes = [(i, *(float(x[i]) for x in (other.a, other.b, other.lo, other.hi))) for i in devices]
    full = Side(balance.solve, site.demands)
    pairs = Pairs()
    with no_collector():
        for k in range(ROUNDS):
            taken: list[float] = []
            balance.solve(site.demand)
            for change in changes[k * CHANGES : (k + 1) * CHANGES]:
                before = perf_counter()
                balance.set_device(*change)
                price = balance.price(site.demand)
                taken.append(perf_counter() - before)
            # The first of a round may pay for what keeps the others short, so no median here.
            pairs.ours_s.append(sum(taken) / CHANGES)
            if k < ROUNDS - 1:
                pairs.theirs_s.append(full.seconds_per_call(len(site.demands)))
    changed = Instance(*(x.copy() for x in (site.a, site.b, site.lo, site.hi)), site.demand)
    for i, a, b, lo, hi in changes:
        changed.a[i], changed.b[i], changed.lo[i], changed.hi[i] = a, b, lo, hi
    power = balance.power_w(devices[-1])
    again = balance.solve(site.demand)
    if abs(price - again) > 1e-12 * abs(again):
        raise WrongAnswer(f"price after one change {price!r}, of a full solve {again!r}")
    if abs(power - balance.p_w[devices[-1]]) > 1e-9:
        raise WrongAnswer(f"power after one change {power!r}, of a full solve differs")
    _check(changed, balance)
    pairs.theirs_s.append(full.seconds_per_call(len(site.demands)))
    return pairs


def _check(site: Instance, balance: Balance) -> None:
    price = balance.solve(site.demand)
    p = np.asarray(balance.p_w)
    # A sum of a million is exact to its last digit at best, and that is 1e-10 of the largest.
    off = residual(site, p, site.demand, price)
    if off > 1e-9 or np.any(p < site.lo) or np.any(p > site.hi):
        raise WrongAnswer(f"a million devices: a condition is broken by {off:.1e}")
