"""Edges of the relay pin with the box's time: written by an interrupt, read by the loop.

`note` runs in a hard interrupt, where nothing may be allocated: times are 30 bits, which a chip
keeps in a register, and their places are there from the start. The ring is twice as long as what is
read, so that an interrupt in the middle of a reading overwrites nothing of it.
"""

from array import array

from nansha_iobox.messages import EDGES, LEVEL_BIT

_SIZE = 2 * EDGES
_TIME_MASK = 0x3FFFFFFF


class Edges:
    """count: edges since boot, modulo 65536."""

    def __init__(self) -> None:
        self.count = 0
        self._at_us = array("i", (0 for _ in range(_SIZE)))
        self._levels = bytearray(_SIZE)

    def note(self, at_us: int, level: int) -> None:
        """An edge to `level` at `at_us`. Allocates nothing."""
        place = self.count % _SIZE
        self._at_us[place] = at_us & _TIME_MASK
        self._levels[place] = level
        self.count = (self.count + 1) & 0xFFFF

    def newest(self) -> tuple:
        """(count, words): the newest first, a zero where there was no edge yet."""
        count = self.count
        words = []
        for back in range(1, EDGES + 1):
            place = (count - back) % _SIZE
            words.append(self._at_us[place] | self._levels[place] << LEVEL_BIT)
        return count, tuple(words)
