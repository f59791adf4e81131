"""Frames on a serial line: CRC-32, then COBS, then a zero byte.

COBS (Cheshire and Baker, 1999) leaves no zero inside, so a receiver that lost its place finds it at
the next zero. Frames stay below 254 bytes and need one block only.
"""

import binascii
import struct

from nansha_wire.messages import MAX_FRAME

_MAX_LINE = MAX_FRAME + 4 + 1  # frame, CRC, COBS overhead; the closing zero is not counted


def pack(frame: bytes) -> bytes:
    """`frame` as it goes on the line, a zero before it too: noise in an idle line ends there."""
    if len(frame) > MAX_FRAME:
        raise ValueError("frame of %d bytes: at most %d" % (len(frame), MAX_FRAME))
    data = frame + struct.pack("<I", binascii.crc32(frame) & 0xFFFFFFFF)
    out = [b"\x00"]
    for run in data.split(b"\x00"):
        out.append(bytes((len(run) + 1,)))
        out.append(run)
    out.append(b"\x00")
    return b"".join(out)


def unpack(line: bytes) -> bytes | None:
    """The frame between two zeros, or None when it is cut, changed or too long."""
    size = len(line)
    if size < 6 or size > _MAX_LINE:
        return None
    runs = []
    at = 0
    while at < size:
        step = line[at]
        if step == 0 or at + step > size:
            return None
        runs.append(line[at + 1 : at + step])
        at += step
    data = b"\x00".join(runs)
    frame, crc = data[:-4], data[-4:]
    if struct.unpack("<I", crc)[0] != binascii.crc32(frame) & 0xFFFFFFFF:
        return None
    return frame


class Deframer:
    """Cuts a stream of bytes into frames. Holds one line at most, whatever comes in."""

    def __init__(self) -> None:
        self._held = b""
        self._skipping = False  # a line too long: drop the rest of it as well
        self.bad = 0  # lines dropped: cut, changed or too long

    def feed(self, data: bytes) -> list:
        """Frames completed by `data`, in order. Damage is counted in `bad`, never raised."""
        if b"\x00" not in data and len(self._held) + len(data) <= _MAX_LINE:
            if not self._skipping:
                self._held += data
            return []
        frames = []
        parts = data.split(b"\x00")
        last = len(parts) - 1
        for index, part in enumerate(parts):
            line = self._held + part if self._held else part
            if index == last:  # not closed yet
                if len(line) > _MAX_LINE or self._skipping:
                    self._skipping = True
                    line = b""
                self._held = line
                break
            self._held = b""
            if self._skipping:
                self._skipping = False
                self.bad += 1
            elif line:
                frame = unpack(line)
                if frame is None:
                    self.bad += 1
                else:
                    frames.append(frame)
        return frames
