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
        on_cycle: Callable[[int], None] = lambda now_us: None,
        on_drive: Callable[[int, Board], None] = lambda now_us, board: None,
    ) -> None:
        """`epoch_ms`: host time at virtual time 0."""
        self.plant = plant
        self.boards = list(boards)
        self.session = session
        self.epoch_ms = epoch_ms
        self.now_us = 0
        self.cycles = 0
        self._on_cycle = on_cycle
        self._on_drive = on_drive
        self._by_node = {board.spec.node_id: board for board in self.boards}
        self._deframers = {board.asset: Deframer() for board in self.boards}
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._soon = False
        self._touched = False
        """Whether the plant may have moved by itself or by the world since the last look."""
        self._woken: set[str] = set()
        self.cut_lines: set[str] = set()
        """Assets whose line carries nothing, either way."""

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

    def _turns(self, now: int) -> None:
        """Let the boards that are due compute, side by side, then take what they did, in order."""
        for board in self.boards:
            if board.watchdog_us <= now:
                board.power_off()
                self._on_drive(now, board)
                self._at(now + BOOT_US, lambda b=board: self._boot(b, WATCHDOG))  # type: ignore[misc]
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

    def _boot(self, board: Board, cause: int) -> None:
        if not board.running:
            self._after(board, board.start(self.now_us, cause))

    def _after(self, board: Board, sent: bytes) -> None:
        self._on_drive(self.now_us, board)
        if sent and board.asset not in self.cut_lines:
            arrives_us = board.line_time_us(self.now_us, len(sent), up=True)
            self._at(arrives_us, lambda: self._uplink(board, sent))
        if not board.running:
            self._at(self.now_us + BOOT_US, lambda: self._boot(board, HARD))

    # lines

    def _uplink(self, board: Board, data: bytes) -> None:
        for frame in self._deframers[board.asset].feed(data):
            if self.session is None:
                continue  # the host is dead
            if self.session.receive(self.host_ms, frame) and not self._soon:
                self._soon = True
                self._at(self.now_us + SOON_US, self._soon_cycle)

    def _downlink(self, board: Board, data: bytes) -> None:
        if board.running and board.asset not in self.cut_lines:
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

    def _cycle(self) -> None:
        if self.session is not None:
            self.cycles += 1
            for out in self.session.cycle(self.host_ms):
                board = self._by_node[out.node]
                data = pack(out.frame)
                arrives_us = board.line_time_us(self.now_us, len(data), up=False)
                self._at(arrives_us, lambda b=board, d=data: self._downlink(b, d))  # type: ignore[misc]
        self._on_cycle(self.now_us)
