"""C-level view of what the bus hangs on, and of one step of everything."""

from libc.stdint cimport int64_t

from nansha_hil.plant.feeder cimport Feeder
from nansha_hil.plant.state cimport Site

cdef void refresh(Site *site, Feeder feeder) noexcept nogil
cdef bint run(Site *site, Feeder feeder, int64_t to_us) noexcept nogil
cdef void touch(Site *site, Feeder feeder, int64_t to_us) noexcept nogil
cdef bint settled(const Site *site) noexcept nogil
cdef double unbalanced_j(const Site *site) noexcept nogil
