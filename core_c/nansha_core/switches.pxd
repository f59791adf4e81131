"""C-level view of a balance with switches."""

from nansha_core.balance cimport Balance
from nansha_core.improve cimport Search


cdef class Switched:
    cdef Balance _balance
    cdef Search _search
    cdef double *_doubles
    cdef Py_ssize_t *_indices
    cdef char *_flags
    cdef Py_ssize_t *_now
    cdef bint _busy
    cdef object _problem
    cdef tuple _switches
    cdef tuple _parts
    cdef int _allocate(self) except -1
    cdef int _claim(self) except -1
    cdef void _point(self) noexcept
    cdef void _lay_out(self)
    cdef void _take_switches(self)
    cdef void _take_costs(self) noexcept
    cdef void _take_tolerances(self, double demand) noexcept
    cdef void _weigh(self, Py_ssize_t k, double a, double b, double top) noexcept
