"""What each role wants: (closed, power in W, reason). The lease decides first; without one, the
role's own rule, which keeps the bus alive and the device safe with nobody to ask.

Signs are bus injection. Protection and the relay's times come after, in `control`.
"""

from nansha_node import protection
from nansha_node.scaling import share
from nansha_wire import codes


def _told(state):
    """The reason while a lease decides: what the host has opened says so, whatever else holds."""
    return codes.SETPOINT if state.want_closed else codes.OPEN


def pv(cfg, state, inputs):
    """Feed all there is; frequency-watt takes power back above FW_START, lease or not."""
    limit_w, reason = cfg.FALLBACK_W, codes.FALLBACK
    if state.lease_left_ms:
        limit_w, reason = state.p_set_w, _told(state)
        if reason == codes.OPEN:
            return False, 0, reason
    over_mhz = inputs.f_mhz - cfg.FW_START_MHZ
    if over_mhz > 0:
        span_mhz = cfg.FW_STOP_MHZ - cfg.FW_START_MHZ
        held_w = share(cfg.RATED_W, max(0, span_mhz - over_mhz), span_mhz)
        if held_w < limit_w:
            return True, held_w, codes.FREQUENCY
    return True, limit_w, reason


def battery(cfg, state, inputs):
    """The host's power; without a lease, droop on frequency. The window of charge binds both."""
    if state.lease_left_ms:
        power_w, reason = state.p_set_w, _told(state)
        if reason == codes.OPEN:
            return False, 0, reason
    else:
        power_w, reason = _droop_w(cfg, inputs), codes.FALLBACK
    if power_w > 0 and inputs.x <= cfg.SOC_MIN_PM:
        return True, 0, codes.SOC
    if power_w < 0 and inputs.x >= cfg.SOC_MAX_PM:
        return True, 0, codes.SOC
    return True, power_w, reason


def _droop_w(cfg, inputs):
    if inputs.v_mv < protection.DEAD_BUS_MV:
        return 0
    low_mhz = cfg.F_NOM_MHZ - inputs.f_mhz
    if -cfg.DROOP_DEADBAND_MHZ <= low_mhz <= cfg.DROOP_DEADBAND_MHZ:
        return 0
    low_mhz = max(-cfg.DROOP_MHZ, min(cfg.DROOP_MHZ, low_mhz))
    power_w = share(cfg.RATED_W, abs(low_mhz), cfg.DROOP_MHZ)
    power_w = power_w if low_mhz > 0 else -power_w
    return max(cfg.MIN_W, min(cfg.MAX_W, power_w))


def load(cfg, state, inputs):
    """Closed, unless the lease says open or the tier's under-frequency step has shed it."""
    if state.shed:
        return False, 0, state.shed
    if state.lease_left_ms:
        closed = state.want_closed
        return closed, state.p_set_w if closed else 0, _told(state)
    return True, 0, codes.FALLBACK


def ev_charger(cfg, state, inputs):
    """Charge as the lease says, else the site's fallback; never below 6 A, never in a low."""
    if not inputs.flag:
        return False, 0, codes.UNPLUGGED
    if state.shed:
        return False, 0, state.shed
    if state.lease_left_ms:
        power_w, reason = state.p_set_w, _told(state)
        if power_w == 0 or reason == codes.OPEN:
            return False, 0, codes.OPEN  # nothing to charge with is an open contact too
    else:
        power_w, reason = cfg.FALLBACK_W, codes.FALLBACK
    return power_w < 0, power_w, reason


def poi(cfg, state, inputs):
    """Keep the breaker where it is, unless the lease moves it; close only in synchronism."""
    if state.lease_left_ms:
        want, reason = state.want_closed, _told(state)
    else:
        # Nobody to ask: come back to a grid that has long been healthy (0: never), otherwise stay.
        long_ms = cfg.AUTO_RECONNECT_MS
        want = state.closed or (long_ms > 0 and state.healthy_ms >= long_ms)
        reason = codes.FALLBACK
    if want and not state.closed and not inputs.flag:
        return False, 0, codes.SYNC
    if not want:
        return False, 0, reason
    return True, 0, reason


ROLES = {"pv": pv, "battery": battery, "load": load, "ev_charger": ev_charger, "poi": poi}
