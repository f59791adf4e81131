"""A node on the stand-in emulator, its terminals, and the far end of its line."""

from __future__ import annotations

import os
import select
import struct
import sys
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nansha.site import load_site
from nansha_hil.deploy import deploy, rig_secret
from nansha_hil.qemu.board import QemuBoard
from nansha_hil.vm import find_micropython
from nansha_wire import frames
from nansha_wire import messages as m
from nansha_wire.auth import Key, node_key
from nansha_wire.serial import Deframer, pack

ROOT = Path(__file__).resolve().parents[2]
STANDIN = Path(__file__).with_name("standin.py")
SITE = load_site(ROOT / "sites" / "nansha_campus.toml")
WITHIN_S = 20.0


def firmware(size: int = 0x10000, chip: int = 0, table: bytes = b"\xaa\x50") -> bytes:
    """What has the marks of a MicroPython .bin for the ESP32, and no program in it."""
    data = bytearray(size)
    data[0] = 0xE9
    struct.pack_into("<H", data, 12, chip)
    data[0x7000:0x7002] = table
    return bytes(data)


@pytest.fixture
def standin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in as the emulator of this machine, and an image for it. Returns the emulator."""
    program = tmp_path / "qemu-system-xtensa"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STANDIN}" "$@"\n')
    program.chmod(0o755)
    image = tmp_path / "esp32.bin"
    image.write_bytes(firmware())
    monkeypatch.setenv("NANSHA_QEMU", str(program))
    monkeypatch.setenv("NANSHA_ESP32_IMAGE", str(image))
    vm = str(Path(find_micropython()).parent)
    monkeypatch.setenv("PATH", vm + os.pathsep + os.environ["PATH"])
    return program


class Terminals:
    """The plant as one board sees it, in the hands of a test."""

    now_us = 0

    def __init__(self) -> None:
        self.v_v, self.i_a, self.f_hz, self.x = 220.0, 0.0, 50.0, 0.5
        self.alert = self.flag = False
        self.acts: list[tuple[bool, float | None]] = []

    def sense(self, asset: str) -> tuple[float, float, float, float]:
        return self.v_v, self.i_a, self.f_hz, self.x

    def flags(self, asset: str) -> tuple[bool, bool]:
        return self.alert, self.flag

    def actuate(self, asset: str, closed: bool, command_w: float | None) -> None:
        self.acts.append((closed, command_w))


class Node:
    """The battery's node on the tier, served as the rig serves it, and its host."""

    def __init__(self, folder: Path) -> None:
        secret = rig_secret(SITE.id, 1)
        deploy(SITE, "battery", secret, folder, "serial")
        self.folder = folder
        self.plant = Terminals()
        self.rig_fd, self._host_fd = os.openpty()
        tty.setraw(self._host_fd)
        os.set_blocking(self.rig_fd, False)
        self.board = QemuBoard(
            SITE.node_spec("battery", "serial"), folder, self.plant, pty_fd=self.rig_fd
        )
        self.frames: list[frames.Frame] = []
        self.key = Key(node_key(secret, self.board.spec.node_id))
        self._deframer = Deframer()
        self._counter = 0

    def power_up(self) -> None:
        self.board.power_up(1)

    def until(self, true: Callable[[], bool], within_s: float = WITHIN_S) -> None:
        """Serve the board and hear its line until something is true."""
        deadline_s = time.monotonic() + within_s
        while not true():
            left_s = deadline_s - time.monotonic()
            assert left_s > 0, f"not within {within_s} s; UART0:\n{self.console}"
            wait_s = min(left_s, 0.005)  # the rig's tick
            for ready in select.select([self.board.source, self._host_fd], [], [], wait_s)[0]:
                if ready is self._host_fd:
                    for raw in self._deframer.feed(os.read(ready, 4096)):
                        self.frames.append(frames.decode(raw))
                elif not self.board.serve(time.monotonic_ns() // 1000):
                    return
            if self.board.look_at_alert():
                self.board.notify(time.monotonic_ns() // 1000)

    def heard(self, ident: int) -> list[frames.Frame]:
        return [frame for frame in self.frames if frame.ident == ident]

    def until_telemetry(self, true: Callable[[m.Telemetry], bool] = lambda _: True) -> m.Telemetry:
        """The first telemetry from now on of which something is true."""
        begun = len(self.frames)

        def found() -> list[m.Telemetry]:
            new = self.frames[begun:]
            return [f.body for f in new if f.ident == m.TELEMETRY and true(f.body)]

        self.until(lambda: bool(found()))
        return found()[0]

    def command(self, ident: int, *values: int, key: Key | None = None) -> None:
        """Sign and send a command, as an answer to the last telemetry."""
        seen = self.heard(m.TELEMETRY)[-1]
        self._counter += 1
        values = (self._counter, seen.t_ms, *values)
        data = frames.encode_command(
            ident, self.board.spec.node_id, 1, 0, values, key or self.key, seen.body.boot_id
        )
        os.write(self._host_fd, pack(data))

    @property
    def console(self) -> str:
        path = self.folder / "uart0.txt"
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self) -> None:
        self.board.close()
        os.close(self.rig_fd)
        os.close(self._host_fd)


@pytest.fixture
def node(standin: Path, tmp_path: Path) -> Iterator[Node]:
    """A node with power."""
    made = Node(tmp_path / "battery")
    try:
        made.power_up()
        yield made
    finally:
        made.close()
