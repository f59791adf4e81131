"""A running QEMU: one process, and our ends of its three serial ports."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from pathlib import Path

from nansha.errors import NanshaError
from nansha_hil.qemu.image import command_line

LOG = "qemu.txt"
"""What the emulator itself has to say."""
_OPEN_S = 20.0
_LOOK_S = 0.01
_END_S = 5.0


def free_ports(count: int) -> list[int]:
    """So many TCP ports of loopback that nobody uses now."""
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()


class Emulator:
    """From power-on to power-off. `console`, `line` and `io` are UART0, UART1 and UART2."""

    def __init__(self, program: Path, flash: Path, folder: Path) -> None:
        """Start it and connect. NanshaError when it does not come up."""
        self._log = folder / LOG
        self._sockets: list[socket.socket] = []
        ports = free_ports(3)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command_line(program, flash, ports),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            deadline_s = time.monotonic() + _OPEN_S
            for port in ports:
                self._sockets.append(self._connect(port, deadline_s))
            if self.process.poll() is not None:  # somebody else has taken a port meanwhile
                raise NanshaError(self.obituary())
        except BaseException:
            self.kill()
            raise
        self.console, self.line, self.io = self._sockets

    def _connect(self, port: int, deadline_s: float) -> socket.socket:
        while True:
            try:
                found = socket.create_connection(("127.0.0.1", port), timeout=1.0)
            except OSError as error:
                why = str(error)
            else:
                # A port of loopback that nobody listens on can be connected to itself.
                if found.getsockname() != found.getpeername():
                    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    found.setblocking(False)
                    return found
                found.close()
                why = "nobody listens"
            if time.monotonic() > deadline_s:
                raise NanshaError(f"the emulator opened no port {port}: {why}")
            try:
                self.process.wait(_LOOK_S)
            except subprocess.TimeoutExpired:
                continue
            raise NanshaError(self.obituary())

    def obituary(self) -> str:
        """How the process has ended, as one line with its own last word."""
        try:
            code = self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            return "the emulator has closed a serial port"
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        words = self._log.read_text(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(words) if line.strip()), "")
        return f"the emulator {how}" + (f": {last}" if last else "")

    def shut_down(self) -> None:
        """Let it end in order, so that all of the flash is in its file."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_END_S)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to this process alone, as a power cut would."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for each in self._sockets:
            each.close()
