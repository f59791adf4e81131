"""A serial port with frames on it: a thread reads and notes when each frame came in."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import deque

import serial

from nansha.errors import NanshaError
from nansha_wire.serial import Deframer, pack

_READ_S = 0.1
_WRITE_S = 0.05


def mono_us() -> float:
    """The clock of ports and frames, us: the monotonic one of this machine."""
    return time.monotonic() * 1e6


class Port:
    """An open port. failure: why it has gone, or ''. source: readable when a frame has come in."""

    def __init__(self, url: str, baud: int, where: str) -> None:
        """Open it. NanshaError where that fails."""
        try:
            self._port = serial.serial_for_url(url, baud, timeout=_READ_S, write_timeout=_WRITE_S)
        except Exception as error:  # pyserial lets termios.error and others through
            raise NanshaError(
                f"{url} cannot be opened: {error}", where, "see `nansha doctor` for the ports here"
            ) from None
        with contextlib.suppress(Exception):  # only some drivers can: it takes 16 ms off an FTDI
            self._port.set_low_latency_mode(True)
        self.where = where
        self.failure = ""
        self.source, self._waker = socket.socketpair()
        self.source.setblocking(False)
        self._waker.setblocking(False)
        self._came: deque[tuple[bytes, float]] = deque()
        self._stop = threading.Event()
        self._deframer = Deframer()
        self._reader = threading.Thread(target=self._read, name=f"serial {url}", daemon=True)
        self._reader.start()

    @property
    def bad(self) -> int:
        """Frames that were cut or changed."""
        return self._deframer.bad

    def write(self, frame: bytes) -> None:
        """Put a frame on the line; a port that is gone or full loses it."""
        try:
            self._port.write(pack(frame))
        except serial.SerialTimeoutException:
            pass  # lost or cut: the next one makes up for it
        except (serial.SerialException, OSError) as error:
            self._fail(error)

    def take(self) -> list[tuple[bytes, float]]:
        """The frames that have come in, each with its time."""
        with contextlib.suppress(BlockingIOError):
            while self.source.recv(4096):
                pass
        frames = []
        while self._came:
            frames.append(self._came.popleft())
        return frames

    def wait(self, seconds: float) -> None:
        """Block until a frame has come in, or for so long."""
        self.source.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            self.source.recv(1)
        self.source.setblocking(False)

    def close(self) -> None:
        """End the thread, close the port."""
        self._stop.set()
        self._reader.join()
        with contextlib.suppress(serial.SerialException, OSError):
            self._port.close()
        self.source.close()
        self._waker.close()

    def _read(self) -> None:
        while not self._stop.is_set():
            try:
                data = self._port.read(max(1, self._port.in_waiting))
            except (serial.SerialException, OSError, TypeError) as error:
                self._fail(error)
                return
            arrived_us = mono_us()
            frames = self._deframer.feed(data) if data else []
            self._came.extend((frame, arrived_us) for frame in frames)
            if frames:
                self._wake()

    def _fail(self, error: Exception) -> None:
        self.failure = self.failure or f"the port has gone: {error}"
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # full of wake-ups: it will wake
            self._waker.send(b"!")
