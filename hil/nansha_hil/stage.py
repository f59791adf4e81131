"""What a scenario may touch: the plant, the boards, the links, the host, and the clock."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from nansha_hil.board import Board
from nansha_hil.net import Net
from nansha_hil.plant import Plant
from nansha_wire.auth import Key


@dataclass
class Machinery:
    """What only lock-step has: links, the host, resets.

    reset: pull a board's reset pin. power: its supply on or off. inject: put bytes on a node's
    link, up (to the host) or down. wireless: the assets that the site file puts on MQTT.
    keys: each node's own.
    """

    net: Net
    host: Host
    reset: Callable[[str], None]
    power: Callable[[str, bool], None]
    inject: Callable[[str, bytes, bool], None]
    wireless: frozenset[str]
    keys: Mapping[str, Key]


class Host(Protocol):
    """The host's life, as a fault sees it."""

    def kill(self) -> None:
        """It dies between two instructions; what was not on disk is gone."""

    def start(self) -> None:
        """It starts, or starts again, from its record."""

    def pause(self, paused: bool) -> None:
        """It stands still; what arrives waits for it."""

    def jump(self, by_s: float) -> None:
        """The wall clock of its computer jumps."""

    def fill_disk(self, full: bool) -> None:
        """Its disk takes no more bytes."""

    def rival(self, present: bool) -> None:
        """A second host with the same keys commands the same site."""


@dataclass
class Stage:
    """Handed to every fault and setting.

    luck: random numbers from the scenario's seed. In real time there are only plant and boards:
    `Action.lockstep_only` says what needs the machinery.
    """

    plant: Plant
    boards: Mapping[str, Board]
    now_us: Callable[[], int]
    luck: random.Random
    rig: Machinery | None = None

    def each(self, names: Iterable[str]) -> list[str]:
        """The assets that are meant: '*' is all of them."""
        names = list(names)
        return list(self.boards) if "*" in names else names

    @property
    def machinery(self) -> Machinery:
        """Links, host and resets. RuntimeError in real time."""
        if self.rig is None:
            raise RuntimeError("only lock-step has links and a host of the rig's own")
        return self.rig
