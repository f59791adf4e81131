# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""The utility, the breaker's sync check, the voltages of the buses, the meters' alarms.

The main bus: its voltage is the utility's less the drop in the source, first order in it,
dV = (P R + Q X) / Vn a phase. Buses of the feeder: the radial power flow (`feeder`) from there.
Every voltage is a one-cycle RMS and follows with a lag, which also keeps loads and voltages from
having to be solved together.
"""

from libc.math cimport exp, fabs, floor, hypot, INFINITY, sqrt

from nansha_hil.plant.feeder cimport Feeder
from nansha_hil.plant.state cimport (
    MODE_COLLAPSED, MODE_GRID, MODE_ISLAND, PHASES, Asset, Site, Watch, bus_pu,
)

cdef double DEAD_PU = 0.05      # below it a bus only rises or falls: no current is read off it
cdef double SNAP_PU = 0.002     # a voltage this close to its target is there


cdef double wrapped_deg(double angle_deg) noexcept nogil:
    """The same angle within -180..180 degrees."""
    return angle_deg - 360.0 * floor((angle_deg + 180.0) / 360.0)


cdef double utility_pu(const Site *site) noexcept nogil:
    cdef double total = 0.0
    cdef int k
    for k in range(site.phases):
        total += site.grid_pu[k]
    return total / site.phases


cdef bint in_step(const Site *site) noexcept nogil:
    """The sync-check contact: healthy utility, bus dead or matched in V, f and angle."""
    cdef int k
    if not site.healthy:
        return False
    if site.poi_closed or bus_pu(site) < DEAD_PU:
        return True
    for k in range(site.phases):
        if fabs(site.pu[0][k] - site.grid_pu[k]) > site.sync_pu:
            return False
    return (fabs(site.hz - site.grid_hz) <= site.sync_hz
            and fabs(site.angle_deg) <= site.sync_angle_deg)


cdef bint out_of_phase(const Site *site) noexcept nogil:
    """Closing now would hurt: live bus, and V, f or angle beyond the damage limits."""
    cdef int k
    if bus_pu(site) < DEAD_PU:
        return False
    for k in range(site.phases):
        if fabs(site.pu[0][k] - site.grid_pu[k]) > site.damage_pu:
            return True
    return (fabs(site.hz - site.grid_hz) > site.damage_hz
            or fabs(site.angle_deg) > site.damage_angle_deg)


cdef double contact_changes_in_s(const Site *site) noexcept nogil:
    """Seconds until the drifting angle meets an edge of the sync window; inf if it stands."""
    cdef double slip = 360.0 * (site.hz - site.grid_hz)
    cdef double edge = site.sync_angle_deg
    cdef double angle, ahead
    if fabs(slip) < 1e-6:
        return INFINITY
    angle = site.angle_deg if slip > 0.0 else -site.angle_deg
    if angle < -edge:
        ahead = -edge - angle
    elif angle <= edge:
        ahead = edge - angle
    else:
        ahead = 360.0 - edge - angle
    return ahead / fabs(slip) if ahead > 0.0 else 0.0


cdef void flow(Site *site, Feeder feeder) noexcept nogil:
    # Voltages of the feeder's buses behind the main bus, and what the lines lose.
    cdef double turn[PHASES][2]
    cdef double v, inject_w = 0.0, source_w = 0.0
    cdef Asset *a
    cdef int ph = site.phases
    cdef int i, k, at
    turn[0][0], turn[0][1] = 1.0, 0.0
    turn[1][0], turn[1][1] = -0.5, -0.8660254037844386
    turn[2][0], turn[2][1] = -0.5, 0.8660254037844386
    site.line_loss_w = 0.0
    if bus_pu(site) < DEAD_PU:
        for i in range(1, site.buses):
            for k in range(ph):
                site.aim_pu[i][k] = site.aim_pu[0][k]
        return
    for i in range(feeder.net.nodes):
        for k in range(ph):
            # A dead phase carries nothing; it keeps a little voltage so that nothing is divided by 0.
            v = (site.pu[0][k] if site.pu[0][k] > DEAD_PU else DEAD_PU) * site.nominal_v
            feeder.flat_v[2 * (i * ph + k)] = v * turn[k][0]
            feeder.flat_v[2 * (i * ph + k) + 1] = v * turn[k][1]
    for i in range(2 * ph * feeder.net.loads):
        feeder.s_va[i] = 0.0
    for i in range(site.assets):
        a = site.asset[i]
        if a.bus == 0:
            continue
        for k in range(ph):
            if site.pu[0][k] <= DEAD_PU or (a.on_w[k] == 0.0 and a.on_var[k] == 0.0):
                continue
            at = 2 * ((a.bus - 1) * ph + k)
            feeder.s_va[at] += a.on_w[k]
            feeder.s_va[at + 1] += a.on_var[k]
            inject_w += a.on_w[k]
    feeder.restart()        # not from the last answer: the same state gives the same bits
    if feeder.solve() < 0:
        # No operating point: the feeder's voltage has collapsed under this load.
        for i in range(1, site.buses):
            for k in range(ph):
                site.aim_pu[i][k] = 0.5 * site.pu[i][k]
        return
    for k in range(ph):
        source_w += (feeder.flat_v[2 * k] * feeder.node_a[2 * k]
                     + feeder.flat_v[2 * k + 1] * feeder.node_a[2 * k + 1])
    site.line_loss_w = source_w + inject_w
    for i in range(1, site.buses):
        for k in range(ph):
            at = 2 * (i * ph + k)
            if site.pu[0][k] <= DEAD_PU:
                site.aim_pu[i][k] = site.pu[0][k]
                continue
            site.aim_pu[i][k] = hypot(feeder.v_v[at], feeder.v_v[at + 1]) / site.nominal_v


cdef void aim_voltages(Site *site, Feeder feeder) noexcept nogil:
    """Voltages to move to, and what flows through the breaker."""
    cdef double on_w[PHASES]
    cdef double on_var[PHASES]
    cdef double total_w = 0.0, total_var = 0.0, aim
    cdef Asset *a
    cdef int i, k
    for k in range(PHASES):
        on_w[k] = on_var[k] = 0.0
    for i in range(site.assets):
        a = site.asset[i]
        total_w += a.p_w
        total_var += a.q_var
        for k in range(PHASES):
            on_w[k] += a.on_w[k]
            on_var[k] += a.on_var[k]
    if feeder is not None:
        flow(site, feeder)
        total_w -= site.line_loss_w
    site.poi_w = site.poi_var = 0.0
    for k in range(site.phases):
        if site.mode == MODE_GRID:
            aim = site.grid_pu[k] + on_w[k] * site.r_pu_per_w + on_var[k] * site.x_pu_per_w
            if feeder is not None:
                aim -= site.line_loss_w / site.phases * site.r_pu_per_w
            site.aim_pu[0][k] = aim if aim > 0.0 else 0.0
        elif site.mode == MODE_COLLAPSED:
            site.aim_pu[0][k] = site.collapsed_pu
        elif site.mode == MODE_ISLAND:
            site.aim_pu[0][k] = 1.0
        else:
            site.aim_pu[0][k] = 0.0
    if site.mode == MODE_GRID or site.mode == MODE_COLLAPSED:
        site.poi_w = -total_w
        site.poi_var = -total_var


cdef bint move_voltages(Site *site, double h_s) noexcept nogil:
    """Let the voltages follow for h_s seconds, 0 only to snap; whether any is still under way."""
    cdef double left = 1.0, gap
    cdef bint under_way = False
    cdef int i, k
    if site.voltage_tau_s <= 0.0:
        left = 0.0
    elif h_s > 0.0:
        if h_s != site.kept_h_s:
            site.kept_h_s = h_s
            site.kept_left = exp(-h_s / site.voltage_tau_s)
        left = site.kept_left
    for i in range(site.buses):
        for k in range(site.phases):
            gap = site.pu[i][k] - site.aim_pu[i][k]
            if gap == 0.0:
                continue
            gap *= left
            if fabs(gap) <= SNAP_PU:
                gap = 0.0
            else:
                under_way = True
            site.pu[i][k] = site.aim_pu[i][k] + gap
    return under_way


cdef inline double nearer(double now, double to, double step) noexcept nogil:
    if now < to:
        return now + step if now + step < to else to
    return now - step if now - step > to else to


cdef bint ramp_grid(Site *site, double h_s) noexcept nogil:
    """Move the utility's voltage and frequency along their ramps; whether one still runs."""
    cdef bint runs = False
    cdef int k
    for k in range(site.phases):
        if site.grid_pu[k] != site.grid_to_pu[k]:
            site.grid_pu[k] = nearer(site.grid_pu[k], site.grid_to_pu[k], site.grid_pu_per_s[k] * h_s)
            runs = True
    if site.grid_hz != site.grid_to_hz:
        site.grid_hz = nearer(site.grid_hz, site.grid_to_hz, site.grid_hz_per_s * h_s)
        runs = True
    return runs


cdef inline void look(Site *site, Watch *meter, double low, double high, double hz,
                      double hz_per_s) noexcept nogil:
    meter.violated = not (
        low >= 1.0 - site.alarm_pu and high <= 1.0 + site.alarm_pu
        and fabs(hz - site.nominal_hz) <= site.alarm_hz and fabs(hz_per_s) <= site.alarm_hz_per_s
    )
    if meter.violated:
        meter.last_us = site.now_us


cdef void watch(Site *site) noexcept nogil:
    """The alarms look at this moment: the worst phase, f, df/dt."""
    cdef double low = INFINITY, high = 0.0, rate = site.hz_per_s
    cdef int k
    for k in range(site.phases):
        low = site.pu[0][k] if site.pu[0][k] < low else low
        high = site.pu[0][k] if site.pu[0][k] > high else high
    if site.mode == MODE_GRID and site.grid_hz != site.grid_to_hz:
        rate = site.grid_hz_per_s
    look(site, &site.bus_watch, low, high, site.hz, rate)
    if site.poi_closed:
        return
    if not site.healthy:
        look(site, &site.grid_watch, 0.0, 0.0, 0.0, 0.0)
        return
    low, high = INFINITY, 0.0
    for k in range(site.phases):
        low = site.grid_pu[k] if site.grid_pu[k] < low else low
        high = site.grid_pu[k] if site.grid_pu[k] > high else high
    look(site, &site.grid_watch, low, high, site.grid_hz,
         site.grid_hz_per_s if site.grid_hz != site.grid_to_hz else 0.0)
