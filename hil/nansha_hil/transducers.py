"""The analog world of one board: true values to converter readings, commands back to watts."""

from __future__ import annotations

from nansha_boards import NodeSpec
from nansha_boards.scale import RAW_MAX, Scale
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
        """The 16-bit reading of a 12-bit converter for `value`."""
        code = int(value * self._gain + self._zero + 0.5)  # to the nearest of 4096 steps
        if code <= 0:
            return 0
        code = min(code, _CODE_MAX)
        return code << 4 | code >> 8


class Transducers:
    """All channels of one node."""

    def __init__(self, spec: NodeSpec) -> None:
        self._spec = spec
        self._v = Channel(spec.scale_v, 1000.0)
        self._i = Channel(spec.scale_i, 1000.0)
        self._f = Channel(spec.scale_f, 1000.0)
        self._x = Channel(spec.scale_x, 1000.0 if spec.role == "battery" else 1.0)

    def readings(self, v_v: float, i_a: float, f_hz: float, x: float) -> dict[int, int]:
        """Reading of each converter pin."""
        spec = self._spec
        found = {
            spec.adc_v: self._v.raw(v_v),
            spec.adc_i: self._i.raw(i_a),
            spec.adc_f: self._f.raw(f_hz),
        }
        if spec.adc_x is not None:
            found[spec.adc_x] = self._x.raw(x)
        return {pin: raw for pin, raw in found.items() if pin is not None}

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
