"""`umachine` in the stand-in's VM: UARTs, watchdog, reset and its cause, as the chip has them."""

import io
import os

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
_fds = [int(word) for word in os.getenv("STANDIN_FDS").split(",")]
_control = open(_fds[2], "r+b")  # noqa: SIM115  for good


class UART(io.IOBase):
    def __init__(self, id, baudrate, *, tx, rx, rxbuf=256):
        if {tx, rx} & {6, 7, 8, 9, 10, 11}:
            raise ValueError("wired to the flash")
        self._wire = open(_fds[id - 1], "r+b")  # noqa: SIM115  for good
        self._rxbuf = rxbuf
        self._held = b""

    def any(self):
        if len(self._held) < self._rxbuf:
            try:  # noqa: SIM105  MicroPython has no contextlib
                self._held += self._wire.read(self._rxbuf - len(self._held)) or b""
            except OSError:
                pass
        return len(self._held)

    def read(self, count=-1):
        waiting = self.any()
        if not waiting:
            return None
        count = waiting if count < 0 else min(count, waiting)
        data, self._held = self._held[:count], self._held[count:]
        return data

    def write(self, data):
        try:
            return self._wire.write(data)
        except OSError:
            return None

    def ioctl(self, request, arg):
        return (arg & 4) | (arg & 1 if self.any() else 0) if request == 3 else 0


class WDT:
    def __init__(self, id=0, timeout=5000):
        _control.write(b"%d\n" % timeout)

    def feed(self):
        _control.write(b"feed\n")


def reset():
    _control.write(b"reset\n")
    while True:
        pass


def reset_cause():
    return int(os.getenv("STANDIN_CAUSE"))
