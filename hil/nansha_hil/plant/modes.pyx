# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Time: what mode the bus is in, what everything aims at, and one step after the other.

Weather and demand are constant within each whole second, at their value of its middle: an error of
some 1e-8 of a day's energy. While anything moves a step is a millisecond or less, ending on whole
ones; when only charge moves it is the rest of the second. Decisions (modes, trips, restarts) are
taken where such steps end and nowhere else.
"""

from libc.math cimport fabs
from libc.stdint cimport int64_t

from nansha_hil.plant.control cimport arrive, due_trip, follow, time_out, trip, unlock
from nansha_hil.plant.feeder cimport Feeder
from nansha_hil.plant.island cimport rest, rest_hz, swing
from nansha_hil.plant.parts cimport (
    aim_array, aim_car, aim_circuit, aim_pack, column_at, rate_pack, step_array, step_car,
    step_circuit, step_pack,
)
from nansha_hil.plant.state cimport (
    BLACK_START, BLACK_START_FAILED, CLOSED_ONTO_DEAD_GRID, FREQUENCY_COLLAPSE, HAPPENED_BLACK,
    HAPPENED_COLLAPSED, HAPPENED_GRID, HAPPENED_ISLAND, MODE_BLACK, MODE_COLLAPSED, MODE_GRID,
    KIND_BATTERY, MODE_ISLAND, NO_FORMING_BATTERY, OUT_OF_PHASE_CLOSING, PHASES, RUNNING, SECOND_US, STEP_US,
    TRIPPED, UNLOCKED, Asset, KIND_LOAD, Pack, Site, note, spread,
)
from nansha_hil.plant.supply cimport (
    aim_voltages, move_voltages, out_of_phase, ramp_grid, watch, wrapped_deg,
)

cdef int64_t NEVER_US = 1LL << 62
cdef double ARRIVED_HZ = 0.0005     # closer to its rest than this an island is quasi-static
cdef double ARRIVED_HZ_PER_S = 0.001   # and slower than this: it does not just swing through
cdef double LEFT_HZ = 0.02          # farther from a new rest than this it swings again
cdef double REACH_S = 4.0           # of discharge or charge: so near an end cells want short steps
cdef double PLL_WINDOW_S = 0.1      # over which a converter judges df/dt


# ------------------------------------------------------------------ mode

cdef void enter(Site *site, int mode, bint forming) noexcept nogil:
    cdef int i
    site.mode = mode
    site.forming = 0
    for i in range(site.packs):
        site.pack[i].forming = forming and ready(site, &site.pack[i])
        site.forming += site.pack[i].forming
    note(site, HAPPENED_GRID + mode, -1, 0.0)
    if mode != MODE_ISLAND:
        site.angle_deg = 0.0 if site.poi_closed else site.return_angle_deg
    site.hz_per_s = 0.0
    site.moving = True


cdef bint ready(Site *site, Pack *pack) noexcept nogil:
    # Able to hold an island now.
    if not pack.able or not pack.a.closed or pack.a.failed or pack.gave_up or pack.empty:
        return False
    if pack.a.control.hold != RUNNING and pack.a.control.ready_us > site.now_us:
        if pack.a.control.ready_us < site.restart_us:
            site.restart_us = pack.a.control.ready_us
        return False
    return True


cdef void go_black(Site *site, int why) noexcept nogil:
    cdef int i, k
    cdef Pack *pack
    for i in range(site.packs):
        pack = &site.pack[i]
        # One that was just opened, or waits for its dead time, starts afresh.
        if pack.forming and pack.a.closed and pack.a.control.hold == RUNNING and not pack.a.failed:
            pack.gave_up = True
    note(site, why, -1, site.hz)
    enter(site, MODE_BLACK, False)
    for i in range(site.buses):
        for k in range(PHASES):
            site.pu[i][k] = site.aim_pu[i][k] = 0.0
    site.hz = 0.0
    site.poi_w = site.poi_var = 0.0


cdef void join_grid(Site *site) noexcept nogil:
    cdef int i
    cdef double jump = fabs(site.angle_deg)
    cdef bint was_live = site.mode == MODE_ISLAND
    cdef double angle = site.angle_deg
    if was_live and out_of_phase(site):
        note(site, OUT_OF_PHASE_CLOSING, -2, site.angle_deg)
    for i in range(site.packs):
        site.pack[i].gave_up = False
    enter(site, MODE_GRID, False)
    site.hz = site.grid_hz
    if was_live:
        for i in range(site.assets):
            if site.asset[i].kind != KIND_LOAD and jump > site.asset[i].control.jump_deg:
                unlock(site, site.asset[i], angle)


cdef void black_start(Site *site) noexcept nogil:
    cdef double load_w = 0.0, able_w = 0.0
    cdef int i
    for i in range(site.circuits):
        if site.circuit[i].a.closed and not site.circuit[i].a.failed:
            load_w += site.circuit[i].a.demand_w
    for i in range(site.packs):
        if ready(site, &site.pack[i]):
            able_w += site.pack[i].a.rated_w
    if load_w > able_w:
        for i in range(site.packs):
            if ready(site, &site.pack[i]):
                site.pack[i].gave_up = True
        note(site, BLACK_START_FAILED, -1, load_w)
        return
    site.hz = site.nominal_hz
    note(site, BLACK_START, -1, load_w)
    enter(site, MODE_ISLAND, True)


cdef void decide_mode(Site *site) noexcept nogil:
    cdef int i, able = 0
    cdef bint same = True
    if site.poi_closed and site.healthy:
        if site.mode != MODE_GRID:
            join_grid(site)
        return
    for i in range(site.packs):
        if ready(site, &site.pack[i]):
            able += 1
            same = same and site.pack[i].forming
        else:
            same = same and not site.pack[i].forming
    if site.mode == MODE_BLACK:
        if not site.poi_closed and able:
            black_start(site)
    elif not able:
        go_black(site, NO_FORMING_BATTERY)
    elif site.poi_closed:
        if site.mode != MODE_COLLAPSED:
            if site.mode == MODE_ISLAND:
                note(site, CLOSED_ONTO_DEAD_GRID, -2, 0.0)
            enter(site, MODE_COLLAPSED, True)
    elif site.mode != MODE_ISLAND:
        enter(site, MODE_ISLAND, True)
    elif not same:
        site.forming = 0
        for i in range(site.packs):
            site.pack[i].forming = ready(site, &site.pack[i])
            site.forming += site.pack[i].forming
        site.moving = True


# ------------------------------------------------------------------ aims

cdef void sample(Site *site, int64_t second) noexcept nogil:
    cdef double at_s = second + 0.5
    cdef double done_s = at_s - site.sky_start_s
    cdef int i
    if done_s >= site.sky_ramp_s:
        site.sky = site.sky_to
    elif done_s <= 0.0:
        site.sky = site.sky_from
    else:
        site.sky = site.sky_from + (site.sky_to - site.sky_from) * done_s / site.sky_ramp_s
    if site.air_column >= 0:
        site.air_degc = column_at(&site.columns[site.air_column], at_s)
    for i in range(site.pvs):
        site.pv[i].w_per_m2 = site.sky * column_at(&site.columns[site.pv[i].column], at_s)
    for i in range(site.circuits):
        site.circuit[i].base_w = (column_at(&site.columns[site.circuit[i].column], at_s)
                                  * site.circuit[i].factor)
        if site.circuit[i].base_w < 0.0:
            site.circuit[i].base_w = 0.0
    for i in range(site.packs):
        rate_pack(&site.pack[i])


cdef void refresh(Site *site, Feeder feeder) noexcept nogil:
    """Sample the world, decide the mode, aim every component."""
    cdef int64_t second = site.now_us // SECOND_US
    cdef int i, news = 0
    cdef Asset *a
    if second != site.sampled_s:
        news = 2
        site.sampled_s = second
        site.next_second_us = (second + 1) * SECOND_US
        sample(site, second)
        check_balance(site)
    elif site.stale:
        news = 1
        sample(site, second)
    site.stale = False
    site.fresh = True
    site.restart_us = NEVER_US
    decide_mode(site)
    for i in range(site.pvs):
        aim_array(site, &site.pv[i], news)
    for i in range(site.circuits):
        aim_circuit(site, &site.circuit[i])
    for i in range(site.cars):
        aim_car(site, &site.car[i], news)
    for i in range(site.packs):
        aim_pack(site, &site.pack[i])
        if site.mode == MODE_COLLAPSED and site.pack[i].forming:
            a = &site.pack[i].a     # at its current limit into the neighbours
            a.p_w = a.target_w = site.collapsed_pu * a.rated_w
            spread(a)
    aim_voltages(site, feeder)
    if not move_voltages(site, 0.0):
        # Loads that depend on voltage follow what has snapped.
        for i in range(site.circuits):
            aim_circuit(site, &site.circuit[i])
    judge(site)


cdef void judge(Site *site) noexcept nogil:
    # Does anything but charge move, so that short steps are needed?
    cdef double other_w = -site.line_loss_w, away_hz, reach_c
    cdef Asset *a
    cdef Pack *pack
    cdef int i, k
    cdef bint was = site.moving
    site.moving = True
    for i in range(site.buses):
        for k in range(site.phases):
            if site.pu[i][k] != site.aim_pu[i][k]:
                return
            if site.grid_pu[k] != site.grid_to_pu[k]:
                return
    if site.grid_hz != site.grid_to_hz or site.timing:
        return
    for i in range(site.assets):
        a = site.asset[i]
        if fabs(a.p_w - a.target_w) > a.band_w:
            return
        other_w += a.p_w
    for i in range(site.circuits):
        if site.circuit[i].kick > 0.0 or site.circuit[i].low_s > 0.0:
            return
    if site.mode == MODE_ISLAND:
        for i in range(site.packs):
            pack = &site.pack[i]
            if not pack.forming:
                continue
            other_w -= pack.a.p_w
            # Cells about to run empty or full must be met in short steps.
            reach_c = (pack.cells.charge_c if pack.a.p_w > 0.0
                       else pack.cells.capacity_c - pack.cells.charge_c if pack.a.p_w < 0.0
                       else 1e18)
            if reach_c < REACH_S * fabs(pack.cells.last_a):
                return
        away_hz = fabs(rest_hz(site, other_w) - site.hz)
        if not away_hz <= (ARRIVED_HZ if was else LEFT_HZ):
            return
        if was and fabs(site.hz_per_s) > ARRIVED_HZ_PER_S:
            return
    site.moving = False


# ------------------------------------------------------------------ one step

cdef double step_others(Site *site, double h_s) noexcept nogil:
    # Everything but the forming batteries; energy into the bus, J.
    cdef double energy_j = -site.line_loss_w * h_s
    cdef double before_j, part_j
    cdef Pack *pack
    cdef int i
    site.line_loss_j += site.line_loss_w * h_s
    for i in range(site.pvs):
        before_j = site.pv[i].a.out_j
        step_array(&site.pv[i], h_s)
        energy_j += site.pv[i].a.out_j - before_j
    for i in range(site.circuits):
        step_circuit(site, &site.circuit[i], h_s)
        energy_j += site.circuit[i].a.p_w * h_s
    for i in range(site.cars):
        before_j = site.car[i].a.in_j
        step_car(&site.car[i], h_s)
        energy_j -= site.car[i].a.in_j - before_j
    for i in range(site.packs):
        pack = &site.pack[i]
        if not pack.forming:
            part_j = follow(&pack.a, h_s)
            arrive(&pack.a)
            spread(&pack.a)
            energy_j += step_pack(pack, part_j, h_s, site.air_degc)
    return energy_j


cdef void step_island(Site *site, double energy_j, double h_s) noexcept nogil:
    cdef double before_hz = site.hz
    if site.moving or site.fixed_steps:
        swing(site, energy_j, h_s)
    else:
        rest(site, energy_j, h_s)
    site.islanded_s += h_s
    if site.hz < site.lowest_hz:
        site.lowest_hz = site.hz
    if site.hz > site.highest_hz:
        site.highest_hz = site.hz
    if site.healthy:
        site.angle_deg = wrapped_deg(
            site.angle_deg + 360.0 * (0.5 * (before_hz + site.hz) - site.grid_hz) * h_s)


cdef inline bint makes_hz(const Site *site, const Asset *a) noexcept nogil:
    # A battery that forms the island: its frequency is its own.
    return site.mode == MODE_ISLAND and a.kind == KIND_BATTERY and (<const Pack *> a).forming


cdef inline bint is_calm(const Site *site) noexcept nogil:
    cdef int i, k
    for i in range(site.buses):
        for k in range(site.phases):
            if not site.calm_low_pu <= site.pu[i][k] <= site.calm_high_pu:
                return False
    return site.calm_low_hz <= site.hz <= site.calm_high_hz


cdef void step(Site *site, Feeder feeder, int64_t end_us) noexcept nogil:
    # Let time pass to end_us in the present mode; nothing may be due within.
    cdef double h_s = (end_us - site.now_us) * 1e-6
    cdef double energy_j = step_others(site, h_s)
    cdef double rate
    cdef Pack *pack
    cdef int i
    site.now_us = end_us
    site.fresh = False
    ramp_grid(site, h_s)
    if site.mode == MODE_ISLAND:
        step_island(site, energy_j, h_s)
        rate = site.hz_per_s
    else:
        rate = 0.0
        if site.mode != MODE_BLACK:
            for i in range(site.packs):
                pack = &site.pack[i]
                if pack.forming:
                    energy_j += step_pack(pack, pack.a.p_w * h_s, h_s, site.air_degc)
            if energy_j > 0.0:
                site.poi_in_j += energy_j
            else:
                site.poi_out_j -= energy_j
        if site.mode == MODE_GRID:
            if site.grid_hz != site.grid_to_hz:
                rate = site.grid_hz_per_s if site.grid_to_hz > site.grid_hz else -site.grid_hz_per_s
            site.hz = site.grid_hz
    site.pll_hz_per_s += (rate - site.pll_hz_per_s) * (
        h_s / PLL_WINDOW_S if h_s < PLL_WINDOW_S else 1.0)
    aim_voltages(site, feeder)
    move_voltages(site, h_s)
    if site.moving:
        for i in range(site.circuits):
            aim_circuit(site, &site.circuit[i])
    site.uneasy = not site.calm     # and once more when calm is back: dead times begin then
    site.calm = is_calm(site)
    site.uneasy = site.uneasy or not site.calm
    if site.timing or not site.calm:
        site.timing = False
        for i in range(site.assets):
            if site.asset[i].kind != KIND_LOAD:
                if time_out(site, site.asset[i], h_s, makes_hz(site, site.asset[i])):
                    site.timing = True
    watch(site)


cdef bint decide(Site *site) noexcept nogil:
    # What the step that has ended brings about; whether everything has to aim anew.
    cdef bint anew = False
    cdef Asset *a
    cdef int i, what
    if site.mode == MODE_ISLAND:
        if not site.black_below_hz <= site.hz <= site.black_above_hz:
            go_black(site, FREQUENCY_COLLAPSE)
            return True
        for i in range(site.packs):
            if site.pack[i].forming and site.pack[i].empty:
                anew = True
    if not site.timing and fabs(site.pll_hz_per_s) <= site.calm_hz_per_s:
        return anew
    for i in range(site.assets):
        a = site.asset[i]
        if a.kind == KIND_LOAD:
            continue
        what = due_trip(a)
        if what >= 0:
            note(site, what, a.node, site.hz)
            trip(site, a)
            anew = True
        elif (fabs(site.pll_hz_per_s) > a.control.hz_per_s and a.control.hold == RUNNING
                and not makes_hz(site, a)):
            unlock(site, a, site.pll_hz_per_s)
            anew = True
    return anew


cdef inline int64_t step_end(const Site *site) noexcept nogil:
    # Where the step from now has to end, whoever asks.
    cdef int64_t end = site.next_second_us
    cdef int64_t short_us = site.substep_us
    if site.moving or site.fixed_steps:
        if site.now_us - site.now_us % short_us + short_us < end:
            end = site.now_us - site.now_us % short_us + short_us
    if site.restart_us < end:
        end = site.restart_us
    return end


cdef bint run(Site *site, Feeder feeder, int64_t to_us) noexcept nogil:
    """Take all whole steps that end by to_us, and their decisions.

    False: the log is full; empty it and call again.
    """
    cdef int64_t end
    while True:
        if not site.fresh:
            if site.stale or site.now_us >= site.next_second_us or site.uneasy:
                refresh(site, feeder)
            elif site.moving:
                judge(site)
                site.fresh = True
        end = step_end(site)
        if end > to_us:
            return True
        step(site, feeder, end)
        if decide(site) or end >= site.restart_us:
            site.stale = True
            site.fresh = False
        if site.log.count > site.log.room - 4 * site.assets - 32:
            return False


cdef void touch(Site *site, Feeder feeder, int64_t to_us) noexcept nogil:
    """Part of a step, without decisions: run() has come as near to to_us as whole steps go."""
    if to_us > site.now_us:
        step(site, feeder, to_us)


cdef bint settled(const Site *site) noexcept nogil:
    """Nothing moves but sun, demand and charge."""
    return not site.moving


# ------------------------------------------------------------------ books

cdef double unbalanced_j(const Site *site) noexcept nogil:
    """Energy metered into the bus minus what lines, inertia and damping took, J: rounding only."""
    cdef double total_j = site.poi_out_j - site.poi_in_j
    cdef int i
    for i in range(site.assets):
        total_j += site.asset[i].out_j - site.asset[i].in_j
    return total_j - site.inertia_j - site.damping_j - site.line_loss_j


cdef void check_balance(Site *site) noexcept nogil:
    # Compare the meters with the swing equation's energies, about once a second.
    cdef int64_t span_us = site.now_us - site.checked_us
    cdef double total_j, residual_w
    if span_us < SECOND_US // 2:
        return
    total_j = unbalanced_j(site)
    residual_w = fabs(total_j - site.checked_j) / (span_us * 1e-6)
    if residual_w > site.worst_w:
        site.worst_w = residual_w
    site.checked_us, site.checked_j = site.now_us, total_j
