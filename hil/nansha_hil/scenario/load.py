"""An experiment as data: a TOML file, checked field by field, made a plant and a timeline."""

from __future__ import annotations

import copy
import random
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nansha.site import Site
from nansha_hil.net import PROFILES, LinkProfile
from nansha_hil.plant import LineSpec, Plant, PlantSpec, Profile, ProfileError
from nansha_hil.scenario.checks import Expect, Measure
from nansha_hil.scenario.columns import load_profile
from nansha_hil.scenario.entry import Entry, Happening
from nansha_hil.scenario.model import Limit, ScenarioFile
from nansha_hil.scenario.problems import problem_lines
from nansha_hil.scenario.ratings import plant_spec
from nansha_hil.scenario.source import (
    ScenarioError,
    override,
    parse_value,
    read_source,
    value_text,
    variants,
)
from nansha_hil.scenario.words import US, RandomTimes, did_you_mean
from nansha_hil.sensors import SensorSpec
from nansha_hil.stage import Stage

FOREVER_S = 1e9
_TEMPERATURE = "temperature_degc"


@dataclass(frozen=True, slots=True)
class Action:
    """Something that happens to the site at a time; `text` is for people."""

    at_us: int
    kind: str
    text: str
    asset: str
    apply: Callable[[Stage], None]
    lockstep_only: bool = False
    blinds: tuple[str, ...] = ()
    """Assets that cannot protect themselves while it lasts."""
    blinds_us: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """One question of the timeline, asked from `at_us` on."""

    at_us: int
    ask: Expect | Measure


@dataclass(frozen=True, slots=True)
class Scenario:
    """A checked scenario, one variant of it.

    start: local time of the first moment. profile: already shifted to it. limits: for `judge`.
    changed: fields set from outside the file or by its sweep, path -> value.
    """

    path: Path
    name: str
    title: str
    tags: tuple[str, ...]
    site_path: Path
    data_path: Path
    start: datetime
    duration_s: float
    seed: int
    profile: Profile
    parameters: Mapping[str, Mapping[str, Any]]
    feeder: Mapping[str, LineSpec]
    sensors: Mapping[str, Mapping[str, SensorSpec]]
    network: Mapping[str, LinkProfile]
    limits: tuple[Limit, ...]
    changed: Mapping[str, Any]
    lines: tuple[tuple[Entry, tuple[int, ...]], ...]
    """The timeline: each line and the moments at which it happens, us."""

    @property
    def duration_us(self) -> int:
        """Length of the experiment, microseconds."""
        return round(self.duration_s * US)

    def plant_spec(self, site: Site) -> PlantSpec:
        """What the plant is made of: the site's ratings, overruled by the scenario's [plant.*].

        Raises ScenarioError.
        """
        return plant_spec(
            self.path, site, self.parameters, self.feeder, lambda roles: _misfits(self, roles)
        )

    def build_plant(self, site: Site) -> Plant:
        """A fresh plant at the start of the experiment. Raises ScenarioError."""
        spec = self.plant_spec(site)
        try:
            return Plant(spec, self.profile)
        except ProfileError as error:
            raise ScenarioError([f"{self.path}: data.columns: {error}"]) from None

    def timeline(self) -> list[Action]:
        """All happenings in order of time; those with a duration come as two."""
        actions = []
        for line, moments in self.lines:
            if isinstance(line, Happening):
                for at_us in moments:
                    actions += _actions(line, at_us)
        return sorted((a for a in actions if a.at_us <= self.duration_us), key=lambda a: a.at_us)

    def checks(self) -> list[Check]:
        """All questions in order of time."""
        found = [
            Check(at_us, line)
            for line, moments in self.lines
            if isinstance(line, Expect | Measure)
            for at_us in moments
        ]
        return sorted(found, key=lambda check: check.at_us)

    def link_profile(self, asset: str) -> LinkProfile:
        """What the link of an asset is like."""
        return self.network.get(asset, self.network.get("*", PROFILES["wire"]))

    @property
    def sets(self) -> tuple[str, ...]:
        """What was changed, as PATH=VALUE: `load_scenario` with these gives the same again."""
        return tuple(f"{path}={value_text(value)}" for path, value in self.changed.items())

    def repeat_command(self) -> str:
        """The shortest command that runs exactly this."""
        words = ["nansha hil run", shlex.quote(str(self.path))]
        return " ".join([*words, *(f"--set {shlex.quote(text)}" for text in self.sets)])


def load_variants(path: Path | str, sets: Iterable[str] = ()) -> list[Scenario]:
    """A scenario and all variants of its sweep; `sets` are PATH=VALUE. Raises ScenarioError."""
    path = Path(path)
    source = read_source(path)
    changed = {}
    for text in sets:
        name, equals, value = text.partition("=")
        if not equals:
            raise ScenarioError([f"--set {text}: has no =; write PATH=VALUE"])
        changed[name.strip()] = parse_value(value.strip())
    sweep = source.get("sweep")
    if isinstance(sweep, dict):
        for name in changed:
            sweep.pop(name, None)
    found = []
    for variant in variants(source, path):
        own = copy.deepcopy(source)
        own.pop("sweep", None)
        for name, value in {**changed, **variant}.items():
            override(own, name, value, path)
        found.append(_load(path, own, {**changed, **variant}))
    return found


def load_scenario(path: Path | str, sets: Iterable[str] = ()) -> Scenario:
    """A scenario that is not swept, or the first of its variants. Raises ScenarioError."""
    return load_variants(path, sets)[0]


def _load(path: Path, source: dict[str, Any], changed: Mapping[str, Any]) -> Scenario:
    try:
        file = ScenarioFile.model_validate(source)
    except ValidationError as error:
        raise ScenarioError([f"{path}: {line}" for line in problem_lines(error)]) from None
    head = file.scenario
    data_path = Path(file.data.file)
    try:
        midnight = datetime.combine(head.start.date(), time())
        profile = load_profile(data_path, file.data.columns)
        profile = profile.starting_at((head.start - midnight).total_seconds())
    except OSError as error:
        raise ScenarioError(
            [f"{path}: data.file: cannot read {data_path}: {error.strerror}; give its path"]
        ) from None
    except ProfileError as error:
        raise ScenarioError([f"{path}: data: {error}"]) from None
    scenario = Scenario(
        path=path,
        name=head.name,
        title=head.title,
        tags=tuple(head.tags),
        site_path=Path(head.site),
        data_path=data_path,
        start=head.start,
        duration_s=head.duration_s,
        seed=head.seed,
        profile=profile,
        parameters=file.plant,
        feeder={name: LineSpec(**line.model_dump()) for name, line in file.feeder.items()},
        sensors={
            asset: {name: SensorSpec(**table.model_dump()) for name, table in channels.items()}
            for asset, channels in file.sensors.items()
        },
        network={asset: PROFILES[name] for asset, name in file.network.items()},
        limits=tuple(file.limits),
        changed=changed,
        lines=(),
    )
    return replace(scenario, lines=_placed(scenario, file.timeline))


def _placed(scenario: Scenario, lines: list[Entry]) -> tuple[tuple[Entry, tuple[int, ...]], ...]:
    """Every line with its moments. Raises ScenarioError."""
    problems: list[str] = []
    moments: dict[str, tuple[int, ...]] = {}
    placed = []
    for number, line in enumerate(lines, start=1):
        where = f"{scenario.path}: timeline[{number}]"
        bases: tuple[int, ...] = (0,)
        if line.after:
            if line.after not in moments:
                problems.append(
                    f"{where}.after: no line before it has the id {line.after!r}; "
                    + did_you_mean(line.after, moments)
                )
                continue
            bases = moments[line.after]
        try:
            own = _moments(scenario, line, number, bases)
        except ValueError as error:
            problems.append(f"{where}.at: {error}")
            continue
        if line.id:
            moments[line.id] = own
        late = [at_us for at_us in own if not 0 <= at_us <= scenario.duration_us]
        if late:
            end = scenario.start + timedelta(seconds=scenario.duration_s)
            at = scenario.start + timedelta(microseconds=late[0])
            problems.append(
                f"{where}.at: {at:%H:%M:%S} lies outside {scenario.start:%H:%M:%S} to "
                f"{end:%H:%M:%S}; move it or lengthen duration_s"
            )
        placed.append((line, own))
    if problems:
        raise ScenarioError(problems)
    return tuple(placed)


def _moments(
    scenario: Scenario, line: Entry, number: int, bases: tuple[int, ...]
) -> tuple[int, ...]:
    if isinstance(line.at, RandomTimes):
        if line.after:
            raise ValueError("random moments cannot come after another line; drop one of the two")
        luck = random.Random(f"{scenario.seed} {line.id or number}")
        return tuple(line.at.us(scenario.start, luck))
    if line.after and line.at.clock is not None:
        raise ValueError('is a time of day; after another line write "+5 s"')
    at_us = line.at.us(scenario.start)
    return tuple(base + at_us for base in bases)


def _actions(line: Happening, at_us: int) -> list[Action]:
    names, only = ", ".join(line.names()), line.lockstep_only()
    blind = tuple(line.names()) if line.blinds_s() else ()
    blinds_us = round(min(line.blinds_s(), FOREVER_S) * US)
    lasts_us = round(line.lasts_s * US)
    actions = [Action(at_us, line.kind(), line.text(), names, line.begin, only, blind, blinds_us)]
    if line.lasts_s:
        end_us = at_us + lasts_us
        actions.append(
            Action(end_us, line.kind() + "_ends", line.end_text(), names, line.end, only)
        )
    return actions


def _misfits(scenario: Scenario, roles: Mapping[str, str]) -> list[str]:
    """Lines, sensors and links that name what the site does not have."""
    problems = []
    for number, (line, _) in enumerate(scenario.lines, start=1):
        if not isinstance(line, Happening):
            continue
        wanted = line.roles()
        fitting = [name for name, role in roles.items() if not wanted or role in wanted]
        for name in line.names():
            if name not in fitting and not (name == "*" and not wanted):
                problems.append(
                    f"{scenario.path}: timeline[{number}].asset: {name!r} does not fit "
                    f"{line.kind()}; " + did_you_mean(name, fitting)
                )
    for table, names in (("sensors", scenario.sensors), ("network", scenario.network)):
        problems += [
            f"{scenario.path}: {table}.{name}: the site has no such asset; "
            + did_you_mean(name, roles)
            for name in names
            if name not in roles and not (table == "network" and name == "*")
        ]
    return problems
