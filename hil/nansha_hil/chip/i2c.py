"""Devices on a chip's I2C bus: a power monitor and a converter, as their data sheets describe them.

INA219: Texas Instruments SBOS448, section 8.6 (registers 1 and 2: 10 uV and 4 mV a step, voltage
shifted by 3, bit 1 "conversion ready"). ADS1115: SBAS444, section 8.6 (16 bits of full scale by the
gain bits of register 1). A byte with its acknowledge takes nine clocks of the bus.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from nansha_hil.chip.rp2040 import Chip

_FULL_SCALE_V = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256)


class Device(Protocol):
    """What answers at an address."""

    def begin(self) -> None:
        """A start condition with its address."""

    def write(self, byte: int) -> None:
        """A byte from the chip."""

    def read(self) -> int:
        """The next byte for the chip."""


class Registers:
    """A device with a pointer and 16-bit registers, high byte first."""

    def __init__(self, power_on: Mapping[int, int]) -> None:
        self.registers = dict(power_on)
        self._pointer = self._count = self._high = 0

    def begin(self) -> None:
        """A start condition with its address."""
        self._count = 0

    def write(self, byte: int) -> None:
        """A byte from the chip: the pointer, then values."""
        if self._count == 0:
            self._pointer = byte
        elif self._count % 2:
            self._high = byte
        else:
            self.registers[self._pointer] = self._high << 8 | byte
        self._count += 1

    def read(self) -> int:
        """The next byte for the chip."""
        value = self.value(self._pointer) & 0xFFFF
        byte = value & 0xFF if self._count % 2 else value >> 8
        self._count += 1
        return byte

    def value(self, register: int) -> int:
        """What `register` reads."""
        return self.registers.get(register, 0)


class Ina219(Registers):
    """Voltage and current of a bus. v_v, i_a: what is there, V and A; shunt_ohm: its shunt."""

    def __init__(self, shunt_ohm: float = 0.1) -> None:
        super().__init__({0: 0x399F})
        self.v_v = self.i_a = 0.0
        self._shunt_ohm = shunt_ohm

    def value(self, register: int) -> int:
        """Registers 1 and 2 are measured."""
        if register == 1:
            return max(-32000, min(32000, round(self.i_a * self._shunt_ohm / 10e-6)))
        if register == 2:
            return max(0, min(8000, round(self.v_v / 4e-3))) << 3 | 2
        return super().value(register)


class Ads1115(Registers):
    """Four single-ended converters. inputs_v: what is at its pins, V. Always ready."""

    def __init__(self) -> None:
        super().__init__({1: 0x8583})
        self.inputs_v = [0.0] * 4

    def value(self, register: int) -> int:
        """Register 0 is the conversion of the input that register 1 selects."""
        setting = super().value(1)
        if register == 1:
            return setting | 0x8000
        if register:
            return super().value(register)
        select = setting >> 12 & 7
        if select >= 4:
            volts = self.inputs_v[select - 4]
        else:
            minus = (1, 3, 3, 3)[select]
            volts = self.inputs_v[(0, 0, 1, 2)[select]] - self.inputs_v[minus]
        steps = round(volts / _FULL_SCALE_V[setting >> 9 & 7] * 32768)
        return max(-32768, min(32767, steps))


class Bus:
    """I2C controller `index` of a chip with `devices` by address; `khz`: the wire's speed."""

    def __init__(
        self, chip: Chip, index: int, devices: Mapping[int, Device], khz: float = 400.0
    ) -> None:
        self._controller: Any = chip.mcu.i2c[index]
        self._devices = devices
        self._current: Device | None = None
        self._byte_ns = 9e6 / khz
        self._then: Callable[[], None] = self._idle
        self._alarm = chip.mcu.clock.create_alarm(lambda: self._then())
        self._controller.on_start = self._on_start
        self._controller.on_connect = self._on_connect
        self._controller.on_write_byte = self._on_write
        self._controller.on_read_byte = self._on_read
        self._controller.on_stop = self._on_stop

    def _idle(self) -> None:
        """Before the first transfer."""

    def _after(self, ns: float, then: Callable[[], None]) -> None:
        self._then = then  # one transfer at a time
        self._alarm.schedule(ns)

    def _on_start(self, repeated: bool) -> None:
        self._after(self._byte_ns / 9, self._controller.complete_start)

    def _on_connect(self, address: int, mode: int) -> None:
        self._current = self._devices.get(address)
        there = self._current is not None
        if self._current is not None:
            self._current.begin()
        self._after(self._byte_ns, lambda: self._controller.complete_connect(there))

    def _on_write(self, byte: int) -> None:
        if self._current is not None:
            self._current.write(byte)
        there = self._current is not None
        self._after(self._byte_ns, lambda: self._controller.complete_write(there))

    def _on_read(self, acknowledge: bool) -> None:
        byte = self._current.read() if self._current is not None else 0xFF
        self._after(self._byte_ns, lambda: self._controller.complete_read(byte))

    def _on_stop(self) -> None:
        self._current = None
        self._controller.complete_stop()
