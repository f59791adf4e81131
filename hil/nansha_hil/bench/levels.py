"""From a reading that the node's converter is to give to the code of the DAC that makes it."""

from __future__ import annotations

from nansha_hil.bench.file import Calibration
from nansha_iobox.messages import CODE_MAX, OFF

_STEPS = CODE_MAX + 1


def dac_code(
    raw_u16: int, full_scale_mv: float, supply_mv: float, calibration: Calibration
) -> tuple[int, bool]:
    """(code, whether it is as asked) for a 16-bit reading of a converter with a full scale.

    A reading of 0 is a broken wire or a dead bus: the output is shut down, since no code reaches
    0 V. What is out of reach of the DAC comes as near as it can.
    """
    step = raw_u16 >> 4
    if step == 0:
        return OFF, True
    wanted_mv = step * full_scale_mv / _STEPS
    asked_mv = (wanted_mv - calibration.offset_mv) / calibration.gain
    code = round(asked_mv / supply_mv * _STEPS)
    held = min(CODE_MAX, max(0, code))
    return held, held == code
