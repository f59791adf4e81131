"""The whole rig beside the wall's clock: seven nodes in the VM, plant and host, a calm afternoon.

At the period that the firmware has, a second, and at ten times a second. Also where the time goes:
the VMs' own computing, which nothing around them can make less, and the host's process.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from time import perf_counter, process_time

from figures import Figure, Part, Say, Table, WrongAnswer

from nansha_hil import lockstep
from nansha_hil.experiment import PREROLL_S, Experiment
from nansha_hil.scenario import load_scenario

QUIET = Path(__file__).parents[3] / "scenarios" / "suite" / "boot.toml"
"""A scenario in which nothing happens."""
PERIODS = ((1000, 1800, 1000.0), (100, 60, 200.0))
"""Control period in ms, seconds to simulate, the bar in times real time."""


def measure(say: Say) -> Part:
    """Simulated seconds a second of the wall."""
    part = Part()
    table = Table(
        "seven nodes: what a simulated second costs",
        ["period", "times real time", "wall", "host's process", "all VMs", "wake-ups"],
    )
    for at, (period_ms, length_s, bar) in enumerate(PERIODS):
        say(at / len(PERIODS), f"{length_s} s at {period_ms} ms")
        cost = _cost(period_ms, length_s)
        part.raw[f"{period_ms} ms"] = cost
        name = f"rig_times_real_time_at_{1000 // period_ms}_hz"
        part.figures.append(
            Figure(name=name, value=1.0 / cost["wall_s"], unit="x", at_least=bar, note="7 nodes")
        )
        times = [f"{1e3 * cost[key]:.2f} ms" for key in ("wall_s", "host_s", "vms_s")]
        ratio = f"{1.0 / cost['wall_s']:.0f}"
        table.rows.append([f"{period_ms} ms", ratio, *times, f"{cost['wake_ups']:.1f}"])
    part.tables.append(table)
    return part


def _cost(period_ms: int, length_s: int) -> dict[str, float]:
    """What one simulated second costs, once the site has come up."""
    scenario = load_scenario(QUIET, [f"scenario.duration_s={length_s}"])
    usual_us = lockstep.CYCLE_US
    lockstep.CYCLE_US = period_ms * 1000
    with tempfile.TemporaryDirectory() as folder:
        run = Experiment(scenario, Path(folder))
        for board in (Path(folder) / "nodes").glob("*/board.py"):
            text, found = re.subn(
                r"(?m)^CALM_MS = .*$", f"CALM_MS = {period_ms}", board.read_text()
            )
            if found != 1:
                raise WrongAnswer(f"{board.parent.name}: its board.py has no CALM_MS")
            board.write_text(text)
        try:
            run.come_up()
            woken = sum(board.exchanges for board in run.boards)
            wall_s, host_s = perf_counter(), process_time()
            run.rig.run((PREROLL_S + length_s) * 1_000_000)
            wall_s, host_s = perf_counter() - wall_s, process_time() - host_s
            woken = sum(board.exchanges for board in run.boards) - woken
            vms_s = sum(_cpu_s(board.vm.process.pid) for board in run.boards)
        finally:
            run.stop()
            lockstep.CYCLE_US = usual_us
    return {
        "wall_s": wall_s / length_s,
        "host_s": host_s / length_s,
        "vms_s": vms_s / (PREROLL_S + length_s),
        "wake_ups": woken / length_s,
    }


def _cpu_s(pid: int) -> float:
    """CPU time of a process since it began."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
