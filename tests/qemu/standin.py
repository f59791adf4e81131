"""A stand-in for qemu-system-xtensa: its command line and its sockets, and behind them our firmware
in the MicroPython VM.

UART0 is the VM's own prompt on a terminal, UART1 and UART2 are `chip.py`'s. The file system is a
folder beside the flash file and outlives the process as flash does. The watchdog is wall time: it
kills the VM, tells so as the boot ROM of an ESP32 does, and boots again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import selectors
import signal
import socket
import subprocess
import sys
import termios
import time
import tty
from pathlib import Path

HERE = Path(__file__).resolve().parent
MACHINES = """Supported machines are:
none                 empty machine
esp32                Espressif ESP32 machine
esp32s3              Espressif ESP32S3 machine
sim                  sim machine (dc232b) (default)
"""
POWER_ON, HARD, WATCHDOG = 1, 2, 3
RESETS = {
    POWER_ON: "rst:0x1 (POWERON_RESET)",
    HARD: "rst:0xc (SW_CPU_RESET)",
    WATCHDOG: "rst:0xc (SW_CPU_RESET)",  # the panic handler restarts by software
}
HEAP = os.environ.get("STANDIN_HEAP", "110wK")
SERIAL = re.compile(r"tcp:127\.0\.0\.1:(\d+),server=on,wait=off,nodelay=on")
DRIVE = re.compile(r"file=((?:[^,]|,,)+),if=mtd,format=raw")
LOADER, FLASH_BYTES = 0x1000, (2 << 20, 4 << 20, 8 << 20, 16 << 20)


def refuse(text: str) -> None:
    print(f"qemu-system-xtensa: {text}", file=sys.stderr)
    raise SystemExit(1)


def parse(words: list[str]) -> tuple[Path, list[int]]:
    flash, ports, machine = None, [], None
    rest = iter(words)
    for word in rest:
        value = next(rest, "")
        if word in ("-M", "-machine"):
            machine = value
        elif word == "-serial" and (found := SERIAL.fullmatch(value)):
            ports.append(int(found.group(1)))
        elif word == "-drive" and (found := DRIVE.fullmatch(value)):
            flash = Path(found.group(1).replace(",,", ","))
        elif (word, value) not in (("-display", "none"), ("-monitor", "none")):
            refuse(f"{word} {value}: invalid option")
    if machine != "esp32":
        refuse(f"unsupported machine type: {machine!r}")
    if flash is None or not flash.is_file():
        refuse(f"could not open {flash}")
    if flash.stat().st_size not in FLASH_BYTES:
        refuse("device requires a flash of 2, 4, 8 or 16 MB")
    return flash, ports


class Port:
    """A serial port: one client at a time, what is said to nobody is lost."""

    def __init__(self, number: int) -> None:
        self.server = socket.create_server(("127.0.0.1", number))
        self.client: socket.socket | None = None

    def send(self, data: bytes) -> None:
        if self.client is not None:
            with contextlib.suppress(OSError):
                self.client.sendall(data)


def _own_terminal() -> None:
    """Make the terminal the VM's own, so that it ends when we do, however we end.

    A hang-up that whoever started us ignores (nohup) would be ignored by the VM too.
    """
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Chip:
    """The VM and its wires. `inner` is our end of each UART, UART0 first."""

    control = -1
    watchdog_s = 0.0
    bites_s = float("inf")

    def __init__(self, flash: Path) -> None:
        self.files = flash.with_suffix(".fs")
        self.files.mkdir(exist_ok=True)
        self.bootable = flash.read_bytes()[LOADER] == 0xE9
        self.vm: subprocess.Popen | None = None
        self.inner: list[int] = []

    def wires(self) -> list[int]:
        return [*self.inner, self.control] if self.inner else []

    def boot(self, cause: int) -> bytes:
        """Start the VM; what the boot ROM says first."""
        rom = f"ets Jul 29 2019 12:21:46\r\n\r\n{RESETS[cause]},boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
        self.bites_s = float("inf")
        if not self.bootable:
            return (rom + "invalid header: 0xffffffff\r\n" * 3).encode()
        master, slave = pty.openpty()
        tty.setraw(slave)
        mode = termios.tcgetattr(slave)
        mode[3] |= termios.ISIG  # Ctrl-C interrupts a program, as on the chip
        termios.tcsetattr(slave, termios.TCSANOW, mode)
        wires = [socket.socketpair() for _ in range(3)]
        for _, theirs in wires:
            theirs.setblocking(False)
        numbers = ",".join(str(theirs.fileno()) for _, theirs in wires)
        code = "import sys, chip; sys.modules['umachine'] = chip; del sys, chip\n"
        if (self.files / "main.py").exists():
            code += "import main\n"
        self.vm = subprocess.Popen(
            ["micropython", "-X", f"heapsize={HEAP}", "-i", "-c", code],
            cwd=self.files,
            env={
                "PATH": os.environ["PATH"],
                "MICROPYPATH": f"{self.files}:{HERE}:.frozen",
                "STANDIN_FDS": numbers,
                "STANDIN_CAUSE": str(cause),
            },
            stdin=slave,
            stdout=slave,
            stderr=slave,
            pass_fds=[theirs.fileno() for _, theirs in wires],
            start_new_session=True,
            preexec_fn=_own_terminal,
        )
        os.close(slave)
        for _, theirs in wires:
            theirs.close()
        self.inner = [master, wires[0][0].detach(), wires[1][0].detach()]
        self.control = wires[2][0].detach()
        return rom.encode()

    def stop(self) -> None:
        if self.vm is not None:
            self.vm.kill()
            self.vm.wait()
            self.vm = None
            for fd in self.wires():
                os.close(fd)
            self.inner = []

    def obey(self, data: bytes) -> bool:
        """What the program asks of watchdog and reset; True: a reset."""
        for order in data.decode().split():
            if order == "reset":
                return True
            if order != "feed":
                self.watchdog_s = int(order) / 1000
            self.bites_s = time.monotonic() + self.watchdog_s
        return False


def run(flash: Path, numbers: list[int]) -> None:
    ports = [Port(number) for number in numbers]
    selector = selectors.DefaultSelector()
    for port in ports:
        selector.register(port.server, selectors.EVENT_READ, ("server", port))
    chip = Chip(flash)
    powered = False

    def boot(cause: int) -> None:
        for fd in chip.wires():
            with contextlib.suppress(KeyError):  # a terminal whose VM has ended
                selector.unregister(fd)
        chip.stop()
        ports[0].send(chip.boot(cause))
        for fd, port in zip(chip.wires(), (*ports, None), strict=False):
            selector.register(fd, selectors.EVENT_READ, ("inner" if port else "control", port))

    while True:
        # Booting takes a real chip seconds, so whoever connects at once misses nothing.
        if not powered and all(port.client for port in ports):
            powered = True
            boot(POWER_ON)
        left_s = chip.bites_s - time.monotonic()
        if left_s <= 0:
            ports[0].send(b"E (9731) task_wdt: Task watchdog got triggered.\r\n")
            boot(WATCHDOG)
            continue
        for key, _ in selector.select(None if left_s == float("inf") else left_s):
            kind, port = key.data
            if kind == "server":
                port.client, _ = port.server.accept()
                port.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(port.client, selectors.EVENT_READ, ("client", port))
            elif kind == "client":
                try:
                    data = port.client.recv(4096)
                except ConnectionError:
                    data = b""
                if not data:
                    selector.unregister(port.client)
                    port.client.close()
                    port.client = None
                elif chip.inner:
                    os.write(chip.inner[ports.index(port)], data)
            elif kind == "inner":
                try:
                    data = os.read(key.fd, 4096)
                except OSError:  # the terminal of a VM that has ended
                    data = b""
                if data:
                    port.send(data)
                else:
                    selector.unregister(key.fd)
            elif chip.obey(os.read(key.fd, 4096)):
                boot(HARD)
                break  # the other events are of wires that are gone


def main() -> None:
    words = sys.argv[1:]
    if words == ["-M", "help"]:
        print(MACHINES, end="")
        return
    run(*parse(words))


if __name__ == "__main__":
    main()
