"""`machine` of the box's board in the MicroPython VM: the rig's, and what only a box needs of it.

Interrupts come at both edges, and an I2C transfer rides on an exchange: while the UART is a
terminal, the bytes of an exchange are free.
"""

import sys

import _rig

_shim = next(place for place in sys.path if place.endswith("/shim"))
with open(_shim + "/machine.py") as _file:
    exec(_file.read())

_RigPin = Pin  # noqa: F821


class Pin(_RigPin):
    def irq(self, handler=None, trigger=3, hard=False):
        assert trigger == Pin.IRQ_RISING | Pin.IRQ_FALLING
        _rig.handlers[self.id] = (handler, self)
        _rig.exchange(_rig.IRQ, self.id)


class I2C:
    def __init__(self, id, *, scl, sda, freq=400000, timeout=50000):
        pass

    def writeto(self, address, data):
        self._transfer(address, data, 0)
        return len(data)

    def readfrom(self, address, count):
        return self._transfer(address, b"", count)

    def _transfer(self, address, data, count):
        _rig.send(bytes((address, len(data), count)) + data)
        _rig.exchange(_rig.WAIT)
        if _rig.take(1) != b"A":
            raise OSError(5)
        return _rig.take(count)
