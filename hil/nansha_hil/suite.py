"""Many scenarios, their variants and tiers, on all cores: verdicts, JUnit, one summary."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nansha.errors import NanshaError
from nansha.site import load_site
from nansha_hil.experiment import Experiment
from nansha_hil.junit import verdict_line, write_junit
from nansha_hil.pages import write_pages
from nansha_hil.scenario import Scenario, load_variants
from nansha_hil.side_by_side import side_by_side
from nansha_hil.tiers import parse_tiers, prepare, why_not
from nansha_hil.trace import write_trace

CHIP_TAG = "chip"
"""Scenarios with this tag also run with the firmware image on the emulated chip."""


@dataclass(frozen=True, slots=True)
class Job:
    """One run to do."""

    path: str
    sets: tuple[str, ...]
    tiers: tuple[str, ...]
    out: str
    name: str
    pages: bool


def find_scenarios(places: Iterable[Path]) -> list[Path]:
    """The scenario files in folders, but for those that begin with _ , and files as named."""
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            found += sorted(p for p in place.rglob("*.toml") if not p.name.startswith("_"))
        else:
            found.append(place)
    if not found:
        raise NanshaError("no scenario there", ", ".join(map(str, places)), "name a folder of them")
    return found


def plan_jobs(
    paths: Sequence[Path], tiers: Sequence[str], out: Path, *, pages: bool = True
) -> list[Job]:
    """Every variant on every tier that its tags ask for. Raises ScenarioError."""
    jobs = []
    for path in paths:
        variants = load_variants(path)
        for number, scenario in enumerate(variants, start=1):
            suffix = f"-{number}" if len(variants) > 1 else ""
            wanted: list[tuple[str, tuple[str, ...]]] = []
            if "vm" in tiers:
                wanted.append(("vm", ()))
            if "chip" in tiers and CHIP_TAG in scenario.tags:
                wanted.append(("chip", _chips(scenario)))
            for tier, words in wanted:
                name = f"{scenario.name}{suffix}" + ("" if tier == "vm" else f"@{tier}")
                jobs.append(
                    Job(str(path), scenario.sets, words, str(out / "runs" / name), name, pages)
                )
    return jobs


def _chips(scenario: Scenario) -> tuple[str, ...]:
    """Which boards of a scenario become chips: those its tags name (`chip:poi`), or all."""
    named = [tag.partition(":")[2] for tag in scenario.tags if tag.startswith("chip:")]
    return tuple(f"{asset}=chip" for asset in named) or ("chip",)


def run_job(job: Job) -> dict[str, Any]:
    """Run one; never raises, but for an interrupt: what went wrong is in the result."""
    begun = time.perf_counter()
    tier = "+".join(sorted({word.rpartition("=")[2] for word in job.tiers})) or "vm"
    result: dict[str, Any] = {
        "name": job.name, "tier": tier, "status": "error", "failures": [], "repeat": "",
        "out": job.out, "verdicts": [], "wall_s": 0.0,
    }  # fmt: skip
    try:
        scenario = load_variants(job.path, job.sets)[0]
        site = load_site(scenario.site_path)
        tiers = parse_tiers(job.tiers, [asset.id for asset in site.assets])
        result["repeat"] = " ".join(filter(None, [scenario.repeat_command(), tiers.text]))
        folder = Path(job.out)
        folder.mkdir(parents=True, exist_ok=True)
        experiment = Experiment(scenario, folder, tiers=tiers)
        summary = experiment.run()
        bad = [v for v in summary["verdicts"] if v["outcome"] != "pass"]
        result.update(
            status="fail" if bad else "pass",
            failures=[verdict_line(v) for v in bad] + unsafe_lines(summary),
            verdicts=summary["verdicts"],
            trace_sha256=summary["trace_sha256"],
            duration_s=summary["duration_s"],
            title=summary["title"],
            chip=summary.get("chip", {}),
        )
        if job.pages:
            write_trace(folder / "trace.parquet", experiment.series(), summary)
            write_pages(folder, summary, experiment.series())
    except NanshaError as error:
        result["failures"] = str(error).splitlines()
    except Exception as error:
        result["failures"] = [f"{type(error).__name__}: {error}", traceback.format_exc()]
    result["wall_s"] = time.perf_counter() - begun
    return result


def unsafe_lines(summary: dict[str, Any]) -> list[str]:
    """Unsafe states in words."""
    return [f"unsafe at {u['t_s']:.3f} s: {u['asset']}: {u['text']}" for u in summary["unsafe"]]


def run_suite(
    paths: Sequence[Path],
    out: Path,
    *,
    tiers: Sequence[str] = ("vm", "chip"),
    workers: int = 0,
    told: Callable[[dict[str, Any], int, int], None] = lambda result, done, of: None,
    notice: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Run everything; writes junit.xml and summary.json into `out`, and gives the summary.

    A tier that cannot run here is skipped with its reason, as a case of its own. `workers`: 0 for
    one a core.
    """
    begun = time.perf_counter()
    absent = {tier: reason for tier in tiers if (reason := why_not(tier))}
    for tier in tiers:
        if tier not in absent:
            prepare(tier, notice)  # on all cores, which a pinned worker has not
    jobs = plan_jobs(paths, [t for t in tiers if t not in absent], out)
    jobs.sort(key=lambda job: "@" not in job.name)  # the longest first
    results: list[dict[str, Any]] = []
    for result in side_by_side(run_job, jobs, workers):
        results.append(result)
        told(result, len(results), len(jobs))
    results.sort(key=lambda run: run["name"])
    for tier, reason in absent.items():
        results.append({"name": f"tier {tier}", "tier": tier, "status": "skipped", "wall_s": 0.0,
                        "failures": [reason], "repeat": "", "verdicts": [], "out": ""})  # fmt: skip
    summary = _summary(results, time.perf_counter() - begun, absent)
    out.mkdir(parents=True, exist_ok=True)
    write_junit(out / "junit.xml", "nansha hil", results)
    (out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return summary


BAR_S = 15 * 60.0
BAR_SCENARIOS = 40


def _summary(
    results: list[dict[str, Any]], wall_s: float, absent: dict[str, str]
) -> dict[str, Any]:
    ran = [run for run in results if run["status"] != "skipped"]
    count = {word: sum(run["status"] == word for run in results)
             for word in ("pass", "fail", "error", "skipped")}  # fmt: skip
    scenarios = len({run["name"].partition("@")[0].partition("-")[0] for run in ran})
    return {
        "wall_s": round(wall_s, 1),
        "count": count,
        "tiers": {tier: sum(tier in run["tier"] for run in ran) for tier in ("vm", "chip")},
        "absent_tiers": absent,
        "runs": results,
        "measurements": [
            {"name": "wall time of the suite", "value": wall_s, "unit": "s", "bar": BAR_S,
             "holds": wall_s <= BAR_S, "note": f"{len(ran)} runs"},
            {"name": "scenarios", "value": scenarios, "unit": "", "bar": BAR_SCENARIOS,
             "holds": scenarios >= BAR_SCENARIOS, "note": "at least"},
        ],
    }  # fmt: skip
