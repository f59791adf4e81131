"""The two things that the tier needs and no registry has: the emulator and an image for it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from nansha.errors import NanshaError
from nansha_hil.qemu.image import check_firmware

QEMU = "NANSHA_QEMU"
"""Variable that names the emulator; without it the one on PATH is taken."""
IMAGE = "NANSHA_ESP32_IMAGE"
"""Variable that names a MicroPython .bin for the ESP32."""
_PROGRAM = "qemu-system-xtensa"
_ASK_S = 20.0


def find_qemu() -> Path:
    """A `qemu-system-xtensa` that knows the machine `esp32`. NanshaError if there is none."""
    named = os.environ.get(QEMU)
    found = shutil.which(named or _PROGRAM)
    if found is None:
        raise NanshaError(
            f"{named} cannot be run" if named else f"{_PROGRAM} is not on PATH",
            mend=f"install Espressif's QEMU, or set {QEMU} to its {_PROGRAM}",
        )
    if "esp32" not in _machines(found):
        raise NanshaError(
            f"{found} has no machine `esp32`",
            mend=f"set {QEMU} to the {_PROGRAM} of Espressif's QEMU; the plain one cannot do it",
        )
    return Path(found)


def find_image() -> Path:
    """The image that the user gives. NanshaError if there is none or it is no such image."""
    named = os.environ.get(IMAGE)
    if not named:
        raise NanshaError(
            "no ESP32 image is given", mend=f"set {IMAGE} to a MicroPython .bin for the ESP32"
        )
    path = Path(named)
    try:
        check_firmware(path.read_bytes(), str(path))
    except OSError as error:
        raise NanshaError(
            f"cannot be read: {error.strerror}", str(path), f"set {IMAGE} to a MicroPython .bin"
        ) from None
    return path


def available() -> str | None:
    """Why this machine cannot have the tier, as one line with the mend; None if it can."""
    try:
        find_qemu()
        find_image()
    except NanshaError as error:
        return str(error)
    return None


def _machines(program: str) -> set[str]:
    try:
        done = subprocess.run(
            [program, "-M", "help"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ASK_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return set()
    return {line.split()[0] for line in done.stdout.splitlines() if line.strip()}
