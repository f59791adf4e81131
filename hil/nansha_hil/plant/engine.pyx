# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, embedsignature=True
"""The plant's engine: one block of memory that moves through time.

A moment between two whole steps is reached by part of a step from the last whole one, and left by
going back there, unless something is done to the plant at that moment. So the state at a time
depends on what was done and when, and not on how often anyone looked.
"""

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from nansha_hil.plant.control cimport trip, unlock
from nansha_hil.plant.diode cimport DIODE_STRINGS, diode_shade
from nansha_hil.plant.fill cimport block_size, fill
from nansha_hil.plant.feeder cimport Feeder
from nansha_hil.plant.modes cimport refresh, run, settled, touch, unbalanced_j
from nansha_hil.plant.parts cimport start_circuit
from nansha_hil.plant.state cimport (
    KIND_BATTERY, KIND_EV, KIND_LOAD, KIND_PV, MODE_ISLAND, SECOND_US, Array, Asset, Car, Circuit,
    Event, Log, Pack, Site, Watch, bus_pu, mean_pu,
)
from nansha_hil.plant.supply cimport contact_changes_in_s, in_step, wrapped_deg

from nansha_hil.plant.happenings import KINDS, MODES, PlantEvent

cdef int64_t NEVER_US = 1LL << 62
cdef int64_t TICK_US = 10_000       # how often a plant in a transient wants to be looked at
cdef double DEAD_PU = 0.05
cdef double SHADE_DEPTH = 0.8       # of the light that shade takes: the sky's part remains
cdef enum:
    POI = -2


cdef class Engine:
    """State, time and senses of a plant. `Plant` adds contactors and what the world does."""

    def __cinit__(self, spec, profile, *, bint fixed_steps=False):
        cdef Log *log = &self.log
        self.size = block_size(spec)
        self.block = <char *> PyMem_Malloc(self.size)
        self.kept = <char *> PyMem_Malloc(self.size)
        log.room = 64 * len(spec.assets) + 256
        log.events = <Event *> PyMem_Malloc(log.room * sizeof(Event))
        if self.block == NULL or self.kept == NULL or log.events == NULL:
            raise MemoryError
        memset(self.block, 0, self.size)
        log.count = 0
        self.events = []
        self.site = <Site *> self.block
        self.site.log = log
        self.site.fixed_steps = fixed_steps
        self.names, self.feeder, self.tables = fill(self.site, self.block, spec, profile)
        self.at_node = {name: k for k, name in enumerate(self.names)}
        self.at_node[spec.poi] = POI
        self.names = (*self.names, spec.poi)
        self.settle_in()

    def __dealloc__(self):
        PyMem_Free(self.block)
        PyMem_Free(self.kept)
        PyMem_Free(self.log.events)

    cdef void settle_in(self):
        """The site was running before the experiment began."""
        cdef int i, k
        refresh(self.site, self.feeder)
        for i in range(self.site.assets):
            self.site.asset[i].p_w = self.site.asset[i].target_w
        self.site.fresh = False
        refresh(self.site, self.feeder)
        for i in range(self.site.buses):
            for k in range(self.site.phases):
                self.site.pu[i][k] = self.site.aim_pu[i][k]
        self.take_events()

    # --- time

    cdef void go(self, int64_t to_us):
        cdef Site *site = self.site
        cdef Feeder feeder = self.feeder
        if self.ahead:
            memcpy(self.block, self.kept, self.size)
            self.ahead = False
        while not run(site, feeder, to_us):
            self.take_events()
        if self.log.count:
            self.take_events()
        if site.now_us < to_us:
            memcpy(self.kept, self.block, self.size)
            self.ahead = True
            touch(site, feeder, to_us)

    cdef void take_events(self):
        cdef Event *event
        cdef int k
        for k in range(self.log.count):
            event = &self.log.events[k]
            self.events.append(PlantEvent(
                event.time_us, KINDS[event.what],
                "" if event.node == -1 else
                self.names[self.site.assets if event.node == POI else event.node],
                event.value,
            ))
        self.log.count = 0

    cdef void aim(self):
        # Something was done: everything aims anew, at this very moment.
        self.ahead = False
        self.site.stale = True
        refresh(self.site, self.feeder)
        self.take_events()

    cdef Asset *find(self, asset) except NULL:
        cdef int k = self.at_node[asset]
        if k < 0:
            raise KeyError(asset)
        return self.site.asset[k]

    @property
    def now_us(self):
        """Time since the start, microseconds."""
        return self.site.now_us

    @property
    def settled(self):
        """Nothing moves but sun, demand and charge."""
        return settled(self.site)

    cdef int64_t next_change_us(self):
        # Restarts, the alarms' release, the edges of the sync window.
        cdef Site *site = self.site
        cdef int64_t soonest = site.restart_us
        cdef int64_t at_us
        cdef double wait_s
        if not site.bus_watch.violated:
            at_us = site.bus_watch.last_us + site.alarm_hold_us
            if site.now_us < at_us < soonest:
                soonest = at_us
        if not site.grid_watch.violated:
            at_us = site.grid_watch.last_us + site.alarm_hold_us
            if site.now_us < at_us < soonest:
                soonest = at_us
        if site.mode == MODE_ISLAND and site.healthy:
            wait_s = contact_changes_in_s(site)
            if wait_s < 1e6:
                at_us = <int64_t> (wait_s * 1e6) + 1
                at_us = site.now_us + (1000 if at_us < 1000 else
                                       SECOND_US if at_us > SECOND_US else at_us)
                if at_us < soonest:
                    soonest = at_us
        return soonest

    # --- what a board sees

    def sense(self, asset):
        """(v_v, i_a, f_hz, x) at a node's terminals. Raises KeyError for an unknown asset.

        v_v: RMS phase voltage at its own bus, the mean of its phases (poi: utility side while open).
        i_a: apparent current a phase, signed as bus injection. f_hz: 0 on a dead side. x: state of
        charge 0..1 (battery), irradiance W/m2 (pv), else 0.
        """
        cdef Site *site = self.site
        cdef int k = self.at_node[asset]
        cdef Asset *a
        cdef double pu, hz = site.hz, amps, x = 0.0
        cdef int i
        if k == POI:
            pu = bus_pu(site)
            if not site.poi_closed:
                hz, pu = 0.0, 0.0
                if site.healthy:
                    hz = site.grid_hz
                    for i in range(site.phases):
                        pu += site.grid_pu[i] / site.phases
            amps = amperes(site, site.poi_w, site.poi_var, pu, site.phases)
            return pu * site.nominal_v, amps, hz, 0.0
        a = site.asset[k]
        pu = mean_pu(site, a)
        amps = amperes(site, a.p_w, a.q_var, pu, a.phases)
        if a.kind == KIND_BATTERY:
            x = (<Pack *> a).cells.charge_c / (<Pack *> a).cells.capacity_c
        elif a.kind == KIND_PV:
            x = (<Array *> a).w_per_m2
        return pu * site.nominal_v, amps, hz, x

    def phase_voltages(self, asset):
        """RMS voltages a, b, c at a node's bus, V; (poi: utility side while open)."""
        cdef Site *site = self.site
        cdef int k = self.at_node[asset]
        cdef int bus = site.asset[k].bus if k >= 0 else 0
        cdef int i
        if k == POI and not site.poi_closed:
            return tuple([site.grid_pu[i] * site.nominal_v * site.healthy
                          for i in range(site.phases)])
        return tuple([site.pu[bus][i] * site.nominal_v for i in range(site.phases)])

    def flags(self, asset):
        """(alert, flag) of a node. Raises KeyError for an unknown asset.

        alert: the meter's alarm output. flag: plugged (ev), sync-check contact (poi), else False.
        """
        cdef Site *site = self.site
        cdef int k = self.at_node[asset]
        cdef Watch *meter = &site.bus_watch
        cdef bint flag = False
        if k == POI:
            if not site.poi_closed:
                meter = &site.grid_watch
            flag = in_step(site)
        elif site.asset[k].kind == KIND_EV:
            flag = (<Car *> site.asset[k]).plugged
        return bool(site.now_us - meter.last_us < site.alarm_hold_us), bool(flag)

    # --- what a rig records

    def power_w(self, asset):
        """Power into the bus now, W. Raises KeyError for an unknown asset."""
        cdef int k = self.at_node[asset]
        return self.site.poi_w if k == POI else self.site.asset[k].p_w

    def available_w(self, asset):
        """What an array could feed now, W; 0 for others."""
        cdef int k = self.at_node[asset]
        return 0.0 if k == POI else self.site.asset[k].available_w

    def demand_w(self, asset):
        """What a load or car wants now, W >= 0; 0 for others."""
        cdef int k = self.at_node[asset]
        return 0.0 if k == POI else self.site.asset[k].demand_w

    @property
    def mode(self):
        """What the bus hangs on."""
        return MODES[self.site.mode]

    @property
    def bus_v(self):
        """RMS phase voltage of the main bus, V: the mean of its phases."""
        return bus_pu(self.site) * self.site.nominal_v

    @property
    def islanded_s(self):
        """Time as an island so far, s."""
        return self.site.islanded_s

    @property
    def lowest_hz(self):
        """Lowest frequency of any island so far, Hz."""
        return self.site.lowest_hz

    @property
    def highest_hz(self):
        """Highest frequency of any island so far, Hz."""
        return self.site.highest_hz

    @property
    def line_loss_j(self):
        """Heat of the feeder's lines since the start, J."""
        return self.site.line_loss_j

    @property
    def island_j(self):
        """(inertia, damping): energy that an island's inertia took and its damping drew, J."""
        return self.site.inertia_j, self.site.damping_j

    @property
    def balance_residual_w(self):
        """Largest mean power of a second that no meter and no store accounts for, W."""
        return self.site.worst_w

    def unbalanced_j(self):
        """Energy metered into the bus minus what lines, inertia and damping took, J."""
        return unbalanced_j(self.site)


    # --- what is done to it; Plant checks the arguments and tells what happened

    cdef void begin(self):
        # The present is where everything goes on from.
        self.ahead = False

    def _advance(self, int64_t to_us):
        self.go(to_us)

    def _next_change_us(self):
        return self.next_change_us()

    def _aim(self):
        self.aim()

    def _is_closed(self, asset):
        cdef int k = self.at_node[asset]
        return bool(self.site.poi_closed if k == POI else self.site.asset[k].closed)

    def _contact(self, asset, bint closed):
        cdef Site *site = self.site
        cdef int k = self.at_node[asset]
        self.begin()
        if k == POI:
            site.grid_watch.last_us = site.bus_watch.last_us    # what its meter saw goes on
            site.poi_closed = closed
            return
        site.asset[k].closed = closed
        if site.asset[k].kind == KIND_BATTERY and not closed:
            (<Pack *> site.asset[k]).gave_up = False

    def _command(self, asset, double power_w):
        cdef int k = self.at_node[asset]
        if k < 0 or self.site.asset[k].command_w == power_w:
            return False
        self.begin()
        self.site.asset[k].command_w = power_w
        return True

    def _set_healthy(self, bint healthy):
        self.begin()
        self.site.healthy = healthy
        if not self.site.poi_closed:
            self.site.angle_deg = self.site.return_angle_deg

    def _ramp_voltage(self, double pu, double ramp_s, phases):
        cdef int k
        self.begin()
        for k in phases:
            if k >= self.site.phases:
                continue
            self.site.grid_to_pu[k] = pu
            if ramp_s > 0.0:
                self.site.grid_pu_per_s[k] = abs(pu - self.site.grid_pu[k]) / ramp_s
            else:
                self.site.grid_pu[k] = pu

    def _ramp_frequency(self, double hz, double ramp_s):
        self.begin()
        self.site.grid_to_hz = hz
        if ramp_s > 0.0:
            self.site.grid_hz_per_s = abs(hz - self.site.grid_hz) / ramp_s
        else:
            self.site.grid_hz = hz

    def _jump_angle(self, double deg):
        cdef Site *site = self.site
        cdef int i
        self.begin()
        if not site.healthy:
            return
        if not site.poi_closed:
            site.angle_deg = wrapped_deg(site.angle_deg - deg)
            return
        # A meter that takes the frequency from one cycle sees the jump as a frequency.
        if abs(deg) / 360.0 * site.nominal_hz > site.alarm_hz:
            site.bus_watch.last_us = site.now_us
        for i in range(site.assets):
            if site.asset[i].kind != KIND_LOAD and abs(deg) > site.asset[i].control.jump_deg:
                unlock(site, site.asset[i], deg)

    def _set_sky(self, double share, double ramp_s):
        cdef Site *site = self.site
        cdef double now_s = site.now_us * 1e-6
        cdef double done_s = now_s - site.sky_start_s
        self.begin()
        if done_s >= site.sky_ramp_s:
            site.sky_from = site.sky_to
        elif done_s > 0.0:
            site.sky_from += (site.sky_to - site.sky_from) * done_s / site.sky_ramp_s
        site.sky_to, site.sky_start_s, site.sky_ramp_s = share, now_s, ramp_s

    def _set_factor(self, asset, double factor):
        self.begin()
        (<Circuit *> self.find(asset)).factor = factor

    def _plug(self, asset, double energy_j, bint plugged):
        cdef Car *car = <Car *> self.find(asset)
        self.begin()
        car.plugged = plugged
        car.needed_j = energy_j
        if not plugged:
            car.a.p_w = car.a.target_w = 0.0

    def _trip(self, asset):
        self.begin()
        trip(self.site, self.find(asset))

    def _set_failed(self, asset, bint failed):
        self.begin()
        self.find(asset).failed = failed

    def _shade(self, asset, double fraction):
        cdef Array *pv = <Array *> self.find(asset)
        cdef double light[DIODE_STRINGS]
        cdef double covered
        cdef int k
        self.begin()
        for k in range(pv.diode.strings):
            covered = fraction * pv.diode.strings - k
            light[k] = 1.0 - SHADE_DEPTH * (0.0 if covered < 0.0 else 1.0 if covered > 1.0
                                            else covered)
        diode_shade(&pv.diode, light, pv.diode.strings)
        pv.shaded = fraction > 0.0

    def _start_motor(self, asset):
        cdef Circuit *load = <Circuit *> self.find(asset)
        self.begin()
        if load.turning:
            start_circuit(self.site, load)


cdef double amperes(const Site *site, double p_w, double q_var, double pu, int phases) noexcept:
    cdef double va = p_w
    if pu <= DEAD_PU:
        return 0.0
    if q_var != 0.0:
        va = (p_w * p_w + q_var * q_var) ** 0.5
        if p_w < 0.0:
            va = -va
    return va / (phases * pu * site.nominal_v)
