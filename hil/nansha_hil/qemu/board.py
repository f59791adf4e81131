"""A node on an ESP32 under QEMU, on the wall's clock, with its pins as frames over UART2.

The chip looks after its own watchdog and its own resets; the rig sees them on UART0, where the boot
ROM gives the cause, and lets the pins float until the program says hello.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import time
from pathlib import Path

from nansha.errors import NanshaError
from nansha_boards import NodeSpec, load_board
from nansha_hil import exchange
from nansha_hil.board import LiveBoard
from nansha_hil.plant import Plant
from nansha_hil.qemu.emulator import Emulator
from nansha_hil.qemu.find import find_image, find_qemu
from nansha_hil.qemu.install import BOOT_S, CONSOLE, FLASH, install
from nansha_wire.serial import Deframer, pack

AGAIN = 2
"""Flag of a request that has been sent before: its first copy or the reply to it was damaged."""
IO_PINS = (18, 19)
"""Where UART2 of the emulated chip is; `shim/_rig.py` opens it there."""
_REQUEST_BYTES = 1 + exchange.REQUEST.size
_ROM = b"rst:0x"
"""What the boot ROM of an ESP32 prints with the cause of every reset."""
_READ = 4096


class QemuBoard(LiveBoard):
    """One QEMU process from power-on to power-off. Real time only.

    resets: of the chip, power-on included, as the boot ROM tells them. boots: programs that have
    said hello. reset_cause: what the last of them read from the chip. reset_asked: never, the chip
    resets itself.
    """

    tier = "qemu"
    reset_asked = False

    def __init__(
        self, spec: NodeSpec, folder: Path, plant: Plant, *, pty_fd: int | None = None
    ) -> None:
        """`folder` is what `deploy` has filled. `pty_fd`: the rig's end of the node's line."""
        _check(spec)
        self._program, self._image = find_qemu(), find_image()
        self._folder = folder
        self._pty_fd = pty_fd
        self._emulator: Emulator | None = None
        self._installed = False
        self._died = ""
        self._told_by_s = 0.0
        self._misfits = 0
        self._deframer = Deframer()
        self._rom_seen = b""
        self._ports = selectors.DefaultSelector()
        self.resets = 0
        self.reset_cause = 0
        super().__init__(spec, plant)

    def clear(self) -> None:
        """Forget what a reset forgets."""
        super().clear()
        self.irq_pins = 0
        self.raised = 0
        self.watchdog_ms = 0
        self._converters: list[int] = []
        self._last_op = -1

    # life

    @property
    def running(self) -> bool:
        """Whether it has power: a chip that is reset runs again at once."""
        return self._emulator is not None

    @property
    def emulator(self) -> Emulator:
        """The running process. RuntimeError when the board has no power."""
        if self._emulator is None:
            raise RuntimeError(f"{self.asset} has no power")
        return self._emulator

    @property
    def source(self) -> int:
        """A file descriptor that is readable when `serve` has something to do."""
        return self._ports.fileno()

    @property
    def dropped(self) -> int:
        """I/O frames from the board that were cut, changed or of another size."""
        return self._misfits + self._deframer.bad

    @property
    def failure(self) -> str | None:
        """Why this board can go on no longer, as one line; None while it can."""
        emulator = self._emulator
        if not self._died and emulator is not None and emulator.process.poll() is not None:
            self._died = emulator.obituary()
        if not self._died and self._told_by_s and time.monotonic() > self._told_by_s:
            self._died = (
                f"the board started no node within {BOOT_S:g} s; "
                f"{self._folder / CONSOLE} has what it said instead"
            )
        return self._died or None

    def prepare(self) -> None:
        """Put firmware and shim on its flash, once. Takes seconds: before anything else runs."""
        if not self._installed:
            try:
                install(self._program, self._image, self._folder)
            except (NanshaError, OSError) as error:
                raise NanshaError(f"cannot be prepared: {error}", self.asset) from error
            self._installed = True

    def power_up(self, cause: int) -> None:
        """Start the process: for the chip always a power-on, whatever `cause` the rig has."""
        self.prepare()
        self.clear()
        self._misfits += self._deframer.bad
        self._deframer = Deframer()
        self._told_by_s = time.monotonic() + BOOT_S
        self._rom_seen = b""
        emulator = self._emulator = Emulator(self._program, self._folder / FLASH, self._folder)
        # In this order: a reset is seen before what the program after it says.
        self._ports.register(emulator.console, selectors.EVENT_READ)
        self._ports.register(emulator.line, selectors.EVENT_READ)
        self._ports.register(emulator.io, selectors.EVENT_READ)
        if self._pty_fd is not None:
            while _read_pty(self._pty_fd):
                pass  # what came while it had no power
            self._ports.register(self._pty_fd, selectors.EVENT_READ)

    def power_off(self) -> None:
        """SIGKILL the process; flash stays as it is, the pins float."""
        if self._emulator is not None:
            for key in list(self._ports.get_map().values()):
                self._ports.unregister(key.fileobj)
            self._emulator.kill()
            self._emulator = None
        self._told_by_s = 0.0
        self._float()

    def close(self) -> None:
        """Power off for good."""
        self.power_off()
        self._ports.close()

    # real time

    def serve(self, now_us: int) -> bool:
        """Take what has come in and answer at once; False when the emulator has gone."""
        emulator = self.emulator
        ready = {key.fileobj for key, _ in self._ports.select(0)}
        try:
            if emulator.console in ready:
                self._watch_console(_read(emulator.console))
            if emulator.line in ready:
                self._to_host(_read(emulator.line))
            if self._pty_fd in ready and self._pty_fd is not None:
                _write(emulator.line, _read_pty(self._pty_fd))
            if emulator.io in ready:
                for frame in self._deframer.feed(_read(emulator.io)):
                    self._answer(frame, now_us)
        except ConnectionError:
            self._died = emulator.obituary()
        return self.failure is None

    def notify(self, now_us: int) -> None:
        """Tell a waiting program that its alarm has risen."""
        if self._emulator is not None:
            self._reply(0, now_us, notice=True)

    def hears_alert(self) -> bool:
        """Raise the pin's interrupt, if the program has set one up."""
        pin = self.spec.pin_alert
        if pin is None or not self.irq_pins >> pin & 1:
            return False
        self.raised |= 1 << pin
        return True

    def _watch_console(self, data: bytes) -> None:
        with (self._folder / CONSOLE).open("ab") as log:
            log.write(data)
        seen = self._rom_seen + data
        resets = seen.count(_ROM)
        if resets:
            self.resets += resets
            self._told_by_s = time.monotonic() + BOOT_S
            self._float()
        self._rom_seen = seen[-(len(_ROM) - 1) :]

    def _to_host(self, data: bytes) -> None:
        if self._pty_fd is not None:
            with contextlib.suppress(OSError):  # nobody listens and the line is full: lost
                os.write(self._pty_fd, data)

    def _answer(self, frame: bytes, now_us: int) -> None:
        if len(frame) != _REQUEST_BYTES:
            self._misfits += 1
            return
        number, request = frame[0], exchange.read_request(frame[1:])
        again = bool(frame[2] & AGAIN)
        self.exchanges += 1
        if request.op == exchange.HELLO and not (again and self._last_op == exchange.HELLO):
            self.clear()
            self.boots += 1
            self.reset_cause = request.wait_us
            self._told_by_s = 0.0
        self._last_op = request.op
        self._configure(request.op, request.wait_us)
        if request.op == exchange.RESET:
            self._float()
        else:
            self.drive(request.levels, request.outputs, request.duties[0])
        self._reply(number, now_us)

    def _configure(self, op: int, value: int) -> None:
        if op == exchange.ADC and value not in self._converters:
            self._converters.append(value)
        elif op == exchange.UART:
            self.baud = value
        elif op == exchange.WDT:
            self.watchdog_ms = value
        elif op == exchange.IRQ:
            self.irq_pins |= 1 << value

    def _reply(self, number: int, now_us: int, notice: bool = False) -> None:
        values, levels = self.inputs()
        converters = [values.get(pin, 0) for pin in self._converters]
        converters += [0] * (exchange.CONVERTERS - len(converters))
        irqs, self.raised = self.raised, 0
        data = exchange.reply(now_us, levels, irqs, converters, b"", notice)
        _write(self.emulator.io, pack(bytes((number,)) + data))

    def _float(self) -> None:
        """As a chip in reset leaves its pins."""
        self.clear()
        self.drive(0, 0, 0)


def _check(spec: NodeSpec) -> None:
    if load_board(spec.board).chip != "esp32":
        raise NanshaError(
            f"the qemu tier is an ESP32, its board is {spec.board}",
            spec.asset,
            'use another tier, or board = "esp32_devkitc" in the site file',
        )
    if spec.link != "serial":
        raise NanshaError(
            "the emulated ESP32 has no Wi-Fi", spec.asset, "use a node on a serial link"
        )
    if {spec.uart_tx, spec.uart_rx} & set(IO_PINS):
        raise NanshaError(
            f"GPIO{IO_PINS[0]} and {IO_PINS[1]} carry the rig's frames",
            spec.asset,
            "put the node's line on other pins",
        )


def _read(port: socket.socket) -> bytes:
    """What has come in; ConnectionError when the other end has gone."""
    try:
        data = port.recv(_READ)
    except BlockingIOError:
        return b""
    if not data:
        raise ConnectionError
    return data


def _write(port: socket.socket, data: bytes) -> None:
    """Send it, or lose it as a UART does: the emulator takes no more, or has gone."""
    if data:
        with contextlib.suppress(OSError):  # that it has gone shows at the next read
            port.send(data)


def _read_pty(fd: int) -> bytes:
    try:
        return os.read(fd, _READ)
    except OSError:
        return b""
