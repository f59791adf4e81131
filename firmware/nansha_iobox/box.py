"""What the box decides: what a message does to its outputs, and what silence does.

No pin, no clock, no bus is touched here. Times are us of the box's clock and wrap at 2**30.
"""

from nansha_iobox import messages as m

SILENCE_MS = 500  # ten heartbeats of the rig
_PERIOD_US = 1 << 30
_HALF_US = _PERIOD_US >> 1

ALL_OFF = (m.OFF,) * m.CHANNELS


def gone_us(now_us: int, then_us: int) -> int:
    """Microseconds from `then_us` to `now_us`, right across one wrap (18 minutes)."""
    return ((now_us - then_us + _HALF_US) & (_PERIOD_US - 1)) - _HALF_US


class Box:
    """codes, lines: what the outputs are to be. silences: how often the rig fell silent.

    greeted: whether the rig knows of this boot. A box that has just started, maybe in the middle of
    a run, obeys nobody who has not said hello: so the rig learns of it.
    """

    def __init__(self) -> None:
        self.codes = ALL_OFF
        self.lines = m.ALERT | m.SUPPLY
        self.safe = True
        self.greeted = False
        self.silences = 0
        self._heard_us = 0

    def hear(self, message, now_us: int) -> tuple:
        """Obey a message. (id of the answer or 0 for none, whether it was refused)."""
        if message.ident == 0:
            return m.IDENTITY, False  # another version: say who is here, and change nothing
        if message.ident == m.HELLO:
            self.greeted = True
            return m.IDENTITY, False
        if message.ident != m.SET:
            return 0, False
        if not self.greeted:
            return m.IDENTITY, False
        if not m.valid_set(message.values):
            return m.STATE, True
        self._heard_us = now_us  # nothing else is a sign that somebody drives the node
        self.lines = message.values[m.CHANNELS]
        self.codes = message.values[: m.CHANNELS]
        self.safe = False
        if not self.lines & m.SUPPLY:
            # Nothing may feed a node through its inputs while its supply is off.
            self.codes = ALL_OFF
            self.lines &= ~(m.ALERT | m.FLAG)
        return m.STATE, False

    def look(self, now_us: int, dac: int) -> bool:
        """Whether the outputs are to be written. `dac`: what it said to the last write.

        When the rig falls silent the inputs of the node go to 0 V, which is below every live zero:
        it sees a dead bus, or its sensors lost, and protects itself; its alarm makes it look at
        once. The supply stays and reset is let go: a node that is off protects nothing.
        """
        if self.safe:
            return self._stop_on_old_inputs(dac)
        if gone_us(now_us, self._heard_us) < SILENCE_MS * 1000:
            return False
        self.safe = True
        self.silences = (self.silences + 1) & 0xFFFF
        self.codes = ALL_OFF
        self.lines &= m.SUPPLY
        if self.lines & m.SUPPLY:
            self.lines |= m.ALERT
        return True

    def _stop_on_old_inputs(self, dac: int) -> bool:
        """A DAC that does not hear may still hold a healthy bus: reset, which needs no DAC, stops
        the node until a write has got through."""
        held = self.lines & m.RESET
        if dac == m.DAC_NONE:
            self.lines |= m.RESET
            return True
        self.lines &= ~m.RESET
        return held != 0
