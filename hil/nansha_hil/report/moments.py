"""What the one-line diagram shows at each moment of a run: words, contacts, flows.

Every decision is here; the page only puts the answers in their place. Powers are in bus injection
(+ delivers into the site's bus); a person reads a verb and a magnitude, never a sign.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from nansha_hil.report.day import Array, Asset, Day, Index, kept
from nansha_hil.report.text import number

CLOSED = ".closed"
"""After an asset's id, the column of its contact: 1 closed, 0 open."""
MAX_MOMENTS = 1500
WIDEST = 6
"""Steps of a flow's thickness."""

# into the bus, out of it, neither
VERBS = {
    "poi": ("imports", "exports", "no exchange"),
    "pv": ("delivers", "draws", "no power"),
    "battery": ("discharging", "charging", "idle"),
    "load": ("feeds back", "draws", "no power"),
    "ev_charger": ("feeds back", "charging", "idle"),
}
_OTHERS = ("delivers", "draws", "idle")


class Contact(StrEnum):
    """The position of a breaker or relay."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Branch:
    """One asset at one moment.

    way: "in" to the bus, "out" of it, or "none". wide: 0 to WIDEST. level: percent charged of a
    battery, -1 of all else.
    """

    words: str
    note: str
    contact: str
    way: str
    wide: int
    level: int


@dataclass(frozen=True, slots=True)
class Bus:
    """The bus at one moment. mode: "connected", "island" or "dead"."""

    mode: str
    volts: str
    hertz: str


@dataclass(frozen=True, slots=True)
class Track:
    """What one thing of the page shows over time: `states[at[k]]` at moment k."""

    states: list[Any]
    at: list[int]


@dataclass(frozen=True, slots=True)
class Moments:
    """Every moment of the diagram. said: (where, what) of the latest event."""

    t_s: Array
    bus: Track
    said: Track
    branches: dict[str, Track]


class Powers:
    """Turns watts into words, with as many decimals as the run's largest power asks for."""

    def __init__(self, largest_w: float) -> None:
        """largest_w: the largest magnitude of the run."""
        self.largest_w = largest_w
        self.decimals = 1 if largest_w >= 10_000 else 2 if largest_w >= 1_000 else 3
        self.least_w = 0.5 * 10 ** (3 - self.decimals)

    def text(self, power_w: float) -> str:
        """A magnitude in kW."""
        return f"{abs(power_w) / 1000:.{self.decimals}f} kW"

    def words(self, role: str, power_w: float) -> str:
        """A verb and a magnitude; nothing is "charging 0.0 kW"."""
        into, out_of, neither = VERBS.get(role, _OTHERS)
        if abs(power_w) < self.least_w:
            return neither
        return f"{into if power_w > 0 else out_of} {self.text(power_w)}"

    def way(self, power_w: float) -> tuple[str, int]:
        """Where it flows and how wide it is drawn."""
        if abs(power_w) < self.least_w:
            return "none", 0
        wide = max(1, round(WIDEST * abs(power_w) / self.largest_w))
        return ("in" if power_w > 0 else "out"), wide


def moments(day: Day, assets: Sequence[Asset], events: Sequence[Mapping[str, Any]]) -> Moments:
    """Decide all moments. `assets` may name some that have no series."""
    happened = sorted(
        ((at_s, event) for event in events if (at_s := number(event.get("t_s"))) is not None),
        key=lambda item: item[0],
    )
    t_s = _times(day, [t for t, _ in happened])
    rows = np.maximum(np.searchsorted(day.t_s, t_s + 1e-4, side="right") - 1, 0).tolist()
    live = _live(day)
    largest_w = max((_largest(day.series.get(f"{a.id}.p_w")) for a in assets), default=0.0)
    powers = Powers(largest_w)
    branches = {asset.id: _branches(day, asset, rows, powers) for asset in assets}
    poi = next((branches[asset.id] for asset in assets if asset.role == "poi"), None)
    apart = [False if poi is None else poi[k].contact == Contact.OPEN for k in range(len(rows))]
    return Moments(
        t_s,
        _track([_bus(day, row, live[row], cut) for row, cut in zip(rows, apart, strict=True)]),
        _track(_said(t_s.tolist(), happened)),
        {asset: _track(states) for asset, states in branches.items()},
    )


def _times(day: Day, events_s: Sequence[float]) -> Array:
    """Samples spread evenly, those around events and at contacts' moves, and the events.

    Where there are too many of a kind, the run is told from its start to its end with fewer.
    """
    if day.empty:
        return day.t_s[:1]
    first, last = day.t_s[[0, -1]]
    inside = np.array([t for t in events_s if first <= t <= last])
    inside = inside[kept(len(inside), MAX_MOMENTS // 3)]
    close, moves = day.close, _moves(day)
    even = np.searchsorted(day.t_s, np.linspace(first, last, MAX_MOMENTS // 2))
    wanted = np.union1d(even, close[kept(len(close), MAX_MOMENTS // 2)])
    wanted = np.union1d(wanted, moves[kept(len(moves), MAX_MOMENTS // 2)])
    rows = np.arange(len(day.t_s)) if len(day.t_s) <= MAX_MOMENTS // 2 else wanted
    return np.unique(np.round(np.concatenate([day.t_s[rows], inside]), 4))


def _moves(day: Day) -> Index:
    """The rows in which a contact stands otherwise than in the one before."""
    moved = np.zeros(len(day.t_s), dtype=bool)
    for name, values in day.series.items():
        if name.endswith(CLOSED):
            moved[1:] |= np.diff(values) != 0
    return np.flatnonzero(moved)


def _contacts(day: Day, asset: Asset) -> list[Contact]:
    """By row; unknown where the trace has none."""
    closed = day.series.get(asset.id + CLOSED)
    if closed is None:
        return [Contact.UNKNOWN] * len(day.t_s)
    words = {0.0: Contact.OPEN, 1.0: Contact.CLOSED}
    return [words.get(value, Contact.UNKNOWN) for value in closed.tolist()]


def _live(day: Day) -> list[bool]:
    """Whether the bus has voltage, by row; where none was recorded it is taken to have."""
    volts = day.series.get("bus.v_v")
    if volts is None:
        return [True] * len(day.t_s)
    held = np.nan_to_num(volts)
    return [bool(v) for v in held > max(0.1 * float(held.max(initial=0.0)), 1.0)]


def _largest(values: Array | None) -> float:
    return 0.0 if values is None else float(np.nan_to_num(np.abs(values)).max(initial=0.0))


def _branches(
    day: Day,
    asset: Asset,
    rows: Sequence[int],
    powers: Powers,
) -> list[Branch]:
    series = day.series.get(f"{asset.id}.p_w")
    if series is None:
        return [Branch("not recorded", "", Contact.UNKNOWN.value, "none", 0, -1)] * len(rows)
    contacts = _contacts(day, asset)
    nothing = np.full(len(day.t_s), np.nan)
    demand = day.series.get(f"{asset.id}.demand_w", nothing)
    offered = day.series.get(f"{asset.id}.available_w", nothing)
    soc = day.series.get(f"{asset.id}.soc", nothing)
    out = []
    for row in rows:
        power_w = float(series[row])
        contact = contacts[row]
        if np.isnan(power_w):
            words, power_w = "no data", 0.0
        elif contact is Contact.OPEN:
            words, power_w = "disconnected", 0.0
        else:
            words = powers.words(asset.role, power_w)
        note, level = "", -1
        if np.isfinite(soc[row]):
            level = round(100 * float(np.clip(soc[row], 0.0, 1.0)))
            note = f"{level} % charged"
        elif demand[row] + power_w > 2 * powers.least_w:
            note = f"wants {powers.text(demand[row])}"
        elif offered[row] - power_w > 2 * powers.least_w:
            note = f"could deliver {powers.text(offered[row])}"
        out.append(Branch(words, note, contact.value, *powers.way(power_w), level))
    return out


def _bus(day: Day, row: int, live: bool, apart: bool) -> Bus:
    """apart: the breaker to the street is open, which the host may not know yet."""

    def text(key: str, form: str, unit: str, least: float) -> str:
        values = day.series.get(key)
        known = values is not None and np.isfinite(values[row]) and values[row] >= least
        return f"{values[row]:{form}} {unit}" if known and values is not None else f"– {unit}"

    flags = day.series.get("islanded")
    island = apart or (flags is not None and bool(np.nan_to_num(flags[row]) > 0.5))
    mode = "dead" if not live else "island" if island else "connected"
    return Bus(mode, text("bus.v_v", ".1f", "V", 0.0), text("bus.f_hz", ".2f", "Hz", 1.0))


def _said(
    t_s: Sequence[float], happened: Sequence[tuple[float, Mapping[str, Any]]]
) -> list[tuple[str, str]]:
    """The latest event up to each moment: (where, what)."""
    out, at = [], 0
    latest = ("", "")
    for moment_s in t_s:
        while at < len(happened) and happened[at][0] <= moment_s + 1e-4:
            event = happened[at][1]
            latest = (str(event.get("asset") or ""), str(event.get("text", "")))
            at += 1
        out.append(latest)
    return out


def _track(states: Sequence[Hashable]) -> Track:
    """Each state once, and where it stands."""
    places: dict[Hashable, int] = {}
    at = [places.setdefault(state, len(places)) for state in states]
    return Track(list(places), at)
