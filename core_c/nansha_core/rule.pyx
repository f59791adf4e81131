# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""The price rule (docs/balance.md): which price is stated where several would do.

From the inside out, the range of prices that would do for all that is inside a group; from the
outside in, its parent's price if that lies within, else its own.
"""

from libc.float cimport DBL_MIN
from libc.math cimport isfinite, INFINITY

from nansha_core.plan cimport Group, Plan, larger, smaller, value


cdef void read_rows(const Plan *plan, Group *g, double told, bint tie_rule) noexcept nogil:
    # What a group's own rows say: one inside its range tells the price that was found for it.
    cdef Py_ssize_t i
    cdef double margin, p
    for i in range(g.begin, g.end):
        p = plan.p[i]
        if plan.lo[i] < p < plan.hi[i]:
            g.told = True
            g.floor = g.ceil = told
            return
        if plan.lo[i] < plan.hi[i]:
            if tie_rule:        # the fraction of the range, without rounding
                margin = 1.0 if p > plan.lo[i] else 0.0
            else:
                margin = plan.a[i] * p + plan.b[i]
            if p > plan.lo[i]:
                g.floor = larger(g.floor, margin)
            else:
                g.ceil = smaller(g.ceil, margin)


cdef void speak_up(const Group *g, Group *outer) noexcept nogil:
    # What a group is to the rule outside: one that could give more, or less, or both.
    if g.told and g.more and g.less:
        outer.told = True
        outer.floor = outer.ceil = g.floor
    if outer.told:
        return
    if g.less:
        outer.floor = larger(outer.floor, g.floor)
    if g.more:
        outer.ceil = smaller(outer.ceil, g.ceil)


cdef inline double own_price(const Group *g) noexcept nogil:
    return g.floor if isfinite(g.floor) else (g.ceil if isfinite(g.ceil) else 0.0)


cdef void set_prices(Plan *plan, double *prices, bint last, bint tie_rule) noexcept nogil:
    """The price of each group in this tier, and which groups stand apart from now on.

    While tiers are still to come a zone tells the price that was found for it, unless the rule has
    to. `last`: the powers are final, so rows tell; `prices` holds what was found for them.
    """
    cdef Py_ssize_t v
    cdef Group *g
    cdef const Group *zone
    cdef double sum, outside, own, doubt
    for v in range(plan.m):
        plan.groups[v].floor = -INFINITY
        plan.groups[v].ceil = INFINITY
        plan.groups[v].told = False
    for v in range(plan.m):
        g = &plan.groups[v]
        zone = &plan.groups[g.zone]
        if not last and not zone.rule:
            g.told = True
            g.floor = g.ceil = zone.base + zone.delta
        elif not g.told:
            read_rows(plan, g, prices[v], tie_rule)
        if g.parent >= 0 and not g.apart:
            sum = value(&g.total) if last or g.zone != v else g.target
            doubt = 4.0 * g.near * g.top + DBL_MIN if last else 0.0
            g.more = sum < g.cap_hi - doubt
            g.less = sum > g.cap_lo + doubt
            speak_up(g, &plan.groups[g.parent])
    for v in range(plan.m - 1, -1, -1):
        g = &plan.groups[v]
        if g.parent < 0 or g.apart:
            prices[v] = own_price(g)
            continue
        outside = prices[v] = prices[g.parent]
        if not g.floor <= outside <= g.ceil:
            own = own_price(g)
            if not (g.more if own < outside else g.less):   # else it is rounding that parts them
                prices[v] = own
                g.apart = 1 if own < outside else -1        # from now on at its cap
                g.target = g.cap_hi if own < outside else g.cap_lo
