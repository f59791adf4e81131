"""C-level view of a converter's response and protection."""

from libc.stdint cimport int64_t

from nansha_hil.plant.state cimport Asset, Site

cdef double follow(Asset *a, double h_s) noexcept nogil
cdef void arrive(Asset *a) noexcept nogil
cdef bint may_run(Site *site, Asset *a, bint forming) noexcept nogil
cdef void trip(Site *site, Asset *a) noexcept nogil
cdef void unlock(Site *site, Asset *a, double value) noexcept nogil
cdef bint time_out(Site *site, Asset *a, double h_s, bint own_hz) noexcept nogil
cdef int due_trip(const Asset *a) noexcept nogil
cdef bint strays(const Site *site, const Asset *a) noexcept nogil
