"""C-level view of a window: the rows of a long flat plan that matter near one price."""

from libc.stdint cimport int32_t

from nansha_core.plan cimport Group, Plan


cdef enum:
    WIDE = 0
    NARROW = 1
    WINDOWS = 2


cdef struct Window:
    # All other rows are one line from `low` to `high`: the plan's rest.
    bint usable
    double low, high
    Plan plan
    Group group
    int32_t *row            # the row that each member is; ascending up to `sorted`
    int32_t *place          # of rows that became members since; believed only if `row` agrees
    Py_ssize_t count, sorted
    Py_ssize_t room, loose  # members in all, and of them since the window was opened
    double *block


cdef bint make_window(Window *w, Py_ssize_t rows, Py_ssize_t room, Py_ssize_t loose) noexcept
cdef void drop_window(Window *w) noexcept
cdef Window *predict(Window *windows, Plan *full, double target, bint narrow) noexcept nogil
cdef void replace(Window *w, const Plan *full, int32_t row, double b, double inverse_a, double lo,
                  double hi) noexcept nogil
