"""The plant of a scenario: the site's ratings, and what the scenario says of each part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from nansha.site import Poi, Site
from nansha_hil.plant import (
    AssetSpec,
    BatterySpec,
    BusSpec,
    EvSpec,
    GridSpec,
    LineSpec,
    LoadSpec,
    PlantSpec,
    PvSpec,
    SpecError,
)
from nansha_hil.scenario.source import ScenarioError
from nansha_hil.scenario.words import did_you_mean

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


def plant_spec(
    path: Path,
    site: Site,
    parameters: Mapping[str, Mapping[str, Any]],
    feeder: Mapping[str, LineSpec],
    misfits: Callable[[Mapping[str, str]], list[str]],
) -> PlantSpec:
    """The site's ratings, overruled by [plant.*] (`parameters`) of the scenario at `path`.

    misfits: what else of the scenario does not fit the site, told the role of each asset. Raises
    ScenarioError with all that is wrong.
    """
    problems: list[str] = []
    specs: dict[str, AssetSpec] = {}
    for asset in site.assets:
        if isinstance(asset, Poi):
            continue
        given = {own: getattr(asset, key) for key, own in _FROM_SITE.items() if hasattr(asset, key)}
        spec = _make(path, parameters, asset.id, _SPECS[asset.role], given, problems)
        if spec is not None:
            specs[asset.id] = spec
    info = site.info
    nominal = {"nominal_v": info.nominal_v, "nominal_hz": info.nominal_hz, "phases": info.phases}
    grid = _make(path, parameters, "grid", GridSpec, {}, problems)
    bus = _make(path, parameters, "bus", BusSpec, nominal, problems)
    known = {*specs, "grid", "bus"}
    for name in parameters:
        if name not in known and not problems:
            problems.append(
                f"{path}: plant.{name}: the site has no such asset; " + did_you_mean(name, known)
            )
    roles = {asset.id: asset.role for asset in site.assets}
    problems += [] if problems else misfits(roles)
    if problems or grid is None or bus is None:
        raise ScenarioError(problems)
    try:
        return PlantSpec(assets=specs, grid=grid, bus=bus, poi=site.poi.id, lines=feeder)
    except SpecError as error:
        raise ScenarioError([f"{path}: plant: {error}; see [feeder.NAME]"]) from None


def _make(
    path: Path,
    parameters: Mapping[str, Mapping[str, Any]],
    name: str,
    kind: type[Any],
    given: dict[str, Any],
    problems: list[str],
) -> Any:
    """One spec out of site values and [plant.name]; None and a problem if it cannot be."""
    known = {field.name: field for field in fields(kind)}
    block = parameters.get(name, {})
    values = {key: value for key, value in given.items() if key in known}
    before = len(problems)
    for key, value in block.items():
        where = f"{path}: plant.{name}.{key}"
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
        problems.append(f"{path}: plant.{name}: {error}")
        return None
