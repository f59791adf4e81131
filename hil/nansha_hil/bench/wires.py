"""What of the node hangs on what of the box: readings and levels to codes and lines, and back."""

from __future__ import annotations

from collections.abc import Mapping

from nansha_boards import NodeSpec, load_board
from nansha_hil.bench.file import OUTPUTS, BenchNode, Calibration, analog_pins
from nansha_hil.bench.levels import dac_code
from nansha_iobox import messages as m

_IDEAL = Calibration()


class Wires:
    """signals: the node's analog inputs that are wired, by name. clipped: codes out of reach."""

    def __init__(self, spec: NodeSpec, bench: BenchNode) -> None:
        self._spec = spec
        self._bench = bench
        self._full_scale_mv = float(load_board(spec.board).adc.full_scale_mv)
        self.signals = analog_pins(spec)
        wired = [bench.wires.get(output) for output in OUTPUTS]
        self._pins = [self.signals.get(signal) if signal else None for signal in wired]
        self._calibrations = [
            bench.calibration.get(signal, _IDEAL) if signal else _IDEAL for signal in wired
        ]
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
