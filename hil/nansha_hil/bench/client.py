"""The rig's side of the box's messages, without a port: requests out, answers and edges in.

One request is on its way at a time, so the box sets the pace and no queue of old values grows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from nansha.errors import NanshaError
from nansha_hil.bench.clock import BoxClock
from nansha_iobox import messages as m

ANSWER_US = 100_000
"""A request that is not answered for so long is lost."""
AMISS_US = 1_000_000.0
"""No line is so slow: a frame whose time is off by more is of another clock."""
_TIME_MASK = (1 << m.LEVEL_BIT) - 1


@dataclass(frozen=True, slots=True)
class Edge:
    """The relay's pin moved. at_us: on the rig's clock."""

    at_us: float
    level: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the box is."""

    firmware: tuple[int, int]
    reset: int
    dac: int
    silence_ms: int


class Client:
    """What is known of a box. Times in us of whoever calls.

    round_trips_us: of the last requests. answers: to requests. lost: requests without one, and
    unanswered: those in a row. edges_lost: edges that no answer has told of. silences: how often
    the box has missed us.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self.clock = BoxClock()
        self.identity: Identity | None = None
        self.round_trips_us: deque[float] = deque(maxlen=4096)
        self.answers = self.lost = self.unanswered = self.edges_lost = self.silences = 0
        self.relay = 0
        self.duty_u16 = 0
        self.dac = m.DAC_OK
        self._seq = 0
        self._sent: tuple[int, float] | None = None
        self._hellos: set[int] = set()
        self._edges: int | None = None

    def begin(self) -> None:
        """Count from now on: what the self-test has provoked is no figure of a run."""
        self.round_trips_us.clear()
        self.answers = self.lost = self.edges_lost = 0

    def busy(self, now_us: float) -> bool:
        """Whether an answer is still to come."""
        if self._sent is not None and now_us - self._sent[1] > ANSWER_US:
            self.lost += 1
            self.unanswered += 1
            self._sent = None
        return self._sent is not None

    def hello(self, now_us: float) -> bytes:
        """A frame that asks who is there."""
        frame = self._request(m.HELLO, (), now_us)
        self._hellos.add(self._seq)
        return frame

    def set(self, codes: Sequence[int], lines: int, now_us: float) -> bytes:
        """A frame that sets all outputs."""
        frame = self._request(m.SET, (*codes, lines), now_us)
        self._hellos.discard(self._seq)  # the sequence number has come round
        return frame

    def _request(self, ident: int, values: tuple[int, ...], now_us: float) -> bytes:
        self._seq = (self._seq + 1) & 0xFFFF
        self._sent = (self._seq, now_us)
        return m.encode(ident, self._seq, values)

    def take(self, frame: bytes, arrived_us: float) -> list[Edge]:
        """Edges that a frame from the box tells of. NanshaError where it cannot go on."""
        message = m.decode(frame)
        if message is None:
            return []
        if message.ident == 0:
            raise NanshaError(
                f"the box speaks version {message.version}, this rig {m.VERSION}",
                self._where,
                "flash the box with this rig's image",
            )
        if message.ident == m.IDENTITY:
            self._meet(message, arrived_us)
        elif message.ident == m.STATE:
            return self._follow(message, arrived_us)
        return []

    def _meet(self, message: m.Message, arrived_us: float) -> None:
        t_us, major, minor, reset, dac, silence_ms = message.values
        if message.seq not in self._hellos:  # it answers a SET so: it knows nobody
            raise NanshaError(
                f"the box has started again by itself (reset cause {reset})",
                self._where,
                "look at its supply; 3 is its watchdog",
            )
        if not self._answered(message.seq, arrived_us, t_us):
            return  # late: another hello is on its way, and only its answer tells the time
        self.identity = Identity((major, minor), reset, dac, silence_ms)
        self.dac = dac

    def _follow(self, message: m.Message, arrived_us: float) -> list[Edge]:
        if self.identity is None:
            return []
        t_us, flags, self.dac, self.duty_u16, self.silences, count, *words = message.values
        if flags & m.REFUSED:
            raise NanshaError(
                "the box has refused its outputs",
                self._where,
                "flash the box with this rig's image",
            )
        if abs(arrived_us - self.clock.rig_us(t_us)) > AMISS_US:
            raise NanshaError(
                "the box has started again, or this machine stood still: its time has jumped",
                self._where,
                "look at the box's supply, and give this machine less to do",
            )
        if flags & m.ANSWER:
            self._answered(message.seq, arrived_us, t_us)
        self.relay = flags & m.RELAY
        if self._edges is None:
            self._edges = count
        new = (count - self._edges) & 0xFFFF
        self._edges = count
        if new >= 1 << 15:
            return []  # overtaken by a newer one
        self.edges_lost += max(0, new - m.EDGES)
        return [
            Edge(self.clock.rig_us(word & _TIME_MASK), word >> m.LEVEL_BIT)
            for word in reversed(words[: min(new, m.EDGES)])
        ]

    def _answered(self, seq: int, arrived_us: float, t_us: int) -> bool:
        if self._sent is None or seq != self._sent[0]:
            return False
        sent_us = self._sent[1]
        self._sent = None
        self.answers += 1
        self.unanswered = 0
        self.clock.sample(sent_us, arrived_us, t_us)
        self.round_trips_us.append(arrived_us - sent_us)
        return True
