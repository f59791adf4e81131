"""A board whose firmware runs in the MicroPython VM: the tier for a whole site on every commit."""

from __future__ import annotations

import math
import socket
from pathlib import Path

from nansha_boards import NodeSpec
from nansha_hil import exchange
from nansha_hil.board import NEVER_US, Board
from nansha_hil.plant import Plant
from nansha_hil.vm import Vm


class VmBoard(Board):
    """One VM process a boot; a reset is a new process. In lock-step or in real time."""

    tier = "vm"
    failure: str | None = None
    """Real time: why the board cannot go on; a VM that dies is only a reset."""

    def __init__(
        self,
        spec: NodeSpec,
        folder: Path,
        heap_kwords: int,
        plant: Plant,
        *,
        virtual: bool = True,
        pty_fd: int | None = None,
        firmware: Path | None = None,
    ) -> None:
        """`virtual`: the rig's clock, else the wall's. `pty_fd`: its end of a real-time line."""
        self._folder = folder
        self._heap_kwords = heap_kwords
        self._virtual = virtual
        self._pty_fd = pty_fd
        self._firmware = firmware
        self._vm: Vm | None = None
        self._drift = 0.0
        self._drift_since_us = 0
        self._clock_ahead_us = 0
        super().__init__(spec, plant)

    def clear(self) -> None:
        """Forget what a reset forgets."""
        super().clear()
        self.irq_pins = 0
        self.reset_asked = False
        self.raised = 0
        self._watchdog_ms = 0
        self._converters: list[int] = []

    @property
    def running(self) -> bool:
        """Whether a program runs on it."""
        return self._vm is not None

    @property
    def source(self) -> socket.socket:
        """Real time: what is readable when the program has asked something."""
        assert self._vm is not None
        return self._vm.rig

    @property
    def vm(self) -> Vm | None:
        """The running program."""
        return self._vm

    def power_up(self, cause: int) -> Vm:
        """Start the program, as a chip does after a reset."""
        self.clear()
        self.boots += 1
        self._vm = Vm(
            self._folder,
            self._heap_kwords,
            cause,
            virtual=self._virtual,
            pty_fd=self._pty_fd,
            firmware=self._firmware,
        )
        self.frozen = False
        return self._vm

    def start(self, now_us: int, cause: int) -> bytes:
        """Power up in lock-step: runs to the first wait. Returns the bytes it sent by then.

        Its ticks begin anew, as a chip's do after any reset.
        """
        self._clock_ahead_us, self._drift_since_us = -now_us, now_us
        self.power_up(cause)
        return self.turn(now_us)

    def power_off(self) -> None:
        """SIGKILL the program; the pins float."""
        if self._vm is not None:
            self._vm.kill()
            self._vm = None
        self.clear()
        self.drive(0, 0, 0)

    def set_drift(self, now_us: int, drift: float) -> None:
        """From now on its clock runs fast by `drift`, a fraction; lock-step only."""
        self._clock_ahead_us = self._clock_us(now_us) - now_us
        self._drift_since_us, self._drift = now_us, drift

    def wear_flash(self, worn: bool) -> None:
        """The boot counter's file takes no more writes: a folder lies in its place."""
        counter, folder = self._folder / "boot.txt", self._folder / "boot.worn"
        if worn and counter.is_file():
            counter.rename(folder)
            counter.mkdir()
        elif not worn and counter.is_dir():
            counter.rmdir()
            folder.rename(counter)

    def _clock_us(self, now_us: int) -> int:
        gone_us = now_us - self._drift_since_us
        return now_us + self._clock_ahead_us + int(gone_us * self._drift)

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
                if self._drift and not forever:
                    wait_us = max(1, math.ceil(wait_us / (1.0 + self._drift)))
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

    def hears_alert(self) -> bool:
        """Raise the pin's interrupt, if the program has set one up."""
        pin = self.spec.pin_alert
        if pin is None or not self.irq_pins >> pin & 1:
            return False
        self.raised |= 1 << pin
        return True

    def _take(self, request: exchange.Request, now_us: int) -> None:
        self.exchanges += 1
        if request.fed and self._watchdog_ms:
            self.watchdog_us = now_us + self._watchdog_ms * 1000
        self.drive(request.levels, request.outputs, request.duties[0])
        if request.op not in (exchange.WAIT, exchange.RESET):
            self._configure(request.op, request.wait_us, now_us)

    def _configure(self, op: int, value: int, now_us: int) -> None:
        if op == exchange.ADC:
            self._converters.append(value)
        elif op == exchange.UART:
            self.baud = value
        elif op == exchange.WDT:
            self._watchdog_ms = value
            self.watchdog_us = now_us + value * 1000
        elif op == exchange.IRQ:
            self.irq_pins |= 1 << value

    def _reply(self, now_us: int, irqs: int, received: bytes, notice: bool = False) -> bytes:
        values, levels = self.inputs()
        converters = [values.get(pin, 0) for pin in self._converters]
        converters += [0] * (exchange.CONVERTERS - len(converters))
        if self._virtual:
            now_us = self._clock_us(now_us)
        return exchange.reply(now_us, levels, irqs, converters, received, notice)
