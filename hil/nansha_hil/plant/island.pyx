# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Frequency of an island held by grid-forming converters: droop, virtual inertia, load damping.

Swing equation, W: M df/dt = sum of powers into the bus - D (f - fn), with M = 2 H S / fn and S the
summed rating of the grid-forming converters (Kundur, Power System Stability and Control, ch. 11, in
hertz instead of per unit). A converter aims at setpoint + (fn - f) * rated / (droop * fn), within
rating and cells, and gets there with its ramp and its time constant.
"""

from libc.math cimport INFINITY

from nansha_hil.plant.control cimport follow
from nansha_hil.plant.parts cimport clip_w, step_pack
from nansha_hil.plant.state cimport Pack, Site, spread


cdef inline double asked_w(const Site *site, const Pack *pack, double low_hz) noexcept nogil:
    # What the droop asks of a converter low_hz below nominal, before any limit.
    return pack.a.command_w + low_hz * pack.a.rated_w / site.droop_hz


cdef double surplus_w(const Site *site, double other_w, double low_hz) noexcept nogil:
    # All powers low_hz below nominal, limits observed: rises with low_hz.
    cdef double total = other_w + site.damping_w_per_hz * low_hz
    cdef int i
    for i in range(site.packs):
        if site.pack[i].forming:
            total += clip_w(&site.pack[i], asked_w(site, &site.pack[i], low_hz))
    return total


cdef double limited_low_hz(const Site *site, double other_w) noexcept nogil:
    # Where the clipped sum passes zero: between two neighbouring corners it is a straight line.
    cdef double left = -INFINITY, right = INFINITY, least = INFINITY, most = -INFINITY
    cdef double corner, at_left, at_right, at, beyond
    cdef const Pack *pack
    cdef int i, side
    for i in range(site.packs):
        pack = &site.pack[i]
        if not pack.forming:
            continue
        for side in range(2):
            corner = ((clip_w(pack, pack.a.rated_w if side else -pack.a.rated_w) - pack.a.command_w)
                      * site.droop_hz / pack.a.rated_w)
            at = surplus_w(site, other_w, corner)
            if at <= 0.0 and corner > left:
                left = corner
            if at >= 0.0 and corner < right:
                right = corner
            least = corner if corner < least else least
            most = corner if corner > most else most
    if left != -INFINITY and right != INFINITY:
        at_left, at_right = surplus_w(site, other_w, left), surplus_w(site, other_w, right)
        if at_left == at_right:
            return left
        return left - at_left * (right - left) / (at_right - at_left)
    corner = least if left == -INFINITY else most
    beyond = surplus_w(site, other_w, corner)
    if site.damping_w_per_hz <= 0.0:
        return -INFINITY if beyond > 0.0 else INFINITY
    return corner - beyond / site.damping_w_per_hz


cdef double rest_hz(Site *site, double other_w) noexcept nogil:
    """Frequency, Hz, at which the converters carry the others; +-inf if they cannot."""
    cdef double command_w = other_w
    cdef double slope = site.damping_w_per_hz
    cdef double low_hz, asks_w
    cdef int i
    for i in range(site.packs):
        if site.pack[i].forming:
            command_w += site.pack[i].a.command_w
            slope += site.pack[i].a.rated_w / site.droop_hz
    low_hz = -command_w / slope
    for i in range(site.packs):
        if site.pack[i].forming:
            asks_w = asked_w(site, &site.pack[i], low_hz)
            if clip_w(&site.pack[i], asks_w) != asks_w:
                return site.nominal_hz - limited_low_hz(site, other_w)
    return site.nominal_hz - low_hz


cdef inline void move(Site *site, double energy_j, double damping_j) noexcept nogil:
    cdef double moved_j = energy_j - damping_j
    site.damping_j += damping_j
    site.inertia_j += moved_j
    site.hz += moved_j / site.inertia_w_s_per_hz


cdef void swing(Site *site, double other_j, double h_s) noexcept nogil:
    """One short step of the swing equation, second order in h_s.

    other_j: energy of everything but the forming batteries, J, into the bus.
    """
    cdef double before_hz = site.hz
    cdef double low_hz = site.nominal_hz - before_hz
    cdef double power_w = other_j / h_s + site.damping_w_per_hz * low_hz
    cdef double energy_j = other_j, asks_w, tau_s, part_j
    cdef Pack *pack
    cdef int i
    for i in range(site.packs):
        pack = &site.pack[i]
        if pack.forming:
            # Its mean over the first half: (1 - exp(-x)) / x is 1 / (1 + x / 2) to second order.
            asks_w = clip_w(pack, asked_w(site, pack, low_hz))
            tau_s = pack.a.control.tau_s
            if tau_s > 0.0:
                asks_w += (pack.a.p_w - asks_w) / (1.0 + 0.25 * h_s / tau_s)
            power_w += asks_w
    low_hz = site.nominal_hz - (before_hz + 0.5 * h_s * power_w / site.inertia_w_s_per_hz)
    for i in range(site.packs):
        pack = &site.pack[i]
        if pack.forming:
            pack.a.target_w = clip_w(pack, asked_w(site, pack, low_hz))
            part_j = follow(&pack.a, h_s)
            spread(&pack.a)
            energy_j += step_pack(pack, part_j, h_s, site.air_degc)
    move(site, energy_j, -site.damping_w_per_hz * low_hz * h_s)
    site.hz_per_s = (site.hz - before_hz) / h_s


cdef void rest(Site *site, double other_j, double h_s) noexcept nogil:
    """One long step at rest: converters carry the others exactly, and the frequency holds.

    The small move to the rest frequency is paid for by the converters too, so energy closes.
    """
    cdef double aim_hz = rest_hz(site, other_j / h_s)
    cdef double low_hz = site.nominal_hz - aim_hz
    cdef double move_j = site.inertia_w_s_per_hz * (aim_hz - site.hz) / site.forming
    cdef double energy_j = other_j
    cdef Pack *pack
    cdef int i
    for i in range(site.packs):
        pack = &site.pack[i]
        if pack.forming:
            pack.a.p_w = pack.a.target_w = clip_w(pack, asked_w(site, pack, low_hz))
            spread(&pack.a)
            energy_j += step_pack(pack, pack.a.p_w * h_s + move_j, h_s, site.air_degc)
    move(site, energy_j, -site.damping_w_per_hz * low_hz * h_s)
    site.hz_per_s = 0.0
