"""The self-test: known levels on every wire, and what the node says of them in its telemetry.

It resets the node, so it comes before anything else runs. Telemetry needs no key to be read.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from nansha.errors import NanshaError
from nansha_boards import NodeSpec, raw_from_value
from nansha_boards.scale import RAW_MAX
from nansha_hil.bench.box import Box
from nansha_hil.bench.port import Port, mono_us
from nansha_hil.bench.wires import Wires
from nansha_hil.transducers import Transducers
from nansha_iobox import messages as box
from nansha_node.scaling import LIVE_ZERO
from nansha_wire import codes, frames
from nansha_wire import messages as m

Telemetry = Any
"""A named tuple with the fields of the wire's table."""
BOOT_S = 20.0
SAYS_S = 3.5
"""Three telemetry periods and a little."""
TOLERANCE = 0.03
"""Of a converter's range: an ESP32's foot and bend without calibration."""
_PULSE_US = 50_000.0
_FLUSHED_S = 1.5
"""After so long, what comes in was said after the reset."""
_BACK_S = 0.5


class SelfTest:
    """One node, once."""

    def __init__(self, spec: NodeSpec, wires: Wires, box_: Box, node: Port, where: str) -> None:
        self._spec, self._wires, self._box, self._node = spec, wires, box_, node
        self._where = where
        self._transducers = Transducers(spec)
        raw = {
            "v": raw_from_value(spec.v_nom_mv * 98 // 100, spec.scale_v),
            "i": RAW_MAX * 60 // 100,
            "f": raw_from_value(spec.f_nom_mhz + 100, spec.scale_f),
            "x": RAW_MAX * 35 // 100,
        }
        self._given = {name: raw[name] for name in wires.signals}
        self._codes = wires.codes({pin: raw[name] for name, pin in wires.signals.items()})

    def run(self) -> None:
        """Raises NanshaError with the first thing that is wrong."""
        self._meet_node()
        seen = self._telemetry(lambda t: True, "the node says nothing on its line", self._line_mend)
        self._compare(seen)
        self._compare_outputs(seen)
        self._compare_line("alert", self._spec.pin_alert, box.ALERT, codes.FLAG_ALERT)
        self._compare_line("flag", self._spec.pin_flag, box.FLAG, codes.FLAG_INPUT)

    _line_mend = "look at node_port, its speed, and the node's TX"

    # steps

    def _meet_node(self) -> None:
        """Pulse the reset line; the node that boots says who it is."""
        self._hold(box.SUPPLY | box.RESET)
        until_us = mono_us() + _PULSE_US
        while mono_us() < until_us:
            self._box.turn()
        self._node.take()  # what it said before its reset
        self._hold(box.SUPPLY)
        released_us = mono_us()
        while mono_us() < released_us + BOOT_S * 1e6:
            for frame in self._frames():
                if frame.ident == m.IDENTITY:
                    self._recognise(frame.body)
                    return
                # A node that boots says who it is before anything else.
                if frame.ident == m.TELEMETRY and mono_us() > released_us + _FLUSHED_S * 1e6:
                    raise NanshaError(
                        "the node talks but did not start again when its reset was pulled",
                        self._where,
                        "look at the wire from the box's GP9 to RUN (RP2040) or EN (ESP32)",
                    )
        raise NanshaError("the node says nothing after its reset", self._where, self._line_mend)

    def _recognise(self, facts: dict[str, object]) -> None:
        spec = self._spec
        for name, wanted in (("site", spec.site), ("asset", spec.asset), ("board", spec.board)):
            if facts.get(name) != wanted:
                raise NanshaError(
                    f"its {name} is {facts.get(name)!r}, not {wanted!r}",
                    self._where,
                    "name the right port, or put this node's board.py on it",
                )

    def _compare(self, seen: Telemetry) -> None:
        """Whether each input shows what its wire was given."""
        spec = self._spec
        shown = {
            "v": raw_from_value(seen.v_mv, spec.scale_v),
            "i": raw_from_value(seen.i_ma, spec.scale_i),
            "f": raw_from_value(seen.f_mhz, spec.scale_f),
        }
        if "x" in self._given:
            shown["x"] = raw_from_value(seen.x, spec.scale_x)
        found = []
        for name, given in self._given.items():
            if self._near(shown[name], given):
                continue
            others = [o for o, level in self._given.items() if self._near(shown[name], level)]
            if others:
                found.append(f"{name} shows what {others[0]} was given")
            else:
                percent = [100 * level / RAW_MAX for level in (shown[name], given)]
                found.append(f"{name} shows {percent[0]:.1f} % of its range, not {percent[1]:.1f}")
        if found:
            raise NanshaError(
                ", ".join(found), self._where, "look at the wires from the DAC and at calibration"
            )

    def _near(self, one: int, other: int) -> bool:
        return abs(one - other) <= TOLERANCE * RAW_MAX

    def _compare_outputs(self, seen: Telemetry) -> None:
        """Whether the box sees contact and command as the node says it has set them."""
        client, spec = self._box.client, self._spec
        closed = self._transducers.closed(*self._wires.relay_bits(client.relay))
        if closed != bool(seen.flags & codes.FLAG_CLOSED):
            level = "high" if client.relay else "low"
            raise NanshaError(
                f"the node says its contact is {'open' if closed else 'closed'}, "
                f"its relay pin is {level}",
                self._where,
                "look at the wire to the box's GP6",
            )
        if spec.pin_pwm is None:
            return
        share = (seen.p_set_w - spec.min_w) / (spec.max_w - spec.min_w)
        wanted = round(LIVE_ZERO + share * (RAW_MAX - LIVE_ZERO))
        if not self._near(client.duty_u16, wanted):
            percent = [100 * duty / RAW_MAX for duty in (client.duty_u16, wanted)]
            raise NanshaError(
                f"the node commands {seen.p_set_w} W, "
                f"its PWM reads as a duty of {percent[0]:.1f} %, not {percent[1]:.1f}",
                self._where,
                "look at the filter between the PWM pin and the box's GP26",
            )

    def _compare_line(self, name: str, pin: int | None, line: int, flag: int) -> None:
        """Raise one line of the node, and lower it again: it has to show both times."""
        if pin is None:
            return
        for level in (line, 0):
            self._hold(box.SUPPLY | level)
            self._telemetry(
                partial(_flag_is, flag, bool(level)),
                f"the node does not see its {name} pin {'high' if level else 'low'}",
                f"look at the wire to GPIO{pin}",
            )

    # means

    def _hold(self, lines: int) -> None:
        self._box.put(self._codes, lines)
        self._box.settle()

    def _frames(self) -> list[frames.Frame]:
        self._box.turn()
        if self._node.failure:
            raise NanshaError(f"node: {self._node.failure}", self._where, "plug it in again")
        found = []
        for data, _ in self._node.take():
            try:
                found.append(frames.decode(data))
            except frames.FrameError:
                continue
        return found

    def _telemetry(self, wanted: Callable[[Telemetry], bool], what: str, mend: str) -> Telemetry:
        """The first telemetry that is as wanted, of those measured after a whole period from now:
        one that is on its way may be older than what was just set."""
        begun_us = mono_us()
        while mono_us() < begun_us + SAYS_S * 1e6:
            for frame in self._frames():
                settled = mono_us() > begun_us + _BACK_S * 1e6
                if settled and frame.ident == m.TELEMETRY and wanted(frame.body):
                    body: Telemetry = frame.body
                    return body
        raise NanshaError(what, self._where, mend)


def _flag_is(flag: int, wanted: bool, seen: Telemetry) -> bool:
    return bool(seen.flags & flag) == wanted
