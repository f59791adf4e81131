"""Runs many jobs side by side, each pinned to a core, and shows how far they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any


def _pin(counter: Any) -> None:
    cores = sorted(os.sched_getaffinity(0))
    with counter.get_lock():
        number = counter.value
        counter.value += 1
    os.sched_setaffinity(0, {cores[number % len(cores)]})


def side_by_side(
    work: Callable[[Any], dict[str, Any]],
    jobs: Iterable[Any],
    line: Callable[[dict[str, Any]], str],
) -> list[dict[str, Any]]:
    """What `work` makes of each job; `line` is printed as each comes in."""
    jobs = list(jobs)
    context = get_context("spawn")
    counter = context.Value("i", 0)
    workers = len(os.sched_getaffinity(0))
    results = []
    with ProcessPoolExecutor(workers, context, initializer=_pin, initargs=(counter,)) as pool:
        for future in as_completed([pool.submit(work, job) for job in jobs]):
            results.append(future.result())
            print(f"{len(results):3}/{len(jobs)} {line(results[-1])}", flush=True)
    return results
