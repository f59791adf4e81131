"""The box's board: the only file here that imports `machine`. Nothing decides in it."""

import io
import select
import time

import machine

from nansha_iobox import dac, pins
from nansha_iobox import messages as m
from nansha_iobox.edges import Edges

WDT_MS = 2000
I2C_US = 5000  # a write of all four outputs takes 0.3 ms
_POLL = 3  # the stream request that asks "are you ready?"
_READINGS = 4  # of the command in a row: their mean has half the noise of one


class _Edge(io.IOBase):
    """Something to poll that an edge makes ready, so that a wait ends at once."""

    def __init__(self):
        self.raised = False

    def ioctl(self, request, arg):
        return arg & select.POLLIN if request == _POLL and self.raised else 0


class Hardware:
    """Pins, DAC, UART, watchdog and clock of the box. edges: of the node's relay pin."""

    def __init__(self):
        self._supply = machine.Pin(pins.SUPPLY, machine.Pin.OUT, value=1)
        self._reset = machine.Pin(pins.RESET, machine.Pin.IN)
        self._alert = machine.Pin(pins.ALERT, machine.Pin.OUT, value=0)
        self._flag = machine.Pin(pins.FLAG, machine.Pin.OUT, value=0)
        self._command = machine.ADC(machine.Pin(pins.COMMAND))
        self._i2c = machine.I2C(
            pins.I2C_ID,
            sda=machine.Pin(pins.I2C_SDA),
            scl=machine.Pin(pins.I2C_SCL),
            freq=pins.I2C_HZ,
            timeout=I2C_US,
        )
        self._uart = machine.UART(
            pins.UART_ID, pins.BAUD, tx=pins.UART_TX, rx=pins.UART_RX, rxbuf=512
        )
        self.reset_cause = machine.reset_cause()
        self.edges = Edges()
        self._edge = _Edge()
        self._poll = select.poll()
        self._poll.register(self._uart, select.POLLIN)  # pyright: ignore[reportArgumentType]
        self._poll.register(self._edge, select.POLLIN)
        self._relay = machine.Pin(pins.RELAY, machine.Pin.IN)
        # Hard: at once, also in the middle of a garbage collection. That is what makes the time.
        self._relay.irq(self._on_edge, machine.Pin.IRQ_RISING | machine.Pin.IRQ_FALLING, hard=True)
        self._wdt = None

    def _on_edge(self, pin):
        self.edges.note(time.ticks_us(), pin.value())  # pyright: ignore[reportAttributeAccessIssue]
        self._edge.raised = True

    def start_watchdog(self):
        """From here on somebody has to feed."""
        self._wdt = machine.WDT(timeout=WDT_MS)

    def feed(self):
        """Feed the watchdog."""
        if self._wdt is not None:
            self._wdt.feed()

    def ticks_us(self):
        """The box's clock, us, wraps at 2**30."""
        return time.ticks_us() & 0x3FFFFFFF  # pyright: ignore[reportAttributeAccessIssue]

    def wait(self, ms):
        """Sleep until a byte comes in, the relay pin moves, or `ms` have passed."""
        self._poll.poll(ms)

    def moved(self):
        """Whether the relay pin has moved since the last question."""
        if not self._edge.raised:
            return False  # and not cleared: an edge may come just here
        self._edge.raised = False
        return True

    def receive(self):
        """The bytes that have come in."""
        waiting = self._uart.any()
        return (self._uart.read(waiting) or b"") if waiting else b""

    def send(self, data):
        """Put bytes on the line."""
        self._uart.write(data)

    def apply(self, codes, lines):
        """Set every output; what the DAC says to it. The alarm rises after what it is about."""
        self._supply.value(1 if lines & m.SUPPLY else 0)
        found = self._write_dac(codes)
        self._flag.value(1 if lines & m.FLAG else 0)
        self._alert.value(1 if lines & m.ALERT else 0)
        if lines & m.RESET:
            self._reset.init(machine.Pin.OUT, value=0)
        else:
            self._reset.init(machine.Pin.IN)
        return found

    def _write_dac(self, codes):
        try:
            self._i2c.writeto(dac.ADDRESS, dac.multi_write(codes))
        except OSError:
            return m.DAC_NONE
        return m.DAC_OK

    def check_dac(self, codes):
        """Whether the DAC is there and keeps what it was given."""
        if self._write_dac(codes) == m.DAC_NONE:
            return m.DAC_NONE
        try:
            read = self._i2c.readfrom(dac.ADDRESS, dac.READ_BYTES)
        except OSError:
            return m.DAC_NONE
        return m.DAC_OK if dac.holds(read, codes) else m.DAC_FORGETS

    def relay(self):
        """Level of the node's relay pin."""
        return self._relay.value()

    def duty_u16(self):
        """The node's power command behind its filter, 0 to 65535."""
        total = 0
        for _ in range(_READINGS):
            total += self._command.read_u16()
        return total // _READINGS
