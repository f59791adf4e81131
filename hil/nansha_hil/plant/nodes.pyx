# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, embedsignature=True
"""A plant's components as objects to look at: windows on the engine's state, nothing of their own."""

from nansha_hil.plant.cells cimport cells_fade, cells_rc_j, cells_stored_j
from nansha_hil.plant.engine cimport Engine
from nansha_hil.plant.state cimport Array, Asset, Car, Circuit, Pack, Site


cdef class Node:
    """Part common to all components; all figures are of the present.

    p_w: power into the bus, W; target_w: where it is heading. out_j and in_j: energy delivered into
    and drawn from the bus, J, both >= 0. demand_j: what a load or car wanted. available_j: what an
    array could have fed. loss_j: heat inside.
    """

    cdef Engine engine
    cdef Asset *at
    cdef readonly str name
    cdef readonly object spec

    def __init__(self, Engine engine, str name, spec):
        self.engine = engine
        self.name = name
        self.spec = spec
        self.at = engine.site.asset[engine.at_node[name]]

    @property
    def rated_w(self):
        """Rating, W."""
        return self.at.rated_w

    @property
    def band_w(self):
        """So close to its target it counts as there, W."""
        return self.at.band_w

    @property
    def command_w(self):
        """The analog command, W in bus injection."""
        return self.at.command_w

    @property
    def closed(self):
        """Whether its contact is closed."""
        return bool(self.at.closed)

    @property
    def failed(self):
        """Whether it is out of service."""
        return bool(self.at.failed)

    @property
    def p_w(self):
        """Power into the bus, W."""
        return self.at.p_w

    @property
    def q_var(self):
        """Reactive power into the bus, var."""
        return self.at.q_var

    @property
    def target_w(self):
        """Power it is heading for, W."""
        return self.at.target_w

    @property
    def available_w(self):
        """What an array could feed, W."""
        return self.at.available_w

    @property
    def demand_w(self):
        """What a load or car wants, W."""
        return self.at.demand_w

    @property
    def out_j(self):
        """Energy delivered into the bus, J."""
        return self.at.out_j

    @property
    def in_j(self):
        """Energy drawn from the bus, J."""
        return self.at.in_j

    @property
    def available_j(self):
        """Energy an array could have fed, J."""
        return self.at.available_j

    @property
    def demand_j(self):
        """Energy a load or car wanted, J."""
        return self.at.demand_j

    @property
    def loss_j(self):
        """Heat inside, J."""
        return self.at.loss_j


cdef class Pv(Node):
    """An array."""

    @property
    def irradiance_w_per_m2(self):
        """In the array's plane, W/m2."""
        return (<Array *> self.at).w_per_m2


cdef class Battery(Node):
    """A battery; its command is a set power, W, + discharging."""

    @property
    def soc(self):
        """State of charge, 0..1."""
        return (<Pack *> self.at).cells.charge_c / (<Pack *> self.at).cells.capacity_c

    @property
    def stored_j(self):
        """Energy in the cells: chemical above empty, and in their double layers, J."""
        return cells_stored_j(&(<Pack *> self.at).cells) + cells_rc_j(&(<Pack *> self.at).cells)

    @property
    def loss_j(self):
        """Heat of cells and converter, and what the converter used itself, J."""
        return self.at.loss_j + (<Pack *> self.at).cells.heat_j

    @property
    def degc(self):
        """Temperature of the cells, degC."""
        return (<Pack *> self.at).cells.degc

    @property
    def fade(self):
        """Share of the capacity lost since the start."""
        return cells_fade(&(<Pack *> self.at).cells)

    @property
    def limits_w(self):
        """(least, largest) power that rating and cells allow in this second, W."""
        return (<Pack *> self.at).low_w, (<Pack *> self.at).high_w

    @property
    def forming(self):
        """Whether it holds the island now."""
        return bool((<Pack *> self.at).forming)

    @property
    def tripped(self):
        """Whether it has given up on an island until its contactor is opened."""
        return bool((<Pack *> self.at).gave_up)


cdef class Load(Node):
    """A switched load."""

    @property
    def factor(self):
        """What its profile is multiplied by."""
        return (<Circuit *> self.at).factor

    @property
    def stalled(self):
        """Whether its motors stand under voltage."""
        return bool((<Circuit *> self.at).stalled)


cdef class Ev(Node):
    """A charge point; its command is the charge limit in bus injection, <= 0; 0 means pause."""

    @property
    def plugged(self):
        """Whether a car is there."""
        return bool((<Car *> self.at).plugged)

    @property
    def needed_j(self):
        """What the car still wants, J."""
        return (<Car *> self.at).needed_j


cdef class Poi:
    """Point of interconnection: power is import (+) or export (-); metered on the bus side."""

    cdef Engine engine
    cdef readonly str name
    cdef readonly object spec
    available_w = demand_w = available_j = demand_j = loss_j = 0.0

    def __init__(self, Engine engine, str name, spec):
        self.engine = engine
        self.name = name
        self.spec = spec

    @property
    def closed(self):
        """Whether the breaker is closed."""
        return bool(self.engine.site.poi_closed)

    @property
    def healthy(self):
        """Whether the utility is there."""
        return bool(self.engine.site.healthy)

    @property
    def p_w(self):
        """Import, W."""
        return self.engine.site.poi_w

    @property
    def q_var(self):
        """Reactive power into the bus, var."""
        return self.engine.site.poi_var

    @property
    def out_j(self):
        """Energy imported, J."""
        return self.engine.site.poi_out_j

    @property
    def in_j(self):
        """Energy exported, J."""
        return self.engine.site.poi_in_j

    @property
    def angle_deg(self):
        """Phase of the bus ahead of the utility, degrees, between two live sides."""
        return self.engine.site.angle_deg

    @property
    def frequency_hz(self):
        """The utility's frequency, Hz."""
        return self.engine.site.grid_hz


cdef class BusFrequency:
    """The main bus's frequency."""

    cdef Engine engine

    def __init__(self, Engine engine):
        self.engine = engine

    @property
    def hz(self):
        """Now, Hz; 0 when black."""
        return self.engine.site.hz
