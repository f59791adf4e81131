"""What a person is told of a field that will not do: one line a field, no jargon."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from nansha_hil.scenario.checks import Expect, Measure
from nansha_hil.scenario.faults import FAULTS
from nansha_hil.scenario.model import WORDS, Limit, ScenarioFile
from nansha_hil.scenario.settings import SETTINGS
from nansha_hil.scenario.words import did_you_mean

_KINDS: dict[str, type[BaseModel]] = {**FAULTS, **SETTINGS, "expect": Expect, "measure": Measure}
_SAID: dict[str, Iterable[str]] = {"fault": FAULTS, "set": SETTINGS}


def problem_lines(error: ValidationError) -> list[str]:
    """One line a bad field: FIELD: what; how to mend."""
    lines = []
    for detail in error.errors():
        kind, loc = detail["type"], list(detail["loc"])
        # The chosen branches of the unions stand in the path and are no fields of the file.
        branch = [p for n, p in enumerate(loc) if n in (2, 3) and loc[0] == "timeline"]
        where = loc[:2] + loc[2 + _branches(branch) :] if loc[:1] == ["timeline"] else loc
        if "at" in where[:-1] and where[-1] != "at":
            del where[where.index("at") + 1]  # "moment" or "random": a branch as well
        field = "".join(f"[{p + 1}]" if isinstance(p, int) else f".{p}" for p in where).lstrip(".")
        context = detail.get("ctx", {})
        if kind == "missing":
            what = "is missing; add it"
        elif kind == "extra_forbidden":
            what = "is not a known field; " + did_you_mean(str(where[-1]), _siblings(loc))
        elif kind in ("union_tag_invalid", "union_tag_not_found"):
            field, what = _untagged(field, branch, detail.get("input"), context)
        elif kind == "value_error":
            what = str(context.get("error", detail["msg"]))
        else:
            what = f"{detail.get('input')!r}: {detail['msg'].lower()}; mend the value"
        lines.append(f"{field or 'file'}: {what}")
    return lines


def _branches(branch: list[Any]) -> int:
    """How many of the two places after the line's number are names of branches."""
    if not branch or branch[0] not in WORDS:
        return 0
    return 2 if len(branch) > 1 and branch[0] in _SAID and branch[1] in _KINDS else 1


def _untagged(
    field: str, branch: list[Any], given: Any, context: dict[str, Any]
) -> tuple[str, str]:
    word = str(branch[0]) if branch else ""
    if word in _SAID:
        tag = str(context.get("tag"))
        return f"{field}.{word}", f"{tag!r} is not known; " + did_you_mean(tag, _SAID[word])
    has = [w for w in WORDS if isinstance(given, dict) and w in given]
    if has:
        return field, f"is {' and '.join(has)} at once; make it several lines"
    return field, "is none of " + ", ".join(WORDS) + "; write one of them"


def _names(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]


def _siblings(loc: list[Any]) -> list[str]:
    """Fields that the table at this place knows."""
    if len(loc) == 1:
        return _names(ScenarioFile)
    if loc[0] == "timeline":
        inner = [p for p in loc[2:4] if p in _KINDS]
        return _names(_KINDS[inner[-1]]) if inner else list(WORDS)
    if loc[0] == "limits":
        return _names(Limit)
    annotation = ScenarioFile.model_fields[str(loc[0])].annotation
    known = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return _names(annotation) if known else []  # type: ignore[arg-type]
