"""The hint for a field that does not exist: a wrong unit, or a slip of the keyboard."""

from typing import Any

from nansha_boards import nearest

_UNITS: dict[str, tuple[str, str, str, float]] = {
    # suffix: (shown as, suffix of the known field, shown as, factor)
    "kw": ("kW", "w", "W", 1e3),
    "mw": ("MW", "w", "W", 1e6),
    "kwh": ("kWh", "wh", "Wh", 1e3),
    "mwh": ("MWh", "wh", "Wh", 1e6),
    "kv": ("kV", "v", "V", 1e3),
    "mv": ("mV", "v", "V", 1e-3),
    "ma": ("mA", "a", "A", 1e-3),
    "ka": ("kA", "a", "A", 1e3),
    "mhz": ("mHz", "hz", "Hz", 1e-3),
    "khz": ("kHz", "hz", "Hz", 1e3),
    "ms": ("ms", "s", "s", 1e-3),
    "min": ("min", "s", "s", 60),
    "h": ("h", "s", "s", 3600),
    "pct": ("%", "", "", 0.01),
    "percent": ("%", "", "", 0.01),
}


def meant_field(name: str, known: tuple[str, ...]) -> str | None:
    """The known field that `name` was probably meant to be."""
    stem, _, suffix = name.rpartition("_")
    if suffix in _UNITS and stem:
        wanted = _UNITS[suffix][1]
        candidate = f"{stem}_{wanted}" if wanted else stem
        if candidate in known:
            return candidate
    # A name without its unit: `rated` for `rated_w`.
    bare = [k for k in known if k.rpartition("_")[0] == name]
    if bare:
        return bare[0]
    return nearest(name, known)


def unknown_field_hint(name: str, value: Any, known: tuple[str, ...]) -> str:
    """How to mend an unknown field: `did you mean rated_w? 60 kW = 60000 W`."""
    meant = meant_field(name, known)
    if meant is None:
        return f"remove it; known here: {', '.join(known)}"
    hint = f"did you mean {meant}?"
    suffix = name.rpartition("_")[2]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if suffix in _UNITS and number and meant != name:
        shown, target, target_shown, factor = _UNITS[suffix]
        if meant.endswith(f"_{target}" if target else meant):
            unit = f" {target_shown}" if target_shown else ""
            hint += f" {plain(value)} {shown} = {plain(value * factor)}{unit}"
    return hint


def plain(value: float) -> str:
    """A number as a person writes it: 60000, 0.5, 1e+12."""
    return f"{value:.10g}"
