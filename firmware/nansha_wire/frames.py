"""Frames: header and body (and tag) in one run of bytes. What a link carries, serial or MQTT."""

import json
import struct

from nansha_wire import messages as m
from nansha_wire.auth import TAG_BYTES, Key

HEADER = "<BBHHI"  # version, message id, node, sequence, sender's clock in ms
HEADER_BYTES = struct.calcsize(HEADER)


class FrameError(ValueError):
    """Bytes that are no frame of this version; the text says why."""


class Frame:
    """One received frame. `body` is the message's namedtuple, or a dict for identity."""

    def __init__(self, ident: int, node: int, seq: int, t_ms: int, body, signed: bytes, tag: bytes):
        self.ident = ident
        self.node = node
        self.seq = seq
        self.t_ms = t_ms
        self.body = body
        self.signed = signed
        self.tag = tag

    def vouched(self, key: Key, boot_id: int) -> bool:
        """Whether the tag is the one that `key` gives during boot `boot_id`."""
        return key.vouches(boot_id, self.signed, self.tag)


def encode(ident: int, node: int, seq: int, t_ms: int, values: tuple) -> bytes:
    """A frame from node to host. `values` in the table's order and ranges: on a value too big
    CPython raises struct.error, MicroPython may cut it off."""
    return struct.pack(HEADER, m.VERSION, ident, node, seq & 0xFFFF, t_ms) + struct.pack(
        m.FORMATS[ident], *values
    )


def encode_identity(node: int, seq: int, t_ms: int, facts: dict) -> bytes:
    """The boot-time frame: JSON, for people too."""
    head = struct.pack(HEADER, m.VERSION, m.IDENTITY, node, seq & 0xFFFF, t_ms)
    frame = head + json.dumps(facts).encode()
    if len(frame) > m.MAX_FRAME:
        raise FrameError("identity of %d bytes: at most %d" % (len(frame), m.MAX_FRAME))
    return frame


def encode_command(
    ident: int, node: int, seq: int, t_ms: int, values: tuple, key: Key, boot_id: int
) -> bytes:
    """A frame from host to node, with its tag."""
    frame = encode(ident, node, seq, t_ms, values)
    return frame + key.tag(boot_id, frame)


def decode(data: bytes) -> Frame:
    """Read one frame. FrameError on anything that is not exactly one frame of this version.

    The tag of a command is split off, not judged: only who holds the key and the boot number can.
    """
    size = len(data)
    if size < HEADER_BYTES:
        raise FrameError("%d bytes: a header has %d" % (size, HEADER_BYTES))
    version, ident, node, seq, t_ms = struct.unpack_from(HEADER, data, 0)
    if version != m.VERSION:
        raise FrameError("version %d: this end speaks %d" % (version, m.VERSION))
    if ident == m.IDENTITY:
        return Frame(ident, node, seq, t_ms, _facts(data), b"", b"")
    body_bytes = m.SIZES.get(ident)
    if body_bytes is None:
        raise FrameError("no message %d" % ident)
    end = HEADER_BYTES + body_bytes
    want = end + TAG_BYTES if ident in m.COMMANDS else end
    if size != want:
        raise FrameError("message %d of %d bytes: it has %d" % (ident, size, want))
    body = m.TYPES[ident](*struct.unpack_from(m.FORMATS[ident], data, HEADER_BYTES))
    return Frame(ident, node, seq, t_ms, body, data[:end], data[end:])


def _facts(data: bytes) -> dict:
    if len(data) > m.MAX_FRAME:
        raise FrameError("%d bytes: a frame has at most %d" % (len(data), m.MAX_FRAME))
    try:
        facts = json.loads(bytes(data[HEADER_BYTES:]).decode())
    except (ValueError, UnicodeError, RuntimeError):  # MicroPython: deep nesting is RuntimeError
        raise FrameError("identity is no JSON") from None
    if not isinstance(facts, dict):
        raise FrameError("identity is no JSON object")
    return facts
