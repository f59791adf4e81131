"""What must never be, in any scenario: watched on the plant itself, whatever firmware and host say.

Each rule is written from what the site's protection file promises, not from how the firmware keeps
it, so that a firmware with a line missing is found out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nansha_boards import NodeSpec
from nansha_hil.board import Board
from nansha_hil.plant import BusMode, Plant, Poi

REACTION_S = 0.15
"""What a node may add to a protection's own delay: its period, its filters, the contact."""
OVER_SHARE = 0.03
"""By how much a power may pass its bound before it counts: transducers and converters err."""
OVER_S = 2.0
DOUBT_SHARE = 0.02
DOUBT_HZ = 0.05
"""How far beyond a trip's limit a value must be before nobody can doubt it."""
DEAD_V = 20.0
REST_US = 1_000_000
ISLAND_S = 2.0
"""Longest time a site may go on feeding a dead utility (IEC 62116, GB/T 19939: 2 s)."""


@dataclass(frozen=True, slots=True)
class Unsafe:
    """One unsafe state: when it began to count, where, what."""

    t_us: int
    asset: str
    text: str


@dataclass(frozen=True, slots=True)
class Stage:
    """One trip element: kind, limit (V, Hz or A) beyond doubt, time within which it must act."""

    kind: str
    limit: float
    allowed_s: float
    text: str


def _stages(spec: NodeSpec) -> list[Stage]:
    """The protection of a node, each limit moved out by what a transducer may err."""
    found = []
    for kind, threshold, delay_ms in spec.trips:
        limit = threshold / 1000.0
        away = DOUBT_HZ / limit if kind in ("of", "uf") else DOUBT_SHARE
        limit *= 1.0 - away if kind[0] == "u" else 1.0 + away
        text = f"{kind} beyond {threshold / 1000:g} and the contact still closed"
        found.append(Stage(kind, limit, delay_ms / 1000.0 + REACTION_S, text))
    return found


class Safety:
    """Called after every turn; `found` holds each unsafe state once."""

    def __init__(self, plant: Plant, boards: Mapping[str, Board]) -> None:
        """`boards`: by asset; their specs hold the protection that each has to keep."""
        self.plant = plant
        self.boards = boards
        self.found: list[Unsafe] = []
        self._since: dict[tuple[str, str], int] = {}
        self._told: set[tuple[str, str]] = set()
        self._events = 0
        self._rest_until_us = 0
        self._excused: dict[str, int] = {}
        self._stages = {asset: _stages(board.spec) for asset, board in boards.items()}

    def excuse(self, assets: Iterable[str], until_us: int) -> None:
        """A fault has broken their contact, sensor or program: they cannot be judged until then."""
        for asset in assets:
            self._excused[asset] = max(until_us, self._excused.get(asset, 0))

    def look(self, now_us: int) -> None:
        """Judge the present moment; while the plant is at rest, once a second."""
        plant = self.plant
        if now_us < self._rest_until_us and len(plant.events) == self._events and plant.settled:
            return
        self._rest_until_us = now_us + REST_US
        if len(plant.events) > self._events:
            for event in plant.events[self._events :]:
                if event.kind in ("out_of_phase_closing", "closed_onto_dead_grid"):
                    self._tell(now_us, event.asset, event.kind.replace("_", " "))
            self._events = len(plant.events)
        for asset, until_us in list(self._excused.items()):
            if now_us >= until_us:
                del self._excused[asset]
        poi = plant.poi.name
        feeds_dead = plant.mode is BusMode.COLLAPSED and poi not in self._excused
        self._timed(now_us, poi, "a dead utility is fed", feeds_dead, ISLAND_S)
        for asset in self.boards:
            node = plant.nodes[asset]
            if asset in self._excused:
                self._forget(asset)
                continue
            if not isinstance(node, Poi):
                room_w = node.rated_w * (1.0 + OVER_SHARE)
                over = self.boards[asset].spec.role != "load" and abs(node.p_w) > room_w
                self._timed(now_us, asset, "power beyond its rating", over, OVER_S)
            self._protected(now_us, asset, node.closed)

    def _protected(self, now_us: int, asset: str, closed: bool) -> None:
        """A terminal beyond a trip stage for longer than its delay, the contact still closed."""
        v_v, i_a, f_hz, _ = self.plant.sense(asset)
        dead = v_v < DEAD_V
        for stage in self._stages[asset]:
            value = v_v if stage.kind[1] == "v" else f_hz if stage.kind[1] == "f" else abs(i_a)
            beyond = value < stage.limit if stage.kind[0] == "u" else value > stage.limit
            # On a dead bus there is nothing to open, and a battery may be there to start it.
            self._timed(now_us, asset, stage.text, beyond and closed and not dead, stage.allowed_s)

    def _timed(self, now_us: int, asset: str, what: str, bad: bool, allowed_s: float) -> None:
        key = (asset, what)
        if not bad:
            if key in self._since:
                del self._since[key]
                self._told.discard(key)
            return
        since = self._since.setdefault(key, now_us)
        if now_us - since > allowed_s * 1e6 and key not in self._told:
            self._told.add(key)
            self.found.append(Unsafe(since, asset, what))

    def _forget(self, asset: str) -> None:
        for key in [key for key in self._since if key[0] == asset]:
            del self._since[key]

    def _tell(self, now_us: int, asset: str, what: str) -> None:
        self.found.append(Unsafe(now_us, asset, what))
