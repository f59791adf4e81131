"""One emulated board: a VM, its pins, its watchdog and its end of the serial line."""

from __future__ import annotations

import math
from pathlib import Path

from nansha_boards import NodeSpec
from nansha_hil import exchange
from nansha_hil.plant import Plant
from nansha_hil.transducers import Transducers
from nansha_hil.vm import Vm

NEVER_US = 1 << 62
BOOT_US = 200_000
"""From reset to the first line of the program: what a chip needs to bring MicroPython up."""
POWER_ON, HARD, WATCHDOG = 1, 2, 3
_BITS_A_BYTE = 10


class Board:
    """What the rig knows of one node's hardware. Times are virtual microseconds."""

    def __init__(
        self,
        spec: NodeSpec,
        folder: Path,
        heap_kwords: int,
        plant: Plant,
        *,
        virtual: bool = True,
        pty_fd: int | None = None,
    ) -> None:
        """`virtual`: the rig's clock, else the wall's. `pty_fd`: its end of a real-time line."""
        self.spec = spec
        self.asset = spec.asset
        self.plant = plant
        self.boots = 0
        self.exchanges = 0
        self.relay_changes = 0
        self.command_w = 0.0
        self.closed = bool(spec.contact_nc)
        self.alert = False
        self.frozen = False
        """Set by a fault: the program no longer gets its turns, as in an endless loop."""
        self._folder = folder
        self._heap_kwords = heap_kwords
        self._transducers = Transducers(spec)
        self._virtual = virtual
        self._pty_fd = pty_fd
        self._vm: Vm | None = None
        self._reset()
        plant.actuate(self.asset, self.closed, 0.0 if spec.pin_pwm is not None else None)

    def _reset(self) -> None:
        self.due_us = NEVER_US
        self.watchdog_us = NEVER_US
        self.received = b""
        self.irq_pins = 0
        self.reset_asked = False
        self.raised = 0
        self._watchdog_ms = 0
        self._converters: list[int] = []
        self._pwm = -1
        self._baud = 115200
        self._line_free_us = [0, 0]

    @property
    def running(self) -> bool:
        """Whether a program runs on it."""
        return self._vm is not None

    @property
    def vm(self) -> Vm | None:
        """The running program."""
        return self._vm

    def power_up(self, cause: int) -> Vm:
        """Start the program, as a chip does after a reset."""
        self._reset()
        self.boots += 1
        self._vm = Vm(
            self._folder,
            self._heap_kwords,
            cause,
            virtual=self._virtual,
            pty_fd=self._pty_fd,
        )
        self.frozen = False
        return self._vm

    def start(self, now_us: int, cause: int) -> bytes:
        """Power up in lock-step: runs to the first wait. Returns the bytes it sent by then."""
        self.power_up(cause)
        return self.turn(now_us)

    def power_off(self) -> None:
        """SIGKILL the program; the pins float."""
        if self._vm is not None:
            self._vm.kill()
            self._vm = None
        self._reset()
        self._drive(0, 0, 0)

    def wake(self, now_us: int) -> None:
        """Give the program its turn, with all its inputs. `turn` takes its answer."""
        assert self._vm is not None
        irqs, self.raised = self.raised, 0
        received, self.received = self.received, b""
        self._vm.answer(self._reply(now_us, irqs, received))

    def turn(self, now_us: int) -> bytes:
        """Follow the program to its next wait; the bytes it sent on the way.

        A program that ends or hangs is left with a running watchdog and nobody to feed it.
        """
        assert self._vm is not None
        sent = b""
        while True:
            request = self._vm.request()
            if request is None:
                self.due_us = NEVER_US
                return sent
            sent += request.sent
            self._take(request, now_us)
            if request.op == exchange.WAIT:
                forever = request.wait_us == exchange.FOREVER
                wait_us = NEVER_US if forever else request.wait_us + request.charged_us
                self.due_us = min(NEVER_US, now_us + wait_us)
                return sent
            if request.op == exchange.RESET:
                self.power_off()
                return sent
            self._vm.answer(self._reply(now_us, 0, b""))

    def serve(self, now_us: int) -> bool:
        """Real time: take one request and answer it at once; False when the program has ended."""
        assert self._vm is not None
        request = self._vm.request()
        if request is None:
            return False
        self._take(request, now_us)
        if request.op == exchange.RESET:
            self.reset_asked = True
            return False
        irqs, self.raised = self.raised, 0
        return self._vm.answer(self._reply(now_us, irqs, b""))

    def notify(self, now_us: int) -> None:
        """Real time: tell a waiting program that its alarm has risen."""
        if self._vm is not None:
            irqs, self.raised = self.raised, 0
            self._vm.answer(self._reply(now_us, irqs, b"", notice=True))

    def _take(self, request: exchange.Request, now_us: int) -> None:
        self.exchanges += 1
        if request.fed and self._watchdog_ms:
            self.watchdog_us = now_us + self._watchdog_ms * 1000
        self._drive(request.levels, request.outputs, request.duties[0])
        if request.op not in (exchange.WAIT, exchange.RESET):
            self._configure(request.op, request.wait_us, now_us)

    def _configure(self, op: int, value: int, now_us: int) -> None:
        if op == exchange.ADC:
            self._converters.append(value)
        elif op == exchange.PWM:
            self._pwm = value
        elif op == exchange.UART:
            self._baud = value
        elif op == exchange.WDT:
            self._watchdog_ms = value
            self.watchdog_us = now_us + value * 1000
        elif op == exchange.IRQ:
            self.irq_pins |= 1 << value

    def line_time_us(self, now_us: int, count: int, up: bool) -> int:
        """When the last of `count` bytes that want to go now has crossed the line, up or down."""
        begin_us = max(now_us, self._line_free_us[up])
        self._line_free_us[up] = begin_us + math.ceil(count * _BITS_A_BYTE * 1e6 / self._baud)
        return self._line_free_us[up]

    def look_at_alert(self) -> bool:
        """Note the meter's alarm; True when it has just risen and the program asked to be told."""
        alert = self.plant.flags(self.asset)[0]
        rising = alert and not self.alert
        self.alert = alert
        pin = self.spec.pin_alert
        if not rising or pin is None or not self.irq_pins >> pin & 1:
            return False
        self.raised |= 1 << pin
        return True

    def _reply(self, now_us: int, irqs: int, received: bytes, notice: bool = False) -> bytes:
        spec = self.spec
        values = self._transducers.readings(*self.plant.sense(self.asset))
        converters = [values.get(pin, 0) for pin in self._converters]
        converters += [0] * (exchange.CONVERTERS - len(converters))
        alert, flag = self.plant.flags(self.asset)
        levels = 0
        if alert and spec.pin_alert is not None:
            levels |= 1 << spec.pin_alert
        if flag and spec.pin_flag is not None:
            levels |= 1 << spec.pin_flag
        return exchange.reply(now_us, levels, irqs, converters, received, notice)

    def _drive(self, levels: int, outputs: int, duty: int) -> None:
        """Put the pins' state on the plant."""
        closed = self._transducers.closed(levels, outputs)
        has_command = self.spec.pin_pwm is not None
        command_w = self._transducers.command_w(duty) if has_command else 0.0
        if closed == self.closed and command_w == self.command_w:
            return
        if closed != self.closed:
            self.relay_changes += 1
        self.closed, self.command_w = closed, command_w
        self.plant.actuate(self.asset, closed, command_w if has_command else None)
