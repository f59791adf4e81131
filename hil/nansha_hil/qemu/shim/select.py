"""`select.poll` of an emulated ESP32: the chip's own, and an exchange with the rig after a wait."""

import _rig
import uselect
from uselect import POLLERR, POLLHUP, POLLIN, POLLOUT  # noqa: F401


class poll:
    """A frame of the rig ends a wait as a pin's interrupt does; it is not shown to the program."""

    def __init__(self):
        self._real = uselect.poll()
        self._real.register(_rig.link, POLLIN)

    def register(self, stream, events=POLLIN | POLLOUT):
        self._real.register(stream, events)

    def unregister(self, stream):
        self._real.unregister(stream)

    def poll(self, timeout=-1, flags=0):
        found = [each for each in self._real.poll(timeout) if each[0] is not _rig.link]
        _rig.exchange(_rig.WAIT)
        _rig.serve_interrupts()
        return found
