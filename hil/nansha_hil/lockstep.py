"""Lock-step: plant, boards, lines and host on one virtual clock, as fast as they go.

Nothing runs while time stands, and time stands while anything runs. Boards that are due at the same
instant compute side by side and are read in the order of the site file, so the outcome does not
depend on how the machine schedules them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

from nansha.session import Session
from nansha_hil.board import BOOT_US, HARD, NEVER_US, POWER_ON, WATCHDOG, Board
from nansha_hil.net import Net
from nansha_hil.plant import Plant
from nansha_wire.serial import Deframer, pack

CYCLE_US = 1_000_000
CYCLE_PHASE_US = 100_000
"""The host decides a tenth of a second after the nodes have spoken."""
SOON_US = 2_000
"""An urgent event brings a cycle after so long; what else comes in by then is part of it."""


class Lockstep:
    """The event loop of a virtual rig."""

    def __init__(
        self,
        plant: Plant,
        boards: Sequence[Board],
        session: Session | None,
        epoch_ms: int,
        net: Net,
        on_cycle: Callable[[int], None] = lambda now_us: None,
        on_drive: Callable[[int, Board], None] = lambda now_us, board: None,
    ) -> None:
        """`epoch_ms`: host time at virtual time 0."""
        self.plant = plant
        self.boards = list(boards)
        self.session = session
        self.epoch_ms = epoch_ms
        self.net = net
        self.now_us = 0
        self.cycles = 0
        self._on_cycle = on_cycle
        self._on_drive = on_drive
        self._by_node = {board.spec.node_id: board for board in self.boards}
        self._by_asset = {board.asset: board for board in self.boards}
        self._deframers = {board.asset: Deframer() for board in self.boards}
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._soon = False
        self._touched = False
        """Whether the plant may have moved by itself or by the world since the last look."""
        self._woken: set[str] = set()
        self.rival: Session | None = None
        """A second host that hears the same and commands the same nodes."""
        self.paused = False
        self._waiting: list[tuple[Board, bytes]] = []
        """What came in while the host stood still."""
        self.unpowered: set[str] = set()
        self.on_turn: Callable[[int], None] = lambda now_us: None
        """Called when all boards that were due have had their turn."""

    # agenda

    def at(self, t_us: int, action: Callable[[], None]) -> None:
        """Do `action`, which may touch the plant, at virtual time `t_us`."""

        def act() -> None:
            self._touched = True
            action()

        self._at(t_us, act)

    def _at(self, t_us: int, action: Callable[[], None]) -> None:
        """Put an action of the rig's own on the agenda; equal times in the order of asking."""
        self._order += 1
        heapq.heappush(self._agenda, (t_us, self._order, action))

    def power_on(self) -> None:
        """Start every board and the host's cycles."""
        for board in self.boards:
            self._boot(board, POWER_ON)
        self._at(self.now_us + CYCLE_PHASE_US, self._regular_cycle)

    def stop(self) -> None:
        """Switch every board off."""
        for board in self.boards:
            board.power_off()

    # time

    def run(self, until_us: int) -> None:
        """Advance to `until_us`."""
        while True:
            now = min(
                self._agenda[0][0] if self._agenda else NEVER_US,
                min((b.due_us for b in self.boards if not b.frozen), default=NEVER_US),
                min((b.watchdog_us for b in self.boards), default=NEVER_US),
            )
            tick_us = self.plant.next_tick_us
            if tick_us is not None:
                now = min(now, tick_us)
            if now > until_us:
                self.plant.advance(until_us)
                self.now_us = until_us
                return
            self.now_us = now = max(now, self.now_us)
            self.plant.advance(now)
            self._touched = tick_us is not None
            while self._agenda and self._agenda[0][0] <= now:
                heapq.heappop(self._agenda)[2]()
            if self._touched:
                for board in self.boards:
                    if board.running and board.look_at_alert():
                        self._woken.add(board.asset)
            self._turns(now)
            self.on_turn(now)

    def _turns(self, now: int) -> None:
        """Let the boards that are due compute, side by side, then take what they did, in order."""
        for board in self.boards:
            if board.watchdog_us <= now:
                board.power_off()
                self._on_drive(now, board)
                self._boot_later(board, WATCHDOG)
        awake = [
            board
            for board in self.boards
            if board.running
            and not board.frozen
            and (board.due_us <= now or board.asset in self._woken)
        ]
        self._woken.clear()
        for board in awake:
            board.wake(now)
        for board in awake:
            self._after(board, board.turn(now))

    def reset(self, asset: str) -> None:
        """Pull a board's reset pin."""
        board = self._by_asset[asset]
        self._down(board)
        self._boot_later(board, board.pin_reset_cause)

    def power(self, asset: str, on: bool) -> None:
        """Switch a board's supply."""
        board = self._by_asset[asset]
        if on and asset in self.unpowered:
            self.unpowered.discard(asset)
            self._boot_later(board, POWER_ON)
        elif not on:
            self.unpowered.add(asset)
            self._down(board)

    def _down(self, board: Board) -> None:
        board.power_off()
        self._woken.discard(board.asset)
        self._on_drive(self.now_us, board)

    def _boot_later(self, board: Board, cause: int) -> None:
        if board.asset not in self.unpowered:
            self._at(self.now_us + BOOT_US, lambda: self._boot(board, cause))

    def _boot(self, board: Board, cause: int) -> None:
        if not board.running and board.asset not in self.unpowered:
            self._after(board, board.start(self.now_us, cause))

    def _after(self, board: Board, sent: bytes) -> None:
        self._on_drive(self.now_us, board)
        if sent:
            self._send(board, sent, up=True)
        if not board.running:
            self._boot_later(board, HARD)

    # lines

    def _send(self, board: Board, data: bytes, up: bool) -> None:
        """Bytes leave one end: over the wire at its baud, then over what the network is like."""
        left_us = board.line_time_us(self.now_us, len(data), up)
        for arrives_us, piece in self.net.links[board.asset].carry(left_us, data, up):
            self._arrives(board, arrives_us, piece, up)

    def inject(self, asset: str, data: bytes, up: bool) -> None:
        """Somebody else puts bytes on a link; they arrive as fast as the wire is."""
        board = self._by_asset[asset]
        self._arrives(board, board.line_time_us(self.now_us, len(data), up), data, up)

    def _arrives(self, board: Board, at_us: int, data: bytes, up: bool) -> None:
        deliver = self._uplink if up else self._downlink
        self._at(at_us, lambda: deliver(board, data))

    def _uplink(self, board: Board, data: bytes) -> None:
        if self.net.links[board.asset].cuts:
            return
        if self.paused:
            self._waiting.append((board, data))
            return
        for frame in self._deframers[board.asset].feed(data):
            if self.rival is not None:
                self.rival.receive(self.host_ms, frame)
            if self.session is None:
                continue  # the host is dead
            if self.session.receive(self.host_ms, frame) and not self._soon:
                self._soon = True
                self._at(self.now_us + SOON_US, self._soon_cycle)

    def _downlink(self, board: Board, data: bytes) -> None:
        if board.running and not self.net.links[board.asset].cuts:
            board.received += data
            self._woken.add(board.asset)

    # host

    @property
    def host_ms(self) -> int:
        """The host's clock, ms since 1970 UTC."""
        return self.epoch_ms + self.now_us // 1000

    def _regular_cycle(self) -> None:
        self._at(self.now_us + CYCLE_US, self._regular_cycle)
        self._cycle()

    def _soon_cycle(self) -> None:
        self._soon = False
        self._cycle()

    def resume(self) -> None:
        """The host goes on: what waited comes in now, all at once."""
        self.paused = False
        waiting, self._waiting = self._waiting, []
        for board, data in waiting:
            self._uplink(board, data)

    def _cycle(self) -> None:
        if self.session is not None and not self.paused:
            self.cycles += 1
            self._command(self.session)
        if self.rival is not None:
            self._command(self.rival)
        self._on_cycle(self.now_us)

    def _command(self, session: Session) -> None:
        for out in session.cycle(self.host_ms):
            self._send(self._by_node[out.node], pack(out.frame), up=False)
