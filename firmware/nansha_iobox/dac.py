"""MCP4728, a quad 12-bit DAC: the bytes of its multi-write and of its read-back.

Microchip DS22187E. Address 0x60 as it comes from the factory. Multi-write (figure 5-8): per channel
`0 1 0 0 0 DAC1 DAC0 /UDAC`, `VREF PD1 PD0 Gx D11..D8`, `D7..D0`; it goes to the input registers,
not to the EEPROM, and with /UDAC 0 the output follows at the last byte's acknowledge. Read (figure
5-15): per channel three bytes of input register and three of EEPROM, the settings as above in the
second. VREF 0 takes the supply as the reference. PD 01 shuts the amplifier down and holds the pin
at 0 V through 1 kohm; code 0 does not reach it, the amplifier's offset is 5 mV, at most 20 mV.
"""

from nansha_iobox.messages import CHANNELS, OFF

ADDRESS = 0x60
READ_BYTES = 24
_MULTI_WRITE = 0x40
_SHUT_DOWN = 0x20
_SETTINGS = 0xF0


def multi_write(codes) -> bytes:
    """All four outputs, with their reference and gain: a DAC that has lost its supply in between,
    and woke with what its EEPROM holds, is right again after any write."""
    out = bytearray(3 * CHANNELS)
    for channel in range(CHANNELS):
        code = codes[channel]
        out[3 * channel] = _MULTI_WRITE | channel << 1
        if code == OFF:
            out[3 * channel + 1] = _SHUT_DOWN
        else:
            out[3 * channel + 1] = code >> 8
            out[3 * channel + 2] = code & 0xFF
    return bytes(out)


def holds(read: bytes, codes) -> bool:
    """Whether a read-back shows what `multi_write(codes)` wrote."""
    if len(read) != READ_BYTES:
        return False
    for channel in range(CHANNELS):
        code = codes[channel]
        high, low = read[6 * channel + 1], read[6 * channel + 2]
        if code == OFF:
            if high & _SETTINGS != _SHUT_DOWN:
                return False
        elif high != code >> 8 or low != code & 0xFF:
            return False
    return True
