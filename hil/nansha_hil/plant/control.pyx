# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""A converter's response to its target, and the protection that stops and restarts it.

Response: first order, dp/dt = (target - p) / tau, no faster than its ramp; both have closed forms,
so no energy depends on the step. Protection: momentary cessation below a voltage, trips after a
time outside a band, a lost phase (PLL) after a jump or a fast change of frequency; a pause ends
after the restart delay, a trip after the dead time, both counted from good terminals on.
"""

from libc.math cimport exp, expm1, fabs
from libc.stdint cimport int64_t

from nansha_hil.plant.state cimport (
    CEASED, CESSATION, MODE_BLACK, PLL_LOST, RESTARTED, RUNNING, TIMERS, TRIP_UV1, TRIPPED, UNLOCKED,
    Asset, Control, Site, highest_pu, lowest_pu, note,
)

cdef double DEAD_PU = 0.05


cdef double follow(Asset *a, double h_s) noexcept nogil:
    """Let h_s seconds pass towards the target; energy into the bus, J."""
    cdef Control *c = &a.control
    cdef double gap_w = a.p_w - a.target_w
    cdef double energy_j = 0.0, edge_w, ramp_s, next_w
    if gap_w == 0.0:
        return a.p_w * h_s
    edge_w = c.ramp_w_per_s * c.tau_s   # closer than this the lag is the slower of the two
    if fabs(gap_w) > edge_w:
        ramp_s = (fabs(gap_w) - edge_w) / c.ramp_w_per_s
        if ramp_s > h_s:
            ramp_s = h_s
        next_w = a.p_w + (c.ramp_w_per_s if gap_w < 0.0 else -c.ramp_w_per_s) * ramp_s
        energy_j = 0.5 * (a.p_w + next_w) * ramp_s
        a.p_w = next_w
        gap_w = next_w - a.target_w
        h_s -= ramp_s
        if h_s <= 0.0:
            return energy_j
    if c.tau_s <= 0.0:
        a.p_w = a.target_w
        return energy_j + a.target_w * h_s
    if h_s != c.kept_h_s:
        c.kept_h_s = h_s
        c.kept_gone = -expm1(-h_s / c.tau_s)
        c.kept_left = exp(-h_s / c.tau_s)
    a.p_w = a.target_w + gap_w * c.kept_left
    return energy_j + a.target_w * h_s + gap_w * c.tau_s * c.kept_gone


cdef void arrive(Asset *a) noexcept nogil:
    """A converter within its band of the target counts as there."""
    if fabs(a.target_w - a.p_w) <= a.band_w:
        a.p_w = a.target_w


cdef bint strays(const Site *site, const Asset *a) noexcept nogil:
    """Whether a voltage or the frequency is outside the trip curve's bands."""
    cdef const Control *c = &a.control
    return (lowest_pu(site, a) < c.bound[0] or highest_pu(site, a) > c.bound[2]
            or not c.bound[4] <= site.hz <= c.bound[5])


cdef bint may_run(Site *site, Asset *a, bint forming) noexcept nogil:
    """Whether the converter feeds at this moment; moves it between running and its pauses.

    forming: it makes the island's voltage itself and needs none to start.
    """
    cdef Control *c = &a.control
    cdef double low = lowest_pu(site, a) if a.closed else 0.0
    cdef bint good
    if a.failed:
        if c.hold != TRIPPED:
            c.hold = CEASED
        c.ready_us = -1
        return False
    if c.hold == RUNNING:
        if forming or (a.closed and low >= c.cease_pu):
            return True
        if a.closed and low >= DEAD_PU and site.mode != MODE_BLACK:
            note(site, CESSATION, a.node, low)
        c.hold = CEASED
        c.ready_us = -1
    if c.hold == UNLOCKED:
        good = True
    elif c.hold == TRIPPED:
        good = forming or (a.closed and not strays(site, a))
    else:
        good = forming or low >= c.cease_pu
    if not good:
        if c.hold == TRIPPED and site.now_us < c.ready_us:
            return False        # a forming battery's dead time runs on without voltage
        c.ready_us = -1
        return False
    if c.ready_us < 0:
        c.ready_us = site.now_us + (c.dead_us if c.hold == TRIPPED else c.restart_us)
    if c.ready_us > site.now_us:
        if c.ready_us < site.restart_us:
            site.restart_us = c.ready_us
        return False
    if c.hold != CEASED:
        note(site, RESTARTED, a.node, 0.0)
    c.hold = RUNNING
    if not forming and (not a.closed or low < c.cease_pu):
        c.hold = CEASED
        c.ready_us = -1
        return False
    return True


cdef void trip(Site *site, Asset *a) noexcept nogil:
    """Stop at once; the dead time begins now, and again whenever the terminals are not good."""
    cdef int k
    a.control.hold = TRIPPED
    a.control.ready_us = site.now_us + a.control.dead_us
    a.p_w = a.target_w = 0.0
    for k in range(TIMERS):
        a.control.timer_s[k] = 0.0


cdef void unlock(Site *site, Asset *a, double value) noexcept nogil:
    """The phase is lost: a pause of fixed length."""
    if a.control.hold != RUNNING:
        return
    note(site, PLL_LOST, a.node, value)
    a.control.hold = UNLOCKED
    a.control.ready_us = site.now_us + a.control.relock_us
    a.p_w = a.target_w = 0.0


cdef bint time_out(Site *site, Asset *a, double h_s, bint own_hz) noexcept nogil:
    """Run the timers for h_s seconds; whether any runs. own_hz: it makes the frequency itself."""
    cdef Control *c = &a.control
    cdef double low, high
    cdef bint runs = False
    cdef int k
    if c.hold == TRIPPED or not a.closed:
        return False
    low, high = lowest_pu(site, a), highest_pu(site, a)
    if low < DEAD_PU:
        for k in range(TIMERS):
            c.timer_s[k] = 0.0
        return False
    for k in range(TIMERS):
        if ((k < 2 and low < c.bound[k]) or (2 <= k < 4 and high > c.bound[k])
                or (k == 4 and not own_hz and site.hz < c.bound[4])
                or (k == 5 and not own_hz and site.hz > c.bound[5])):
            c.timer_s[k] += h_s
            runs = True
        else:
            c.timer_s[k] = 0.0
    return runs


cdef int due_trip(const Asset *a) noexcept nogil:
    """The trip that is due as an event's number, -1 for none."""
    cdef int k
    for k in range(TIMERS):
        # a nanosecond for the rounding of a thousand added steps
        if a.control.timer_s[k] > 0.0 and a.control.timer_s[k] >= a.control.bound_s[k] - 1e-9:
            return TRIP_UV1 + k
    return -1
