"""The box on its port: greeted, driven, listened to. Times in us of this machine's clock."""

from __future__ import annotations

from nansha.errors import NanshaError
from nansha_hil.bench.client import Client, Edge
from nansha_hil.bench.port import Port, mono_us
from nansha_iobox import messages as m
from nansha_iobox.box import ALL_OFF
from nansha_iobox.pins import BAUD

HEARTBEAT_US = 50_000.0
GONE = 10
"""So many requests in a row without an answer, a second in all, and the box has gone."""
_HELLO_S, _HELLOS = 0.5, 10
_TURN_S = 0.005
_DAC = {
    m.DAC_NONE: "the DAC does not answer on the box's I2C bus",
    m.DAC_FORGETS: "the DAC answers but does not keep what it is given",
}
_DAC_MEND = "look at its supply, SDA, SCL, their pull-ups, and its address 0x60"


class Box:
    """codes, lines: what the outputs are to be; `drive` sends them when it is time."""

    def __init__(self, url: str, where: str) -> None:
        """Open the port and greet the box. NanshaError says what is missing."""
        self._where = where
        self.port = Port(url, BAUD, where)
        self.client = Client(where)
        self._codes: tuple[int, ...] = ALL_OFF
        self._lines = m.SUPPLY
        self._changed = True
        self._sent_us = 0.0
        try:
            self._greet(url)
        except BaseException:
            self.port.close()
            raise

    def _greet(self, url: str) -> None:
        for _ in range(_HELLOS):
            self.port.write(self.client.hello(mono_us()))
            until_us = mono_us() + _HELLO_S * 1e6
            while self.client.identity is None and mono_us() < until_us:
                self.port.wait(_HELLO_S)
                self.listen()
            if self.client.identity is not None:
                self._check_dac()
                return
        raise NanshaError(
            f"no box answers on {url}",
            self._where,
            "look at its supply, at TX and RX crossed, and that it runs the box's image",
        )

    def _check_dac(self) -> None:
        found = _DAC.get(self.client.dac)
        if found is not None:
            raise NanshaError(found, self._where, _DAC_MEND)

    def put(self, codes: tuple[int, ...], lines: int) -> None:
        """Set what the outputs are to be."""
        if (codes, lines) != (self._codes, self._lines):
            self._codes, self._lines = codes, lines
            self._changed = True

    @property
    def settled(self) -> bool:
        """Whether the box has what was last put, and has said so."""
        busy = self.client.busy(mono_us())
        return not self._changed and not busy and self.client.unanswered == 0

    def settle(self) -> None:
        """Send what was last put, and wait until the box has it. NanshaError where it cannot."""
        self._changed = True
        while not self.settled:
            self.turn()

    def turn(self) -> None:
        """Drive, wait a little, listen: for a time in which no edge counts."""
        self.drive()
        self.port.wait(_TURN_S)
        self.listen()

    def drive(self) -> None:
        """Send what has changed, or a sign of life; nothing while an answer is still to come."""
        now_us = mono_us()
        if self.client.busy(now_us):
            return
        # What was lost is sent again by this too: it counts as lost after two heartbeats.
        if self._changed or now_us - self._sent_us >= HEARTBEAT_US:
            self._changed = False
            self._sent_us = now_us
            self.port.write(self.client.set(self._codes, self._lines, now_us))

    def listen(self) -> list[Edge]:
        """Take in what has come. NanshaError where the box cannot go on."""
        edges = []
        for frame, arrived_us in self.port.take():
            edges += self.client.take(frame, arrived_us)
        if self.port.failure:
            raise NanshaError(f"box: {self.port.failure}", self._where, "plug it in again")
        if self.client.identity is not None:
            self._check_dac()
            if self.client.unanswered >= GONE:
                raise NanshaError(
                    f"the box has left {GONE} requests without an answer",
                    self._where,
                    "look at its supply and its line",
                )
        return edges

    def close(self) -> None:
        """Leave the node as a silent rig would, and close the port."""
        # Whatever is on its way: nobody waits for an answer any more.
        self.port.write(self.client.set(ALL_OFF, m.SUPPLY | m.ALERT, mono_us()))
        self.port.close()
