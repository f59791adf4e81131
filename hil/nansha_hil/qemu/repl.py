"""MicroPython's raw REPL over UART0: how files get on an emulated board.

The protocol is MicroPython's own, described in its reference under "raw mode" and "raw-paste mode".
Raw paste says how many bytes the board can hold: the emulated UART is not paced, and without that a
burst overruns the program's buffer.
"""

from __future__ import annotations

import base64
import binascii
import select
import socket
import time
from pathlib import Path, PurePosixPath

from nansha.errors import NanshaError

_ANSWER_S = 30.0
_CHUNK = 768
_PROMPT = b">>> "
_RAW = b"raw REPL; CTRL-B to exit\r\n>"
_END = b"\x04"


class RawRepl:
    """Runs code on a board that stands at its prompt. Every wait ends with a NanshaError."""

    def __init__(self, console: socket.socket, log: Path) -> None:
        self._console = console
        self._log = log
        self._held = b""

    def enter(self, boot_s: float) -> None:
        """Wait for the prompt of a board that boots, `boot_s` at most, and go into raw mode."""
        self._until(_PROMPT, boot_s)
        self._send(b"\r\x03\x01")
        self._until(_RAW, _ANSWER_S)

    def run(self, code: str) -> str:
        """Run `code` to its end; what it printed. NanshaError with its traceback's last line."""
        self._send(b"\x05A\x01")
        if self._take(2) != b"R\x01":
            raise NanshaError("its REPL knows no raw paste", mend="take MicroPython 1.14 or newer")
        window = int.from_bytes(self._take(2), "little")
        room = window
        data = code.encode()
        while data:
            while not room:
                if self._take(1) != b"\x01":
                    raise NanshaError("its REPL has broken off a paste")
                room += window
            self._send(data[:room])
            sent = min(room, len(data))
            data, room = data[sent:], room - sent
        self._send(_END)
        self._until(_END, _ANSWER_S)  # whatever room it still offered, then: all taken
        printed = self._until(_END, _ANSWER_S)
        failed = self._until(_END, _ANSWER_S)
        self._until(b">", _ANSWER_S)
        if failed:
            raise NanshaError(f"the board says: {failed.decode(errors='replace').splitlines()[-1]}")
        return printed.decode(errors="replace")

    def put(self, files: dict[str, bytes]) -> None:
        """Write files, folders before them, in the given order; each is read back and compared."""
        self.run(_BOARD_SIDE)
        folders = {str(PurePosixPath(name).parent) for name in files} - {"."}
        for folder in sorted(folders):
            self.run(f"mkdir({folder!r})")
        for name, data in files.items():
            self.run(f"f = open({name!r}, 'wb')")
            for start in range(0, len(data), _CHUNK):
                text = base64.b64encode(data[start : start + _CHUNK]).decode()
                self.run(f"f.write(binascii.a2b_base64({text!r})) and None")
            self.run("f.close()")
            if self.run(f"print(crc({name!r}))").strip() != str(binascii.crc32(data)):
                raise NanshaError("was not written as it was sent", name)

    # bytes

    def _send(self, data: bytes) -> None:
        self._console.settimeout(_ANSWER_S)
        try:
            self._console.sendall(data)
        finally:
            self._console.setblocking(False)

    def _take(self, count: int) -> bytes:
        deadline_s = time.monotonic() + _ANSWER_S
        while len(self._held) < count:
            self._more(deadline_s)
        data, self._held = self._held[:count], self._held[count:]
        return data

    def _until(self, end: bytes, within_s: float) -> bytes:
        deadline_s = time.monotonic() + within_s
        while end not in self._held:
            self._more(deadline_s)
        data, _, self._held = self._held.partition(end)
        return data

    def _more(self, deadline_s: float) -> None:
        left_s = max(0.0, deadline_s - time.monotonic())
        if not select.select([self._console], [], [], left_s)[0]:
            last = self._held.decode(errors="replace").strip().splitlines()[-1:]
            raise NanshaError(
                "the board does not answer on UART0"
                + (f"; its last words: {last[0]!r}" if last else "")
            )
        data = self._console.recv(4096)
        if not data:
            raise ConnectionError
        with self._log.open("ab") as log:
            log.write(data)
        self._held += data


_BOARD_SIDE = """
import binascii, os
def mkdir(path):
    try:
        os.mkdir(path)
    except OSError:
        pass
def crc(path):
    sum = 0
    with open(path, 'rb') as f:
        while True:
            data = f.read(512)
            if not data:
                return sum & 0xFFFFFFFF
            sum = binascii.crc32(data, sum)
"""
