"""C-level view of a site with switches: its data, and the balance at a node of the search."""

from nansha_core.plan cimport Plan
from nansha_core.settle cimport Settlement


cdef struct Site:
    Plan *plan
    Settlement *settlement
    double demand
    Py_ssize_t switches, rows, states, tiers
    Py_ssize_t head             # parts of the objective before the first tier
    Py_ssize_t parts            # then tiers, operations, sum of the state numbers
    Py_ssize_t depth            # of the tree; the site has 0
    Py_ssize_t *level           # depth of each of the plan's groups
    # Per switch, one more where something begins.
    Py_ssize_t *first_state
    Py_ssize_t *first_row
    Py_ssize_t *lead            # the row whose costs carry its fixed ones
    Py_ssize_t *pick            # the state it has at this node; OPEN
    Py_ssize_t *shown           # what the settlement has for it now; OPEN, STALE
    double *least               # x parts: what it costs at least while open, beside slanted costs
    double *slant_a             # x tiers: costs of its lead row while it is open
    double *slant_b
    # Per switched row.
    Py_ssize_t *slot
    Py_ssize_t *group           # in the plan
    double *hull_lo
    double *hull_hi
    double *a                   # its own costs, tiers x rows
    double *b
    # Per slot.
    char *switched
    # Per state.
    Py_ssize_t *bounds          # where its bounds begin
    char *live                  # it may be taken
    double *fixed               # x parts
    double *worth               # x parts: its least cost at given prices
    # Per state and row.
    double *lo
    double *hi
    double *ideal               # its power at those prices
    # Per part.
    double *tolerance
    double *scale               # per tier: the largest marginal cost, to compare costs with watts
    double *dual                # parts: a bound from prices alone
    bint has_dual
    Py_ssize_t nodes            # balances solved
    Py_ssize_t budget


cdef enum:
    OPEN = -1
    STALE = -2


cdef int compare(const Site *site, const double *x, const double *y) noexcept nogil
cdef bint below(const Site *site, const double *x, const double *y) noexcept nogil
cdef void show(Site *site, Py_ssize_t s, Py_ssize_t what) noexcept nogil
cdef void evaluate(Site *site, double *into) noexcept nogil
cdef void make_hull(Site *site, Py_ssize_t s) noexcept nogil
cdef bint complete(const Site *site, const double *vector) noexcept nogil
cdef void price_states(Site *site, bint ideals) noexcept nogil
