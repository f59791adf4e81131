"""The link over a UART of its own: never the REPL's port, where 0x03 stops the program."""

from nansha_wire.serial import Deframer, pack

MAX_PENDING = 2048  # bytes waiting for room in the UART; beyond, whole frames are dropped
_AGAIN_MS = 20  # 230 bytes at 115200 baud: about what a UART's buffer holds


class SerialLink:
    """Frames over a UART. A wire is always up; who is at its other end, the lease tells."""

    up = True
    session = 0

    def __init__(self, uart):
        self._uart = uart
        self._deframer = Deframer()
        self._pending = b""

    def receive(self, now_ms):
        """Frames that have come in."""
        if self._pending:
            self._flush()
        waiting = self._uart.any()
        if not waiting:
            return ()
        data = self._uart.read(waiting)
        return self._deframer.feed(data) if data else ()

    def send(self, frame):
        """Put a frame on the wire."""
        if len(self._pending) < MAX_PENDING:
            self._pending += pack(frame)
        self._flush()

    def due_ms(self, now_ms):
        """Nothing to do before something comes in, unless something waits to go out."""
        return _AGAIN_MS if self._pending else 1 << 29

    def _flush(self):
        """Some ports take only what their buffer has room for: half a frame now, the rest later."""
        sent = self._uart.write(self._pending)
        if sent:
            self._pending = self._pending[sent:]
