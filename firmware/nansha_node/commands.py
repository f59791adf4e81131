"""A command's way in: every reason to refuse comes before the first change of state.

A command must carry the node's tag for this very boot, a counter above the last one, and the node
clock of a recent telemetry. So a lost, late, repeated, forged or corrupt message changes nothing,
and lateness is measured on the node's own clock: no clocks need to agree.
"""

from nansha_node.control import MAX_DT_MS
from nansha_wire import codes
from nansha_wire import messages as m
from nansha_wire.ticks import diff_ms

MAX_AGE_MS = 5000  # a command answers a telemetry at most so old
MAX_LEASE_MS = 60000


def handle(cfg, state, frame, key, now_ms):
    """Obey or refuse one decoded frame. Return (state, result code), or (state, None) if it is not
    for this node: others share the bus."""
    if frame.node != cfg.NODE_ID:
        return state, None
    if frame.ident not in m.COMMANDS:
        return state, codes.UNKNOWN
    if not frame.vouched(key, state.boot_id):
        return state, codes.FORGED
    body = frame.body
    if body.counter <= state.counter:
        return state, codes.REPEATED
    age_ms = diff_ms(now_ms, body.seen_ms)
    if age_ms < 0 or age_ms > MAX_AGE_MS:
        return state, codes.LATE
    if frame.ident == m.SETPOINT:
        result = _setpoint(cfg, state, body, age_ms, _since_step_ms(state, now_ms))
    elif frame.ident == m.CONTINGENCY:
        result = _contingency(state, body, age_ms, _since_step_ms(state, now_ms))
    else:
        state.events_seen = body.events_seen
        result = codes.ACCEPTED
    if result == codes.ACCEPTED:
        state.counter = body.counter
    return state, result


def _since_step_ms(state, now_ms):
    """What the next step will take off everything that is left, though it was before the command.

    A clock that has jumped gives nothing: that step ends every lease.
    """
    since_ms = diff_ms(now_ms, state.t_ms)
    return since_ms if state.begun and 0 <= since_ms <= MAX_DT_MS else 0


def _setpoint(cfg, state, body, age_ms, since_ms):
    power_w = body.p_w
    if power_w < cfg.MIN_W or power_w > cfg.MAX_W or body.closed > 1:
        return codes.OUT_OF_BOUNDS
    if cfg.EV_MIN_W and power_w and -power_w < cfg.EV_MIN_W:
        return codes.OUT_OF_BOUNDS  # a car charges with nothing or with 6 A and more
    if body.lease_ms > MAX_LEASE_MS:
        return codes.OUT_OF_BOUNDS
    if body.lease_ms <= age_ms:
        return codes.LATE
    state.lease_left_ms = body.lease_ms - age_ms + since_ms
    state.p_set_w = power_w
    state.want_closed = body.closed == 1
    return codes.ACCEPTED


def _contingency(state, body, age_ms, since_ms):
    if body.armed > 1 or body.valid_ms > MAX_LEASE_MS:
        return codes.OUT_OF_BOUNDS
    if body.valid_ms <= age_ms:
        return codes.LATE
    if body.armed:
        state.armed_left_ms = body.valid_ms - age_ms + since_ms
        state.armed_f_mhz = body.f_mhz
        state.armed_delay_ms = body.delay_ms
    else:
        state.armed_left_ms = 0
    return codes.ACCEPTED
