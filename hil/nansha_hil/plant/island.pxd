"""C-level view of an island's frequency."""

from nansha_hil.plant.state cimport Site

cdef double rest_hz(Site *site, double other_w) noexcept nogil
cdef void swing(Site *site, double other_j, double h_s) noexcept nogil
cdef void rest(Site *site, double other_j, double h_s) noexcept nogil
