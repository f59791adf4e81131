"""C-level view of the search for the best states."""

from nansha_core.improve cimport Search


cdef void search_states(Search *q, const Py_ssize_t *now) noexcept nogil
cdef void settle_best(Search *q) noexcept nogil
