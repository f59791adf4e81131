"""Events wait here until the host says that it holds them. Bounded; what is dropped is counted."""

CAPACITY = 32


class Outbox:
    """A queue of numbered events of this boot."""

    def __init__(self, boot_id):
        self._boot_id = boot_id
        self._events = []
        self._number = 0
        self._sent = 0  # number of the last one sent
        self.dropped = 0

    def add(self, at_ms, code, value):
        """Number and keep an event. The oldest goes when the box is full."""
        self._number += 1
        self._events.append((self._boot_id, self._number, at_ms, code, value))
        if len(self._events) > CAPACITY:
            self._events.pop(0)
            self.dropped += 1

    def held(self, number):
        """The host has every event up to `number`: forget them."""
        while self._events and self._events[0][1] <= number:
            self._events.pop(0)

    def unsent(self):
        """Events that have not been sent yet, oldest first, as the wire has them."""
        fresh = [
            (boot_id, number, self._events[0][1], at_ms, code, value)
            for boot_id, number, at_ms, code, value in self._events
            if number > self._sent
        ]
        self._sent = self._number
        return fresh

    def again(self):
        """Whatever is still here was not confirmed: send it once more."""
        self._sent = 0

    def waiting(self):
        """How many events wait to be confirmed."""
        return len(self._events)
