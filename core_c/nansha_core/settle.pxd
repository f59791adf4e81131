"""C-level view of a whole solve: zones, tiers, the tie rule."""

from nansha_core.plan cimport Plan
from nansha_core.window cimport Window


cdef struct Costs:
    double *a
    double *b
    double *inverse_a


cdef struct Settlement:
    # The data of all tiers, room to work in, and what is not per row.
    Py_ssize_t tiers
    Costs *costs            # tiers + 1 of them; the last is the tie rule's, made when needed
    double *lo
    double *hi
    double *work_lo
    double *work_hi
    double *prices          # (tiers + 1) x m, groups as in the plan
    bint stale              # the survey of the first tier
    Window *windows         # of a long flat plan with one tier, else NULL
    double residual
    double shortage
    double surplus


cdef void ready(Plan *plan, Settlement *s) noexcept nogil
cdef void settle(Plan *plan, Settlement *s, double demand) noexcept nogil
