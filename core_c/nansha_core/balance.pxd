"""C-level view of a Balance, for the batches and searches that are built on it."""

from nansha_core.plan cimport Plan
from nansha_core.settle cimport Settlement
from nansha_core.window cimport WINDOWS, Window


cdef enum:
    # Of a Balance.
    NEW = 0             # not built, or not to the end: nothing may be asked of it
    READY = 1
    BUSY = 2            # solving in some thread


cdef class Balance:
    cdef Plan _plan
    cdef Settlement _settlement
    cdef double *_block         # all arrays of doubles, one allocation
    cdef Py_ssize_t *_slot      # where each row lies; NULL: row i in slot i
    cdef Py_ssize_t *_place     # where each of the user's groups lies in the plan
    cdef double *_out           # p in the user's order; NULL: as in the plan
    cdef double *_stage         # two arrays of n, for what is read before it is believed
    cdef Window _windows[WINDOWS]
    cdef double _base, _delta   # the price of the last call of `price`
    cdef double _demand
    cdef bint _written          # p is that of _demand
    cdef int _state
    cdef bint _started
    cdef object _layout
    cdef readonly tuple names
    cdef readonly tuple group_names
    cdef readonly tuple tier_names
    cdef int _claim(self) except -1
    cdef Py_ssize_t _index(self, object i) except -1
    cdef int _allocate(self, Py_ssize_t n, Py_ssize_t m, Py_ssize_t tiers,
                       Py_ssize_t *rows) except -1
    cdef Py_ssize_t _tier(self, object tier) except -1
    cdef Py_ssize_t _at(self, Py_ssize_t i) noexcept
    cdef double _run(self, double demand) noexcept
    cdef void _change(self) noexcept
    cdef void _forget(self) noexcept
    cdef void _write(self) noexcept
    cdef void _show(self) noexcept


cdef int show_doubles(object owner, double *data, Py_ssize_t *count, Py_buffer *view,
                      int flags) except -1
