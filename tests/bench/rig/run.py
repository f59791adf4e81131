"""The rig's kernels beside other programs, all in one run.

Writes summary.json and one file of raw figures a part. A missed bar is shown as missed; only a
wrong answer makes the exit code 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NEEDED = {
    "pandapower": "pandapower",
    "power_grid_model": "power-grid-model",
    "vessim": "vessim",
}
SECONDS = {"feeder": 25.0, "plant": 15.0}
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
    import part_feeder
    import part_plant
    from figures import Part, Say, WrongAnswer
    from machine import circumstances
    from progress import Bar
    from rich.console import Console
    from show import show

    parts: dict[str, Callable[[Say], Part]] = {
        "feeder": part_feeder.measure,
        "plant": part_plant.measure,
    }
    chosen = [name for name in SECONDS if name in options.only]
    options.out.mkdir(parents=True, exist_ok=True)
    console, wrong, found = Console(highlight=False), [], {}
    bar = Bar({name: SECONDS[name] for name in chosen}, console)
    try:
        for name in chosen:
            with bar.part(name) as say:
                try:
                    found[name] = parts[name](say)
                except WrongAnswer as error:
                    wrong.append(f"{name}: {error}")
                    continue
            _write(options.out / f"{name}.json", found[name].raw)
    finally:
        bar.close()
    figures = [figure for part in found.values() for figure in part.figures]
    tables = [table for part in found.values() for table in part.tables]
    summary: dict[str, Any] = circumstances(f"tests/bench/rig/run.py --only {' '.join(chosen)}")
    summary["versions"] = {n: version(n) for n in ("nansha", "numpy", *NEEDED.values())}
    summary |= {
        "wrong": wrong,
        "tables": [{"title": t.title, "columns": t.columns, "rows": t.rows} for t in tables],
        "measurements": [figure.as_dict() for figure in figures],
    }
    _write(options.out / "summary.json", summary)
    show(console, figures, tables, wrong)
    return 1 if wrong else 0


def _write(path: Path, value: Any) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
