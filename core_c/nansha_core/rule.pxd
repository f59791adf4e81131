"""C-level view of the price rule."""

from nansha_core.plan cimport Plan


cdef void set_prices(Plan *plan, double *prices, bint last, bint tie_rule) noexcept nogil
