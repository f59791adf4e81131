"""`make bench`: the power balance beside other solvers, all in one run.

Writes summary.json, one file of raw figures a part, and scaling.png. A missed bar is shown as
missed; only a wrong answer makes the exit code 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

NEEDED = ("osqp", "clarabel", "piqp", "daqp", "highspy", "scipy", "matplotlib")
SECONDS = {
    "n64": 12.0,
    "tree": 10.0,
    "million": 8.0,
    "batch": 3.0,
    "accuracy": 25.0,
    "switches": 5.0,
    "exact": 15.0,
    "scaling": 100.0,
    "hunt": 50.0,
}
"""The parts, and about how long each takes on 2 cores."""
WALL_BAR_S = 360.0
HUNT_S = 150.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/bench/run.py", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    parser.add_argument("--only", nargs="+", choices=SECONDS, default=list(SECONDS))
    parser.add_argument("--largest", type=int, default=10_000_000, help="devices in the scaling")
    parser.add_argument("--mutants", type=int, default=1_000_000, help="wanted in the hunt")
    parser.add_argument("--hunt-seconds", type=float, default=HUNT_S)
    parser.add_argument("--workers", type=int, help="processes of the hunt, at most 2 if not given")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        print(f"{', '.join(missing)}: not installed; pip install -e '.[bench]'", file=sys.stderr)
        return 2
    # Only now, for these need what may have been missing.
    import part_accuracy
    import part_batch
    import part_exact
    import part_million
    import part_scaling
    import part_small
    import part_switches
    import part_tree
    import parts
    from figures import Figure, Part, Say
    from machine import circumstances, kind
    from rich.console import Console

    wrong: list[str] = []

    def scaling(say: Say) -> Part:
        from plot import draw

        part = part_scaling.measure(say, options.largest)
        series, title = part.raw["series"], f"Power balance, warm, {kind()}"
        draw(series, title, options.out / "scaling.png")
        return part

    def hunt(say: Say) -> Part:
        from hunt import measure

        part, escaped = measure(say, options.mutants, options.hunt_seconds, options.workers)
        wrong.extend([escaped] if escaped else [])
        return part

    measures: dict[str, Callable[[Say], Part]] = {
        "n64": part_small.measure,
        "tree": part_tree.measure,
        "million": part_million.measure,
        "batch": part_batch.measure,
        "accuracy": part_accuracy.measure,
        "switches": part_switches.measure,
        "exact": part_exact.measure,
        "scaling": scaling,
        "hunt": hunt,
    }
    console = Console(highlight=False)
    began = perf_counter()
    chosen = {name: measures[name] for name in SECONDS if name in options.only}
    found = parts.measure(chosen, SECONDS, options.out, console, wrong)
    note = "the whole run, on 2 cores"
    wall_s = perf_counter() - began
    wall = Figure(name="wall", value=wall_s, unit="s", at_most=WALL_BAR_S, note=note)
    summary: dict[str, Any] = circumstances(_command(options))
    return parts.conclude(summary, found, wrong, options.out, console, (wall,))


def _command(options: argparse.Namespace) -> str:
    """What was asked for, without paths."""
    if options.only == list(SECONDS) and (options.largest, options.mutants) == (10**7, 10**6):
        return "make bench"
    parts = f"--only {' '.join(options.only)} --largest {options.largest}"
    return f"tests/bench/run.py {parts} --mutants {options.mutants}"


if __name__ == "__main__":
    sys.exit(main())
