"""The core against exact fractions: random sites up to N = 64, ties, plateaus, trees and tiers."""

from __future__ import annotations

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from pathlib import Path
from random import Random

from figures import Figure, Part, Say, WrongAnswer

from nansha_core import Balance
from nansha_core.reference import solve_exact

sys.path.append(str(Path(__file__).parents[1] / "unit" / "core"))

from problems import random_problem

PROBLEMS = 12_000
SHARD = 250
ERROR = 1e-9
"""The bar: of the largest power."""
TINY_W = 1e-6
"""No power is taken to be smaller: where large ones cancel, what is left has no digits."""


def worst(seed: int) -> float:
    """Solve so many random problems both ways; the largest error of a row, relative."""
    random = Random(seed)
    found = 0.0
    for _ in range(SHARD):
        problem = random_problem(random, most=64)
        answer, exact = Balance(problem).answer(), solve_exact(problem)
        top = max([abs(float(p)) for p in exact.p_w] + [abs(problem.demand_w), TINY_W])
        for i, (p, q) in enumerate(zip(answer.p_w, exact.p_w, strict=True)):
            # A shared tie is a fraction of a range, known to the rounding of that range.
            rounding = 4e-16 * (abs(problem.lo_w[i]) + abs(problem.hi_w[i]))
            found = max(found, (abs(float(Fraction(p) - q)) - rounding) / top)
    return found


def measure(say: Say) -> Part:
    shards = PROBLEMS // SHARD
    errors = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1), mp_context=context) as pool:
        for done, error in enumerate(pool.map(worst, range(10_000, 10_000 + shards)), 1):
            errors.append(error)
            say(done / shards, f"{done * SHARD} problems in exact fractions")
    if max(errors) > ERROR:
        raise WrongAnswer(f"a row is off by {max(errors):.1e} of the largest power")
    return Part(
        figures=[
            Figure(
                name="exact_worst_error",
                value=max(errors),
                unit="of the largest power",
                at_most=ERROR,
                note=f"{PROBLEMS} random problems up to N = 64, half with trees and tiers",
            )
        ],
        raw={"problems": PROBLEMS, "worst_by_shard": errors},
    )
