"""C-level view of a search over the states of all switches, and of its choices."""

from nansha_core.relax cimport Site


cdef struct Search:
    Site site
    bint usable                 # there is a best choice
    bint proven                 # none costs less
    Py_ssize_t *best            # states
    Py_ssize_t *trial
    double *best_vector
    double *bound
    double *vector              # three to work in
    double *other
    double *third
    double doubt                # how far the last node was from a choice, W
    double *keys                # per switch, to sort by
    Py_ssize_t *sorted
    double *kept_a              # slants put aside
    double *kept_b
    double *kept_least
    # The stack; switches x …
    Py_ssize_t depth
    Py_ssize_t *branched        # which switch
    Py_ssize_t *before          # the next twin of a switch that comes before it, after it; -1
    Py_ssize_t *after
    Py_ssize_t *turn            # how many of its children were taken
    double *bounds              # x parts
    Py_ssize_t *order           # per state: the children of a switch in order, from its first state


cdef bint try_choice(Search *q) noexcept nogil
cdef double away(const Site *site, Py_ssize_t s, Py_ssize_t j, bint bounds) noexcept nogil
cdef bint nearer(const Site *site, Py_ssize_t s, Py_ssize_t j, Py_ssize_t l) noexcept nogil
cdef Py_ssize_t nearest(const Site *site, Py_ssize_t s) noexcept nogil
cdef Py_ssize_t cheapest(const Site *site, Py_ssize_t s, Py_ssize_t but) noexcept nogil
cdef void first_choices(Search *q, const Py_ssize_t *now) noexcept nogil
cdef void improve(Search *q) noexcept nogil
