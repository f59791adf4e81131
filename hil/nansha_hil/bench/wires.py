"""What of the node hangs on what of the box: readings and levels to codes and lines, and back."""

from __future__ import annotations

from collections.abc import Mapping

from nansha_boards import NodeSpec, load_board
from nansha_hil.bench.file import OUTPUTS, BenchNode, Calibration
from nansha_hil.bench.levels import dac_code
from nansha_iobox import messages as m

_IDEAL = Calibration()


class Wires:
    """signals: the node's analog inputs that are wired, by name. clipped: codes out of reach."""

    def __init__(self, spec: NodeSpec, bench: BenchNode) -> None:
        self._spec = spec
        self._bench = bench
        self._full_scale_mv = float(load_board(spec.board).adc.full_scale_mv)
        pins = {"v": spec.adc_v, "i": spec.adc_i, "f": spec.adc_f, "x": spec.adc_x}
        self._pins = [pins[bench.wires[o]] if o in bench.wires else None for o in OUTPUTS]
        self._calibrations = [
            bench.calibration.get(bench.wires[o], _IDEAL) if o in bench.wires else _IDEAL
            for o in OUTPUTS
        ]
        self.signals = {name: pin for name, pin in pins.items() if pin is not None}
        self.clipped = 0

    def codes(self, readings: Mapping[int, int]) -> tuple[int, ...]:
        """DAC codes, A to D, for the 16-bit reading that each converter pin is to give."""
        codes = []
        for pin, calibration in zip(self._pins, self._calibrations, strict=True):
            if pin is None:
                codes.append(m.OFF)
                continue
            raw = readings.get(pin, 0)
            code, exact = dac_code(raw, self._full_scale_mv, self._bench.dac_supply_mv, calibration)
            self.clipped += not exact
            codes.append(code)
        return tuple(codes)

    def lines(self, levels: int) -> int:
        """The box's lines for the levels of the node's input pins, its supply on."""
        spec = self._spec
        lines = m.SUPPLY
        if spec.pin_alert is not None and levels >> spec.pin_alert & 1:
            lines |= m.ALERT
        if spec.pin_flag is not None and levels >> spec.pin_flag & 1:
            lines |= m.FLAG
        return lines

    def relay_bits(self, level: int) -> tuple[int, int]:
        """(levels, outputs) of the node's pins as the box sees its relay pin."""
        pin = self._spec.pin_relay
        return (0, 0) if pin is None else ((1 if level else 0) << pin, 1 << pin)
