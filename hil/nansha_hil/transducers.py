"""The analog world of one board: true values to converter readings, commands back to watts."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan

from nansha_boards import NodeSpec
from nansha_boards.scale import RAW_MAX, Scale
from nansha_hil.sensors import IDEAL, Sensor, SensorSpec
from nansha_node.scaling import LIVE_ZERO

_CODE_MAX = 4095
_NO_COMMAND = LIVE_ZERO // 2
"""A duty below half the live zero is a dead wire or a chip in reset: no command."""


class Channel:
    """One transducer with a 12-bit converter behind it."""

    def __init__(self, scale: Scale, milli: float) -> None:
        """`milli` takes the physical value to the integer unit of `scale`."""
        num, shift, offset = scale
        a_code = _CODE_MAX / RAW_MAX * (1 << shift) / num if num else 0.0
        self._gain = a_code * milli
        self._zero = -offset * a_code

    def raw(self, value: float) -> int:
        """The 16-bit reading of a 12-bit converter for `value`; a broken wire reads 0."""
        if isnan(value):
            return 0
        code = int(value * self._gain + self._zero + 0.5)  # to the nearest of 4096 steps
        if code <= 0:
            return 0
        code = min(code, _CODE_MAX)
        return code << 4 | code >> 8


class Transducers:
    """All channels of one node, v, i, f and x, each behind its sensor.

    swap: two channels whose wires are exchanged, or None.
    """

    def __init__(self, spec: NodeSpec) -> None:
        self._name = spec.asset
        self.sensors: dict[str, Sensor] = {}
        self.swap: tuple[str, str] | None = None
        self.fit({}, 0)
        self._spec = spec
        x_milli = 1000.0 if spec.role == "battery" else 1.0
        wired = (
            ("v", spec.adc_v, Channel(spec.scale_v, 1000.0)),
            ("i", spec.adc_i, Channel(spec.scale_i, 1000.0)),
            ("f", spec.adc_f, Channel(spec.scale_f, 1000.0)),
            ("x", spec.adc_x, Channel(spec.scale_x, x_milli)),
        )
        self._wired = [(name, pin, channel) for name, pin, channel in wired if pin is not None]

    def fit(self, sensors: Mapping[str, SensorSpec], seed: int) -> None:
        """Put sensors in; a channel that is not named gets an ideal one."""
        self.sensors = {
            name: Sensor(sensors.get(name, IDEAL), f"{seed} {self._name} {name}") for name in "vifx"
        }

    def readings(
        self, v_v: float, i_a: float, f_hz: float, x: float, now_us: int = 0
    ) -> dict[int, int]:
        """Reading of each converter pin."""
        values = {"v": v_v, "i": i_a, "f": f_hz, "x": x}
        raw = {
            name: channel.raw(self.sensors[name].shows(values[name], now_us))
            for name, _, channel in self._wired
        }
        if self.swap is not None:
            one, other = self.swap
            raw[one], raw[other] = raw.get(other, 0), raw.get(one, 0)
        return {pin: raw[name] for name, pin, _ in self._wired}

    def command_w(self, duty: int) -> float:
        """The power that a converter reads from the analog command, W; its zero is live."""
        if duty < _NO_COMMAND:
            return 0.0
        spec = self._spec
        span_w = spec.max_w - spec.min_w
        power_w = spec.min_w + (duty - LIVE_ZERO) * span_w / (RAW_MAX - LIVE_ZERO)
        return min(float(spec.max_w), max(float(spec.min_w), power_w))

    def closed(self, levels: int, outputs: int) -> bool:
        """Whether the contact is closed; a pin that is no output drives no coil."""
        pin = self._spec.pin_relay
        driven = pin is not None and bool(outputs >> pin & 1)
        level = driven and pin is not None and bool(levels >> pin & 1)
        energised = driven and level == bool(self._spec.relay_active)
        return energised != bool(self._spec.contact_nc)
