"""`machine` wired to the rig. As much of it as the subset that both chips share, and no more:
a call that a chip would refuse must not pass here."""

import _rig
import uos

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5

_adc_pins = []
_pwm_pins = []


class Pin:
    IN, OUT, OPEN_DRAIN = 1, 3, 7
    PULL_UP, PULL_DOWN = 2, 1
    IRQ_RISING, IRQ_FALLING = 1, 2

    def __init__(self, id, mode=-1, pull=-1, *, value=None):
        if not 0 <= id < 48:
            raise ValueError("invalid pin")
        self.id = id
        self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=-1, *, value=None):
        if value is not None:
            self._set(value)
        if mode == Pin.OUT:
            _rig.outputs |= 1 << self.id
        elif mode == Pin.IN:
            _rig.outputs &= ~(1 << self.id)

    def _set(self, value):
        if value:
            _rig.levels |= 1 << self.id
        else:
            _rig.levels &= ~(1 << self.id)

    def value(self, value=None):
        if value is not None:
            self._set(value)
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


class UART:
    """Lock-step: bytes travel with the exchanges. Real time: a pty that pyserial opens."""

    def __init__(self, id, baudrate=115200, *, tx, rx, rxbuf=256):
        _rig.exchange(_rig.UART, baudrate)
        self._rxbuf = rxbuf
        self._held = b""
        self.descriptor = None
        if _rig.virtual:
            self.ioctl = self._ioctl  # so that the rig's poll asks; a real line has a descriptor
        else:
            self.descriptor = open(int(uos.getenv("NANSHA_PTY_FD")), "r+b")

    def _ioctl(self, request, arg):
        return (arg & 4) | (arg & 1 if _rig.received else 0) if request == 3 else 0

    def any(self):
        if self.descriptor is None:
            if len(_rig.received) > self._rxbuf:  # what overruns the buffer is lost, as on a chip
                _rig.take(len(_rig.received) - self._rxbuf)
            return len(_rig.received)
        if len(self._held) < self._rxbuf:
            try:
                self._held += self.descriptor.read(self._rxbuf) or b""  # does not wait
            except OSError:
                pass
        return len(self._held)

    def read(self, count=-1):
        waiting = self.any()
        if not waiting:
            return None
        count = waiting if count < 0 else min(count, waiting)
        if self.descriptor is None:
            return _rig.take(count)
        data, self._held = self._held[:count], self._held[count:]
        return data

    def write(self, data):
        if self.descriptor is None:
            _rig.send(data)
        else:
            try:
                self.descriptor.write(data)
            except OSError:
                pass  # nobody listens and the line is full: a UART loses its bytes as well
        return len(data)


class WDT:
    def __init__(self, id=0, timeout=5000):
        if not 1000 <= timeout <= 8388:  # what both chips can do
            raise ValueError("timeout 1000 to 8388 ms")
        _rig.exchange(_rig.WDT, timeout)

    def feed(self):
        _rig.fed()


def reset():
    _rig.exchange(_rig.RESET)
    raise SystemExit


def reset_cause():
    return _reset_cause


_rig.exchange(_rig.HELLO)
_reset_cause = int(uos.getenv("NANSHA_RESET_CAUSE"))
