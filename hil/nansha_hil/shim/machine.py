"""`machine` wired to the rig: pins and converters in `rig_pins`, the rest here. No more of it than
the subset that both chips share."""

import _rig
import uos
from rig_pins import ADC, PWM, Pin  # noqa: F401

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5


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
