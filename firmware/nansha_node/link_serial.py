"""The link over a UART of its own: never the REPL's port, where 0x03 stops the program."""

from nansha_wire.serial import Deframer, pack


class SerialLink:
    """Frames over a UART. A wire is always up; who is at its other end, the lease tells."""

    up = True
    session = 0

    def __init__(self, uart):
        self._uart = uart
        self._deframer = Deframer()

    def receive(self, now_ms):
        """Frames that have come in."""
        waiting = self._uart.any()
        if not waiting:
            return ()
        data = self._uart.read(waiting)
        return self._deframer.feed(data) if data else ()

    def send(self, frame):
        """Put a frame on the wire."""
        self._uart.write(pack(frame))

    def due_ms(self, now_ms):
        """Nothing to do before something comes in."""
        return 1 << 29
