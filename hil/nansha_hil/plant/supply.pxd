"""C-level view of the utility, the breaker and the bus's voltages."""

from nansha_hil.plant.feeder cimport Feeder
from nansha_hil.plant.state cimport Site

cdef bint in_step(const Site *site) noexcept nogil
cdef bint out_of_phase(const Site *site) noexcept nogil
cdef double contact_changes_in_s(const Site *site) noexcept nogil
cdef double wrapped_deg(double angle_deg) noexcept nogil
cdef void aim_voltages(Site *site, Feeder feeder) noexcept nogil
cdef bint move_voltages(Site *site, double h_s) noexcept nogil
cdef bint ramp_grid(Site *site, double h_s) noexcept nogil
cdef void watch(Site *site) noexcept nogil
