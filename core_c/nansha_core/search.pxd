"""C-level view of the search for one zone's price."""

from nansha_core.plan cimport Group, Plan


cdef enum Taken:
    # Where the row lies that has taken the last rounding.
    NOTHING = 0
    INSIDE = 1
    AT_BOUND = 2


cdef double slack(const Group *g) noexcept nogil
cdef bint find_near(Plan *plan, Py_ssize_t v) noexcept nogil
cdef void find(Plan *plan, Py_ssize_t v, bint warm) noexcept nogil
cdef Taken absorb(Plan *plan, Py_ssize_t v, bint at_bounds) noexcept nogil
