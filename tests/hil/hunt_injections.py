"""Every fault of the suite, injected at 20 random times in one long run: `make hunt`.

After each injection the scenario's own expectations must hold, within its own times; no unsafe
state, no lost row. Prints a table and leaves out/hunt/injections.json.
`hunt_injections.py [TIMES [SCENARIO …]]`.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from nansha_hil.scenario.words import seconds
from nansha_hil.side_by_side import side_by_side
from nansha_hil.suite import Job, run_job

ROOT = Path(__file__).resolve().parents[2]
SUITE = ROOT / "scenarios" / "suite"
TIMES = 20
QUIET_S = 15.0
OPS = "relay operations of the critical load"
ONCE = "once"
"""Tag of a scenario whose fault heals only once in a life: it has a run for each injection."""


def jobs(times: int, out: Path, seed: int) -> list[Job]:
    """One long run, or `times` runs, a scenario whose fault ends and heals."""
    found = []
    for path in sorted(SUITE.glob("[a-z]*.toml")):
        raw = tomllib.loads(path.read_text())
        lines = raw.get("timeline", [])
        fault = next((line for line in lines if line.get("id") == "fault"), None)
        heals = [line for line in lines if line.get("expect") == "site.normal"]
        if (
            fault is None
            or not heals
            or any("after" not in line and line is not fault for line in lines)
        ):
            continue  # what it does stands at fixed times, or does not heal
        lasting_s = max(
            seconds(line["at"][1:]) + seconds(line.get("within", 0)) + seconds(line.get("for", 0))
            for line in lines
            if line.get("after")
        )
        apart_s = lasting_s + QUIET_S
        runs, each = (times, 1) if ONCE in raw["scenario"].get("tags", ()) else (1, times)
        for run in range(runs):
            name = raw["scenario"]["name"] + (f"-{run + 1}" if runs > 1 else "")
            end_s = 60 + each * apart_s * 1.3
            when = f'from = "+60 s", to = "+{end_s:.0f} s", apart = "{apart_s} s"'
            sets = [
                f"timeline.fault.at={{ random = {each}, {when} }}",
                f"scenario.duration_s={end_s + apart_s}",
                f"scenario.seed={seed + run}",
            ]
            if any(limit["name"] == OPS for limit in raw.get("limits", ())):
                sets.append(f"limits.{OPS}.max={2 * each}")
            found.append(Job(str(path), tuple(sets), (), str(out / name), name, pages=False))
    return found


def told(result: dict[str, Any]) -> str:
    """A result in a line or more."""
    lines = [f"{result['status']:5} {result['name']} ({result['wall_s']:.0f} s)"]
    lines += [f"      {text}" for text in result["failures"][:5]]
    return "\n".join(lines)


def main() -> int:
    """Run all; 1 when anything does not hold."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else TIMES
    only = sys.argv[2:]
    out = ROOT / "out" / "hunt"
    out.mkdir(parents=True, exist_ok=True)
    todo = jobs(times, out / "injections", seed=7)
    todo = [job for job in todo if not only or Path(job.path).stem in only]
    results = []
    for result in side_by_side(run_job, todo):
        results.append(result)
        print(f"{len(results):3}/{len(todo)} {told(result)}", flush=True)
    checks = sum(len(result["verdicts"]) for result in results)
    bad = [result["name"] for result in results if result["status"] != "pass"]
    (out / "injections.json").write_text(json.dumps(results, indent=1, default=str))
    print(f"{len(results)} runs, {times} times a fault, {checks} checks, not held: {bad or 'none'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
