"""Everything that a plant is at one moment, as plain data: copy the block and you have a snapshot.

Powers are bus injections, W and var; energies J; times integer microseconds; voltages of buses are
per unit of the nominal phase voltage.
"""

from libc.stdint cimport int64_t

from nansha_hil.plant.cells cimport Cells
from nansha_hil.plant.diode cimport Diode

cdef enum:
    PHASES = 3
    SECOND_US = 1_000_000
    STEP_US = 1000
    TIMERS = 6
    MOST_BUSES = 64

cdef enum Kind:
    KIND_PV
    KIND_BATTERY
    KIND_LOAD
    KIND_EV
    KIND_POI

cdef enum Hold:
    # Why a converter does not run.
    RUNNING
    CEASED
    TRIPPED
    UNLOCKED

cdef enum Mode:
    MODE_GRID
    MODE_COLLAPSED
    MODE_ISLAND
    MODE_BLACK

cdef enum Happening:
    # Events that the engine makes itself; their names are in happenings.py, in this order.
    HAPPENED_GRID
    HAPPENED_COLLAPSED
    HAPPENED_ISLAND
    HAPPENED_BLACK
    NO_FORMING_BATTERY
    FREQUENCY_COLLAPSE
    CLOSED_ONTO_DEAD_GRID
    OUT_OF_PHASE_CLOSING
    BLACK_START
    BLACK_START_FAILED
    TRIP_UV1
    TRIP_UV2
    TRIP_OV1
    TRIP_OV2
    TRIP_UF
    TRIP_OF
    CESSATION
    PLL_LOST
    RESTARTED
    MOTOR_STARTED
    MOTOR_STALLED

cdef struct Event:
    int64_t time_us
    int what
    int node            # index into all assets, -1 for the plant, -2 for the poi
    double value

cdef struct Log:
    Event *events
    int count
    int room

cdef struct Column:
    # One column of the profile, read by straight lines.
    const double *t_s
    const double *value
    Py_ssize_t rows
    Py_ssize_t left
    double offset_s

cdef struct Control:
    # A converter's response and protection; timers run while their band is left.
    double tau_s
    double ramp_w_per_s
    double cease_pu
    double bound[TIMERS]        # uv1 uv2 ov1 ov2 uf of
    double bound_s[TIMERS]
    double timer_s[TIMERS]
    double jump_deg
    double hz_per_s
    int64_t restart_us
    int64_t dead_us
    int64_t relock_us
    int hold
    int64_t ready_us            # when it may run; < 0: not yet in sight
    double kept_h_s
    double kept_gone
    double kept_left

cdef struct Asset:
    int kind
    int node                    # index into all assets
    int bus
    double share[PHASES]        # of its power on each phase
    int first                   # its phases, from here …
    int phases                  # … and how many
    bint closed, failed
    double rated_w, band_w, command_w
    double p_w, q_var, target_w
    double on_w[PHASES]
    double on_var[PHASES]
    double available_w, demand_w
    double out_j, in_j, available_j, demand_j, loss_j
    Control control

cdef struct Array:
    Asset a
    Diode diode
    int column
    double w_per_m2
    double derate               # what wiring, soiling and inverter leave
    double stretch              # of the cells' distance from 25 degC: the wanted gamma
    double noct_degc
    double track_left           # of the tracker's distance to the maximum, after a second
    double track_v              # module voltage that the tracker holds, 0 in the dark
    bint shaded

cdef struct Pack:
    Asset a
    Cells cells
    double charge_efficiency, discharge_efficiency, self_use_w
    double high_w, low_w        # what the cells allow on the AC side
    bint able, forming, gave_up, live, empty, full

cdef struct Circuit:
    Asset a
    int column
    double factor, base_w
    double z_share, i_share, tan_phi
    double motor_share, inrush, start_s, start_pf, start_sin, stall_pu, stall_s
    double kick                 # of the inrush beyond the running power that is left, 1..0
    double low_s
    bint stalled, turning
    double cold_pickup, cold_tau_s, cold
    bint plain                  # neither motor nor cold pickup

cdef struct Car:
    Asset a
    double min_w, taper_j, needed_j
    bint plugged

cdef struct Watch:
    # The alarm output of a meter.
    int64_t last_us
    bint violated

cdef struct Site:
    # what it is made of
    int pvs, packs, circuits, cars, assets
    int buses, phases
    Array *pv
    Pack *pack
    Circuit *circuit
    Car *car
    Asset **asset
    Column *columns
    int air_column
    Log *log
    bint fixed_steps

    # parameters of bus and grid
    double nominal_v, nominal_hz, voltage_tau_s, collapsed_pu, black_below_hz, black_above_hz
    double alarm_pu, alarm_hz, alarm_hz_per_s
    int64_t alarm_hold_us
    double r_pu_per_w, x_pu_per_w       # voltage rise a watt or var a phase
    double return_angle_deg, sync_angle_deg, sync_hz, sync_pu
    double damage_angle_deg, damage_hz, damage_pu
    double inertia_w_s_per_hz, damping_w_per_hz, droop_hz
    int64_t substep_us
    # the tightest of all converters' bounds: within them none has anything to watch
    double calm_low_pu, calm_high_pu, calm_low_hz, calm_high_hz, calm_hz_per_s

    # state
    int64_t now_us, next_second_us, sampled_s, restart_us
    int mode, forming
    bint moving             # anything but charge, demand and sun
    bint stale              # something was done to it: aim anew
    bint fresh              # has aimed at this moment
    bint timing             # a converter's timer runs
    bint calm               # all voltages and the frequency are within the calm bounds
    bint uneasy             # they were not, before or after the last step
    double hz, hz_per_s, pll_hz_per_s
    double pu[MOST_BUSES][PHASES]
    double aim_pu[MOST_BUSES][PHASES]
    double kept_h_s, kept_left          # of the voltage's lag
    double line_loss_w, line_loss_j
    double inertia_j, damping_j
    double air_degc
    double sky, sky_from, sky_to, sky_start_s, sky_ramp_s
    bint poi_closed, healthy
    double poi_w, poi_var, poi_out_j, poi_in_j, poi_loss_j
    double grid_pu[PHASES]
    double grid_to_pu[PHASES]
    double grid_pu_per_s[PHASES]
    double grid_hz, grid_to_hz, grid_hz_per_s
    double angle_deg
    Watch bus_watch, grid_watch
    double islanded_s, lowest_hz, highest_hz
    double worst_w, checked_j
    int64_t checked_us


cdef inline void note(Site *site, int what, int node, double value) noexcept nogil:
    # There is always room: the engine makes some before each refresh.
    cdef Log *log = site.log
    if log.count < log.room:
        log.events[log.count].time_us = site.now_us
        log.events[log.count].what = what
        log.events[log.count].node = node
        log.events[log.count].value = value
        log.count += 1


cdef inline double lowest_pu(const Site *site, const Asset *a) noexcept nogil:
    # The lowest voltage of an asset's phases.
    cdef double low = 1e9
    cdef int k
    for k in range(site.phases):
        if a.share[k] > 0.0 and site.pu[a.bus][k] < low:
            low = site.pu[a.bus][k]
    return low


cdef inline double highest_pu(const Site *site, const Asset *a) noexcept nogil:
    cdef double high = 0.0
    cdef int k
    for k in range(site.phases):
        if a.share[k] > 0.0 and site.pu[a.bus][k] > high:
            high = site.pu[a.bus][k]
    return high


cdef inline double mean_pu(const Site *site, const Asset *a) noexcept nogil:
    cdef double total = 0.0
    cdef int k
    for k in range(site.phases):
        if a.share[k] > 0.0:
            total += site.pu[a.bus][k]
    return total / a.phases


cdef inline double bus_pu(const Site *site) noexcept nogil:
    # Mean of the main bus's phases.
    cdef double total = 0.0
    cdef int k
    for k in range(site.phases):
        total += site.pu[0][k]
    return total / site.phases


cdef inline void spread(Asset *a) noexcept nogil:
    # A balanced component's power on its phases.
    cdef int k
    for k in range(PHASES):
        a.on_w[k] = a.p_w * a.share[k]


cdef inline void book(Asset *a, double energy_j) noexcept nogil:
    if energy_j >= 0.0:
        a.out_j += energy_j
    else:
        a.in_j -= energy_j
