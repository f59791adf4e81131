"""From 8 devices to ten million: the time of a solve, ours and each rival's as far as it goes."""

from __future__ import annotations

from math import log
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from figures import Figure, Part, Say, Table
from instances import Instance, flat_site
from rivals import ALL, Rival
from timing import Side, alone, no_collector, words

from nansha_core import Balance

SIZES = (
    *(8, 32, 64, 316, 1000, 4096, 10_000, 31_623, 100_000, 316_228),
    *(1_000_000, 3_162_278, 10_000_000),
)
SLOW_S = 2.0
"""A rival whose solve takes longer goes no further."""
POINT_S = 8.0
"""No solve is begun that would likely take longer, and one that does is cut off if it can be."""
SHORT_S = 0.02
SAMPLE_S = 0.25
FIT = (1000, 10_000_000)


class Course:
    """One rival's way up, until it is too slow."""

    def __init__(self, rival_type: type[Rival]) -> None:
        self.rival_type = rival_type
        self.points: list[dict[str, Any]] = []
        self.ended = ""

    def go(self, site: Instance) -> None:
        """Measure one more point, or say why not."""
        if self.ended:
            return
        if site.n > self.rival_type.largest_n:
            self.ended = "its dense matrices would not fit"
            return
        if self._expected_s(site.n) > POINT_S:
            self.ended = f"the next solve would take more than {POINT_S:g} s"
            return
        began = perf_counter()
        rival = self.rival_type(site, POINT_S)
        setup_s = perf_counter() - began
        side = Side(rival.step, site.demands)
        first_s = side.seconds_per_call(1)
        samples = [first_s]
        if first_s < SLOW_S:
            samples = alone(side, block_s=0.05, budget_s=SAMPLE_S)
        try:
            rival.powers()
        except RuntimeError as failed:
            self.ended = str(failed)
            return
        point = {"n": site.n, "setup_s": setup_s, "first_s": first_s, "warm_s": samples}
        self.points.append(point)
        if median(samples) > SLOW_S:
            self.ended = f"a solve took {words(median(samples))}"

    def _expected_s(self, n: int) -> float:
        """The last solve, grown as between the last two points; short ones say nothing of it."""
        if len(self.points) < 2:
            return 0.0
        before, last = (min(p["first_s"], *p["warm_s"]) for p in self.points[-2:])
        if last < SHORT_S:
            return 0.0
        sizes = [p["n"] for p in self.points[-2:]]
        power = log(last / before) / log(sizes[1] / sizes[0])
        return float(last * (n / sizes[1]) ** power)


def measure(say: Say, largest: int) -> Part:
    sizes = [n for n in SIZES if n <= largest]
    ours: list[dict[str, Any]] = []
    courses = [Course(rival_type) for rival_type in ALL]
    for number, n in enumerate(sizes):
        say(number / len(sizes), f"{n} devices")
        site = flat_site(n)
        ours.append(_ours(site))
        for course in courses:
            say((number + 0.5) / len(sizes), f"{n} devices, {course.rival_type.name}")
            course.go(site)

    series = {
        "nansha, warm": [(p["n"], median(p["warm_s"])) for p in ours],
        "nansha, first solve": [(p["n"], median(p["cold_s"])) for p in ours],
    } | {
        course.rival_type.name: [(p["n"], median(p["warm_s"])) for p in course.points]
        for course in courses
    }
    part = Part(raw={"ours": ours, "series": series, "fit": None})
    for course in courses:
        part.raw[course.rival_type.name] = {"points": course.points, "ended": course.ended}
    part.tables.append(_table(sizes, series))
    fitted = [(n, s) for n, s in series["nansha, warm"] if FIT[0] <= n <= FIT[1]]
    if len(fitted) > 2:
        exponent = float(np.polyfit(*np.log(np.array(fitted)).T, 1)[0])
        part.figures.append(
            Figure(
                name="scaling_exponent",
                value=exponent,
                unit="",
                at_most=1.1,
                note=f"warm time as a power of n, fitted from {FIT[0]} to {fitted[-1][0]} devices",
            )
        )
    return part


def _ours(site: Instance) -> dict[str, Any]:
    """Seconds of a solve: warm in blocks, and the first of fresh objects."""
    problem = site.problem()
    cold_s: list[float] = []
    with no_collector():
        end = perf_counter() + SAMPLE_S
        while len(cold_s) < 3 or (perf_counter() < end and len(cold_s) < 200):
            balance = Balance(problem)
            before = perf_counter()
            balance.solve(site.demand)
            cold_s.append(perf_counter() - before)
    warm_s = alone(Side(balance.solve, site.demands), block_s=0.005, budget_s=SAMPLE_S)
    return {"n": site.n, "warm_s": warm_s, "cold_s": cold_s}


def _table(sizes: list[int], series: dict[str, list[tuple[int, float]]]) -> Table:
    table = Table("Time of one solve", ["n", *series])
    by_name = {name: dict(points) for name, points in series.items()}
    for n in sizes:
        times = [points.get(n) for points in by_name.values()]
        table.rows.append([str(n), *("–" if s is None else words(s) for s in times)])
    return table
