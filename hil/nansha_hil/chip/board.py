"""A node on an emulated RP2040: the real firmware image, between the plant and the rig's clock.

While its core works, the chip runs ahead of the rig by up to a quantum with its inputs held, or to
its first edge at an output; what it did is put on the plant when the rig gets to that instant, so
an edge acts at its own emulated time and an input is at most one quantum old. While its core
sleeps, the chip stays behind instead: nothing but an alarm of its own or an input can move it, so
its next turn is due at the next alarm, however far, and an input that comes earlier finds it
exactly then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from nansha_boards import NodeSpec
from nansha_hil.board import NEVER_US, POWER_ON, Board
from nansha_hil.chip import flash
from nansha_hil.chip.build import Firmware
from nansha_hil.chip.rp2040 import ASLEEP, CYCLE_NS, Chip
from nansha_hil.plant import Plant
from nansha_hil.vm import firmware_path

QUANTUM_US = 1000
ALERT_QUANTUM_US = 250
"""While the meter's alarm is up: trips are decided then."""
NOT_ON_FLASH = frozenset({"console.txt", "__pycache__"})
"""The rig's own files in a board's folder."""


class ChipBoard(Board):
    """The chip tier. Its UART passes the wire's time itself, and its watchdog resets it itself.

    frozen: halts the core; time, peripherals and the watchdog go on, so the rig goes on giving it
    turns, and it reads as False. cycles: of the chip, since it was powered up.
    """

    tier = "chip"

    def __init__(self, spec: NodeSpec, folder: Path, firmware: Firmware, plant: Plant) -> None:
        """`folder`: board.py, secret.py and what the node keeps; becomes the chip's file system."""
        self._folder = folder
        self._firmware = firmware
        self._image = firmware.image()
        self._chip: Chip | None = None
        self._power_up_us = 0
        self._resets_seen = 0
        super().__init__(spec, plant)

    def measured(self, happened_us: Sequence[int]) -> dict[str, float]:
        """Chip cycles to the first edge of the relay's pin, from the latest happening before it."""
        if self._chip is None or not happened_us:
            return {}
        begins = [self.cycle_at(t_us) for t_us in happened_us]
        for edge in self._chip.edges:
            if edge.pin == self.spec.pin_relay and edge.cycle >= begins[0]:
                begin = max(cycle for cycle in begins if cycle <= edge.cycle)
                return {"cycles_to_relay_edge": edge.cycle - begin}
        return {}

    # life

    @property
    def running(self) -> bool:
        """Whether it has power: a chip that is reset runs again at once."""
        return self._chip is not None

    @property
    def chip(self) -> Chip:
        """The powered chip. RuntimeError when it has no power."""
        if self._chip is None:
            raise RuntimeError(f"{self.asset} has no power")
        return self._chip

    @property
    def cycles(self) -> int:
        """Cycles since power-up, 8 ns each."""
        return self.chip.cycles

    def cycle_at(self, t_us: int) -> int:
        """The chip's cycle at an instant of the rig."""
        return (t_us - self._power_up_us) * 1000 // CYCLE_NS

    @property
    def frozen(self) -> bool:
        """Never: the rig has to go on, or the watchdog would stand still as well."""
        return False

    @frozen.setter
    def frozen(self, halted: bool) -> None:
        if self._chip is not None:
            self._chip.halt(halted)

    def start(self, now_us: int, cause: int) -> bytes:
        """A cold start from flash. A chip resets itself, so `cause` is always power-on."""
        if cause != POWER_ON:
            raise ValueError("an emulated chip resets itself; the rig only powers it up")
        files = flash.read_folder(self._folder, NOT_ON_FLASH)
        if self._firmware.frozen is None:
            files |= _packages()
        memory = bytearray(b"\xff" * flash.SIZE)
        memory[: len(self._image)] = self._image
        memory[flash.FS_START :] = flash.pack(files)
        self.clear()
        self._chip = chip = Chip(bytes(memory))
        self._power_up_us = now_us
        self._resets_seen = 0
        self.boots += 1
        spec = self.spec
        if spec.pin_relay is not None:
            chip.watch(spec.pin_relay, stop=True)
        if spec.pin_pwm is not None:
            chip.watch_pwm(spec.pin_pwm)
        return self.turn(now_us)

    def power_off(self) -> None:
        """Cut the power. Flash is as the chip left it, in the folder again; the pins float."""
        if self._chip is not None:
            files = flash.unpack(self._chip.flash[flash.FS_START :])
            self._chip = None
            if files is not None:  # a file system that nobody can mount leaves the folder as it was
                kept = files if self._firmware.frozen else _without_packages(files)
                flash.write_folder(self._folder, kept, NOT_ON_FLASH)
        self.clear()
        self.drive(0, 0, 0)

    # turns

    def wake(self, now_us: int) -> None:
        """Nothing to do ahead of `turn`: the chip computes in this process."""

    def turn(self, now_us: int) -> bytes:
        """Catch up with `now_us`, act on the plant, take the inputs, run ahead. The bytes sent."""
        chip = self.chip
        self.exchanges += 1
        now_ns = (now_us - self._power_up_us) * 1000.0
        while chip.now_ns < now_ns:  # asleep, or a fraction of a microsecond behind an edge
            chip.run(now_ns)
        ahead = chip.now_ns > now_ns + 1000.0
        if not ahead:
            self._put_outputs(chip)
        self._take_inputs(chip)
        if not ahead:
            quantum_us = ALERT_QUANTUM_US if self.alert else QUANTUM_US
            outcome = chip.run(now_ns + quantum_us * 1000.0, awake_only=True)
            self._plan(chip, outcome == ASLEEP)
        self._count_resets(chip)
        return self._sent(now_ns)

    def _plan(self, chip: Chip, asleep: bool) -> None:
        due_ns: float | None = chip.now_ns
        if asleep and not chip.control.stop:
            due_ns = chip.next_alarm_ns
        if due_ns is None:
            self.due_us = NEVER_US
        else:
            self.due_us = self._power_up_us + math.ceil(due_ns / 1000.0)

    def _put_outputs(self, chip: Chip) -> None:
        spec = self.spec
        levels = outputs = 0
        pin = spec.pin_relay
        if pin is not None:
            level = chip.level(pin)
            outputs = (level is not None) << pin
            levels = bool(level) << pin
        duty = chip.duty_u16(spec.pin_pwm) if spec.pin_pwm is not None else 0
        self.drive(levels, outputs, duty)

    def _take_inputs(self, chip: Chip) -> None:
        values, levels = self.inputs()
        for pin, raw in values.items():
            chip.set_converter(pin, raw >> 4)
        for input_pin in (self.spec.pin_alert, self.spec.pin_flag):
            if input_pin is not None:
                chip.set_input(input_pin, bool(levels >> input_pin & 1))
        received, self.received = self.received, b""
        if received:
            chip.uarts[self._uart].receive(received)

    @property
    def _uart(self) -> int:
        uart = self.spec.uart_id
        return uart if uart in (0, 1) else 0

    def _sent(self, now_ns: float) -> bytes:
        """Bytes whose stop bit has left the wire by now."""
        sent = self.chip.uarts[self._uart].sent
        count = sum(1 for ns, _byte in sent if ns <= now_ns)
        data = bytes(byte for _ns, byte in sent[:count])
        del sent[:count]
        return data

    def _count_resets(self, chip: Chip) -> None:
        self.boots += chip.resets - self._resets_seen
        self._resets_seen = chip.resets

    def hears_alert(self) -> bool:
        """Always: the pin's level is set at once, whether the program asked for it or not."""
        return True

    def line_time_us(self, now_us: int, count: int, up: bool) -> int:
        """At once: the UART of the chip has taken, or will take, the time of the wire."""
        return now_us


def _packages() -> dict[str, bytes]:
    """Our firmware as files, for an image that has none of it frozen in."""
    root = firmware_path()
    names = [*root.glob("nansha_*/*.py"), root / "main.py"]
    return {str(path.relative_to(root)): path.read_bytes() for path in names}


def _without_packages(files: dict[str, bytes]) -> dict[str, bytes]:
    ours = _packages().keys()
    return {name: data for name, data in files.items() if name not in ours}
