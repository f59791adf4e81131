"""Many jobs at a time, each worker pinned to a core with all that it starts.

An exchange between processes on one core costs a quarter of one between two.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any, TypeVar

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


def _pin(cores: list[int], counter: Any) -> None:
    with counter.get_lock():
        number = counter.value
        counter.value += 1
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {cores[number % len(cores)]})


def side_by_side(
    work: Callable[[_Job], _Result], jobs: Sequence[_Job], workers: int = 0
) -> Iterator[_Result]:
    """What `work` makes of each job, as it comes in. workers: 0 for one a core.

    `work` and what it takes and gives are pickled: `work` stands at the top of its module.
    """
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    workers = min(workers or len(cores), max(1, len(jobs)))
    context = get_context("spawn")
    counter = context.Value("i", 0)
    with ProcessPoolExecutor(workers, context, initializer=_pin, initargs=(cores, counter)) as pool:
        for future in as_completed([pool.submit(work, job) for job in jobs]):
            yield future.result()
