"""Integer scales between a 16-bit ADC reading and a physical value.

value = (raw_u16 * num >> shift) + offset

`num` stays at or below 16383 so that raw_u16 * num < 2**30: MicroPython on ESP32 and RP2040 has
31-bit small integers, and a product beyond them would allocate a big integer on the heap in the
middle of the control loop.
"""

Scale = tuple[int, int, int]
"""(num, shift, offset)."""

NUM_MAX = 16383
RAW_MAX = 65535
RAW_MID = 2048 << 4 | 2048 >> 8
"""The 16-bit reading of the middle 12-bit code, so a centred transducer at rest reads exactly 0."""


def quantise_12bit(raw_u16: int) -> int:
    """The 16-bit reading that a 12-bit converter gives for `raw_u16` (bits replicated)."""
    code = min(max(raw_u16, 0), RAW_MAX) >> 4
    return code << 4 | code >> 8


def scale_for(low: int, high: int, *, centred: bool = False) -> Scale:
    """The finest scale that maps readings 0…65535 onto low…high (any integer unit).

    `centred` puts the value halfway between low and high exactly at the middle 12-bit code, for
    bidirectional current transducers. Raises ValueError where the span is empty or too wide for
    31-bit arithmetic.
    """
    span = high - low
    if span <= 0:
        raise ValueError(f"scale from {low} to {high}: high must be above low")
    if span > NUM_MAX * RAW_MAX:
        raise ValueError(f"scale from {low} to {high}: span beyond 31-bit integers")
    shift = 0
    # Rounded up, so that the top reading reaches `high`: a full battery must read 1000, not 999.
    while shift < 30 and _numerator(span, shift + 1) <= NUM_MAX:
        shift += 1
    num = min(_numerator(span, shift), NUM_MAX)
    offset = (low + high) // 2 - (RAW_MID * num >> shift) if centred else low
    return (num, shift, offset)


def _numerator(span: int, shift: int) -> int:
    return -(-(span << shift) // RAW_MAX)


def value_from_raw(raw_u16: int, scale: Scale) -> int:
    """The value a node computes from a 16-bit reading; same arithmetic as the firmware."""
    num, shift, offset = scale
    return (raw_u16 * num >> shift) + offset


def raw_from_value(value: int, scale: Scale) -> int:
    """The 16-bit reading (0…65535, clipped) that stands for `value`: inverse of value_from_raw.

    Aims at the middle of the readings that give `value`, so the quantising of a 12-bit converter
    disturbs it least. Raises ValueError for the empty scale of an absent signal.
    """
    num, shift, offset = scale
    if num <= 0:
        raise ValueError("this signal has no scale: the role has no such transducer")
    # (value + 1/2) * 2**shift / num, rounded down: the readings of `value` span [value, value+1).
    raw = ((2 * (value - offset) + 1) << shift) // (2 * num)
    return min(max(raw, 0), RAW_MAX)
