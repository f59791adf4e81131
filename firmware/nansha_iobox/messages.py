"""The messages between rig and box: id, name, way, struct format, fields with their units.

A frame is a header and a body; `nansha_wire.serial` puts CRC and COBS around it. Every request
carries all outputs and every answer all inputs, so a frame that is lost is mended by the next.
"""

import struct

VERSION = 1
HEADER = "<BBH"  # version, message id, sequence number: the same in every version
_HEADER_BYTES = struct.calcsize(HEADER)

DOWN = "rig to box"
UP = "box to rig"
HELLO, SET, IDENTITY, STATE = 1, 2, 3, 4

CHANNELS = 4
CODE_MAX = 4095
OFF = 0xFFFF  # a channel's output is shut down and pulled to 0 V: a wire with nothing on it
EDGES = 8  # the newest edges that every STATE repeats

# Bits of `lines`.
ALERT, FLAG, RESET, SUPPLY = 1, 2, 4, 8
LINES_MAX = ALERT | FLAG | RESET | SUPPLY

# Bits of `flags`.
RELAY, ANSWER, SAFE, REFUSED = 1, 2, 4, 8

DAC_NONE, DAC_OK, DAC_FORGETS = 0, 1, 2  # nobody answers; answers and keeps; answers, keeps nothing

LEVEL_BIT = 30  # an edge's word: 30 bits of the box's clock in us, and the level above them

TABLE = (
    (HELLO, "hello", DOWN, "<", ()),
    (
        SET,
        "set",
        DOWN,
        "<4HB",
        (
            ("codes", "DAC outputs A to D, 0 to 4095 of the DAC's supply, or 65535: off"),
            ("lines", "bits: 1 alert high, 2 flag high, 4 node held in reset, 8 supply on"),
        ),
    ),
    (
        IDENTITY,
        "identity",
        UP,
        "<IBBBBH",
        (
            ("t_us", "the box's clock, us, wraps at 2**30"),
            ("major, minor", "firmware version"),
            ("reset", "why it booted: machine.reset_cause()"),
            ("dac", "0 does not answer, 1 works, 2 answers but keeps nothing"),
            ("silence_ms", "so long without a valid set before it goes to the safe state, ms"),
        ),
    ),
    (
        STATE,
        "state",
        UP,
        "<IBBHHH8I",
        (
            ("t_us", "the box's clock once the outputs were set, us, wraps at 2**30"),
            ("flags", "bits: 1 relay pin high, 2 answers a request, 4 safe state, 8 refused"),
            ("dac", "as in identity, at the last write"),
            ("duty", "the node's PWM command behind its filter, of 65535"),
            ("silences", "how often the rig has fallen silent since the box booted"),
            ("edges", "edges of the relay pin since boot, modulo 65536"),
            ("edge", "the newest eight, newest first: 30 bits of time in us, level in bit 30"),
        ),
    ),
)
FORMATS = {row[0]: row[3] for row in TABLE}
_SIZES = {ident: struct.calcsize(form) for ident, form in FORMATS.items()}


class Message:
    """One received frame. ident is 0, and values empty, when it is of another version."""

    def __init__(self, version: int, ident: int, seq: int, values: tuple):
        self.version = version
        self.ident = ident
        self.seq = seq
        self.values = values


def encode(ident: int, seq: int, values: tuple = ()) -> bytes:
    """A frame. `values` in the table's order and ranges."""
    return struct.pack(HEADER, VERSION, ident, seq & 0xFFFF) + struct.pack(FORMATS[ident], *values)


def decode(frame: bytes) -> Message | None:
    """A frame taken apart; None for bytes that are no message."""
    size = len(frame)
    if size < _HEADER_BYTES:
        return None
    version, ident, seq = struct.unpack_from(HEADER, frame, 0)
    if version != VERSION:
        return Message(version, 0, seq, ())
    if ident not in _SIZES or size != _HEADER_BYTES + _SIZES[ident]:
        return None
    return Message(version, ident, seq, struct.unpack_from(FORMATS[ident], frame, _HEADER_BYTES))


def valid_set(values: tuple) -> bool:
    """Whether a SET asks only for what there is."""
    for code in values[:CHANNELS]:
        if code > CODE_MAX and code != OFF:
            return False
    return values[CHANNELS] <= LINES_MAX
