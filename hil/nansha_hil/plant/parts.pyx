# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""The components: arrays, batteries, loads, charge points. What each aims at, and one step of each.

Array: single-diode modules (`diode`) in even or partial shade; the tracker's voltage follows the
maximum's with a lag, once a second. Battery: cells (`cells`) behind a converter with an efficiency
each way; its management states what the cells allow once a second. Load: shares of constant
impedance, current and power (the ZIP model), below 0.9 per unit all of it an impedance; a motor's
starting current falls off exponentially; cold load pickup is a first-order memory of the outage
(the delayed exponential model of IEEE Trans. Power Systems 3 (1988) 1211 without its delay, C).
"""

from libc.math cimport exp, expm1, isinf, sqrt

from nansha_hil.plant.cells cimport CELLS_FREE, CELLS_FULL, CellsEnd, cells_limits_w, cells_step_w
from nansha_hil.plant.control cimport arrive, follow, may_run
from nansha_hil.plant.diode cimport diode_cell_degc, diode_i_a, diode_mpp_w
from nansha_hil.plant.state cimport (
    MOTOR_STALLED, MOTOR_STARTED, Array, Asset, Car, Circuit, Column, Pack, Site, book, lowest_pu,
    note, spread,
)

cdef double FULL_POWER_PU = 0.9     # below it a load is an impedance
cdef double DEAD_PU = 0.05
cdef double NO_LIMIT = 0.999        # a command from here on is none: outputs seldom reach their top
cdef double RELEASE = 0.005         # of the charge: so far from an end before a hard stop ends
cdef double TAPER_FLOOR = 0.05      # the car's last power, of the rating
cdef double KICK_OVER = 1e-3        # of the inrush: less is none
cdef double REFERENCE_DEGC = 25.0


cdef double column_at(Column *column, double at_s) noexcept nogil:
    """Value of a profile's column at_s seconds after the start, its ends held."""
    cdef double t = at_s + column.offset_s
    cdef Py_ssize_t k = column.left
    cdef Py_ssize_t low, high
    if t < column.t_s[0]:
        return column.value[0]
    if t >= column.t_s[column.rows - 1]:
        return column.value[column.rows - 1]
    if not column.t_s[k] <= t < column.t_s[k + 1]:
        low, high = 0, column.rows - 1
        while high - low > 1:
            k = (low + high) // 2
            if column.t_s[k] <= t:
                low = k
            else:
                high = k
        column.left = k = low
    return column.value[k] + ((column.value[k + 1] - column.value[k])
                              / (column.t_s[k + 1] - column.t_s[k]) * (t - column.t_s[k]))


# ------------------------------------------------------------------ array

cdef void look_at_sun(Site *site, Array *pv, bint new_second) noexcept nogil:
    cdef double cell = diode_cell_degc(site.air_degc, pv.w_per_m2, pv.noct_degc)
    cdef double most_w, here_w
    cell = REFERENCE_DEGC + (cell - REFERENCE_DEGC) * pv.stretch
    most_w = diode_mpp_w(&pv.diode, pv.w_per_m2, cell)
    if most_w <= 0.0:
        pv.track_v = 0.0
        pv.a.available_w = 0.0
        return
    if pv.shaded or pv.track_v <= 0.0:
        pv.track_v = pv.diode.module_v      # among several maxima it sweeps
    elif new_second:
        pv.track_v = pv.diode.module_v + (pv.track_v - pv.diode.module_v) * pv.track_left
    here_w = most_w
    if pv.track_v != pv.diode.module_v:
        here_w = (pv.diode.scale * pv.track_v
                  * diode_i_a(&pv.diode, pv.track_v, pv.w_per_m2, cell))
        if here_w > most_w:
            here_w = most_w
    here_w *= pv.derate
    pv.a.available_w = (0.0 if here_w < 0.0
                        else here_w if here_w < pv.a.rated_w else pv.a.rated_w)


cdef void aim_array(Site *site, Array *pv, bint new_second) noexcept nogil:
    """Set what is available and aimed at. new_second: the sun may have changed."""
    cdef Asset *a = &pv.a
    cdef bint tracking = a.p_w == a.available_w
    cdef double target
    if new_second:
        look_at_sun(site, pv, True)
    if not may_run(site, a, False):
        a.target_w = a.p_w = 0.0
        spread(a)
        return
    target = a.available_w
    if a.command_w < target and a.command_w < NO_LIMIT * a.rated_w:
        target = a.command_w if a.command_w > 0.0 else 0.0
    a.target_w = target
    if a.p_w > a.available_w:       # no sun, no power, however slow the control
        a.p_w = a.available_w
    if tracking and target == a.available_w and isinf(a.control.ramp_w_per_s):
        a.p_w = target              # a tracker keeps up with the sun; tau_s is for new limits
    else:
        arrive(a)
    spread(a)


cdef void step_array(Array *pv, double h_s) noexcept nogil:
    pv.a.out_j += follow(&pv.a, h_s)
    arrive(&pv.a)
    pv.a.available_j += pv.a.available_w * h_s
    spread(&pv.a)


# ------------------------------------------------------------------ battery

cdef void rate_pack(Pack *pack) noexcept nogil:
    """Take the cells' limits for the next second, on the AC side."""
    cdef double charge_w, discharge_w
    cells_limits_w(&pack.cells, 1.0, &charge_w, &discharge_w)
    discharge_w = (discharge_w - pack.self_use_w) * pack.discharge_efficiency
    charge_w = (charge_w - pack.self_use_w) / pack.charge_efficiency
    pack.high_w = (0.0 if discharge_w < 0.0
                   else discharge_w if discharge_w < pack.a.rated_w else pack.a.rated_w)
    pack.low_w = -pack.a.rated_w if charge_w < -pack.a.rated_w else charge_w
    if pack.low_w > 0.0:
        pack.low_w = 0.0


cdef double clip_w(const Pack *pack, double power_w) noexcept nogil:
    """Nearest power that rating, cells and hard stops allow."""
    cdef double high = 0.0 if pack.empty else pack.high_w
    cdef double low = 0.0 if pack.full else pack.low_w
    return high if power_w > high else low if power_w < low else power_w


cdef void aim_pack(Site *site, Pack *pack) noexcept nogil:
    """Release the hard stops where due and aim at the set power, or leave that to the island."""
    cdef Asset *a = &pack.a
    cdef double whole = pack.cells.capacity_c
    cdef bint runs
    if pack.empty and pack.cells.charge_c > RELEASE * whole:
        pack.empty = False
    if pack.full and pack.cells.charge_c < (1.0 - RELEASE) * whole:
        pack.full = False
    runs = may_run(site, a, pack.forming)
    pack.live = a.closed and not a.failed and (pack.forming or lowest_pu(site, a) >= a.control.cease_pu)
    if not runs:
        a.target_w = a.p_w = 0.0
        spread(a)
        return
    if not pack.forming:
        a.target_w = clip_w(pack, a.command_w)
    if a.p_w != clip_w(pack, a.p_w):
        a.p_w = clip_w(pack, a.p_w)
    if not pack.forming:
        arrive(a)
    spread(a)


cdef double step_pack(Pack *pack, double energy_j, double h_s, double air_degc) noexcept nogil:
    """Deliver energy_j, J, into the bus over h_s seconds; what the cells allowed of it, J."""
    cdef double idle_j = pack.self_use_w * h_s if pack.live else 0.0
    cdef double dc_j, rest_j
    cdef CellsEnd end
    dc_j = (energy_j / pack.discharge_efficiency if energy_j > 0.0
            else energy_j * pack.charge_efficiency)
    if pack.empty and energy_j <= 0.0 and dc_j + idle_j > 0.0:
        idle_j = -dc_j              # nothing left to run on
    end = cells_step_w(&pack.cells, (dc_j + idle_j) / h_s, h_s, air_degc)
    if end == CELLS_FREE:
        book(&pack.a, energy_j)
        pack.a.loss_j += dc_j + idle_j - energy_j
        return energy_j
    rest_j = pack.cells.last_j - idle_j
    if energy_j > 0.0:
        energy_j = rest_j * pack.discharge_efficiency if rest_j > 0.0 else 0.0
    else:
        energy_j = rest_j / pack.charge_efficiency if rest_j < 0.0 else 0.0
    book(&pack.a, energy_j)
    pack.a.loss_j += pack.cells.last_j - energy_j
    pack.a.p_w = pack.a.target_w = 0.0
    if end == CELLS_FULL:
        pack.full = True
    else:
        pack.empty = True           # of charge, or of voltage at this current
    spread(&pack.a)
    return energy_j


# ------------------------------------------------------------------ car

cdef void aim_car(Site *site, Car *car, bint new_second) noexcept nogil:
    """Set what the car would take unhindered (demand) and what it aims at under the limit."""
    cdef Asset *a = &car.a
    cdef double limit = -a.command_w
    cdef double appetite
    if new_second:
        appetite = 0.0
        if car.plugged and car.needed_j > 0.0:
            appetite = a.rated_w
            if car.needed_j < car.taper_j:
                appetite *= (car.needed_j / car.taper_j if car.needed_j > TAPER_FLOOR * car.taper_j
                             else TAPER_FLOOR)
        a.demand_w = appetite
    appetite = a.demand_w
    if not may_run(site, a, False) or appetite == 0.0:
        a.target_w = a.p_w = 0.0
        spread(a)
        return
    if limit < car.min_w or limit <= 0.0:
        a.target_w = 0.0
    else:
        a.target_w = -(appetite if appetite < limit else limit)
    arrive(a)
    spread(a)


cdef void step_car(Car *car, double h_s) noexcept nogil:
    cdef double energy_j = follow(&car.a, h_s)
    if energy_j != 0.0:
        car.a.in_j -= energy_j
        car.needed_j += energy_j
        if car.needed_j < 0.0:
            car.needed_j = 0.0
    arrive(&car.a)
    car.a.demand_j += car.a.demand_w * h_s
    spread(&car.a)


# ------------------------------------------------------------------ load

cdef inline double served(const Circuit *load, double pu) noexcept nogil:
    # Power at a voltage, of that at nominal.
    cdef double high = pu if pu > FULL_POWER_PU else FULL_POWER_PU
    cdef double share = (load.z_share * high * high + load.i_share * high
                         + (1.0 - load.z_share - load.i_share))
    if pu < FULL_POWER_PU:
        share *= (pu / FULL_POWER_PU) * (pu / FULL_POWER_PU)
    return share


cdef void draw(Site *site, Circuit *load, double kick, double cold) noexcept nogil:
    # Power now, phase by phase, with so much of the inrush and of the cold pickup.
    cdef Asset *a = &load.a
    cdef double base = load.base_w * (1.0 + (load.cold_pickup - 1.0) * cold)
    cdef double motor = base * load.motor_share
    cdef double plain = base - motor
    cdef double most, pu, p_w, want_w, extra_va, total_w = 0.0, total_var = 0.0, wanted_w = 0.0
    cdef bint on = a.closed and not a.failed
    cdef int k
    for k in range(site.phases):
        if a.share[k] == 0.0:
            continue
        pu = site.pu[a.bus][k]
        most = served(load, pu)
        want_w = base * (most if pu >= FULL_POWER_PU else 1.0)
        if not on:
            a.on_w[k] = a.on_var[k] = 0.0
            wanted_w += want_w * a.share[k]
            continue
        if load.stalled:
            p_w = plain * most
        else:
            p_w = plain * most + motor * most
        a.on_var[k] = -p_w * load.tan_phi * a.share[k]
        if motor > 0.0 and (load.stalled or kick > 0.0):
            # Locked or starting: an impedance, apart from what already runs.
            extra_va = (load.inrush if load.stalled else (load.inrush - 1.0) * kick)
            extra_va *= motor * sqrt(1.0 + load.tan_phi * load.tan_phi) * pu * pu
            p_w += extra_va * load.start_pf
            want_w += extra_va * load.start_pf
            a.on_var[k] -= extra_va * load.start_sin * a.share[k]
        a.on_w[k] = -p_w * a.share[k]
        total_w += a.on_w[k]
        total_var += a.on_var[k]
        wanted_w += want_w * a.share[k]
    a.p_w = a.target_w = total_w
    a.q_var = total_var
    a.demand_w = wanted_w


cdef void start_circuit(Site *site, Circuit *load) noexcept nogil:
    """The load's motors start: inrush from the top."""
    load.kick = 1.0
    load.stalled = False
    load.low_s = 0.0
    note(site, MOTOR_STARTED, load.a.node, 0.0)


cdef void aim_circuit(Site *site, Circuit *load) noexcept nogil:
    """Set demand and power for the voltages of this moment."""
    cdef double even
    cdef bint energised
    if load.plain and load.tan_phi == 0.0 and load.z_share == 0.0 and load.i_share == 0.0:
        if load.a.closed and not load.a.failed and lowest_pu(site, &load.a) >= FULL_POWER_PU:
            load.a.demand_w = load.base_w
            load.a.p_w = load.a.target_w = -load.base_w
            spread(&load.a)
            return
    if load.motor_share > 0.0:
        even = lowest_pu(site, &load.a)
        energised = load.a.closed and not load.a.failed and even >= DEAD_PU
        if not energised:
            load.turning = False
        elif not load.turning and even >= load.stall_pu:
            load.turning = True
            start_circuit(site, load)
        elif not load.stalled and load.low_s >= load.stall_s - 1e-9:
            load.stalled = True
            load.kick = 0.0
            note(site, MOTOR_STALLED, load.a.node, even)
    draw(site, load, load.kick, load.cold)


cdef void step_circuit(Site *site, Circuit *load, double h_s) noexcept nogil:
    """Let h_s seconds pass at the voltages of its start."""
    cdef double even, kick, gone, left
    if not load.plain:
        even = lowest_pu(site, &load.a)
        kick = load.kick
        if kick > 0.0:
            kick *= -expm1(-h_s / load.start_s) * load.start_s / h_s    # its mean
            load.kick *= exp(-h_s / load.start_s)
            if load.kick < KICK_OVER:
                load.kick = 0.0
        if load.motor_share > 0.0:
            load.low_s = load.low_s + h_s if load.turning and even < load.stall_pu else 0.0
        if load.cold_pickup > 1.0:
            gone = -expm1(-h_s / load.cold_tau_s)
            left = load.cold
            if load.a.closed and not load.a.failed and even >= FULL_POWER_PU:
                draw(site, load, kick, load.cold * gone * load.cold_tau_s / h_s)
                load.cold *= 1.0 - gone
            else:
                draw(site, load, kick, left)
                load.cold += (1.0 - load.cold) * gone
        else:
            draw(site, load, kick, 0.0)
    load.a.in_j -= load.a.p_w * h_s
    load.a.demand_j += load.a.demand_w * h_s
