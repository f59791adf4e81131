"""`time` on the rig's clock; in real time, the VM's own. Ticks wrap at 2**30, as on the chips."""

import _rig
import utime
from utime import *

_MASK = 0x3FFFFFFF


def ticks_diff(later, earlier):
    return ((later - earlier + 0x20000000) & _MASK) - 0x20000000


def ticks_add(ticks, delta):
    return (ticks + delta) & _MASK


if _rig.virtual:

    def ticks_us():
        return _rig.clock_us() & _MASK

    def ticks_ms():
        return _rig.clock_us() // 1000 & _MASK

    def sleep_us(us):
        """Sleep, whatever comes in meanwhile."""
        end = _rig.clock_us() + us
        while True:
            left = end - _rig.clock_us()
            if left <= 0:
                return
            _rig.wait_us(left)

    def sleep_ms(ms):
        sleep_us(ms * 1000)

    def sleep(s):
        sleep_us(int(s * 1000000))

else:

    def ticks_us():
        return utime.ticks_us() & _MASK

    def ticks_ms():
        return utime.ticks_ms() & _MASK
