"""The one-line diagram as SVG: symbols after IEC 60617, drawn for the first moment.

All looks hang on attributes (data-contact, data-way, --wide) that the page's script changes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from html import escape

from nansha_hil.report.day import Asset
from nansha_hil.report.moments import Branch, Bus, Moments

_ABOVE = ("pv", "battery", "fuel_cell", "chp")
_BUS_X, _BUS_Y, _REACH = 300, 205, 140
_HEIGHT = 422
_CELL = 215
_LINE_CHARS = 23

MODES = {"connected": "Connected", "island": "Island", "dead": "No voltage"}

# Around (0, 0), about 44 by 44.
_SYMBOLS = {
    "poi": "<rect x=-22 y=-22 width=44 height=44 />"
    "<path d='M-22 -8L-8 -22M-22 8L8 -22M-22 22L22 -22M-8 22L22 -8M8 22L22 8' class=thin />",
    "pv": "<rect x=-22 y=-22 width=44 height=44 />"
    "<path d='M-22 -22L0 0L22 -22' class=thin /><path d='M-10 12H10M0 2V22' class=thin />",
    "battery": "<rect x=-22 y=-22 width=44 height=44 />"
    "<rect x=-22 y=-22 width=44 height=44 class=level />"
    "<path d='M-14 -9H14M-7 -3H7M-14 4H14M-7 10H7M0 -22V-9M0 10V22' />",
    "load": "<path d='M-20 -20H20L0 20Z' class=fill />",
    "ev_charger": "<rect x=-22 y=-22 width=44 height=44 />"
    "<path d='M4 -15L-9 3H0L-4 15L9 -4H0Z' class=fill />",
}
_OTHER = "<circle r=22 /><path d='M-12 0Q-6 -12 0 0T12 0' />"


def draw(assets: Sequence[Asset], moments: Moments) -> str:
    """The diagram. Every asset is one group with its id, name and words."""
    bus = moments.bus.states[moments.bus.at[0]]
    poi = next((a for a in assets if a.role == "poi"), None)
    above = [a for a in assets if a.role in _ABOVE]
    below = [a for a in assets if a is not poi and a.role not in _ABOVE]
    width = _CELL * max(len(above), len(below), 4)
    parts = [_bus(bus, width)]
    for row, turn in ((above, 180), (below, 0)):
        for k, asset in enumerate(row):
            x = _BUS_X + 40 + round(width * k / len(row))
            parts.append(_branch(asset, _first(moments, asset), x, turn))
    if poi is not None:
        parts.append(_grid(poi, _first(moments, poi)))
    whole = _BUS_X + width
    return (
        f'<svg id=diagram viewBox="0 0 {whole} {_HEIGHT}" role=group data-mode={bus.mode} '
        f'style="min-width:{round(whole * 0.62)}px" aria-label="One-line diagram">'
        + "".join(parts)
        + "</svg>"
    )


def _first(moments: Moments, asset: Asset) -> Branch:
    track = moments.branches[asset.id]
    state: Branch = track.states[track.at[0]]
    return state


def _bus(bus: Bus, width: int) -> str:
    return (
        f"<path class=bus d='M{_BUS_X} {_BUS_Y}H{_BUS_X + width - 20}' />"
        f"<g class=state transform='translate(38 46)'><text class=mode>{MODES[bus.mode]}</text>"
        f"<text class=volts y=27>{escape(bus.volts)}</text>"
        f"<text class=hertz y=47>{escape(bus.hertz)}</text></g>"
    )


def _group(asset: Asset, branch: Branch, body: str) -> str:
    name = escape(asset.name)
    kind = escape(f"{asset.role} {asset.tier}".strip())
    return (
        f'<g class="branch {kind}" data-asset="{escape(asset.id)}" data-contact={branch.contact} '
        f'data-way={branch.way} style="--wide:{branch.wide};--level:{max(branch.level, 0)}" '
        f'role=img aria-label="{name}: {escape(branch.words)}, contact {branch.contact}">'
        f"<title>{name}</title>{body}</g>"
    )


def _wires(x: int, turn: int, reach: int, cross: bool) -> str:
    """From the bus (0, 0) down: wire, contact, wire, with the flow and its arrow over it."""
    fixed = "<path d='M-5 25L5 35M-5 35L5 25' />" if cross else "<circle cy=30 r=3 class=dot />"
    return (
        f"<g class=wires transform='translate({x} {_BUS_Y}) rotate({turn})'>"
        f"<path d='M0 0V30M0 58V{reach}' />{fixed}<circle cy=58 r=3 class=dot />"
        f"<path class=blade d='M0 0V-28' transform='translate(0 58)' />"
        f"<path class=flow d='M0 {reach}V62M0 24V0' />"
        f"<g transform='translate(0 86)'><path class=arrow d='M0 -10L8 6H-8Z' /></g></g>"
    )


def _labels(asset: Asset, branch: Branch, x: int, y: int) -> str:
    lines = textwrap.wrap(asset.name, _LINE_CHARS, max_lines=2, placeholder=" …") or [""]
    texts = [
        f"<text class=name x={x} y={y + 17 * k}>{escape(s)}</text>" for k, s in enumerate(lines)
    ]
    y += 17 * len(lines) + 3
    texts.append(f"<text class=words x={x} y={y}>{escape(branch.words)}</text>")
    texts.append(f"<text class=note x={x} y={y + 18}>{escape(branch.note)}</text>")
    return "".join(texts)


def _branch(asset: Asset, branch: Branch, x: int, turn: int) -> str:
    y = _BUS_Y + (_REACH + 22) * (-1 if turn else 1)
    return _group(
        asset,
        branch,
        _wires(x, turn, _REACH, cross=False)
        + f"<g class=symbol transform='translate({x} {y})'>{_SYMBOLS.get(asset.role, _OTHER)}</g>"
        + _labels(asset, branch, x + 34, y - 14),
    )


def _grid(asset: Asset, branch: Branch) -> str:
    """The street on the left: its breaker, the transformer behind which it is, and the grid."""
    circles = "<circle cx=-13 r=18 /><circle cx=13 r=18 class=clear />"
    body = (
        _wires(_BUS_X, 90, 218, cross=True)
        + f"<g class=symbol transform='translate({_BUS_X - 150} {_BUS_Y})'>{circles}</g>"
        + f"<g class=symbol transform='translate({_BUS_X - 240} {_BUS_Y})'>{_SYMBOLS['poi']}</g>"
        + _labels(asset, branch, 38, _BUS_Y + 48)
    )
    return _group(asset, branch, body)
