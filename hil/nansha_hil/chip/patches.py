"""What is changed in the emulator's sources before they are compiled: speed only, no state differs.

Each change names the text that has to be there, so often, and fails aloud where it is not.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from nansha.errors import NanshaError

OURS = ("_runloop.pyx", "_sio.pyx", "_sio.pxd")
"""Our modules, compiled into the emulator's package, since they read its fields."""

_SIO_READ = """\
            offset = addr - SIO_START
            if self._sio.serves(offset):
                return self._sio.read(offset)
"""
_SIO_WRITE = """\
            offset = addr - SIO_START
            if self._sio.serves(offset):
                if self._sio.write(offset, val):
                    self.core.cycles += 8
                return
"""
_CONDITION = """\
    # ARMv6-M reference manual, A6.3: bit 0 turns the sense of the flags that bits 3 to 1 name
    cdef unsigned int which = cond >> 1
    cdef bint met
    if which == 0:
        met = core.z
    elif which == 1:
        met = core.c
    elif which == 2:
        met = core.n
    elif which == 3:
        met = core.v
    elif which == 4:
        met = core.c and not core.z
    elif which == 5:
        met = core.n == core.v
    elif which == 6:
        met = core.n == core.v and not core.z
    else:
        return True
    return met != (cond & 1)
"""
_IN_SIO = "SIO_START <= addr < SIO_START + 0x10000000:\n"
_RP2040, _CORE = "_rp2040.pyx", "_cortex_m0_core.pyx"

# (file, the text, how often it is there, what stands there instead)
CHANGES = (
    # The divider and the locks without a Python call.
    ("_rp2040.pxd", "cdef class RP2040:\n", 1,
     "from rp2040py.native._sio cimport Sio\n\n\ncdef class RP2040:\n    cdef Sio _sio\n"),
    (_RP2040, "\ncdef class RP2040:\n    def __cinit__(self):\n", 1,
     "\nfrom rp2040py.native._sio cimport Sio\n\n\ncdef class RP2040:\n    def __cinit__(self):\n"
     "        self._sio = Sio()\n"),
    (_RP2040, "        if " + _IN_SIO, 1, "        if " + _IN_SIO + _SIO_READ),
    (_RP2040, "        elif " + _IN_SIO, 1, "        elif " + _IN_SIO + _SIO_WRITE),
    (_RP2040, "            self.sio.reset()\n", 1,
     "            self.sio.reset()\n            self._sio.reset()\n"),
    # A conditional branch, every tenth instruction, without a Python call.
    (_CORE, "    return core.check_condition(cond)\n", 1, _CONDITION),
    # Nobody listens to the calls that the chip makes.
    (_CORE, "    core.bl_taken(core, False)\n", 1, ""),
    (_CORE, "    core.bl_taken(core, True)\n", 1, ""),
)  # fmt: skip


def apply(native: Path, here: Path) -> None:
    """Put our modules beside the emulator's in `native`, and change those. NanshaError."""
    for name in OURS:
        shutil.copy(here / name, native)
    for file, old, times, new in CHANGES:
        path = native / file
        text = path.read_text()
        if text.count(old) != times:
            raise NanshaError(
                f"{old.strip()[:40]!r} is there {text.count(old)} times, not {times}",
                file,
                "the emulator is another one than this rig was made for",
            )
        path.write_text(text.replace(old, new))
    _contiguous(native)


def _contiguous(native: Path) -> None:
    """Registers and memories are arrays without gaps; said so, an access is one instruction."""
    for path in (*native.glob("*.pxd"), *native.glob("*.pyx")):
        text = path.read_text()
        for kind in ("unsigned int", "unsigned char"):
            text = text.replace(f"{kind}[:] ", f"{kind}[::1] ")
        path.write_text(text)
