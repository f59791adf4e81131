"""The RP2040's UART at the speed of its wire: ARM's PL011 with its FIFOs, both ways.

It takes the place of the emulator's own model, whose transmit interrupt never falls. Registers and
behaviour: RP2040 datasheet, section 4.2 (UART), and ARM's PL011 manual (DDI 0183), sections 2.4 and
3.3: FIFOs 32 deep, the transmit interrupt on the way down through its level, the receive time-out
after 32 bit times of silence with something in the FIFO.
"""

from __future__ import annotations

from collections import deque
from typing import Any

DR, RSR, FR, IBRD, FBRD, LCR_H, CR, IFLS, IMSC, RIS, MIS, ICR, DMACR = (
    *(0x00, 0x04, 0x18, 0x24, 0x28, 0x2C, 0x30, 0x34),
    *(0x38, 0x3C, 0x40, 0x44, 0x48),
)
_PERIPHERAL_ID = {
    **{0xFE0: 0x11, 0xFE4: 0x10, 0xFE8: 0x34, 0xFEC: 0x00},
    **{0xFF0: 0x0D, 0xFF4: 0xF0, 0xFF8: 0x05, 0xFFC: 0xB1},
}
RX_IRQ, TX_IRQ, TIMEOUT_IRQ, OVERRUN_IRQ = 1 << 4, 1 << 5, 1 << 6, 1 << 10
_OVERRUN_IN_DR = 1 << 11
_TXFE, _RXFF, _TXFF, _RXFE, _BUSY = 1 << 7, 1 << 6, 1 << 5, 1 << 4, 1 << 3
_PARITY, _TWO_STOP, _FIFOS = 1 << 1, 1 << 3, 1 << 4
_ENABLED, _TX_ENABLED, _RX_ENABLED = 1 << 0, 1 << 8, 1 << 9
_DEPTH = 32
_LEVELS = (4, 8, 16, 24, 28)
_TIMEOUT_BITS = 32
_SET, _CLEAR, _XOR = 2, 3, 1
_FROM_USB_PLL = 2
_USB_HZ, _SYSTEM_HZ = 48e6, 125e6


class Uart:
    """One UART of a chip. Times in ns of the chip's clock.

    sent: (when the stop bit ended, byte) of all that has left the chip, for the owner to take.
    overruns: bytes that came when the FIFO was full. deaf: bytes that came when nobody listened.
    """

    def __init__(self, mcu: Any, index: int) -> None:
        self._mcu = mcu
        self._irq = mcu.uart[index].irq
        self.sent: list[tuple[float, int]] = []
        self.overruns = 0
        self.deaf = 0
        self._wire: deque[int] = deque()
        self._wire_busy = False
        clock = mcu.clock
        self._clock = clock
        self._tx_alarm = clock.create_alarm(self._tx_done)
        self._rx_alarm = clock.create_alarm(self._rx_done)
        self._timeout_alarm = clock.create_alarm(self._timed_out)
        self._power_on_values()
        mcu.uart[index] = self
        mcu.peripherals[0x40034 + 4 * index] = self  # keyed by address >> 14 << 2

    def _power_on_values(self) -> None:
        self._tx: deque[int] = deque()
        self._rx: deque[int] = deque()
        self._shifting: int | None = None
        self._registers = {IBRD: 0, FBRD: 0, LCR_H: 0, CR: 0x300, IFLS: 0x12, IMSC: 0, DMACR: 0}
        self._raised = 0
        self._overrun = False

    def reset(self) -> None:
        """As after a chip reset; what is on the wire stays there."""
        self._power_on_values()
        self._tx_alarm.cancel()
        self._timeout_alarm.cancel()
        self._update()

    @property
    def baud(self) -> float:
        """The speed that the program has set, bit/s; 0 before it has."""
        divisor = self._registers[IBRD] + self._registers[FBRD] / 64
        # Peripheral clock: MicroPython takes it from the USB's PLL, a bare chip from the system's.
        from_usb = self._mcu.clocks.peri_ctrl >> 5 & 7 == _FROM_USB_PLL
        return (_USB_HZ if from_usb else _SYSTEM_HZ) / (16 * divisor) if divisor else 0.0

    @property
    def _bit_ns(self) -> float:
        return 1e9 / (self.baud or 115200.0)

    @property
    def _byte_ns(self) -> float:
        control = self._registers[LCR_H]
        bits = 1 + 5 + (control >> 5 & 3) + bool(control & _PARITY) + 1 + bool(control & _TWO_STOP)
        return bits * self._bit_ns

    @property
    def _depth(self) -> int:
        return _DEPTH if self._registers[LCR_H] & _FIFOS else 1

    def _level(self, shift: int) -> int:
        return _LEVELS[min(self._registers[IFLS] >> shift & 7, 4)] if self._depth > 1 else 1

    # the wire

    def receive(self, data: bytes) -> None:
        """Put bytes on the wire to the chip; they arrive one character time after another."""
        self._wire.extend(data)
        if self._wire and not self._wire_busy:
            self._wire_busy = True
            self._rx_alarm.schedule(self._byte_ns)

    @property
    def waiting(self) -> int:
        """Bytes on the wire to the chip that have not arrived."""
        return len(self._wire)

    @property
    def draining(self) -> bool:
        """Whether something is still on its way out."""
        return self._shifting is not None

    def _rx_done(self) -> None:
        self._arrive(self._wire.popleft())
        self._wire_busy = bool(self._wire)
        if self._wire_busy:
            self._rx_alarm.schedule(self._byte_ns)

    def _arrive(self, byte: int) -> None:
        listening = _ENABLED | _RX_ENABLED
        if self._registers[CR] & listening != listening:
            self.deaf += 1
            return
        if len(self._rx) >= self._depth:
            self.overruns += 1
            self._overrun = True
            self._raised |= OVERRUN_IRQ
        else:
            self._rx.append(byte)
            if len(self._rx) >= self._level(3):
                self._raised |= RX_IRQ
            self._timeout_alarm.schedule(_TIMEOUT_BITS * self._bit_ns)
        self._update()

    def _timed_out(self) -> None:
        if self._rx:
            self._raised |= TIMEOUT_IRQ
            self._update()

    def _send_next(self) -> None:
        if self._shifting is None and self._tx:
            self._shifting = self._tx.popleft()
            self._tx_alarm.schedule(self._byte_ns)
            if self._depth == 1 or len(self._tx) == self._level(0):
                self._raised |= TX_IRQ
                self._update()

    def _tx_done(self) -> None:
        assert self._shifting is not None
        self.sent.append((self._clock.nanos, self._shifting))
        self._shifting = None
        self._send_next()

    def _update(self) -> None:
        self._mcu.set_interrupt(self._irq, bool(self._raised & self._registers[IMSC]))

    # the bus

    def read_uint32(self, offset: int) -> int:
        """The register at `offset`."""
        if offset == DR:
            return self._read_data()
        if offset == FR:
            return self._flags()
        if offset == RSR:
            return 8 if self._overrun else 0
        if offset == RIS:
            return self._raised
        if offset == MIS:
            return self._raised & self._registers[IMSC]
        return self._registers.get(offset, _PERIPHERAL_ID.get(offset, 0))

    def _read_data(self) -> int:
        value = self._rx.popleft() if self._rx else 0
        if self._overrun:
            value |= _OVERRUN_IN_DR
            self._overrun = False
        if len(self._rx) < self._level(3):
            self._raised &= ~RX_IRQ
        if not self._rx:
            self._raised &= ~TIMEOUT_IRQ
            self._timeout_alarm.cancel()
        self._update()
        return value

    def _flags(self) -> int:
        return (
            (0 if self._tx else _TXFE)
            | (_RXFF if len(self._rx) >= self._depth else 0)
            | (_TXFF if len(self._tx) >= self._depth else 0)
            | (0 if self._rx else _RXFE)
            | (_BUSY if self._shifting is not None or self._tx else 0)
        )

    def write_uint32(self, offset: int, value: int) -> None:
        """Write the register at `offset`."""
        if offset == DR:
            enabled = _ENABLED | _TX_ENABLED
            if len(self._tx) < self._depth and self._registers[CR] & enabled == enabled:
                self._tx.append(value & 0xFF)
                if len(self._tx) > self._level(0):
                    self._raised &= ~TX_IRQ
                self._send_next()
        elif offset == RSR:
            self._overrun = False
        elif offset == ICR:
            self._raised &= ~value
        elif offset in self._registers:
            self._registers[offset] = value & 0xFFFF
        self._update()

    def write_uint32_atomic(self, offset: int, value: int, kind: int) -> None:
        """A write through the set, clear and exclusive-or aliases of the register."""
        if kind and offset != ICR:  # whoever writes ICR by an alias means these bits
            old = self.read_uint32(offset)
            value = {_SET: old | value, _CLEAR: old & ~value, _XOR: old ^ value}[kind]
        self.write_uint32(offset, value)
