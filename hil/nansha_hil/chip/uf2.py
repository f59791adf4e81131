"""UF2, the file format that a Pico's bootloader takes: 512-byte blocks, 256 bytes of flash each.

Format: https://github.com/microsoft/uf2, read there: magic numbers, the flag 0x2000 for "family id
present", the RP2040's family id.
"""

from __future__ import annotations

import struct

from nansha.errors import NanshaError

FLASH_BASE = 0x10000000
RP2040_FAMILY = 0xE48BFF56
_MAGIC_START, _MAGIC_SECOND, _MAGIC_END = 0x0A324655, 0x9E5D5157, 0x0AB16F30
_FAMILY_PRESENT = 0x2000
_BLOCK, _PAYLOAD, _DATA = 512, 256, 476
_HEAD = struct.Struct("<8I")


def pack(image: bytes, base: int = FLASH_BASE) -> bytes:
    """`image` as a UF2 file that puts it at `base`."""
    count = -(-len(image) // _PAYLOAD)
    blocks = []
    for number in range(count):
        payload = image[number * _PAYLOAD : (number + 1) * _PAYLOAD].ljust(_PAYLOAD, b"\0")
        head = _HEAD.pack(
            _MAGIC_START,
            _MAGIC_SECOND,
            _FAMILY_PRESENT,
            base + number * _PAYLOAD,
            _PAYLOAD,
            number,
            count,
            RP2040_FAMILY,
        )
        blocks.append(head + payload.ljust(_DATA, b"\0") + struct.pack("<I", _MAGIC_END))
    return b"".join(blocks)


def unpack(data: bytes, where: str = "UF2") -> bytes:
    """The flash image of a UF2 file from the start of flash, gaps as erased flash (0xFF).

    NanshaError on anything that is not a whole UF2 for the RP2040.
    """
    if not data or len(data) % _BLOCK:
        raise NanshaError(
            f"{len(data)} bytes are no UF2 file, it consists of blocks of {_BLOCK}", where
        )
    image = bytearray()
    for at in range(0, len(data), _BLOCK):
        first, second, flags, address, size, _number, _count, family = _HEAD.unpack_from(data, at)
        (end,) = struct.unpack_from("<I", data, at + _BLOCK - 4)
        if (first, second, end) != (_MAGIC_START, _MAGIC_SECOND, _MAGIC_END) or size > _DATA:
            raise NanshaError(f"block {at // _BLOCK} is no UF2 block", where)
        if flags & _FAMILY_PRESENT and family != RP2040_FAMILY:
            raise NanshaError(
                f"made for another chip (family {family:#x})", where, "give an image for the RP2040"
            )
        offset = address - FLASH_BASE
        if not 0 <= offset <= 0x1000000 - size:
            raise NanshaError(f"block {at // _BLOCK} lies outside flash ({address:#x})", where)
        if len(image) < offset + size:
            image.extend(b"\xff" * (offset + size - len(image)))
        image[offset : offset + size] = data[at + 32 : at + 32 + size]
    return bytes(image)
