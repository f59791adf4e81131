"""A computer at the chip's USB: it enumerates the CDC port and types at MicroPython's prompt.

The emulator's host answers every armed OUT buffer with an empty packet after 10 us, so a firmware
that listens never idles. A real host leaves the buffer armed until it has something to say (USB
2.0, section 8.4.5: NAK), and so does this one.
"""

from __future__ import annotations

from typing import Any


class Cdc:
    """The host's end of the port. `read` takes what the chip has said, `write` types."""

    def __init__(self, mcu: Any) -> None:
        from rp2040py.usb.cdc import USBCDC

        self.connected = False
        self._said = bytearray()
        self._typed = bytearray()
        self._armed: tuple[int, int] | None = None
        self._host: Any = USBCDC(mcu.usb_ctrl)
        self._host.on_serial_data = self._said.extend
        self._host.on_device_connected = self._on_connected
        self._serve = mcu.usb_ctrl.on_endpoint_read
        self._reset = mcu.usb_ctrl.on_reset
        mcu.usb_ctrl.on_endpoint_read = self._on_read
        mcu.usb_ctrl.on_reset = self._on_reset

    def _on_connected(self) -> None:
        self.connected = True

    def _on_reset(self) -> None:
        self.connected = False
        self._armed = None
        self._reset()

    def _on_read(self, endpoint: int, size: int) -> None:
        if endpoint and endpoint == self._host._out_endpoint:
            self._armed = endpoint, size
            self._hand_over()
        else:
            self._serve(endpoint, size)

    def _hand_over(self) -> None:
        if self._armed is not None and self._typed:
            (endpoint, size), self._armed = self._armed, None
            for byte in self._typed[:size]:
                self._host.tx_fifo.push(byte)
            del self._typed[:size]
            self._serve(endpoint, size)

    def write(self, data: bytes) -> None:
        """Type `data`; it goes out as the chip takes it, 64 bytes a packet."""
        self._typed.extend(data)
        self._hand_over()

    def read(self) -> bytes:
        """What has come since the last call."""
        data = bytes(self._said)
        self._said.clear()
        return data
