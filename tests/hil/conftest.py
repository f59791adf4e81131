"""Short scenarios, cut from the real ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nansha_hil.experiment import Experiment
from nansha_hil.scenario import Scenario, load_scenario

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def scene(tmp_path: Path) -> Callable[..., Scenario]:
    """A scenario with the demo site, its data and its plant, and events of the test's own."""

    def make(start: str, duration_s: int, events: str = "", soc: float = 0.6) -> Scenario:
        text = (ROOT / "scenarios" / "outage_minute.toml").read_text()
        head, _, _ = text.partition("[[timeline]]")
        head = head.replace("2026-08-31T18:29:00", start)
        head = head.replace("duration_s = 240", f"duration_s = {duration_s}")
        head = head.replace("soc_start = 0.6", f"soc_start = {soc}")
        head = head.replace("../sites", str(ROOT / "sites"))
        head = head.replace('"guangzhou_day.csv"', f'"{ROOT / "scenarios" / "guangzhou_day.csv"}"')
        path = tmp_path / "scene.toml"
        path.write_text(head + events)
        return load_scenario(path)

    return make


@pytest.fixture
def experiment(tmp_path: Path) -> Callable[[Scenario], Experiment]:
    """A fresh experiment; each call has a folder of its own."""
    count = 0

    def make(scenario: Scenario) -> Experiment:
        nonlocal count
        count += 1
        return Experiment(scenario, tmp_path / f"run{count}")

    return make


OUTAGE = """
[[timeline]]
at = "{at}"
fault = "grid_outage"
for = {duration_s}
"""


@pytest.fixture
def outage() -> Callable[[str, int], str]:
    """The text of an outage."""
    return lambda at, duration_s: OUTAGE.format(at=at, duration_s=duration_s)
