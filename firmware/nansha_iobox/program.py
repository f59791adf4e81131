"""The box's shell: one loop that listens, decides, acts, answers and waits."""

from nansha_iobox import FIRMWARE
from nansha_iobox import messages as m
from nansha_iobox.box import SILENCE_MS, Box
from nansha_wire.serial import Deframer, pack

WAIT_MS = 20  # how late a silence may be seen


class Program:
    """`hw` is the board; it comes in from outside, so the same loop runs under tests."""

    def __init__(self, hw):
        self.hw = hw
        self.box = Box()
        self._deframer = Deframer()
        self._seq = 0
        self._dac = hw.apply(self.box.codes, self.box.lines)

    def turn(self):
        """One round."""
        hw, box = self.hw, self.box
        for frame in self._deframer.feed(hw.receive()):
            message = m.decode(frame)
            if message is not None:
                self._obey(message)
        if box.look(hw.ticks_us(), self._dac):
            self._dac = hw.apply(box.codes, box.lines)
        if hw.moved():
            self._tell_state(0)
        hw.feed()
        hw.wait(WAIT_MS)

    def _obey(self, message):
        ident, refused = self.box.hear(message, self.hw.ticks_us())
        if ident:
            self._seq = message.seq
        if ident == m.IDENTITY:
            self._tell_identity()
        elif ident == m.STATE:
            self._dac = self.hw.apply(self.box.codes, self.box.lines)
            self._tell_state(m.ANSWER | (m.REFUSED if refused else 0))

    def _tell_identity(self):
        self._dac = self.hw.check_dac(self.box.codes)
        head = (self.hw.ticks_us(),) + FIRMWARE  # noqa: RUF005  MicroPython unpacks no tuples here
        values = head + (self.hw.reset_cause, self._dac, SILENCE_MS)  # noqa: RUF005
        self.hw.send(pack(m.encode(m.IDENTITY, self._seq, values)))

    def _tell_state(self, flags):
        hw, box = self.hw, self.box
        if hw.relay():
            flags |= m.RELAY
        if box.safe:
            flags |= m.SAFE
        count, words = hw.edges.newest()
        now_us = hw.ticks_us()
        values = (now_us, flags, self._dac, hw.duty_u16(), box.silences, count)
        values = values + words
        hw.send(pack(m.encode(m.STATE, self._seq, values)))
