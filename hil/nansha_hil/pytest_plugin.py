"""pytest on the rig: a scenario file is a test, and a test in Python gets a rig of its own.

pytest scenarios/suite                  every scenario and variant, `-n 2` for two at a time
pytest scenarios --tier battery=chip    with the battery's firmware on the emulated chip

def test_islanding(rig, plant):
    site = rig("scenarios/outage_minute.toml")
    plant(site).set_grid(False)
    site.until("poi.closed", is_=False, within_s=0.2)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nansha.site import load_site
from nansha_hil.board import Board
from nansha_hil.experiment import Experiment
from nansha_hil.junit import verdict_line
from nansha_hil.live_site import LiveSite
from nansha_hil.plant import Plant
from nansha_hil.scenario import Scenario, load_scenario, load_variants
from nansha_hil.suite import unsafe_lines
from nansha_hil.tiers import parse_tiers


def pytest_addoption(parser: pytest.Parser) -> None:
    """--tier, as `nansha hil run` has it."""
    group = parser.getgroup("nansha", "scenarios on the rig")
    group.addoption(
        "--tier",
        action="append",
        default=[],
        metavar="[ASSET=]TIER",
        help="what the boards of scenarios run on: vm, chip, qemu, bench",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Scenario files that are named, or lie in a folder that is collected."""
    if file_path.suffix != ".toml" or file_path.name.startswith("_"):
        return None
    if "[scenario]" not in file_path.read_text(encoding="utf-8", errors="replace"):
        return None
    return ScenarioModule.from_parent(parent, path=file_path)


class ScenarioModule(pytest.File):
    """A scenario file."""

    def collect(self) -> Iterator[pytest.Item]:
        """A test a variant."""
        variants = load_variants(self.path)
        for number, scenario in enumerate(variants, start=1):
            name = scenario.name + (f"[{number}]" if len(variants) > 1 else "")
            yield ScenarioItem.from_parent(self, name=name, scenario=scenario)


class ScenarioFailure(AssertionError):
    """What did not hold, and the command that repeats it."""


class ScenarioItem(pytest.Item):
    """One variant of a scenario as a test."""

    def __init__(self, *, scenario: Scenario, **rest: Any) -> None:
        super().__init__(**rest)
        self._scenario = scenario

    def runtest(self) -> None:
        """Run it; ScenarioFailure where a verdict does not hold."""
        site = load_site(self._scenario.site_path)
        tiers = parse_tiers(self.config.getoption("--tier"), [asset.id for asset in site.assets])
        factory = self.config._tmp_path_factory  # type: ignore[attr-defined]
        folder = factory.mktemp(self._scenario.name)
        summary = Experiment(self._scenario, folder, tiers=tiers).run()
        bad = [verdict_line(v) for v in summary["verdicts"] if v["outcome"] != "pass"]
        if bad:
            repeat = " ".join(filter(None, [summary["repeat"], tiers.text]))
            lines = [*bad, *unsafe_lines(summary), f"repeat: {repeat}"]
            raise ScenarioFailure("\n".join(lines))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """A failed scenario is told in its own words."""
        if isinstance(excinfo.value, ScenarioFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where it stands."""
        return self.path, None, f"scenario: {self.name}"


@pytest.fixture
def rig(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., LiveSite]]:
    """Makes a running site out of a scenario, a path or a loaded one; stopped at the end."""
    sites: list[LiveSite] = []

    def make(scenario: str | Path | Scenario, **changes: Any) -> LiveSite:
        if not isinstance(scenario, Scenario):
            scenario = load_scenario(scenario, [f"{key}={value}" for key, value in changes.items()])
        site = load_site(scenario.site_path)
        words = request.config.getoption("--tier")
        tiers = parse_tiers(words, [asset.id for asset in site.assets])
        sites.append(LiveSite(Experiment(scenario, tmp_path / f"rig{len(sites)}", tiers=tiers)))
        return sites[-1]

    yield make
    for site in sites:
        site.close()


@pytest.fixture
def plant() -> Callable[[LiveSite], Plant]:
    """The plant of a running site."""
    return lambda site: site.experiment.plant


@pytest.fixture
def node() -> Callable[[LiveSite, str], Board]:
    """The board of an asset of a running site."""
    return lambda site, asset: site.experiment.stage.boards[asset]
