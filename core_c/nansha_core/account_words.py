"""Words for people: powers without bare signs, what a device does, and why."""

from __future__ import annotations

from math import floor, isfinite, log10

from nansha_core.devices import Kind

_DOES: dict[str, tuple[str, str, str]] = {
    # above 0, below 0, at 0
    "load": ("giving", "using", "off"),
    "pv": ("feeding", "using", "off"),
    "battery": ("discharging", "charging", "idle"),
    "grid": ("importing", "exporting", "idle"),
    "charger": ("discharging", "charging", "waiting"),
    "device": ("giving", "drawing", "idle"),
}
_AT_MOST: dict[str, str] = {
    "load": "shed",
    "pv": "all it has",
    "grid": "its import limit",
    "charger": "takes nothing",
}
_AT_LEAST: dict[str, str] = {
    "load": "all it asked for",
    "pv": "held off",
    "grid": "its export limit",
    "charger": "all it wants",
}
_SMALLEST_W = 0.05
_DIGITS = 4


def watts(size_w: float) -> str:
    """A power without its sign: "850 W", "1.2 kW"."""
    x = abs(size_w)
    if not isfinite(x):
        return "any power"
    if x < _SMALLEST_W:
        return "0 W"
    x = round(x, _DIGITS - 1 - floor(log10(x)))
    for unit, scale in (("W", 1.0), ("kW", 1e3)):
        if x < 1000 * scale:
            return f"{_plain(x / scale)} {unit}"
    return f"{_plain(x / 1e6)} MW"


def _plain(x: float) -> str:
    text = f"{x:.{_DIGITS}f}"
    return text.rstrip("0").rstrip(".")


def doing(kind: Kind, p_w: float) -> str:
    """What a device does: "charging 1.2 kW"."""
    above, below, rest = _DOES[kind]
    if abs(p_w) < _SMALLEST_W:
        return rest
    return f"{above if p_w > 0 else below} {watts(p_w)}"


def flow(p_w: float) -> str:
    """What a group does: "draws 10 kW"."""
    if abs(p_w) < _SMALLEST_W:
        return "is at 0 W"
    return f"{'gives' if p_w > 0 else 'draws'} {watts(p_w)}"


def limit(cap_w: float, *, upper: bool) -> str:
    """What a cap says: "may draw 10 kW at most"."""
    if abs(cap_w) < _SMALLEST_W:
        return "may not give" if upper else "may not draw"
    if upper:
        way = "may give" if cap_w > 0 else "has to draw"
    else:
        way = "has to give" if cap_w > 0 else "may draw"
    return f"{way} {watts(cap_w)} at {'most' if way.startswith('may') else 'least'}"


def at_bound(kind: Kind, bound_w: float, *, upper: bool) -> str:
    """Why a device at one end of its range is there."""
    known = (_AT_MOST if upper else _AT_LEAST).get(kind)
    if known is not None:
        return known
    if abs(bound_w) < _SMALLEST_W:
        return "cannot give" if upper else "cannot draw"
    return "its most" if upper == (bound_w > 0) else "its least"


def between(kind: Kind) -> str:
    """Why a device that has equals, or none, is inside its range."""
    return {"load": "what is left for it", "pv": "what can be taken"}.get(
        kind, "makes the sum right"
    )


def missed(kind: Kind, off_w: float) -> str:
    """What a device did not get, as one word: off_w is what it would have had besides."""
    if off_w < 0:
        return "unserved" if kind in ("load", "charger") else "not drawn"
    return "spilled" if kind == "pv" else "not given"
