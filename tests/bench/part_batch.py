"""A thousand sites in one call: what a site costs beyond reading and writing its arrays."""

from __future__ import annotations

from itertools import cycle
from statistics import median

import numpy as np
from figures import Figure, Part, Say, WrongAnswer
from instances import flat_site
from residual import residual
from timing import Side, interleave, words

from nansha_core import Batch

SITES = 1000
N = 64
PAIRS = 41


def measure(say: Say) -> Part:
    say(0.0, f"a batch of {SITES} sites")
    sites = [flat_site(N, seed) for seed in range(SITES)]
    batch = Batch([site.problem() for site in sites])
    walk = np.array([site.demands for site in sites]).T.copy()
    steps = cycle(list(walk))

    prices = batch.solve(walk[0])
    rows = [np.asarray(batch[i].p_w) for i in range(SITES)]
    for site, price, p, demand in zip(sites, prices, rows, walk[0], strict=True):
        off = residual(site, p, float(demand), price)
        if off > 1e-11:
            raise WrongAnswer(f"a site of a batch: a condition is broken by {off:.1e}")

    say(0.5, f"a batch of {SITES} sites")
    pairs = interleave(
        Side(lambda _: batch.solve(next(steps)), [0.0]),
        Side(lambda _: batch.stream(), [0.0]),
        PAIRS,
        block_s=0.02,
    )
    both = zip(pairs.ours_s, pairs.theirs_s, strict=True)
    above_ns = [(ours - stream) / SITES * 1e9 for ours, stream in both]
    figure = Figure(
        name=f"batch{SITES}x{N}_ns_per_site_above_stream",
        value=median(above_ns),
        unit="ns",
        at_most=100.0,
        note=f"{words(pairs.ours / SITES)} a site, a stream {words(pairs.theirs / SITES)}",
    )
    return Part(figures=[figure], raw=pairs.as_dict() | {"above_ns": above_ns})
