"""A real node on the bench, in real time: the plant drives its pins through the box, and follows.

An edge of its relay reaches the plant with the time that the box gave it, or, where the plant has
gone past that already, at once; how late that was is kept. The converter behind the power command
takes a new value once it has moved by more than the box's converter rustles.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from statistics import median

from nansha.errors import NanshaError
from nansha_boards import NodeSpec
from nansha_hil.bench.box import Box
from nansha_hil.bench.file import BenchNode
from nansha_hil.bench.port import Port, mono_us
from nansha_hil.bench.selftest import SelfTest
from nansha_hil.bench.wires import Wires
from nansha_hil.board import LiveBoard
from nansha_hil.plant import Plant
from nansha_iobox.box import SILENCE_MS

COMMAND_BAND = 160
"""A quarter of a percent of the range, of 65535: the RP2040's converter rustles by two steps."""


class BenchBoard(LiveBoard):
    """The bench tier. Real time only: the node's watchdog, resets and flash are its own.

    edges_us: the relay's edges, on the rig's clock.
    """

    tier = "bench"
    reset_asked = False

    def __init__(self, spec: NodeSpec, plant: Plant, bench: BenchNode) -> None:
        bench.check(spec, spec.asset)
        self.bench = bench
        self._wires = Wires(spec, bench)
        self._box: Box | None = None
        self._died = ""
        self._zero_us = 0.0
        self._duty = 0
        self.edges_us: list[float] = []
        self._late_us = 0.0
        self._silences = self._damaged = 0
        super().__init__(spec, plant)

    # life

    @property
    def running(self) -> bool:
        """Whether its box is connected."""
        return self._box is not None

    @property
    def box(self) -> Box:
        """The connected box. RuntimeError before `prepare`."""
        if self._box is None:
            raise RuntimeError(f"{self.asset} has no box")
        return self._box

    @property
    def source(self) -> socket.socket:
        """What is readable when the box has said something."""
        return self.box.port.source

    @property
    def failure(self) -> str | None:
        """Why this board can go on no longer, as one line; None while it can."""
        return self._died or None

    def prepare(self) -> None:
        """Connect to the box and test every wire. Takes seconds; resets the node."""
        self._box = box = Box(self.bench.box_port, self.asset)
        try:
            baud = self.spec.uart_baud or 115200
            node = Port(self.bench.node_port, baud, self.asset)
            try:
                SelfTest(self.spec, self._wires, box, node, self.asset).run()
            finally:
                node.close()  # it is the host's from here on
        except BaseException:
            self.power_off()
            raise

    def power_up(self, zero_us: float) -> None:
        """Follow it from now on. `zero_us`: the rig's zero on the clock of `mono_us`."""
        self.clear()
        self.boots += 1
        self._zero_us = zero_us
        # Since its self-test the box may have fallen silent: it says so in its next answer.
        self._put_inputs()
        self.box.settle()
        self._begin_figures()
        self._act()

    def _begin_figures(self) -> None:
        client = self.box.client
        client.begin()
        self._silences, self._damaged = client.silences, self.box.port.bad
        self._wires.clipped = 0
        self.edges_us.clear()
        self._late_us = 0.0

    def power_off(self) -> None:
        """Leave it: sensors dead, supply on, as after a rig that fell silent."""
        if self._box is not None:
            self._box.close()
            self._box = None

    def hears_alert(self) -> bool:
        """Never to be told: the pin itself is set, with all the others."""
        return False

    # real time

    def tick(self, now_us: int) -> None:
        """Put the plant's state on the node's pins, if the box is free."""
        self._guarded(self._drive_node)

    def serve(self, now_us: int) -> bool:
        """Follow what the box has said; False when it can go on no longer."""
        self._guarded(self._follow_node)
        return self.failure is None

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except NanshaError as error:
            self._died = self._died or error.what + (f"; {error.mend}" if error.mend else "")

    def _put_inputs(self) -> None:
        values, levels = self.inputs()
        self.box.put(self._wires.codes(values), self._wires.lines(levels))

    def _drive_node(self) -> None:
        self._put_inputs()
        self.box.drive()
        self._follow_node()

    def _follow_node(self) -> None:
        edges = self.box.listen()
        if self.box.client.silences != self._silences:
            raise NanshaError(
                f"the rig was silent for over {SILENCE_MS} ms: the node saw a dead bus",
                self.asset,
                "give this machine less to do, or run on a faster one",
            )
        for edge in edges:
            # It has happened: what the clocks are apart must not throw the plant ahead.
            at_us = min(edge.at_us, mono_us()) - self._zero_us
            self.edges_us.append(at_us)
            self._late_us = max(self._late_us, self.plant.now_us - at_us)
            self.plant.advance(max(self.plant.now_us, int(at_us)))
            self.drive(*self._wires.relay_bits(edge.level), self._duty)
        self._act()

    def _act(self) -> None:
        client = self.box.client
        self.exchanges = client.answers
        if abs(client.duty_u16 - self._duty) > COMMAND_BAND:
            self._duty = client.duty_u16
        self.drive(*self._wires.relay_bits(client.relay), self._duty)

    def figures(self) -> dict[str, float]:
        """How good the bench was: times in us, counts of what was lost."""
        client = self.box.client
        trips = list(client.round_trips_us)
        return {
            "round_trip_us": median(trips) if trips else 0.0,
            "round_trip_max_us": max(trips, default=0.0),
            "clock_error_us": client.clock.error_us,
            "edge_late_max_us": self._late_us,
            "requests_lost": client.lost,
            "frames_damaged": self.box.port.bad - self._damaged,
            "edges_lost": client.edges_lost,
            "silences": client.silences - self._silences,
            "levels_out_of_reach": self._wires.clipped,
        }
