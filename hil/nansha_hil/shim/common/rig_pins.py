"""Pins and converters of `machine` that are the rig's, on whatever carries them to it.

As much as the subset that both chips share, and no more: a call that a chip would refuse must not
pass here. `_rig` is the way to the rig; each tier has its own."""

import _rig

_adc_pins = []
_pwm_pins = []


class Pin:
    COUNT = INPUT_ONLY_FROM = 48  # a chip with fewer says so
    IN, OUT, OPEN_DRAIN = 1, 3, 7
    PULL_UP, PULL_DOWN = 2, 1
    IRQ_RISING, IRQ_FALLING = 1, 2

    def __init__(self, id, mode=-1, pull=-1, *, value=None):
        if not 0 <= id < Pin.COUNT:
            raise ValueError("invalid pin")
        self.id = id
        self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=-1, *, value=None):
        if mode == Pin.OUT and self.id >= Pin.INPUT_ONLY_FROM:
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
