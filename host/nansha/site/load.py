"""Reading a site file: every bad field in one go, in the order of the file."""

import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from nansha.site.cross import check_asset, check_info, check_together, label_of
from nansha.site.explain import explain
from nansha.site.model import ASSET_CLASSES, AnyAsset, Broker, SiteInfo
from nansha.site.problems import FieldProblem, SiteError
from nansha.site.site import Site
from nansha.site.units import unknown_field_hint

M = TypeVar("M", bound=BaseModel)

_TABLES = ("site", "broker", "asset")


def load_site(path: str | Path) -> Site:
    """The checked site of a TOML file.

    Raises SiteError, one line for each bad field: `FILE: FIELD: what is wrong; how to mend it`.
    """
    file = Path(path)
    try:
        text = file.read_bytes().decode("utf-8")
        data = tomllib.loads(text)
    except FileNotFoundError:
        raise _file_error(path, "no such file", "check the path") from None
    except IsADirectoryError:
        raise _file_error(path, "is a folder", "name a .toml file") from None
    except OSError as error:
        raise _file_error(path, f"cannot be read: {error.strerror}", "check the rights") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _file_error(path, "not UTF-8", "save it as UTF-8", f"line {line}") from None
    except RecursionError:
        raise _file_error(path, "nested too deeply", "no table here is deeper than four") from None
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(path, error) from None
    return parse_site(data, str(path), file.parent)


def parse_site(data: dict[str, Any], file: str = "site", folder: Path | None = None) -> Site:
    """The checked site of an already read TOML document; raises SiteError as load_site does."""
    problems = _unknown_tables(data)
    info = _table(SiteInfo, data, "site", problems)
    wrong_names = check_info(info) if info is not None else []
    problems += wrong_names
    broker = _table(Broker, data, "broker", problems)
    rows = _rows(data, problems)
    assets = []
    for index, row in enumerate(rows):
        asset = _asset(row, label_of(row, index), problems)
        assets.append(asset)
        if asset is not None:
            problems += check_asset(None if wrong_names else info, broker, asset)
    problems += check_together(rows, assets)
    if problems or info is None or broker is None:
        raise SiteError(file, tuple(dict.fromkeys(problems)))
    good = tuple(a for a in assets if a is not None)
    return Site(info=info, broker=broker, assets=good, folder=folder or Path())


def _file_error(path: str | Path, what: str, mend: str, field: str = "file") -> SiteError:
    return SiteError(str(path), (FieldProblem(field=field, what=what, mend=mend),))


def _syntax_error(path: str | Path, error: tomllib.TOMLDecodeError) -> SiteError:
    message = str(error)
    found = re.search(r"\(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    where = "end of file"
    if found:
        message = message[: found.start()].strip()
        if found[1]:
            where = f"line {found[1]}, column {found[2]}"
    what = f"not TOML: {message[0].lower()}{message[1:]}"
    return _file_error(path, what, "text needs quotes, a table name needs [ ]", where)


def _unknown_tables(data: dict[str, Any]) -> list[FieldProblem]:
    return [
        FieldProblem(
            field=name,
            what="unknown table" if isinstance(data[name], dict | list) else "unknown field",
            mend=unknown_field_hint(name, data[name], _TABLES),
        )
        for name in data
        if name not in _TABLES
    ]


def _table(
    model: type[M], data: dict[str, Any], name: str, problems: list[FieldProblem]
) -> M | None:
    if name == "site" and name not in data:
        mend = "add a [site] table with id, name, timezone, tariff and carbon"
        problems.append(FieldProblem(field=name, what="missing", mend=mend))
        return None
    table = data.get(name, {})
    try:
        return model.model_validate(table)
    except ValidationError as error:
        problems += explain(error, name, model, table)
        return None


def _rows(data: dict[str, Any], problems: list[FieldProblem]) -> list[Any]:
    rows = data.get("asset", [])
    if isinstance(rows, list):
        return rows
    mend = "write each asset as a [[asset]] table, with two brackets"
    problems.append(FieldProblem(field="asset", what="must be a list of tables", mend=mend))
    return []


def _asset(row: Any, label: str, problems: list[FieldProblem]) -> AnyAsset | None:
    roles = ", ".join(ASSET_CLASSES)
    if not isinstance(row, dict):
        mend = "write each asset as a [[asset]] table"
        problems.append(FieldProblem(field=label, what="must be a table", mend=mend))
        return None
    role = row.get("role")
    if role is None:
        mend = f"add role = …, one of {roles}"
        problems.append(FieldProblem(field=f"{label}.role", what="missing", mend=mend))
        return None
    model = ASSET_CLASSES.get(role) if isinstance(role, str) else None
    if model is None:
        what, mend = f"unknown role {role!r}", f"must be one of {roles}"
        problems.append(FieldProblem(field=f"{label}.role", what=what, mend=mend))
        return None
    try:
        return model.model_validate(row)
    except ValidationError as error:
        problems += explain(error, label, model, row)
        return None
