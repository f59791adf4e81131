"""The watchdog's conscience: it is fed only while every task has reported in.

In a superloop a task that hangs takes the feeding with it, and one that raises ends in a reset, so
this adds what neither shows: a loop that goes round while a due time that has gone wrong lets no
step be taken or no telemetry be said, and a round that takes longer than a task may be silent. It
does not catch a task that does its work wrongly, nor a link that is down: that is the lease's.
"""

from nansha_wire.ticks import diff_ms


class Alive:
    """Tasks report by name; `all_well` says whether each did within its time."""

    def __init__(self, limits_ms, now_ms):
        self._limits_ms = limits_ms  # {task: ms it may stay silent}
        self._seen_ms = {name: now_ms for name in limits_ms}

    def report(self, name, now_ms):
        """The task `name` has done its work."""
        self._seen_ms[name] = now_ms

    def all_well(self, now_ms):
        """False as soon as one task has been silent for longer than its limit."""
        for name, limit_ms in self._limits_ms.items():
            if diff_ms(now_ms, self._seen_ms[name]) > limit_ms:
                return False
        return True
