"""MCP4728, the quad DAC of the I/O box, as its data sheet (Microchip DS22187E) describes it.

Write commands by the first bits of the second byte (table 5-1): 00 fast write, 01000 multi-write,
01010 sequential and 01011 single write with EEPROM; the others do nothing here. Read: figure 5-15.
Output: table 4-6 and section 1.0 (offset 5 mV at code 0, gain error to 1.25 % of full scale, 1 kohm
to ground in power-down 01). /LDAC is low: an output follows its last byte.
"""

from __future__ import annotations

from dataclasses import dataclass

INTERNAL_V = 2.048
_FAST, _MULTI, _SEQUENTIAL, _SINGLE = range(4)
_OTHER = 4


@dataclass(slots=True)
class Channel:
    """One input register. internal, doubled: reference and gain. down: 0 works, 1 to 3 shut."""

    internal: bool = True
    down: int = 0
    doubled: bool = False
    code: int = 0

    @property
    def bits(self) -> int:
        """As it reads: VREF, PD1, PD0, Gx and twelve bits."""
        return self.internal << 15 | self.down << 13 | self.doubled << 12 | self.code

    @bits.setter
    def bits(self, value: int) -> None:
        self.internal, self.doubled = bool(value & 0x8000), bool(value & 0x1000)
        self.down, self.code = value >> 13 & 3, value & 0xFFF


class Mcp4728:
    """supply_v: its supply. offset_v, gain: of its amplifiers, the same for all four.

    channels: the input registers. writes: how often one was written. Fresh from the factory, all
    channels take the internal reference and are at 0.
    """

    def __init__(self, supply_v: float = 3.3, offset_v: float = 0.0, gain: float = 1.0) -> None:
        self.supply_v, self.offset_v, self.gain = supply_v, offset_v, gain
        self.writes = 0
        self.channels: list[Channel] = []
        self._eeprom = [Channel().bits for _ in range(4)]
        self.power_cycle()
        self.begin()

    def power_cycle(self) -> None:
        """Its supply was gone: the input registers are what the EEPROM holds."""
        self.channels = [Channel() for _ in range(4)]
        for channel, bits in zip(self.channels, self._eeprom, strict=True):
            channel.bits = bits

    def volts(self, index: int) -> float:
        """What is at an output, 0 for A to 3 for D."""
        channel = self.channels[index]
        if channel.down:
            return 0.0
        full = INTERNAL_V * (1 + channel.doubled) if channel.internal else self.supply_v
        ideal = channel.code / 4096 * full
        return min(self.supply_v, max(0.0, ideal * self.gain + self.offset_v))

    # the bus

    def begin(self) -> None:
        """A start condition with its address."""
        self._count = self._high = self._select = 0
        self._command: int | None = None

    def write(self, byte: int) -> None:
        """A byte from the chip."""
        if self._command is None:
            self._command = _command_of(byte)
            self._select = byte >> 1 & 3
        place, self._count = self._count, self._count + 1
        if self._command == _FAST:
            self._fast(place, byte)
        elif self._command in (_MULTI, _SEQUENTIAL, _SINGLE):
            self._whole(place, byte)

    def _fast(self, place: int, byte: int) -> None:
        if place % 2 == 0:
            self._high = byte
            return
        channel = self.channels[place // 2 % 4]
        channel.down = self._high >> 4 & 3
        channel.code = (self._high & 0x0F) << 8 | byte
        self.writes += 1

    def _whole(self, place: int, byte: int) -> None:
        """Channel, settings and high bits, low bits; only multi-write names each channel."""
        if self._command == _MULTI:
            part, first = place % 3, place % 3 == 0
        else:
            part, first = ((place - 1) % 2 + 1, False) if place else (0, True)
        if first:
            self._select = byte >> 1 & 3
        elif part == 1:
            self._high = byte
        else:
            channel = self.channels[self._select]
            channel.bits = self._high << 8 | byte
            self.writes += 1
            if self._command != _MULTI:
                self._eeprom[self._select] = channel.bits
                self._select = (self._select + 1) % 4

    def read(self) -> int:
        """The next of 24 bytes: each channel's register, then what its EEPROM holds."""
        place, self._count = self._count % 24, self._count + 1
        index, part = place // 6, place % 6
        bits = self._eeprom[index] if part >= 3 else self.channels[index].bits
        if part % 3 == 0:
            return 0xC0 | index << 4  # ready, powered, the channel, address bits 0
        return bits >> 8 if part % 3 == 1 else bits & 0xFF


def _command_of(byte: int) -> int:
    if byte >> 6 == 0:
        return _FAST
    return {0b01000: _MULTI, 0b01010: _SEQUENTIAL, 0b01011: _SINGLE}.get(byte >> 3, _OTHER)
