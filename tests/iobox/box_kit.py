"""What the tests of the box share. Standard library only: it runs under both interpreters."""

from nansha_iobox import messages as m
from nansha_iobox.edges import Edges
from nansha_iobox.program import Program
from nansha_wire.serial import Deframer, pack


class Board:
    """The box's board without pins. `applied` is every setting of its outputs, in order; `holds`
    what the DAC has taken of it: nothing while `dac` says that it does not answer."""

    reset_cause = 1

    def __init__(self):
        self.now_us = 1000
        self.applied = []
        self.inbox = b""
        self.said = b""
        self.edges = Edges()
        self.level = 0
        self.duty = 0
        self.dac = m.DAC_OK
        self.holds = None
        self.feeds = 0
        self._moved = False

    def ticks_us(self):
        return self.now_us & 0x3FFFFFFF

    def apply(self, codes, lines):
        self.applied.append((tuple(codes), lines))
        return self.check_dac(codes)

    def check_dac(self, codes):
        if self.dac != m.DAC_NONE:
            self.holds = tuple(codes)
        return self.dac

    def receive(self):
        data, self.inbox = self.inbox, b""
        return data

    def send(self, data):
        self.said += data

    def edge(self, level):
        self.level = level
        self.edges.note(self.ticks_us(), level)
        self._moved = True

    def moved(self):
        moved, self._moved = self._moved, False
        return moved

    def relay(self):
        return self.level

    def duty_u16(self):
        return self.duty

    def feed(self):
        self.feeds += 1

    def wait(self, ms):
        self.now_us += ms * 1000


class Bench:
    """A box and who talks to it."""

    def __init__(self, greeted=True):
        self.board = Board()
        self.program = Program(self.board)
        self._deframer = Deframer()
        self.seq = 0
        if greeted:
            self.ask(m.HELLO)

    def line(self, data):
        """Put bytes on its line, let it have one turn; the messages it says."""
        self.board.inbox += data
        self.program.turn()
        said, self.board.said = self.board.said, b""
        return [m.decode(frame) for frame in self._deframer.feed(said)]

    def ask(self, ident, values=()):
        self.seq = (self.seq + 1) & 0xFFFF
        return self.line(pack(m.encode(ident, self.seq, values)))

    @property
    def outputs(self):
        return self.board.applied[-1]
