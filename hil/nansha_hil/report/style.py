"""Looks of the report: one style sheet, no fonts or pictures from elsewhere."""

from __future__ import annotations

from importlib.resources import files

from nansha_hil.report.looks import COLOURS, INK, ISLAND, MUTED, NIGHT, PAPER, PRICES, RULE

_DAY = {
    "ink": INK,
    "muted": MUTED,
    "rule": RULE,
    "paper": PAPER,
    "island": ISLAND,
    "pv": COLOURS["pv"],
    "battery": COLOURS["discharging"],
    "poi": COLOURS["import"],
    "critical": COLOURS["critical"],
    "priority": COLOURS["priority"],
    "interruptible": COLOURS["interruptible"],
    "ev": COLOURS["ev"],
    **{f"price{rank}": colour for rank, colour in enumerate(PRICES)},
}


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())


_NIGHT = {name: NIGHT.get(colour, colour) for name, colour in _DAY.items()}
STYLE = (
    f":root{{{_variables(_DAY)}--desk:#f5f7f9;color-scheme:light dark}}"
    f"@media screen and (prefers-color-scheme:dark){{:root{{{_variables(_NIGHT)}--desk:#11171e}}}}"
    + files("nansha_hil.report").joinpath("report.css").read_text(encoding="utf-8")
)
