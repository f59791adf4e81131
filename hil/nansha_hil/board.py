"""One emulated board as the rig sees it, whatever it runs on: pins, analog world, serial line.

`VmBoard` runs the firmware in the MicroPython VM, `ChipBoard` on an emulated RP2040, `QemuBoard` on
an emulated ESP32, `BenchBoard` is a real one. The event loop knows this interface and no tier.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

from nansha.errors import NanshaError
from nansha_boards import NodeSpec
from nansha_hil.plant import Plant
from nansha_hil.transducers import Transducers

NEVER_US = 1 << 62
BOOT_US = 200_000
"""From reset to the first line of the program: what a chip needs to bring MicroPython up."""
POWER_ON, HARD, WATCHDOG = 1, 2, 3
"""Reset causes, as `machine.reset_cause` numbers them on both chips."""
_BITS_A_BYTE = 10


class Board(ABC):
    """What the rig knows of one node's hardware. Times are virtual microseconds.

    due_us: when it wants its turn next; NEVER_US if only an input can wake it. watchdog_us: when
    the rig has to reset it; NEVER_US if the tier looks after its watchdog itself. frozen: set by a
    fault, the program no longer gets its turns, as in an endless loop.
    """

    tier = ""
    pin_reset_cause = HARD
    """What the program reads as its reset cause after its reset pin was pulled."""

    def __init__(self, spec: NodeSpec, plant: Plant) -> None:
        self.spec = spec
        self.asset = spec.asset
        self.plant = plant
        self.transducers = Transducers(spec)
        self._alarm_a = (
            min((ma for kind, ma, _ in spec.trips if kind == "oc"), default=1 << 30) / 1e3
        )
        self.boots = 0
        self.exchanges = 0
        self.relay_changes = 0
        self.command_w = 0.0
        self.closed = bool(spec.contact_nc)
        self.alert = False
        self.frozen = False
        self.baud = 115200
        self.clear()
        plant.actuate(self.asset, self.closed, 0.0 if spec.pin_pwm is not None else None)

    def clear(self) -> None:
        """Forget what a reset forgets."""
        self.due_us = NEVER_US
        self.watchdog_us = NEVER_US
        self.received = b""
        self._line_free_us = [0, 0]

    # what each tier does its own way

    @property
    @abstractmethod
    def running(self) -> bool:
        """Whether a program runs on it."""

    @abstractmethod
    def start(self, now_us: int, cause: int) -> bytes:
        """Power up, run to the first wait. Returns the bytes it sent by then."""

    @abstractmethod
    def wake(self, now_us: int) -> None:
        """Give the program its turn, with all its inputs. `turn` takes its answer."""

    @abstractmethod
    def turn(self, now_us: int) -> bytes:
        """Follow the program to its next wait; the bytes it sent on the way."""

    @abstractmethod
    def power_off(self) -> None:
        """Cut the power: the program is gone, the pins float."""

    @abstractmethod
    def hears_alert(self) -> bool:
        """Whether the program has asked to be woken by its alert pin; called when that rises."""

    def notify(self, now_us: int) -> None:
        """Real time: tell a waiting program that its alarm has risen. NanshaError in lock-step."""
        raise NanshaError(f"a {self.tier} board has no real time", self.asset)

    def tick(self, now_us: int) -> None:
        """Real time: the plant has been brought up to the wall's time."""
        if self.look_at_alert():
            self.notify(now_us)

    def set_drift(self, now_us: int, drift: float) -> None:
        """From now on its clock runs fast by `drift`, a fraction (30e-6 is 30 ppm).

        Raises NanshaError where the tier's clock cannot be moved.
        """
        raise NanshaError(f"the clock of a {self.tier} board cannot be made to drift", self.asset)

    def wear_flash(self, worn: bool) -> None:
        """The flash takes no more writes, or does again. Raises NanshaError where it cannot."""
        raise NanshaError(f"the flash of a {self.tier} board cannot be worn out", self.asset)

    def measured(self, happened_us: Sequence[int]) -> dict[str, float]:
        """Figures that only this tier has, of what it did upon happenings, in order of time."""
        return {}

    # what all share

    def look_at_alert(self) -> bool:
        """Note the meter's alarm; True when it has just risen and the program is to be woken."""
        plant = self.plant
        alert = plant.flags(self.asset)[0] or self._over_current(plant.sense(self.asset)[1])
        rising = alert and not self.alert
        self.alert = alert
        return rising and self.hears_alert()

    def _over_current(self, i_a: float) -> bool:
        """Whether a current, A, is beyond the node's lowest trip stage: the alarm covers it too."""
        return abs(i_a) > self._alarm_a

    def inputs(self) -> tuple[dict[int, int], int]:
        """(reading of each converter pin, levels of the input pins as bits) now."""
        spec = self.spec
        sensed = self.plant.sense(self.asset)
        values = self.transducers.readings(*sensed, self.plant.now_us)
        disturbed, flag = self.plant.flags(self.asset)
        alert = disturbed or self._over_current(sensed[1])
        levels = 0
        if alert and spec.pin_alert is not None:
            levels |= 1 << spec.pin_alert
        if flag and spec.pin_flag is not None:
            levels |= 1 << spec.pin_flag
        return values, levels

    def drive(self, levels: int, outputs: int, duty: int) -> None:
        """Put the state of the pins on the plant: bits of `levels` that `outputs` drives."""
        closed = self.transducers.closed(levels, outputs)
        has_command = self.spec.pin_pwm is not None
        command_w = self.transducers.command_w(duty) if has_command else 0.0
        if closed == self.closed and command_w == self.command_w:
            return
        if closed != self.closed:
            self.relay_changes += 1
        self.closed, self.command_w = closed, command_w
        self.plant.actuate(self.asset, closed, command_w if has_command else None)

    def line_time_us(self, now_us: int, count: int, up: bool) -> int:
        """When the last of `count` bytes that want to go now has crossed the line, up or down."""
        begin_us = max(now_us, self._line_free_us[up])
        self._line_free_us[up] = begin_us + math.ceil(count * _BITS_A_BYTE * 1e6 / self.baud)
        return self._line_free_us[up]


class LiveBoard(Board):
    """A board of a tier that knows the wall's clock only: none of its turns can be waited for."""

    @abstractmethod
    def prepare(self) -> None:
        """What takes seconds and comes before anything runs."""

    def start(self, now_us: int, cause: int) -> bytes:
        """Never: NanshaError."""
        raise NanshaError(
            f"the {self.tier} tier runs on the wall's clock only", self.asset, "add --realtime"
        )

    def wake(self, now_us: int) -> None:
        """Never: it has no lock-step."""
        self.start(now_us, 0)

    def turn(self, now_us: int) -> bytes:
        """Never: it has no lock-step."""
        return self.start(now_us, 0)
