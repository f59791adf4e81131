"""An experiment as data: a TOML file, checked field by field, made a plant and a timeline."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nansha.errors import NanshaError
from nansha.site import Poi, Site
from nansha_hil.plant import (
    AssetSpec,
    BatterySpec,
    BusSpec,
    EvSpec,
    GridSpec,
    LoadSpec,
    Plant,
    PlantSpec,
    Profile,
    ProfileError,
    PvSpec,
    SpecError,
    read_profile,
)
from nansha_hil.scenario_model import EVENT_KINDS, Event, Limit, ScenarioFile

_SPECS: dict[str, type[AssetSpec]] = {
    "pv": PvSpec,
    "battery": BatterySpec,
    "load": LoadSpec,
    "ev_charger": EvSpec,
}
_FROM_SITE = {
    "rated_w": "rated_w",
    "capacity_wh": "capacity_wh",
    "efficiency_charge": "charge_efficiency",
    "efficiency_discharge": "discharge_efficiency",
    "tier": "tier",
    "min_w": "min_w",
}
_IRRADIANCE = "irradiance"
_TEMPERATURE = "temperature"


class ScenarioError(NanshaError):
    """A scenario that cannot be run.

    `problems` has one line for each bad field: FILE: FIELD: what; how to mend.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        """Join the problems into one message, a line each."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Action:
    """Something the world does to the plant at a time; `text` is for people."""

    at_us: int
    kind: str
    text: str
    asset: str
    apply: Callable[[Plant], None]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A checked scenario.

    start: local time of the first moment. profile: already shifted to it. limits: for `judge`.
    """

    path: Path
    name: str
    title: str
    site_path: Path
    data_path: Path
    start: datetime
    duration_s: int
    seed: int
    profile: Profile
    parameters: Mapping[str, Mapping[str, Any]]
    events: tuple[Event, ...]
    limits: tuple[Limit, ...]

    @property
    def duration_us(self) -> int:
        """Length of the experiment, microseconds."""
        return self.duration_s * 1_000_000

    def plant_spec(self, site: Site) -> PlantSpec:
        """What the plant is made of: the site's ratings, overruled by the scenario's [plant.*].

        Raises ScenarioError.
        """
        return _plant_spec(self, site)

    def build_plant(self, site: Site) -> Plant:
        """A fresh plant at the start of the experiment. Raises ScenarioError."""
        spec = self.plant_spec(site)
        try:
            return Plant(spec, self.profile)
        except ProfileError as error:
            raise ScenarioError([f"{self.path}: data.columns: {error}"]) from None

    def timeline(self) -> list[Action]:
        """All actions in order of time; those with a duration come as two."""
        actions = [action for event in self.events for action in _actions(event, self.start)]
        return sorted(
            (a for a in actions if a.at_us <= self.duration_us), key=lambda action: action.at_us
        )


def load_scenario(path: Path | str) -> Scenario:
    """Read and check a scenario with its data file. Raises ScenarioError."""
    path = Path(path)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError([f"{path}: {error.strerror}; give the path of a scenario"]) from None
    except UnicodeDecodeError:
        raise ScenarioError([f"{path}: not a text file; give a TOML file"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError([f"{path}: not TOML: {error}; mend the syntax there"]) from None
    try:
        file = ScenarioFile.model_validate(raw)
    except ValidationError as error:
        raise ScenarioError([f"{path}: {line}" for line in _lines(error)]) from None
    head = file.scenario
    data_path = path.parent / file.data.file
    try:
        profile = read_profile(data_path)
        names = {_own_name(key): column for key, column in file.data.columns.items()}
        midnight = datetime.combine(head.start.date(), time())
        profile = profile.renamed(names).starting_at((head.start - midnight).total_seconds())
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
        site_path=path.parent / head.site,
        data_path=data_path,
        start=head.start,
        duration_s=head.duration_s,
        seed=head.seed,
        profile=profile,
        parameters=file.plant,
        events=tuple(file.events),
        limits=tuple(file.limits),
    )
    problems = _late_events(scenario)
    if problems:
        raise ScenarioError(problems)
    return scenario


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint for a typing error: the nearest known word, or all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    near = near or [name for name in known if word and name.startswith(word)][:1]
    return f"did you mean {near[0]!r}?" if near else "known are: " + ", ".join(known)


def _own_name(key: str) -> str:
    return {_IRRADIANCE: "poa_w_per_m2", _TEMPERATURE: "temperature_degc"}.get(key, key)


def _lines(error: ValidationError) -> list[str]:
    """One line a bad field, without pydantic's jargon."""
    lines = []
    for detail in error.errors():
        kind, where = detail["type"], list(detail["loc"])
        # A discriminated union puts the chosen kind into the path: not a field of the file.
        where = [
            p
            for n, p in enumerate(where)
            if not (n == 2 and where[0] == "events" and p in EVENT_KINDS)
        ]
        field = "".join(f"[{p + 1}]" if isinstance(p, int) else f".{p}" for p in where).lstrip(".")
        value = detail.get("input")
        context = detail.get("ctx", {})
        if kind == "missing":
            what = "is missing; add it"
        elif kind == "extra_forbidden":
            what = "is not a known field; " + did_you_mean(str(where[-1]), _siblings(detail["loc"]))
        elif kind == "union_tag_invalid":
            field += ".kind"
            what = f"{context.get('tag')!r} is not a kind of event; " + did_you_mean(
                str(context.get("tag")), EVENT_KINDS
            )
        elif kind == "union_tag_not_found":
            field += ".kind"
            what = "is missing; one of: " + ", ".join(EVENT_KINDS)
        elif kind == "value_error":
            what = str(context.get("error", detail["msg"]))
        else:
            what = f"{value!r}: {detail['msg'].lower()}; mend the value"
        lines.append(f"{field or 'file'}: {what}")
    return lines


def _siblings(where: tuple[int | str, ...]) -> list[str]:
    """Fields that the model at this place knows."""
    tables: dict[str, Any] = ScenarioFile.model_fields
    if len(where) == 1:
        return list(tables)
    block = where[0]
    if block == "events":
        return (
            list(EVENT_KINDS[str(where[2])].model_fields) if len(where) > 3 else list(EVENT_KINDS)
        )
    if block == "limits":
        return list(Limit.model_fields)
    return list(tables[str(block)].annotation.model_fields)


def _late_events(scenario: Scenario) -> list[str]:
    problems = []
    for number, event in enumerate(scenario.events, start=1):
        at_s = _at_s(event.at, scenario.start)
        if at_s > scenario.duration_s:
            end = scenario.start + timedelta(seconds=scenario.duration_s)
            problems.append(
                f"{scenario.path}: events[{number}].at: {event.at} lies outside "
                f"{scenario.start:%H:%M:%S} to {end:%H:%M:%S}; move it or lengthen duration_s"
            )
    return problems


def _at_s(at: time, start: datetime) -> int:
    """Seconds from the start to the next such time of day."""
    moment = datetime.combine(date.min + timedelta(days=1), at)
    begin = datetime.combine(date.min + timedelta(days=1), start.time())
    return int((moment - begin).total_seconds()) % 86_400


def _actions(event: Event, start: datetime) -> list[Action]:
    begin_us = _at_s(event.at, start) * 1_000_000
    actions = [
        Action(begin_us, event.kind, event.text(), event.asset_name(), event.begin),
    ]
    if event.lasts_s():
        end_us = begin_us + event.lasts_s() * 1_000_000
        actions.append(
            Action(end_us, event.kind + "_ends", event.end_text(), event.asset_name(), event.end)
        )
    return actions


def _plant_spec(scenario: Scenario, site: Site) -> PlantSpec:
    problems: list[str] = []
    specs: dict[str, AssetSpec] = {}
    for asset in site.assets:
        if isinstance(asset, Poi):
            continue
        given = {own: getattr(asset, key) for key, own in _FROM_SITE.items() if hasattr(asset, key)}
        spec = _make(scenario, asset.id, _SPECS[asset.role], given, problems)
        if spec is not None:
            specs[asset.id] = spec
    info = site.info
    nominal = {"nominal_v": info.nominal_v, "nominal_hz": info.nominal_hz, "phases": info.phases}
    grid = _make(scenario, "grid", GridSpec, {}, problems)
    bus = _make(scenario, "bus", BusSpec, nominal, problems)
    known = {*specs, "grid", "bus"}
    for name in scenario.parameters:
        if name not in known and not problems:
            problems.append(
                f"{scenario.path}: plant.{name}: the site has no such asset; "
                + did_you_mean(name, known)
            )
    for number, event in enumerate(scenario.events, start=1):
        asset_name = event.asset_name()
        role_type = event.needs()
        if role_type is None or problems:
            continue
        fitting = [n for n, s in specs.items() if isinstance(s, role_type)]
        if asset_name not in fitting:
            problems.append(
                f"{scenario.path}: events[{number}].asset: {asset_name!r} does not fit "
                f"{event.kind}; " + did_you_mean(asset_name, fitting)
            )
    if problems or grid is None or bus is None:
        raise ScenarioError(problems)
    try:
        return PlantSpec(assets=specs, grid=grid, bus=bus, poi=site.poi.id)
    except SpecError as error:
        raise ScenarioError([f"{scenario.site_path}: {error}"]) from None


def _make(
    scenario: Scenario,
    name: str,
    kind: type[Any],
    given: dict[str, Any],
    problems: list[str],
) -> Any:
    """One spec out of site values and [plant.name]; None and a problem if it cannot be."""
    known = {field.name: field for field in fields(kind)}
    block = scenario.parameters.get(name, {})
    values = {key: value for key, value in given.items() if key in known}
    before = len(problems)
    for key, value in block.items():
        where = f"{scenario.path}: plant.{name}.{key}"
        if key not in known:
            problems.append(f"{where}: is not a known field; " + did_you_mean(key, known))
            continue
        wanted = str(known[key].type)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if wanted in ("float", "int") and not number:
            problems.append(f"{where}: {value!r} is not a number; write one")
        elif wanted == "bool" and not isinstance(value, bool):
            problems.append(f"{where}: {value!r} is not true or false; write one")
        elif wanted not in ("float", "int", "bool") and not isinstance(value, str):
            problems.append(f"{where}: {value!r} is not text; write it in quotes")
        else:
            values[key] = float(value) if wanted == "float" else value
    if len(problems) > before:
        return None
    try:
        return kind(**values)
    except SpecError as error:
        problems.append(f"{scenario.path}: plant.{name}: {error}")
        return None
