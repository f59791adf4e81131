"""`machine` of an emulated ESP32: pins and converters are the rig's, the rest is the chip's own.

Watchdog, reset and its cause, and the UART of the node's line are the real ones. The emulated
machine has no way in for pins and converters; those go over UART2.
"""

import _rig
import umachine
from rig_pins import ADC, PWM, Pin  # noqa: F401

PWRON_RESET = umachine.PWRON_RESET
HARD_RESET = umachine.HARD_RESET
WDT_RESET = umachine.WDT_RESET
DEEPSLEEP_RESET = umachine.DEEPSLEEP_RESET
SOFT_RESET = umachine.SOFT_RESET
reset_cause = umachine.reset_cause

Pin.COUNT, Pin.INPUT_ONLY_FROM = 40, 34


def UART(id, baudrate=115200, *, tx, rx, rxbuf=256):
    """The node's line is UART1, whatever its number on the board: UART2 carries the pins."""
    if id not in (1, 2):
        raise ValueError("UART0 is the prompt's")
    _rig.exchange(_rig.UART, baudrate)
    return umachine.UART(1, baudrate, tx=tx, rx=rx, rxbuf=rxbuf)


class WDT:
    """The chip's own, which resets the chip; the rig is told, so that it can show it."""

    def __init__(self, id=0, timeout=5000):
        if not 1000 <= timeout <= 8388:  # what both chips can do
            raise ValueError("timeout 1000 to 8388 ms")
        _rig.exchange(_rig.WDT, timeout)
        self._real = umachine.WDT(timeout=timeout)

    def feed(self):
        self._real.feed()
        _rig.fed()


def reset():
    _rig.exchange(_rig.RESET, tries=3)  # the pins float from here on
    umachine.reset()


_rig.exchange(_rig.HELLO, reset_cause())
