"""The rig's kernels beside other programs, all in one run.

Writes summary.json and one file of raw figures a part. A missed bar is shown as missed; only a
wrong answer makes the exit code 1.
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NEEDED = {
    "pandapower": "pandapower",
    "power_grid_model": "power-grid-model",
    "vessim": "vessim",
}
SECONDS = {"feeder": 25.0, "plant": 15.0, "day": 40.0}
"""The parts, and about how long each takes on 2 cores."""
TESTS = Path(__file__).parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/bench/rig/run.py", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/bench_rig"))
    parser.add_argument("--only", nargs="+", choices=SECONDS, default=list(SECONDS))
    options = parser.parse_args()
    if missing := [package for name, package in NEEDED.items() if find_spec(name) is None]:
        print(f"{', '.join(missing)}: not installed; pip install -e '.[validate]'", file=sys.stderr)
        return 2
    sys.path += [str(TESTS / "bench"), str(TESTS / "validation")]
    # Only now, for these need what may have been missing.
    import part_day
    import part_feeder
    import part_plant
    import parts
    from machine import circumstances
    from rich.console import Console

    measures = {
        "feeder": part_feeder.measure,
        "plant": part_plant.measure,
        "day": part_day.measure,
    }
    chosen = {name: measures[name] for name in SECONDS if name in options.only}
    console, wrong = Console(highlight=False), list[str]()
    found = parts.measure(chosen, SECONDS, options.out, console, wrong)
    summary: dict[str, Any] = circumstances(f"tests/bench/rig/run.py --only {' '.join(chosen)}")
    summary["versions"] = {n: version(n) for n in ("nansha", "numpy", *NEEDED.values())}
    return parts.conclude(summary, found, wrong, options.out, console)


if __name__ == "__main__":
    sys.exit(main())
