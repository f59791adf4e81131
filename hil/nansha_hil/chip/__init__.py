"""The chip tier: an emulated RP2040 that boots real MicroPython with our firmware in it."""

from __future__ import annotations

import os
import shutil

from nansha_hil.chip import emulator, official, packages
from nansha_hil.chip.build import OWN_IMAGE


def available() -> str | None:
    """Why this machine cannot have the tier, as one line; None if it can. Builds nothing."""
    lacking = emulator.missing()
    if lacking:
        return lacking
    if os.environ.get(OWN_IMAGE) or os.environ.get(official.CHECKSUM):
        return None
    if packages.machine_release() is None:
        return f"no Debian to build the firmware on: set {OWN_IMAGE} to a UF2 for the Pico"
    for program in ("make", "c++"):
        if shutil.which(program) is None:
            return f"{program} is not installed: apt install build-essential"
    return None
