"""JUnit XML of a suite: a case a run, a failure a verdict that does not hold."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nansha_hil.verdicts import limits_text


def verdict_line(verdict: Mapping[str, Any]) -> str:
    """One verdict in a line: name, value, limits, when, what was seen."""
    value = "missing" if verdict["value"] is None else f"{verdict['value']:.6g} {verdict['unit']}"
    limits = limits_text(verdict["minimum"], verdict["maximum"])
    when = f" at {verdict['t_s']:.3f} s" if verdict.get("t_s") is not None else ""
    seen = f"; {verdict['seen']}" if verdict.get("seen") else ""
    return f"{verdict['name']}: {value.strip()}, limit {limits}{when}{seen} ({verdict['where']})"


def write_junit(path: Path, name: str, runs: Sequence[Mapping[str, Any]]) -> None:
    """`runs`: as `suite.run_suite` gives them, with name, wall_s, status, failures, repeat."""
    failed = sum(run["status"] == "fail" for run in runs)
    broken = sum(run["status"] == "error" for run in runs)
    skipped = sum(run["status"] == "skipped" for run in runs)
    suite = ET.Element(
        "testsuite",
        name=name,
        tests=str(len(runs)),
        failures=str(failed),
        errors=str(broken),
        skipped=str(skipped),
        time=f"{sum(run['wall_s'] for run in runs):.3f}",
    )
    for run in runs:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=f"{name}.{run['tier']}",
            name=run["name"],
            time=f"{run['wall_s']:.3f}",
        )
        text = "\n".join([*run["failures"], f"repeat: {run['repeat']}"])
        if run["status"] == "fail":
            first = run["failures"][0]
            ET.SubElement(case, "failure", message=first).text = text
        elif run["status"] == "error":
            ET.SubElement(case, "error", message=run["failures"][0]).text = text
        elif run["status"] == "skipped":
            ET.SubElement(case, "skipped", message=run["failures"][0])
    path.parent.mkdir(parents=True, exist_ok=True)
    ET.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)
