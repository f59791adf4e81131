"""One step of a node: `step(cfg, state, inputs, now_ms) -> (state, outputs)`.

Every decision is here or in what it calls, and nothing here reads a pin or a clock. The order is
the order of authority: time, sensors, protection, the armed contingency, the role, the relay's
times. A trip opens whatever the relay's times say; nothing closes against a trip."""

from nansha_node import protection
from nansha_node.roles import ROLES
from nansha_node.state import START_MS, Outputs
from nansha_wire import codes
from nansha_wire.ticks import diff_ms

MAX_DT_MS = 600000  # a longer gap is a clock gone wrong: every lease has lapsed by then anyway
START_MAX_MS = 600000  # the longest wait between two black starts
DOUBT_MS = 100  # for so long two sensors may contradict each other
AT_ONCE = (codes.TRIP, codes.SENSOR, codes.SHED, codes.ARMED, codes.UNPLUGGED)
OC_TRIPS = 2  # so many over-current trips, less than OC_MS closed between them: it stays open
OC_MS = 600000
MOVING_MHZ = 30  # a change of frequency between two looks that asks for a closer one


def step(cfg, state, inputs, now_ms):
    """Take over `state`, look at `inputs` at `now_ms` (wraps at 2**30), give back both results."""
    dt_ms = 0
    if state.begun:
        dt_ms = diff_ms(now_ms, state.t_ms)
        if dt_ms < 0 or dt_ms > MAX_DT_MS:
            dt_ms = MAX_DT_MS
    state.t_ms = now_ms
    events = []
    _expire(state, dt_ms, events)
    _doubt(state, inputs, dt_ms, events)
    moving = _protect(cfg, state, inputs, dt_ms, events)
    if cfg.ROLE == "load" or cfg.ROLE == "ev_charger":
        moving = _shed(cfg, state, inputs, dt_ms) or moving
    closed, power_w, reason = ROLES[cfg.ROLE](cfg, state, inputs)
    closed, power_w, reason = _permit(cfg, state, inputs, closed, power_w, reason)
    was_closed = state.closed
    closed, reason = _relay(cfg, state, closed, reason, dt_ms, events)
    if closed and not was_closed and inputs.v_mv < protection.DEAD_BUS_MV:
        state.start_left_ms = state.start_next_ms
        state.start_next_ms = min(START_MAX_MS, 3 * state.start_next_ms)
    if not closed:
        power_w = 0  # the relay may be held open against the role's will
    state.reason = reason
    state.power_w = power_w
    period_ms = _cadence(cfg, state, inputs, moving, dt_ms)
    state.begun = True
    return state, Outputs(closed, power_w, period_ms, reason, events)


def _expire(state, dt_ms, events):
    """Leases and armed contingencies run out, whoever is or is not there to renew them."""
    had = state.had_lease
    state.lease_left_ms = max(0, state.lease_left_ms - dt_ms)
    state.armed_left_ms = max(0, state.armed_left_ms - dt_ms)
    state.relay_left_ms = max(0, state.relay_left_ms - dt_ms)
    state.start_left_ms = max(0, state.start_left_ms - dt_ms)
    if state.closed:  # ten minutes of service clear its name, however long it was open before
        state.oc_left_ms = max(0, state.oc_left_ms - dt_ms)
    state.had_lease = state.lease_left_ms > 0
    if had and not state.had_lease:
        events.append((codes.EV_LEASE_LOST, state.counter & 0x3FFFFFFF))
    elif state.had_lease and not had:
        events.append((codes.EV_LEASE_GAINED, state.counter & 0x3FFFFFFF))


def _doubt(state, inputs, dt_ms, events):
    """A contradiction between two sensors becomes a fault when it lasts: a bus that comes alive
    contradicts itself for a moment too. Until then the readings count as they are."""
    state.doubt_ms = protection.run_timer(state.doubt_ms, inputs.fault != 0, dt_ms)
    if state.doubt_ms < DOUBT_MS:
        inputs.fault = 0
    if inputs.fault != state.sensor:
        state.sensor = inputs.fault
        if inputs.fault:
            events.append((codes.EV_SENSOR, inputs.fault))


def _protect(cfg, state, inputs, dt_ms, events):
    """Run the trips; return whether something is still to be decided."""
    index = protection.timed_out(cfg.TRIPS, state.violated_ms, inputs, dt_ms)
    if not state.closed and _black_start(cfg, state, inputs):
        # The missing voltage is what the black start is to mend; its time runs from the closing on.
        index = protection.restart_uv(cfg.TRIPS, state.violated_ms)
    ok = protection.healthy(cfg, inputs) and not inputs.fault
    state.healthy_ms = protection.run_timer(state.healthy_ms, ok, dt_ms)
    if state.healthy_ms >= cfg.RECONNECT_MS:
        state.start_next_ms = START_MS
    if index >= 0 and state.trip < 0:
        state.trip = index
        events.append((codes.EV_TRIP, index))
        state.healthy_ms = -1  # what was before the trip says nothing about coming back
        state.short = protection.over_current(cfg.TRIPS, state.violated_ms)
        if state.short:
            state.oc_trips = state.oc_trips + 1 if state.oc_left_ms > 0 else 1
            state.oc_left_ms = OC_MS
    if state.trip >= 0 and index < 0 and _may_return(cfg, state, inputs):
        state.trip = -1
        state.short = False
        events.append((codes.EV_TRIP_CLEARED, 0))
    if state.trip >= 0:
        return False  # open already; what is violated now is not urgent
    for held in state.violated_ms:
        if held >= 0:
            return True
    return state.doubt_ms >= 0


def _may_return(cfg, state, inputs):
    """Whether the bus has been healthy for the whole delay, or a battery is to start a dead one.

    Never again after repeated over-current: the fault is behind this relay, and a bus that is
    healthy while the relay is open says nothing about it. Somebody has to look, and reset the node.
    """
    if state.oc_trips >= OC_TRIPS:
        return False
    return state.healthy_ms >= cfg.RECONNECT_MS or _black_start(cfg, state, inputs)


def _black_start(cfg, state, inputs):
    """Whether a battery is to start a dead bus.

    It needs the host's word (a lease that says closed): a battery does not wake a bus that somebody
    may be working on. What over-current has opened is no dead bus but a short circuit. After a
    start that did not hold it waits, longer each time: what the bus asks for, it cannot give.
    """
    return (
        cfg.ROLE == "battery"
        and inputs.v_mv < protection.DEAD_BUS_MV
        and not inputs.fault
        and not state.short
        and state.start_left_ms == 0
        and state.lease_left_ms > 0
        and state.want_closed
    )


def _shed(cfg, state, inputs, dt_ms):
    """The tier's under-frequency step and the contingency that the host has armed.

    Return whether a timer runs.
    """
    dead = inputs.v_mv < protection.DEAD_BUS_MV
    falling = dead and (not state.dead or state.armed_for_ms >= 0)
    state.dead = dead
    if inputs.fault & protection.SENSOR_F or (dead and inputs.fault):
        # Blind. What was timed before means nothing after.
        state.low_for_ms = state.armed_for_ms = -1
        state.restore_ms = 0
        return False
    low = not dead and inputs.f_mhz < cfg.UF_MHZ  # dead is not low: under-voltage acts
    state.low_for_ms = protection.run_timer(state.low_for_ms, low, dt_ms)
    # Armed, it fires on the frequency of the island, or on the sag of the fault that makes one,
    # down to a dead bus. One that was dead before is no news: only its fall starts the time.
    sagging = inputs.v_mv < cfg.V_NOM_MV // 2
    below = falling or (not dead and (sagging or inputs.f_mhz < state.armed_f_mhz))
    armed = state.armed_left_ms > 0 and below
    state.armed_for_ms = protection.run_timer(state.armed_for_ms, armed, dt_ms)
    sure = state.doubt_ms < 0  # a wire that has just come off looks like a collapse
    if armed and sure and state.armed_for_ms >= state.armed_delay_ms:
        state.shed = codes.ARMED
        state.restore_ms = 0
    elif low and state.low_for_ms >= cfg.UF_DELAY_MS:
        state.shed = codes.SHED
        state.restore_ms = 0
    elif state.shed:
        if inputs.f_mhz >= cfg.RESTORE_MHZ and not sagging:
            state.restore_ms += dt_ms
            if state.restore_ms >= cfg.RESTORE_DELAY_MS:
                state.shed = 0
        else:
            state.restore_ms = 0
    return (low or armed) and not state.shed


def _permit(cfg, state, inputs, closed, power_w, reason):
    """What the role wants, cut down to what protection allows."""
    if state.trip >= 0:
        return False, 0, codes.TRIP
    if inputs.fault:
        # Blind: no power on a guess. A load keeps its relay, people stand behind it.
        if cfg.ROLE == "load":
            return state.closed, 0, codes.SENSOR
        return False, 0, codes.SENSOR
    if closed and not state.closed and not _may_return(cfg, state, inputs):
        return False, 0, codes.RECONNECT
    return closed, power_w, reason


def _relay(cfg, state, closed, reason, dt_ms, events):
    """The relay's minimum times. They hold back comfort, never a trip, a shed or a pulled plug."""
    if closed == state.closed:
        return closed, reason
    at_once = not closed and reason in AT_ONCE
    if state.relay_left_ms > 0 and not at_once:
        return state.closed, codes.HOLD
    state.closed = closed
    state.relay_ops += 1
    state.relay_left_ms = cfg.RELAY_MIN_ON_MS if closed else cfg.RELAY_MIN_OFF_MS
    events.append((codes.EV_CLOSED if closed else codes.EV_OPENED, reason))
    return closed, reason


def _cadence(cfg, state, inputs, moving, dt_ms):
    """Slow while nothing happens, fast from the first sign of a disturbance."""
    jump_mhz = inputs.f_mhz - state.f_mhz
    state.f_mhz = inputs.f_mhz
    alive = inputs.v_mv >= protection.DEAD_BUS_MV  # the alarm of a dead bus is no news
    if (inputs.alert and alive) or moving or jump_mhz > MOVING_MHZ or jump_mhz < -MOVING_MHZ:
        state.fast_left_ms = cfg.FAST_HOLD_MS
    else:
        state.fast_left_ms = max(0, state.fast_left_ms - dt_ms)
    return cfg.FAST_MS if state.fast_left_ms > 0 else cfg.CALM_MS
