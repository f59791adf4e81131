"""The checker, hunted: right answers must pass it, and every wrong one must not.

The problems and the wrong answers come from the core's own tests, `tests/unit/core`.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from time import perf_counter

from figures import Figure, Part, Say

from nansha_core import Balance, CertificateError, verify

sys.path.append(str(Path(__file__).parents[1] / "unit" / "core"))

from mutants import mutants
from problems import random_problem

SHARD = 5000
"""Mutants that one seed is good for, about."""
HOPELESS = 100
"""Refused answers after which a seed is given up."""
KEPT = 5
"""Escapes that a shard describes."""


@dataclass
class Tally:
    """What one seed, or all, came to."""

    answers: int = 0
    accepted: int = 0
    mutants: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    escapes: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.answers += other.answers
        self.accepted += other.accepted
        self.mutants += other.mutants
        self.rejected += other.rejected
        self.escapes += other.escapes


def hunt(seed: int, wanted: int) -> Tally:
    """Solve random problems, check the answers and at least `wanted` mutants of them."""
    tally = Tally()
    random = Random(seed)
    while tally.mutants.total() < wanted and tally.answers - tally.accepted < HOPELESS:
        problem = random_problem(random)
        balance = Balance(problem)
        balance.solve(problem.demand_w)
        answer = balance.answer()
        tally.answers += 1
        try:
            verify(problem, answer)
        except CertificateError as refused:
            _note(tally, f"seed {seed}, answer {tally.answers}: {refused}")
            continue  # what is made from a wrong answer may be right
        tally.accepted += 1
        for name, other_problem, other_answer in mutants(problem, answer, random):
            tally.mutants[name] += 1
            try:
                verify(other_problem, other_answer)
            except CertificateError:
                tally.rejected[name] += 1
            else:
                _note(tally, f"seed {seed}, answer {tally.answers}: {name} passed")
    return tally


def _note(tally: Tally, text: str) -> None:
    if len(tally.escapes) < KEPT:
        tally.escapes.append(text)


def _tallies(wanted: int, workers: int) -> Iterator[Tally]:
    """Seed after seed, each of a shard; on several cores if there are."""
    if workers == 1:
        yield from (hunt(seed, min(SHARD, wanted)) for seed in count())
    # Not fork: the solvers' libraries have started threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        seeds = count()
        running = {pool.submit(hunt, next(seeds), min(SHARD, wanted)) for _ in range(workers)}
        while True:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                running.add(pool.submit(hunt, next(seeds), min(SHARD, wanted)))
                yield future.result()


def measure(say: Say, wanted: int, budget_s: float, workers: int | None = None) -> tuple[Part, str]:
    """Hunt until `wanted` mutants are seen or the time is up; also say what went wrong, or ""."""
    total = Tally()
    end = perf_counter() + budget_s
    for tally in _tallies(wanted, workers or min(2, os.cpu_count() or 1)):
        total.add(tally)
        seen = total.mutants.total()
        say(min(1.0, seen / wanted), f"{seen} mutants before the checker")
        if seen >= wanted or perf_counter() > end:
            break
    seen, rejected = total.mutants.total(), total.rejected.total()
    part = Part(
        figures=[
            Figure(
                name="verify_accepts",
                value=total.accepted,
                unit="answers",
                at_least=total.answers,
                note="of the core, to random problems; all have to pass",
            ),
            Figure(
                name="verify_rejects",
                value=rejected,
                unit="mutants",
                at_least=wanted,
                note=f"of {seen} seen in the time; all have to be rejected",
            ),
        ],
        raw={
            "answers": total.answers,
            "accepted": total.accepted,
            "mutants": dict(sorted(total.mutants.items())),
            "rejected": dict(sorted(total.rejected.items())),
            "escapes": total.escapes,
        },
    )
    if rejected == seen and total.accepted == total.answers:
        return part, ""
    return part, (
        f"checker: {total.answers - total.accepted} of {total.answers} answers refused, "
        f"{seen - rejected} of {seen} mutants passed: {'; '.join(total.escapes[:KEPT])}"
    )
