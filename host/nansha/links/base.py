"""What every link can do."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 10.0

Deliver = Callable[[bytes], None]
"""Takes one frame; called on the event loop."""


@dataclass(frozen=True, slots=True)
class LinkState:
    """Whether a link is up, since when, and why not."""

    up: bool
    since_s: float
    """time.monotonic() of the last change."""
    why: str = ""


class Link(Protocol):
    """A way to some of the nodes."""

    name: str
    nodes: frozenset[int]
    state: LinkState
    lost: int
    """Frames that could not be sent."""

    async def run(self, deliver: Deliver) -> None:
        """Carry frames until cancelled; never raises for what the world does."""

    def send(self, node: int, frame: bytes) -> None:
        """Send one frame if the link is up; else it is counted in `lost`."""


def changed(before: LinkState, up: bool, why: str = "") -> LinkState:
    """The state after a look: the time moves only when the state does."""
    if before.up == up and before.why == why:
        return before
    return LinkState(up, time.monotonic(), why)


def longer(pause_s: float) -> float:
    """The next pause between two attempts."""
    return min(LONGEST_PAUSE_S, pause_s * 2)
