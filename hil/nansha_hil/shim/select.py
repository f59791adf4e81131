"""`select.poll` on the rig: in lock-step a wait is an exchange; in real time it is a real poll."""

import _rig
import uselect
from uselect import POLLERR, POLLHUP, POLLIN, POLLOUT  # noqa: F401

_POLL = 3


class poll:
    """Streams with a descriptor are the VM's; objects with an `ioctl` of their own are asked."""

    def __init__(self):
        self._asked = {}
        self._real = None if _rig.virtual else uselect.poll()
        if self._real:
            self._real.register(_rig._file, POLLIN)

    def register(self, stream, events=POLLIN | POLLOUT):
        descriptor = getattr(stream, "descriptor", None)
        if self._real and not hasattr(stream, "ioctl"):
            self._real.register(descriptor if descriptor else stream, events)
        else:
            self._asked[id(stream)] = (stream, events)

    def unregister(self, stream):
        if self._asked.pop(id(stream), None) is None and self._real:
            self._real.unregister(getattr(stream, "descriptor", None) or stream)

    def _ready(self):
        found = []
        for stream, events in self._asked.values():
            state = stream.ioctl(_POLL, events)
            if state:
                found.append((stream, state))
        return found

    def poll(self, timeout=-1, flags=0):
        found = self._ready()
        if self._real is None:
            if not found and timeout:
                _rig.wait_us(_rig.FOREVER if timeout < 0 else timeout * 1000)
                found = self._ready()
            return found
        for stream, state in self._real.poll(0 if found else timeout):
            if stream is not _rig._file:
                found.append((stream, state))
            else:
                _rig.notice()
        _rig.exchange(_rig.WAIT)
        _rig.serve_interrupts()
        return found or self._ready()
