"""Raw counts to mV, mA, mHz, in integers; and the readings that cannot be true."""

from nansha_node.protection import SENSOR_F, SENSOR_V
from nansha_node.state import Inputs

LIVE_MV = 100000  # a bus with so much voltage has a frequency
RAIL_LOW, RAIL_HIGH = 64, 65471  # a transducer that works never reaches the converter's rails


def scale(raw, num_shift_offset):
    """value = (raw * num >> shift) + offset; num < 2**14, so the product of 16 bits fits in 31."""
    num, shift, offset = num_shift_offset
    return (raw * num >> shift) + offset


def inputs_from(cfg, raw_v, raw_i, raw_f, raw_x, alert, flag):
    """One look, scaled and checked against itself.

    A broken wire reads as a rail. A dead bus does so too, but then voltage and frequency agree;
    when one of them says alive and the other sits at its rail, one sensor lies.
    """
    v_mv = scale(raw_v, cfg.SCALE_V)
    f_live = RAIL_LOW < raw_f < RAIL_HIGH
    fault = 0
    if raw_v >= RAIL_HIGH or (raw_v <= RAIL_LOW and f_live):
        fault |= SENSOR_V
    elif v_mv >= LIVE_MV and not f_live:
        fault |= SENSOR_F
    return Inputs(
        v_mv,
        scale(raw_i, cfg.SCALE_I),
        scale(raw_f, cfg.SCALE_F) if f_live else 0,
        scale(raw_x, cfg.SCALE_X) if cfg.SCALE_X else 0,
        alert,
        flag,
        fault,
    )


def power_w(cfg, v_mv, i_ma):
    """Active power of all phases, W. Voltage in dV and current in cA keep the product in 31 bits;
    from 1 kA on the current is taken in dA."""
    if -1000000 < i_ma < 1000000:
        return cfg.PHASES * ((v_mv // 100) * (i_ma // 10)) // 1000
    return cfg.PHASES * ((v_mv // 100) * (i_ma // 100)) // 100


def share(total, part, whole):
    """total * part // whole, 0 <= part <= whole < 2**16: exact if 31 bits allow it, never above."""
    shift = 0
    while (total >> shift) >= (1 << 30) // whole:
        shift += 1
    return (total >> shift) * part // whole << shift


LIVE_ZERO = 13107  # 20 % of the range, as in 2-10 V or 4-20 mA
_LIVE_SPAN = 65535 - LIVE_ZERO


def duty_u16(cfg, command_w):
    """The analog power command: MIN_W at 20 %, MAX_W at 100 %.

    The zero is live: a dead wire or a chip in reset reads as "no command", which is no power, and
    not as the lowest power, which for a battery would be full charge.
    """
    span_w = cfg.MAX_W - cfg.MIN_W
    shift = 0
    while span_w >> shift >= 16384:  # keep the product in 31 bits
        shift += 1
    return LIVE_ZERO + ((command_w - cfg.MIN_W) >> shift) * _LIVE_SPAN // max(1, span_w >> shift)
