"""Many load vectors of a radial feeder in one call, beside power-grid-model's batch.

CIGRE's European low-voltage benchmark. Both sides: all voltages of all buses, complex by ours,
magnitude and angle by theirs; inputs in place. Ours writes into an array that it is given; theirs
can only allocate its result in each call, and what that costs it is measured by itself. Theirs:
Newton-Raphson at its default tolerance; it converges quadratically, ours linearly, so ours has the
tighter one. Both agree to 1e-9 in this run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from figures import Figure, Part, Say, Table, WrongAnswer
from grid_model import GridModel
from networks import cigre_lv
from power_grid_model import CalculationMethod, ComponentType, DatasetType, initialize_array
from timing import Side, interleave, words

OURS_PU, THEIRS_PU, AGREE_PU = 2e-9, 1e-8, 1e-9
SCENARIOS = 1000
PAIRS = 31
BARS = {1: 50.0, 3: 50.0}
SEQUENTIAL, ALL_THREADS = -1, 0
"""What power-grid-model takes for its `threading`."""


def measure(say: Say) -> Part:
    cores = _cores()
    part = Part()
    columns = ["phases", "threads", "ours", "power-grid-model", "ratio", "agree, p.u."]
    table = Table(f"CIGRE LV, 41 buses, {SCENARIOS} load vectors: time a vector", columns)
    with ThreadPoolExecutor(cores) as pool:
        for at, phases in enumerate((1, 3)):
            say(at / 2, f"power flow, {phases} phase")
            for threads in sorted({1, cores}):
                table.rows.append(_pair(phases, threads, pool, part))
    part.tables.append(table)
    return part


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _pair(phases: int, threads: int, pool: ThreadPoolExecutor, part: Part) -> list[str]:
    network = cigre_lv()
    shape = (SCENARIOS, len(network.load_va), phases)
    s_va = network.load_va[None, :, None] / 3 * np.random.default_rng(7).uniform(-0.5, 1.2, shape)
    feeder = network.feeder(phases, OURS_PU)
    volts = np.empty((SCENARIOS, feeder.buses, phases), complex)
    model = GridModel(network, phases)
    update = model.update(s_va)
    method, kind = CalculationMethod.newton_raphson, SEQUENTIAL if threads == 1 else ALL_THREADS
    cuts = np.linspace(0, SCENARIOS, threads + 1).astype(int)
    pieces = [slice(a, b) for a, b in pairwise(cuts)]

    def ours(_: float) -> Any:
        if threads == 1:
            return feeder.batch(s_va, volts)
        return list(pool.map(lambda piece: feeder.batch(s_va[piece], volts[piece]), pieces))

    def theirs(_: float) -> Any:
        return model.solve(update, method, kind, THEIRS_PU)

    volts[:] = np.nan
    ours(0.0)
    exact = model.volts_pu(model.solve(update, method, SEQUENTIAL, 1e-12))
    off_pu = float(np.abs(volts / network.nominal_v - exact).max())
    off_theirs_pu = float(np.abs(model.volts_pu(theirs(0.0)) - exact).max())
    if not max(off_pu, off_theirs_pu) <= AGREE_PU:
        raise WrongAnswer(f"{phases} phases: off by {off_pu:.1e} (ours), {off_theirs_pu:.1e} p.u.")

    pairs = interleave(Side(ours, [0.0]), Side(theirs, [0.0]), PAIRS, block_s=0.05)
    name = f"cigre_lv_{phases}_phase_{threads}_thread_vs_power_grid_model"
    part.raw[name] = pairs.as_dict() | {"off_pu": off_pu, "off_theirs_pu": off_theirs_pu}
    allocation_s = _seconds(lambda _: _result(phases, feeder.buses)) if threads == 1 else 0.0
    note = f"{words(pairs.ours / SCENARIOS)} a vector, tolerance {OURS_PU:g} and {THEIRS_PU:g} p.u."
    if threads == 1:
        share = 100.0 * allocation_s / pairs.theirs
        note += f"; its result's memory is {share:.2g} % of its time"
    part.figures.append(
        Figure(
            name=name,
            value=pairs.ratio,
            unit="x",
            at_least=BARS[phases] if threads == 1 else None,
            note=note,
        )
    )
    return [
        str(phases),
        str(threads),
        words(pairs.ours / SCENARIOS),
        words(pairs.theirs / SCENARIOS),
        f"{pairs.ratio:.1f}",
        f"{max(off_pu, off_theirs_pu):.1e}",
    ]


def _result(phases: int, buses: int) -> Any:
    """Memory for power-grid-model's result, touched once; it has more columns."""
    kind = DatasetType.sym_output if phases == 1 else DatasetType.asym_output
    result = initialize_array(kind, ComponentType.node, (SCENARIOS, buses))
    result["u_pu"] = 0.0
    return result


def _seconds(call: Callable[[float], Any]) -> float:
    side = Side(call, [0.0])
    calls = side.calls_in(0.02)
    return min(side.seconds_per_call(calls) for _ in range(5))
