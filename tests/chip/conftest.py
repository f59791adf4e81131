"""A chip with a plant around it, and a chip by itself."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from nansha_hil import chip as tier


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = tier.available()
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.chip)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def firmware():
    from nansha_hil.chip.build import build

    return build()


@pytest.fixture
def bare(firmware) -> Callable:
    """A chip that runs `main`, with the given files, and nothing else: board.py is what boots."""
    from nansha_hil.chip import flash
    from nansha_hil.chip.rp2040 import Chip

    def make(program: str, files: dict[str, bytes] | None = None, **options) -> Chip:
        image = bytearray(b"\xff" * flash.SIZE)
        code = firmware.image()
        image[: len(code)] = code
        content = {"boot.py": program.encode(), **(files or {})}
        image[flash.FS_START :] = flash.pack(content)
        return Chip(bytes(image), **options)

    return make


class Terminals:
    """The plant as one board sees it, in the hands of a test. It moves only when told."""

    next_tick_us = None

    def __init__(self) -> None:
        self.now_us = 0
        self.v_v, self.i_a, self.f_hz, self.x = 220.0, 0.0, 50.0, 0.0
        self.alert = self.flag = False
        self.acts: list[tuple[int, bool, float | None]] = []

    def advance(self, now_us: int) -> None:
        self.now_us = now_us

    def sense(self, asset: str) -> tuple[float, float, float, float]:
        return self.v_v, self.i_a, self.f_hz, self.x

    def flags(self, asset: str) -> tuple[bool, bool]:
        return self.alert, self.flag

    def actuate(self, asset: str, closed: bool, command_w: float | None) -> None:
        self.acts.append((self.now_us, closed, command_w))


class Bench:
    """One node on a chip, its terminals, its line, and time."""

    def __init__(self, board, plant: Terminals, secret: bytes) -> None:
        from nansha_wire.auth import Key, node_key
        from nansha_wire.serial import Deframer

        self.board, self.plant = board, plant
        self.now_us = 0
        self.cut = False
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._woken = False
        self.key = Key(node_key(secret, board.spec.node_id))
        self.frames: list[tuple[int, object]] = []
        self._deframer = Deframer()
        self._counter = 0

    def power_on(self) -> None:
        """Start it now."""
        self._heard(self.board.start(self.now_us, 1))

    def at(self, t_us: int, action: Callable[[], None]) -> None:
        """Do `action` at an instant, between two turns."""
        heapq.heappush(self._agenda, (t_us, len(self._agenda), action))

    def run(self, until_us: int) -> None:
        """What the rig's event loop does, for one board."""
        board = self.board
        while True:
            due_us = min(board.due_us, self._agenda[0][0] if self._agenda else until_us + 1)
            if due_us > until_us:
                self.plant.advance(until_us)
                self.now_us = until_us
                return
            self.now_us = max(due_us, self.now_us)
            self.plant.advance(self.now_us)
            while self._agenda and self._agenda[0][0] <= self.now_us:
                heapq.heappop(self._agenda)[2]()
                self._woken |= board.running and board.look_at_alert()
            if board.running and (board.due_us <= self.now_us or self._woken):
                self._woken = False
                board.wake(self.now_us)
                self._heard(board.turn(self.now_us))

    def _heard(self, data: bytes) -> None:
        from nansha_wire import frames

        if not self.cut:
            for raw in self._deframer.feed(data):
                self.frames.append((self.now_us, frames.decode(raw)))

    def _deliver(self, data: bytes) -> None:
        if not self.cut:
            self.board.received += data
            self._woken = True

    def last(self, ident: int):
        """(when, frame) of the last frame of that kind."""
        return next(item for item in reversed(self.frames) if item[1].ident == ident)

    def command(self, ident: int, *values: int) -> None:
        """Sign and send a command now, as an answer to the last telemetry."""
        from nansha_wire import frames
        from nansha_wire import messages as m
        from nansha_wire.serial import pack

        _, seen = self.last(m.TELEMETRY)
        self._counter += 1
        data = frames.encode_command(
            ident,
            self.board.spec.node_id,
            1,
            0,
            (self._counter, seen.t_ms, *values),
            self.key,
            seen.body.boot_id,
        )
        wire = pack(data)
        self.at(self.now_us, lambda: self._deliver(wire))

    def run_ms(self, ms: float) -> None:
        self.run(self.now_us + int(ms * 1000))

    def run_until(self, true: Callable[[], bool], within_ms: int) -> None:
        """Run in steps of a millisecond; a TimeoutError tells the time."""
        for _ in range(within_ms):
            if true():
                return
            self.run_ms(1)
        raise TimeoutError(f"not within {within_ms} ms, now {self.now_us} us")


@pytest.fixture
def bench(firmware, tmp_path: Path) -> Callable[..., Bench]:
    """A node of the demo site, its board a Pico whatever the site says, powered on."""
    from nansha.site import load_site
    from nansha_hil.chip.board import ChipBoard
    from nansha_hil.deploy import deploy, rig_secret

    made: list[Bench] = []

    def make(asset: str = "poi", at=None, power_on: bool = True) -> Bench:
        root = Path(__file__).resolve().parents[2]
        text = (root / "sites" / "nansha_campus.toml").read_text()
        text = re.sub('board = "[a-z0-9_]+"', 'board = "rp2040_bare"', text)
        text = re.sub(
            'id = "([a-z_]+)"((?:(?!\\[\\[)[^¤])*?)link = .*',
            r'id = "\1"\2link = { kind = "serial", port = "/dev/\1" }',
            text,
        )
        path = tmp_path / "site.toml"
        path.write_text(text)
        site = load_site(path)
        folder = tmp_path / f"node{len(made)}"
        secret = rig_secret(site.id, 1)
        deploy(site, asset, secret, folder, "serial")
        plant = Terminals()
        board = ChipBoard(site.node_spec(asset, "serial"), folder, at or firmware, plant)
        board.folder = folder
        made.append(Bench(board, plant, secret))
        if power_on:
            made[-1].power_on()
        return made[-1]

    yield make
    for each in made:
        each.board.power_off()
