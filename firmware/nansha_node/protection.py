"""Trips: what opens the relay without asking anybody."""

SENSOR_V, SENSOR_F = 1, 4

DEAD_BUS_MV = 20000  # below this nothing is connected that could have a frequency


LONGEST_MS = 1 << 29  # timers stop here, after six days: longer is no news, and 31 bits hold it


def run_timer(held_ms, on, dt_ms):
    """A timer that runs while `on`: -1 when off, 0 at the first look, then what has passed since.

    It starts at 0 because what was before the first look is not known.
    """
    if not on:
        return -1
    return min(LONGEST_MS, held_ms + dt_ms) if held_ms >= 0 else 0


def violates(kind, threshold, inputs):
    """Whether one element sees its quantity beyond its threshold.

    An element whose sensor is at fault is silent: `control` treats a blind node on its own. So are
    frequency elements on a dead bus: there is nothing to measure, and under-voltage acts.
    """
    if kind == "oc":
        return not -threshold <= inputs.i_ma <= threshold
    if inputs.fault & SENSOR_V:
        return False
    if kind == "uv":
        return inputs.v_mv < threshold
    if kind == "ov":
        return inputs.v_mv > threshold
    if inputs.v_mv < DEAD_BUS_MV or inputs.fault & SENSOR_F:
        return False
    if kind == "uf":
        return inputs.f_mhz < threshold
    return inputs.f_mhz > threshold  # "of"


def timed_out(trips, violated_ms, inputs, dt_ms):
    """Advance every element's timer; return the index of the first that has run out, or -1."""
    first = -1
    for index, (kind, threshold, delay_ms) in enumerate(trips):
        held_ms = run_timer(violated_ms[index], violates(kind, threshold, inputs), dt_ms)
        violated_ms[index] = held_ms
        if first < 0 <= held_ms and held_ms >= delay_ms:
            first = index
    return first


def restart_uv(trips, violated_ms):
    """Let under-voltage start anew; return the first other element that has run out, or -1."""
    first = -1
    for index, (kind, _, delay_ms) in enumerate(trips):
        if kind == "uv":
            violated_ms[index] = -1
        elif first < 0 <= violated_ms[index] and violated_ms[index] >= delay_ms:
            first = index
    return first


def over_current(trips, violated_ms):
    """Whether over-current flows, whichever element has run out first."""
    return any(kind == "oc" and violated_ms[index] >= 0 for index, (kind, _, _) in enumerate(trips))


def healthy(cfg, inputs):
    """Whether voltage and frequency are inside the window in which a device may connect."""
    return (
        cfg.V_OK_MV[0] <= inputs.v_mv <= cfg.V_OK_MV[1]
        and cfg.F_OK_MHZ[0] <= inputs.f_mhz <= cfg.F_OK_MHZ[1]
    )
