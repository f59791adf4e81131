"""A node's clock on the wire: ms that wrap at 2**30, as `time.ticks_ms` does on the chips."""

PERIOD_MS = 1 << 30
_HALF = PERIOD_MS >> 1


def diff_ms(later: int, earlier: int) -> int:
    """Milliseconds from `earlier` to `later`, right across one wrap, in [-2**29, 2**29)."""
    return ((later - earlier + _HALF) & (PERIOD_MS - 1)) - _HALF
