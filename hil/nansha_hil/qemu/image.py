"""The flash of an emulated ESP32, and the command line that runs it.

Layout and numbers are those of ESP-IDF's image format and partition table for the ESP32: the boot
ROM reads the second-stage loader at 0x1000, that one reads the table at 0x8000.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from nansha.errors import NanshaError

SIZE = 4 << 20
"""Bytes of flash of an ESP32-WROOM-32."""
LOADER = 0x1000
"""Where a MicroPython .bin goes: it begins with the loader and has all that follows in place."""
_TABLE = 0x8000
_MAGIC = 0xE9
_TABLE_MAGIC = b"\xaa\x50"
_HEADER_BYTES = 24
_CHIP_ID = struct.Struct("<12xH")  # after magic, segments, flash mode and speed, entry, pin drive
_ESP32 = 0
_MEND = "download the .bin of the board ESP32_GENERIC that is flashed at 0x1000"


def check_firmware(data: bytes, where: str) -> None:
    """NanshaError unless `data` is a whole image for the plain ESP32: loader, table, program."""
    if len(data) > SIZE - LOADER:
        raise NanshaError(
            f"{len(data)} bytes do not fit into {SIZE >> 20} MB from 0x{LOADER:x} on", where, _MEND
        )
    if len(data) < _HEADER_BYTES or data[0] != _MAGIC:
        first = f"0x{data[0]:02x}" if data else "nothing"
        raise NanshaError(f"is no ESP32 image: begins with {first}, not 0x{_MAGIC:x}", where, _MEND)
    (chip,) = _CHIP_ID.unpack_from(data)
    if chip != _ESP32:
        raise NanshaError(f"is made for another chip than the ESP32 (id {chip})", where, _MEND)
    table = _TABLE - LOADER
    if data[table : table + 2] != _TABLE_MAGIC:
        raise NanshaError(
            "has no partition table: it is a part of an image, or cut off", where, _MEND
        )


def flash_image(firmware: bytes, where: str) -> bytes:
    """4 MB of erased flash with `firmware` in its place. NanshaError as `check_firmware`."""
    check_firmware(firmware, where)
    return b"".join((b"\xff" * LOADER, firmware, b"\xff" * (SIZE - LOADER - len(firmware))))


def command_line(program: Path, flash: Path, ports: Sequence[int]) -> list[str]:
    """How QEMU is called: the machine, its flash, UART0 to UART2 on TCP ports of loopback.

    Nothing switches a watchdog off: QEMU's property for that takes `machine.WDT` with it, and a
    node that hangs would hang for ever. Nothing forbids a reboot either: the chip resets itself.
    """
    path = str(flash).replace(",", ",,")  # QEMU's way to write a comma inside a value
    words = [str(program), "-M", "esp32", "-display", "none", "-monitor", "none"]
    words += ["-drive", f"file={path},if=mtd,format=raw"]
    for port in ports:
        words += ["-serial", f"tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on"]
    return words
