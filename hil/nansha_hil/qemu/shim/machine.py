"""`machine` of an emulated ESP32: pins and converters are the rig's, the rest is the chip's own.

Watchdog, reset and its cause, and the UART of the node's line are the real ones. The emulated
machine has no way in for pins and converters; those go over UART2.
"""

import shim_uart2 as _rig
import umachine

PWRON_RESET = umachine.PWRON_RESET
HARD_RESET = umachine.HARD_RESET
WDT_RESET = umachine.WDT_RESET
DEEPSLEEP_RESET = umachine.DEEPSLEEP_RESET
SOFT_RESET = umachine.SOFT_RESET
reset_cause = umachine.reset_cause

_adc_pins = []
_pwm_pins = []


class Pin:
    IN, OUT, OPEN_DRAIN = 1, 3, 7
    PULL_UP, PULL_DOWN = 2, 1
    IRQ_RISING, IRQ_FALLING = 1, 2

    def __init__(self, id, mode=-1, pull=-1, *, value=None):
        if not 0 <= id < 40:
            raise ValueError("invalid pin")
        self.id = id
        self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=-1, *, value=None):
        if mode == Pin.OUT and self.id >= 34:
            raise ValueError("pin can only be input")
        if value is not None:
            self._set(value)
        if mode == Pin.OUT:
            _rig.outputs |= 1 << self.id
        elif mode == Pin.IN:
            _rig.outputs &= ~(1 << self.id)
        _rig.push()

    def _set(self, value):
        if value:
            _rig.levels |= 1 << self.id
        else:
            _rig.levels &= ~(1 << self.id)

    def value(self, value=None):
        if value is not None:
            self._set(value)
            _rig.push()
            return None
        if _rig.outputs >> self.id & 1:
            return _rig.levels >> self.id & 1
        return _rig.level(self.id)

    __call__ = value

    def irq(self, handler=None, trigger=3, hard=False):
        if trigger != Pin.IRQ_RISING:
            raise ValueError("the rig knows rising edges only")
        _rig.handlers[self.id] = (handler, self)
        _rig.exchange(_rig.IRQ, self.id)


class ADC:
    ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3

    def __init__(self, pin):
        pin = pin.id if isinstance(pin, Pin) else pin
        if pin not in _adc_pins:
            _adc_pins.append(pin)
            _rig.exchange(_rig.ADC, pin)
        self._slot = _adc_pins.index(pin)

    def atten(self, attenuation):
        pass

    def read_u16(self):
        return _rig.converter(self._slot)


class PWM:
    def __init__(self, pin, *, freq=5000, duty_u16=0):
        if pin.id not in _pwm_pins:
            _pwm_pins.append(pin.id)
            _rig.exchange(_rig.PWM, pin.id)
        self._slot = _pwm_pins.index(pin.id)
        self.duty_u16(duty_u16)

    def duty_u16(self, duty=None):
        if duty is None:
            return _rig.duties[self._slot]
        if not 0 <= duty <= 65535:
            raise ValueError("duty_u16 out of range")
        _rig.duties[self._slot] = duty
        _rig.push()


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
