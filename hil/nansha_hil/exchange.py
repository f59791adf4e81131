"""The two layouts that a board in the MicroPython VM and the rig exchange.

`shim/_rig.py` has the other half, and a test holds the two together."""

from __future__ import annotations

import struct
from dataclasses import dataclass

REQUEST = struct.Struct("<BBHIIQQ4H")
REPLY = struct.Struct("<qQIHH8H")

HELLO, WAIT, ADC, PWM, UART, WDT, IRQ, RESET = range(8)
FED = 1
FOREVER = 0xFFFFFFFF
CONVERTERS = 8


@dataclass(slots=True)
class Request:
    """What a board says when its program waits or sets something up."""

    op: int
    fed: bool
    wait_us: int
    """WAIT: for how long at most. ADC, PWM, IRQ: the pin. UART: baud. WDT: time-out in ms."""
    charged_us: int
    """Time the program has spent computing, as the rig charges it."""
    levels: int
    outputs: int
    duties: tuple[int, int, int, int]
    sent: bytes


def read_request(data: bytes) -> Request:
    """Take a request apart. struct.error on anything shorter."""
    op, flags, count, wait_us, charged_us, levels, outputs, *duties = REQUEST.unpack_from(data)
    sent = data[REQUEST.size : REQUEST.size + count]
    return Request(op, bool(flags & FED), wait_us, charged_us, levels, outputs, tuple(duties), sent)


def reply(
    now_us: int,
    levels: int,
    irqs: int,
    converters: list[int],
    received: bytes,
    notice: bool = False,
) -> bytes:
    """Put a reply together; `converters` holds eight 16-bit readings.

    A notice is no reply: in real time it tells a waiting program that a pin has moved.
    """
    return REPLY.pack(now_us, levels, irqs, len(received), notice, *converters) + received
