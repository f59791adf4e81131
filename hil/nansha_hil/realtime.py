"""Real time: the same boards and plant on the wall's clock, behind ptys that pyserial opens and a
real MQTT broker. Whatever the host is, it sees ports and a broker, and no rig."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import tty
from collections.abc import Callable, Mapping
from pathlib import Path

from nansha.broker import Broker
from nansha.errors import NanshaError
from nansha.run import Wiring
from nansha.site import SerialLink, Site, load_site
from nansha_boards import NodeSpec, load_board
from nansha_hil.bench import BenchNode
from nansha_hil.bench.board import BenchBoard
from nansha_hil.board import BOOT_US, HARD, NEVER_US, POWER_ON, WATCHDOG, LiveBoard
from nansha_hil.deploy import deploy, rig_secret
from nansha_hil.qemu.board import QemuBoard
from nansha_hil.scenario import Scenario
from nansha_hil.stage import Stage
from nansha_hil.tiers import VM_ONLY, Tiers
from nansha_hil.vm_board import VmBoard

RealtimeBoard = VmBoard | QemuBoard | BenchBoard
TICK_S = 0.005
"""How often the plant is brought up to the wall's time."""


class Line:
    """A serial line as a pty; `path` is what a host opens, and it outlives the board's program."""

    def __init__(self, link: Path) -> None:
        self.board_fd, self._host_fd = os.openpty()
        tty.setraw(self._host_fd)
        os.set_blocking(self.board_fd, False)
        self.path = str(link)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(self._host_fd))

    def close(self) -> None:
        """Pull the plug."""
        Path(self.path).unlink(missing_ok=True)
        os.close(self._host_fd)
        os.close(self.board_fd)


class RealtimeRig:
    """Boards, plant, lines and broker of a scenario, on the wall's clock."""

    def __init__(
        self,
        scenario: Scenario,
        out: Path,
        tiers: Tiers = VM_ONLY,
        bench: Mapping[str, BenchNode] | None = None,
    ) -> None:
        """Lay out boards and lines under `out`; nothing runs yet. `bench`: real nodes, by asset."""
        self.scenario = scenario
        self.site: Site = load_site(scenario.site_path)
        self.secret = rig_secret(self.site.id, scenario.seed)
        self.plant = scenario.build_plant(self.site)
        self.broker = Broker()
        shutil.rmtree(out / "nodes", ignore_errors=True)
        ports = out / "ports"
        shutil.rmtree(ports, ignore_errors=True)
        ports.mkdir(parents=True)
        self._lines: dict[str, Line] = {}
        self._ports: dict[str, str] = {}
        self._bench = bench or {}
        self.boards: list[RealtimeBoard] = []
        for asset in self.site.assets:
            folder = out / "nodes" / asset.id
            wired = isinstance(asset.link, SerialLink)
            deploy(
                self.site,
                asset.id,
                self.secret,
                folder,
                "serial" if wired else "mqtt",
                self.broker.port,
            )
            spec = self.site.node_spec(asset.id)
            if tiers.of(asset.id) == "bench":
                self.boards.append(self._on_bench(spec))
                continue
            if wired:
                self._lines[asset.id] = Line(ports / asset.id)
                self._ports[asset.id] = self._lines[asset.id].path
            line = self._lines.get(asset.id)
            pty_fd = line.board_fd if line else None
            self.boards.append(self._make(tiers.of(asset.id), spec, folder, pty_fd))
        problems = [a.kind for a in scenario.timeline() if a.lockstep_only]
        if problems:
            raise NanshaError(
                f"{', '.join(sorted(set(problems)))}: needs the rig's own clock",
                str(scenario.path),
                "run it without --realtime",
            )
        self.stage = Stage(
            self.plant,
            {board.asset: board for board in self.boards},
            lambda: self.now_us,
            random.Random(f"{scenario.seed} stage"),
        )
        self.ready = asyncio.Event()
        """Set once broker and boards are there."""
        self.begin = asyncio.Event()
        """Set by whoever waits for the site to come up: the scenario's time starts then."""
        self.zero_us = 0
        """Rig time at which the scenario began."""
        self.on_tick: Callable[[], None] = lambda: None
        """Called whenever the plant has been brought up to the wall's time."""
        self.bench_figures: dict[str, dict[str, float]] = {}
        """How good the bench was, by asset, once the run is over."""
        self._begun_s = 0.0
        self._again: dict[str, tuple[int, int]] = {}

    def _on_bench(self, spec: NodeSpec) -> BenchBoard:
        node = self._bench.get(spec.asset)
        if node is None:
            raise NanshaError(
                "the bench file has no such node", spec.asset, f"add [node.{spec.asset}] to it"
            )
        self._ports[spec.asset] = node.node_port
        return BenchBoard(spec, self.plant, node)

    def _make(
        self, tier: str, spec: NodeSpec, folder: Path, pty_fd: int | None
    ) -> VmBoard | QemuBoard:
        if tier == "qemu":
            return QemuBoard(spec, folder, self.plant, pty_fd=pty_fd)
        heap = load_board(spec.board).heap_kwords
        return VmBoard(spec, folder, heap, self.plant, virtual=False, pty_fd=pty_fd)

    @property
    def wiring(self) -> Wiring:
        """How a host reaches the nodes of this rig."""
        return Wiring(self._ports, ("127.0.0.1", self.broker.port))

    def board(self, asset: str) -> RealtimeBoard:
        """The board of an asset."""
        return next(board for board in self.boards if board.asset == asset)

    @property
    def now_us(self) -> int:
        """Time since the start."""
        return int((asyncio.get_running_loop().time() - self._begun_s) * 1e6)

    async def run(self, duration_s: float) -> None:
        """Start everything; end `duration_s` after `begin` was set."""
        loop = asyncio.get_running_loop()
        actions = self.scenario.timeline()
        begun = False
        try:
            await asyncio.to_thread(self.broker.start)
            for board in self.boards:
                if isinstance(board, LiveBoard):
                    await asyncio.to_thread(board.prepare)
            self._begun_s = loop.time()
            for board in self.boards:
                self._power_up(board, POWER_ON)
            self.ready.set()
            while not begun or self.now_us < self.zero_us + duration_s * 1e6:
                now = self.now_us
                if self.begin.is_set() and not begun:
                    begun, self.zero_us = True, now
                while begun and actions and self.zero_us + actions[0].at_us <= now:
                    self._advance(self.zero_us + actions[0].at_us)
                    actions.pop(0).apply(self.stage)
                self._advance(now)
                self.on_tick()
                self._look_after(now)
                await asyncio.sleep(TICK_S)
            self.bench_figures = {
                board.asset: board.figures()
                for board in self.boards
                if isinstance(board, BenchBoard)
            }
        finally:
            for board in self.boards:
                self._power_off(board)
            for line in self._lines.values():
                line.close()
            self.broker.stop()

    def kill(self, asset: str) -> None:
        """SIGKILL a board's program; its watchdog brings it back."""
        board = self.board(asset)
        if isinstance(board, VmBoard) and board.vm is not None:
            board.vm.process.kill()

    def _advance(self, to_us: int) -> None:
        self.plant.advance(max(to_us, self.plant.now_us))

    def _look_after(self, now: int) -> None:
        for board in self.boards:
            if board.failure:
                raise NanshaError(board.failure, board.asset)
            if board.running:
                board.tick(now)
                if board.watchdog_us <= now:
                    self._power_off(board)
                    self._again[board.asset] = (now + BOOT_US, WATCHDOG)
            elif board.asset not in self._again:
                self._again[board.asset] = (now + BOOT_US, HARD)
            elif self._again[board.asset][0] <= now:
                self._power_up(board, self._again.pop(board.asset)[1])

    def _power_up(self, board: RealtimeBoard, cause: int) -> None:
        if isinstance(board, BenchBoard):
            board.power_up(self._begun_s * 1e6)
        else:
            board.power_up(cause)
        asyncio.get_running_loop().add_reader(board.source, self._serve, board)

    def _power_off(self, board: RealtimeBoard) -> None:
        if board.running:
            asyncio.get_running_loop().remove_reader(board.source)
            board.power_off()

    def _serve(self, board: RealtimeBoard) -> None:
        now = self.now_us
        if not isinstance(board, BenchBoard):  # what comes from there has a time of its own
            self._advance(now)
        if not board.running or board.serve(now):
            return
        asyncio.get_running_loop().remove_reader(board.source)
        # A program that asked for a reset gets it; without a watchdog only power helps.
        if board.reset_asked or board.watchdog_us == NEVER_US:
            self._power_off(board)
