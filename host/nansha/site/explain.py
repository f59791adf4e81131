"""pydantic's findings in a person's words: one FieldProblem for each bad field."""

from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from nansha.site.parts import MqttLink, SerialLink
from nansha.site.problems import FieldProblem
from nansha.site.units import meant_field, plain, unknown_field_hint
from nansha_boards import TripRule

_TAGS = ("serial", "mqtt")
_TYPES = {
    "int_type": ("a whole number", "write it without quotes and without a decimal point"),
    "int_from_float": ("a whole number", "write it without a decimal point"),
    "float_type": ("a number", "write it without quotes"),
    "string_type": ("text", "write it in quotes"),
    "bool_type": ("true or false", "write true or false without quotes"),
    "model_type": ("a table", "write it as { key = value }"),
    "model_attributes_type": ("a table", "write it as { key = value }"),
    "tuple_type": ("a list", "write it as [low, high]"),
    "dict_type": ("a table", "write it as { key = value }"),
}
_LIMITS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
}
_PATTERNS = {
    "id": ("use a-z, 0-9 and _, a letter first, at most 32 characters", "is not a short name"),
    "departure": ('write it as "HH:MM", for example "07:30"', "is not a time of day"),
}


def explain(
    error: ValidationError, prefix: str, model: type[BaseModel], data: Any
) -> list[FieldProblem]:
    """Each finding of `error` once, with `prefix` before its path.

    `model` and `data` are what was validated; they give the names known at each place.
    """
    details = error.errors(include_url=False)
    meant = _meant_fields(details, model, data)
    problems = []
    for detail in details:
        loc = _plain_loc(detail["loc"])
        # The unknown `rated_kw` says it already: `rated_w` missing would be a second line for it.
        if detail["type"] == "missing" and loc in meant:
            continue
        what, mend = _words(detail, _known_at(model, loc[:-1], data))
        problems.append(FieldProblem(field=_path(prefix, loc), what=what, mend=mend))
    return problems


def _plain_loc(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The path without the tags that pydantic puts after a choice of models."""
    return tuple(
        part for i, part in enumerate(loc) if not (i and part in _TAGS and loc[i - 1] == "link")
    )


def _path(prefix: str, loc: tuple[int | str, ...]) -> str:
    path = prefix
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path


def _meant_fields(
    details: list[ErrorDetails], model: type[BaseModel], data: Any
) -> set[tuple[int | str, ...]]:
    meant = set()
    for detail in details:
        if detail["type"] == "extra_forbidden":
            loc = _plain_loc(detail["loc"])
            name = meant_field(str(loc[-1]), _known_at(model, loc[:-1], data))
            if name:
                meant.add((*loc[:-1], name))
    return meant


def _known_at(model: type[BaseModel], loc: tuple[int | str, ...], data: Any) -> tuple[str, ...]:
    """Names of the fields at a place inside the model, as far as nested models go."""
    for part in loc:
        if part == "link":
            table = data.get("link") if isinstance(data, dict) else None
            kind = table.get("kind") if isinstance(table, dict) else None
            model = MqttLink if kind == "mqtt" else SerialLink
        elif isinstance(part, int):
            model = TripRule  # the only list of tables inside an asset
        elif part in model.model_fields:
            nested = model.model_fields[part].annotation
            if isinstance(nested, type) and issubclass(nested, BaseModel):
                model = nested
    return tuple(model.model_fields)


def _words(detail: ErrorDetails, known: tuple[str, ...]) -> tuple[str, str]:
    """(what, mend) of one finding."""
    kind, value, loc = detail["type"], detail["input"], detail["loc"]
    ctx = detail.get("ctx", {})
    name = str(loc[-1]) if loc else ""
    if kind == "missing":
        return "missing", f"add {name} = …"
    if kind == "extra_forbidden":
        return "unknown field", unknown_field_hint(name, value, known)
    if kind in _TYPES:
        wanted, mend = _TYPES[kind]
        return f"must be {wanted}, not {_shown(value)}", mend
    if kind in _LIMITS:
        words, key = _LIMITS[kind]
        return f"is {_shown(value)}", f"must be {words} {plain(ctx[key])}"
    if kind == "finite_number":
        return f"is {_shown(value)}", "give a finite number"
    if kind == "literal_error":
        return f"is {_shown(value)}", f"must be {ctx['expected']}"
    if kind == "string_pattern_mismatch":
        mend, what = _PATTERNS.get(name, (f"must match {ctx['pattern']}", "has the wrong form"))
        return f"{_shown(value)} {what}", mend
    if kind == "string_too_short":
        return "is empty", "give a value or remove the line"
    if kind == "union_tag_not_found":
        return "has no kind", 'add kind = "serial" or kind = "mqtt"'
    if kind == "union_tag_invalid":
        return f"unknown kind {_shown(ctx['tag'])}", f"must be {ctx['expected_tags']}"
    if kind in ("too_long", "too_short"):
        size = ctx.get("max_length", ctx.get("min_length"))
        return f"has {ctx['actual_length']} entries", f"give {size}"
    if kind == "value_error":
        return str(ctx["error"]), "see docs: a trip is { kind, pu or hz, delay_s }"
    return detail["msg"], "correct it"


def _shown(value: Any) -> str:
    """A value as it stands in the file, cut short."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str):
        text = f'"{value}"'
    elif isinstance(value, dict):
        text = "a table"
    elif isinstance(value, list | tuple):
        text = "a list"
    elif isinstance(value, float):
        text = plain(value)
    else:
        text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"
