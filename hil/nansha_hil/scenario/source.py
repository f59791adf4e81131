"""The text of a scenario before it is checked: `extends`, overrides by path, sweeps."""

from __future__ import annotations

import itertools
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nansha.errors import NanshaError

EXTENDS = "extends"


class ScenarioError(NanshaError):
    """A scenario that cannot be run.

    `problems` has one line for each bad field: FILE: FIELD: what; how to mend.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        """Join the problems into one message, a line each."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def read_source(path: Path, seen: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The tables of a file on top of those it extends. Raises ScenarioError.

    Tables are merged key by key; timelines and limits are put one after the other, the extended
    file's first, and a limit takes the place of one with its name. Paths in a file are relative to
    that file.
    """
    if path.resolve() in seen:
        raise ScenarioError([f"{path}: {EXTENDS}: the files extend each other; break the ring"])
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError([f"{path}: {error.strerror}; give the path of a scenario"]) from None
    except UnicodeDecodeError:
        raise ScenarioError([f"{path}: not a text file; give a TOML file"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError([f"{path}: not TOML: {error}; mend the syntax there"]) from None
    for table, key in (("scenario", "site"), ("data", "file")):
        place = raw.get(table)
        if isinstance(place, dict) and isinstance(place.get(key), str):
            place[key] = str(path.parent / place[key])
    base = raw.pop(EXTENDS, None)
    if base is None:
        return raw
    if not isinstance(base, str):
        raise ScenarioError([f"{path}: {EXTENDS}: {base!r} is no path; put it in quotes"])
    return _merged(read_source(path.parent / base, (*seen, path.resolve())), raw)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(below)
    for key, value in above.items():
        old = out.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and key != "sweep":
            out[key] = _merged(old, value)
        elif isinstance(old, list) and isinstance(value, list) and key == "timeline":
            out[key] = old + value
        elif isinstance(old, list) and isinstance(value, list) and key == "limits":
            named = {line.get("name") for line in value if isinstance(line, dict)}
            out[key] = [line for line in old if line.get("name") not in named] + value
        else:
            out[key] = value
    return out


def override(source: dict[str, Any], path: str, value: Any, file: Path) -> None:
    """Set one field by its path; lines of lists go by their id or name. Raises ScenarioError."""
    parts = path.split(".")
    place: Any = source
    for number, part in enumerate(parts[:-1]):
        if isinstance(place, list):
            found = [
                line
                for line in place
                if isinstance(line, dict) and part in (line.get("id"), line.get("name"))
            ]
            if not found:
                ids = sorted({line["id"] for line in place if "id" in line}) or ["none"]
                raise ScenarioError(
                    [f"{file}: {path}: no line of {parts[number - 1]} has the id {part!r}; "
                     f"ids are: {', '.join(ids)}"]
                )  # fmt: skip
            place = found[0]
        else:
            place = place.setdefault(part, {})
    if not isinstance(place, dict):
        raise ScenarioError([f"{file}: {path}: names no field; give TABLE.FIELD"])
    place[parts[-1]] = value


def parse_value(text: str) -> Any:
    """A value as TOML would read it; what is no TOML is text."""
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        return text


def value_text(value: Any) -> str:
    """A value as TOML writes it on one line: what `parse_value` reads back."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {value_text(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(value_text, value)) + "]"
    if isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def variants(source: dict[str, Any], file: Path) -> list[dict[str, Any]]:
    """All combinations of the sweep: {path: value}; one empty one where nothing is swept."""
    sweep = source.get("sweep", {})
    for path, values in sweep.items() if isinstance(sweep, dict) else ():
        if not isinstance(values, list) or not values:
            raise ScenarioError([f"{file}: sweep.{path}: {values!r} is no list; write [a, b]"])
    names = list(sweep)
    return [dict(zip(names, chosen, strict=True)) for chosen in itertools.product(*sweep.values())]
