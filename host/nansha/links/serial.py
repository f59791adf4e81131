"""One node on one serial port. A thread reads; the port may go and come back at any time."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import serial

from nansha.links.base import FIRST_PAUSE_S, Deliver, LinkState, changed, longer
from nansha_wire.serial import Deframer, pack

_READ_S = 0.1
_WRITE_S = 0.2


class SerialLink:
    """Frames over a serial port, by pyserial; `url` is a port or any pyserial URL."""

    def __init__(self, node: int, url: str, baud: int) -> None:
        self.name = url
        self.nodes = frozenset((node,))
        self.state = LinkState(False, 0.0, "not opened yet")
        self.lost = 0
        self._url = url
        self._baud = baud
        self._port: serial.Serial | None = None
        self._stop = threading.Event()

    async def run(self, deliver: Deliver) -> None:
        """Keep the port open and deliver what comes in, until cancelled."""
        loop = asyncio.get_running_loop()

        def hand_over(frame: bytes) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has closed: the session is over
                loop.call_soon_threadsafe(deliver, frame)

        reader = threading.Thread(target=self._read, args=(hand_over,), name=f"serial {self._url}")
        reader.start()
        try:
            await asyncio.Event().wait()
        finally:
            self._stop.set()
            await asyncio.to_thread(reader.join)

    def send(self, node: int, frame: bytes) -> None:
        """Write one frame; a port that takes nothing for 0.2 s is given up and opened again."""
        port = self._port
        if port is None:
            self.lost += 1
            return
        try:
            port.write(pack(frame))
        except (serial.SerialException, OSError) as error:
            self.lost += 1
            self._down(error)

    def _read(self, deliver: Deliver) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stop.is_set():
            try:
                port = serial.serial_for_url(
                    self._url, self._baud, timeout=_READ_S, write_timeout=_WRITE_S
                )
            except Exception as error:  # pyserial lets termios.error and others through
                self._down(error)
                self._stop.wait(pause_s)
                pause_s = longer(pause_s)
                continue
            self._port = port
            self.state = changed(self.state, True)
            if self._carry(port, deliver):
                pause_s = FIRST_PAUSE_S
            self._port = None
            with contextlib.suppress(serial.SerialException, OSError):
                port.close()
            # A port that opens and dies at once, over and over, must not take the whole processor.
            self._stop.wait(pause_s)
            pause_s = longer(pause_s)

    def _carry(self, port: serial.Serial, deliver: Deliver) -> bool:
        """Deliver until the port dies; whether anything came in."""
        deframer = Deframer()
        heard = False
        while not self._stop.is_set() and self._port is port:
            try:
                data = port.read(max(1, port.in_waiting))
            except (serial.SerialException, OSError, TypeError) as error:
                # TypeError: pyserial reads from a port that another thread has just closed
                self._down(error)
                break
            heard = heard or bool(data)
            for frame in deframer.feed(data) if data else ():
                deliver(frame)
        return heard

    def _down(self, error: Exception) -> None:
        self._port = None
        self.state = changed(self.state, False, str(error))
