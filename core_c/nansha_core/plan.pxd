"""C-level view of a problem: rows in slots, groups in post-order; and what all searches ask of it."""

from libc.stdint cimport int64_t

from nansha_core.lanes cimport nansha_members


cdef struct Pair:
    # A sum to twice the precision of a double.
    double head
    double tail


cdef struct Group:
    # Children come before their parent, the site is last: a subtree is the groups first … itself.
    # Each part says who writes it and for how long it holds.

    # The data, from Balance: until they are changed.
    Py_ssize_t parent       # -1 for the site
    Py_ssize_t first
    Py_ssize_t begin, end   # its own rows' slots, whole blocks
    double cap_lo, cap_hi
    double near             # rounding of a sum, relative to its largest power

    # What it can reach, from survey(): for one tier; from the first tier also those marked *.
    Pair low, high          # its rows and inner groups together
    double lo_top, hi_top   # the largest bounds in it
    double least, most      # * its caps where they can bind, else -inf, inf
    bint loose              # a row or an inner group could choose
    bint fixed              # * and yet caps leave one sum
    double overload         # *

    # At the price last looked at, from evaluate(): until the next look.
    Pair total              # its sum, ties at lo
    double jump, jump_rest  # what ties can add, rounded, and what that leaves
    double slope, top       # of its sum; the largest power
    bint passed_over        # not looked into: its cap holds it all the same

    # The zone that it is or belongs to, from search_zones() and find(): for one tier.
    Py_ssize_t zone         # the group whose price it has
    double target           # the sum it has to have, if it is a zone
    int side                # 1 held at cap_hi, -1 at cap_lo, 0 not
    double base, delta      # the price found
    double need             # target minus the sum there
    bint edge               # none was sought: the target is all, or the least, that it can reach
    double scale            # in the tie rule: the largest bound that a share is reckoned from

    # The price rule, from finish_zones() and set_prices(): for one tier.
    bint rule               # nothing in the zone says the price
    bint told               # something inside its range says the price
    double floor, ceil      # else: the dearest watt delivered, the cheapest next
    bint more, less         # its cap lets its sum rise, fall

    # From tier to tier, from set_prices(): until the next solve.
    int apart               # its price is not its parent's: 1 at cap_hi, -1 at cap_lo, or FIXED

    # From solve to solve, until data change. While the price outside stays beyond held_at, p in it
    # is still the answer to its cap. And where the next search of the first tier starts, if
    # warm_slope > 0: at the price warm + warm_step, where the sum was warm_target.
    bint held
    double held_at
    double warm, warm_step, warm_slope, warm_target
    Py_ssize_t owner        # a slot that took the last rounding


cdef enum:
    FIXED = 2           # of Group.apart
    STAGGER = 136       # doubles between long arrays: else all lie at the same cache sets


cdef struct Plan:
    Py_ssize_t n            # rows as the user counts them
    Py_ssize_t slots        # with padding
    Py_ssize_t m
    double *a
    double *b
    double *inverse_a
    double *lo
    double *hi
    double *p
    Group *groups
    double floor, ceiling   # no price beyond them matters
    Py_ssize_t looks        # at prices, since the solve began
    bint outside            # there is a line outside the rows:
    Pair rest               # rest + rest_slope * (price - rest_at)
    double rest_slope
    double rest_at


cdef inline double larger(double x, double y) noexcept nogil:
    return x if x > y else y


cdef inline double smaller(double x, double y) noexcept nogil:
    return x if x < y else y


cdef inline double clip(double x, double lo, double hi) noexcept nogil:
    return smaller(larger(x, lo), hi)


cdef inline void accumulate(Pair *sum, double x) noexcept nogil:
    # Knuth's two-sum: head + tail stays exact to second order.
    cdef double t = sum.head + x
    cdef double z = t - sum.head
    sum.tail += (sum.head - (t - z)) + (x - z)
    sum.head = t


cdef inline double value(const Pair *sum) noexcept nogil:
    # The sum, rounded once.
    return sum.head + sum.tail


cdef void survey(Plan *plan, bint first) noexcept nogil
cdef void resurvey(Plan *plan, Py_ssize_t i, double a, double b, double lo,
                   double hi) noexcept nogil
cdef double reply_at(const Plan *plan, Py_ssize_t i, double base, double delta) noexcept nogil
cdef void evaluate(Plan *plan, Py_ssize_t v, double base, double delta) noexcept nogil
cdef int64_t bracket(const Plan *plan, double low, double high, const nansha_members *members,
                     Pair *line, double *slope) noexcept nogil
cdef void stream(const Plan *plan, double *to) noexcept nogil
cdef Py_ssize_t padded(Py_ssize_t n) noexcept nogil
