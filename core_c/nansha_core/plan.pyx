# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Rows, groups and prices: what a subtree answers to a price.

At a price of power every row answers alone, with the point of its range whose marginal cost is
nearest the price. A group answers with the sum of its rows and inner groups, clipped to its cap.
All these answers never fall as the price rises, and every rounded operation in them is monotone,
so a bracket of prices is never wrong because of rounding, only narrow.

A price is held as base + delta. (base - b) + delta keeps full relative accuracy near base, so rows
that are nearly linear are placed exactly too.
"""

from libc.math cimport fabs, INFINITY
from libc.float cimport DBL_EPSILON

from nansha_core.lanes cimport (
    CHUNK, LANES, LONG, nansha_bracket, nansha_choose_lanes, nansha_fill, nansha_members,
    nansha_stream, nansha_sums,
)



def use_lanes(most=8):
    """Compute with vectors of at most so many doubles, all sites; returns how many these are.

    The widest that the machine has are taken when this module loads. All give the same bits; this
    is here so that tests can see it. Not while another thread solves.
    """
    return nansha_choose_lanes(most)


use_lanes()


cdef Py_ssize_t padded(Py_ssize_t n) noexcept nogil:
    """The slots that n rows of one group take."""
    cdef Py_ssize_t block = CHUNK if n > LONG - CHUNK else LANES
    return (n + block - 1) // block * block


cdef double TINIEST = 1e-290        # a step of price that even subnormal prices see


# ------------------------------------------------------------------ the survey of a tier

cdef void bind_caps(Group *g) noexcept nogil:
    # From what the rows can reach to what the cap leaves of it (docs/balance.md, "Nothing is
    # infeasible"). Within rounding of the bounds nothing is out of reach.
    cdef double low = value(&g.low), high = value(&g.high)
    g.least = -INFINITY
    g.most = INFINITY
    g.overload = 0.0
    if low >= g.cap_hi:
        g.least = g.most = low
        if low - g.cap_hi > 4.0 * DBL_EPSILON * g.lo_top:
            g.overload = low - g.cap_hi
    elif high <= g.cap_lo:
        g.least = g.most = high
        if g.cap_lo - high > 4.0 * DBL_EPSILON * g.hi_top:
            g.overload = high - g.cap_lo
    else:
        if g.cap_hi < high:
            g.most = g.cap_hi
        if g.cap_lo > low:
            g.least = g.cap_lo
    g.fixed = g.loose and g.least == g.most


cdef void add_pair(Pair *to, const Pair *x) noexcept nogil:
    accumulate(to, x.head)
    accumulate(to, x.tail)


cdef void survey(Plan *plan, bint first) noexcept nogil:
    """What each subtree can reach, and the prices that can matter, in the tier as it stands.

    `first`: the data themselves, before any tier has decided; only they say what is fixed.
    """
    cdef double low = INFINITY, high = -INFINITY, wide = 0.0, slack, lo, hi, sum_lo, sum_hi
    cdef Py_ssize_t k, i, start, chunk
    cdef Group *g
    cdef Group *up
    for k in range(plan.m):
        g = &plan.groups[k]
        g.low.head = g.low.tail = g.high.head = g.high.tail = 0.0
        g.lo_top = g.hi_top = 0.0
        g.loose = False
    for k in range(plan.m):
        g = &plan.groups[k]
        chunk = 1 if g.end - g.begin < LONG else CHUNK      # as exact as the sums of replies
        start = g.begin
        while start < g.end:
            sum_lo = sum_hi = 0.0
            for i in range(start, start + chunk):
                lo = plan.lo[i]
                hi = plan.hi[i]
                sum_lo += lo
                sum_hi += hi
                g.lo_top = larger(g.lo_top, fabs(lo))
                g.hi_top = larger(g.hi_top, fabs(hi))
                if lo < hi:
                    g.loose = True
                    low = smaller(low, plan.a[i] * lo + plan.b[i])
                    high = larger(high, plan.a[i] * hi + plan.b[i])
                    wide = larger(wide, fabs(plan.b[i]) + plan.a[i] * larger(fabs(lo), fabs(hi)))
            accumulate(&g.low, sum_lo)
            accumulate(&g.high, sum_hi)
            start += chunk
        if first:
            bind_caps(g)
        elif g.apart:
            g.least = g.most = g.target
        if g.parent >= 0:
            up = &plan.groups[g.parent]
            up.loose = up.loose or (g.loose and not g.fixed)
            up.lo_top = larger(up.lo_top, fabs(g.least) if g.least > value(&g.low) else g.lo_top)
            up.hi_top = larger(up.hi_top, fabs(g.most) if g.most < value(&g.high) else g.hi_top)
            if g.least > value(&g.low) or g.least == g.most:
                accumulate(&up.low, g.least)
            else:
                add_pair(&up.low, &g.low)
            if g.most < value(&g.high) or g.least == g.most:
                accumulate(&up.high, g.most)
            else:
                add_pair(&up.high, &g.high)
    if low > high:
        low = high = 0.0
    # Far more than any rounding of the margins.
    slack = 1e-9 * wide + TINIEST if wide > 0.0 else 1.0
    plan.floor = low - slack
    plan.ceiling = high + slack


cdef void resurvey(Plan *plan, Py_ssize_t i, double a, double b, double lo,
                   double hi) noexcept nogil:
    """Keep the survey of a flat plan right when row i becomes another; the limits only widen."""
    cdef Group *site = &plan.groups[0]
    cdef double slack
    accumulate(&site.low, -plan.lo[i])
    accumulate(&site.low, lo)
    accumulate(&site.high, -plan.hi[i])
    accumulate(&site.high, hi)
    slack = 1e-9 * (fabs(b) + a * larger(fabs(lo), fabs(hi))) + TINIEST
    plan.floor = smaller(plan.floor, a * lo + b - slack)
    plan.ceiling = larger(plan.ceiling, a * hi + b + slack)


# ------------------------------------------------------------------ the answer to a price

cdef double reply_at(const Plan *plan, Py_ssize_t i, double base, double delta) noexcept nogil:
    """The reply of one row, to the bit that of the vector loops."""
    cdef double free = ((base - plan.b[i]) + delta) * plan.inverse_a[i]
    return clip(free, plan.lo[i], plan.hi[i])



cdef inline void set_jump(Group *g, const Pair *jump) noexcept nogil:
    g.jump = value(jump)
    g.jump_rest = (jump.head - g.jump) + jump.tail


cdef void look_at_ties(const Plan *plan, Group *g, double base, double delta) noexcept nogil:
    # What ties can add to the group's own rows; the slope, which they made inf, without them; and
    # the largest power, to which a tie adds no more than it has to.
    cdef Pair jump
    cdef double x, p
    cdef Py_ssize_t i
    jump.head = jump.tail = g.slope = g.top = 0.0
    for i in range(g.begin, g.end):
        x = (base - plan.b[i]) + delta
        p = plan.p[i]
        if x == 0.0 and plan.inverse_a[i] == INFINITY:
            accumulate(&jump, plan.hi[i])
            accumulate(&jump, -plan.lo[i])
            p = clip(0.0, plan.lo[i], plan.hi[i])
        elif plan.a[i] > 0.0 and plan.lo[i] < p < plan.hi[i]:
            g.slope += plan.inverse_a[i]
        g.top = larger(g.top, fabs(p))
    set_jump(g, &jump)


cdef void hand_up(const Group *g, Group *up) noexcept nogil:
    # What the group is to its parent: its sum, as far as its cap lets it.
    cdef double left = value(&g.total)
    cdef double right = left + g.jump
    cdef Pair jump
    if left >= g.most:
        accumulate(&up.total, g.most)
        up.top = larger(up.top, fabs(g.most))
    elif right <= g.least:
        accumulate(&up.total, g.least)
        up.top = larger(up.top, fabs(g.least))
    elif g.jump == 0.0:
        add_pair(&up.total, &g.total)
        up.top = larger(up.top, g.top)
        up.slope += g.slope
    else:
        up.top = larger(up.top, g.top)
        jump.head = up.jump
        jump.tail = up.jump_rest
        if left >= g.least:
            add_pair(&up.total, &g.total)
        else:
            accumulate(&up.total, g.least)
        if right > g.most:
            accumulate(&jump, g.most)
        else:
            add_pair(&jump, &g.total)
            accumulate(&jump, g.jump)
            accumulate(&jump, g.jump_rest)
        if left >= g.least:
            accumulate(&jump, -g.total.head)
            accumulate(&jump, -g.total.tail)
        else:
            accumulate(&jump, -g.least)
        set_jump(up, &jump)
        up.slope += g.slope


cdef inline bint still_held(const Group *g, double price) noexcept nogil:
    return g.held and (g.apart == FIXED or (price > g.held_at if g.side > 0 else price < g.held_at))


cdef void look_into(Plan *plan, Py_ssize_t v, double base, double delta, double price) noexcept nogil:
    cdef Group *g = &plan.groups[v]
    cdef Group *inner
    cdef nansha_sums sums
    cdef Py_ssize_t k = v - 1
    if g.end > g.begin:
        nansha_fill(plan.b + g.begin, plan.inverse_a + g.begin, plan.lo + g.begin,
                    plan.hi + g.begin, plan.p + g.begin, g.end - g.begin, base, delta, &sums)
        g.total.head = sums.head
        g.total.tail = sums.tail
        g.jump = g.jump_rest = 0.0
        g.slope = sums.slope
        g.top = sums.top
        if sums.slope == INFINITY:
            look_at_ties(plan, g, base, delta)
        g.top = larger(g.top, g.scale)
    else:
        g.total.head = g.total.tail = g.jump = g.jump_rest = g.slope = g.top = 0.0
    while k >= g.first:         # the children, last to first
        inner = &plan.groups[k]
        inner.passed_over = still_held(inner, price)
        if inner.passed_over:
            g.top = larger(g.top, fabs(inner.target))
            accumulate(&g.total, inner.target)
        else:
            inner.held = False
            look_into(plan, k, base, delta, price)
            hand_up(inner, g)
        k = inner.first - 1


cdef void evaluate(Plan *plan, Py_ssize_t v, double base, double delta) noexcept nogil:
    """Write the replies of all rows in the subtree of v, and the sums of all its groups.

    Of groups that their caps hold all the same, nothing is written and nothing changes.
    """
    cdef Group *g = &plan.groups[v]
    look_into(plan, v, base, delta, base + delta)
    if plan.outside:
        add_pair(&g.total, &plan.rest)
        accumulate(&g.total, plan.rest_slope * ((base - plan.rest_at) + delta))
        g.slope += plan.rest_slope


cdef int64_t bracket(const Plan *plan, double low, double high, const nansha_members *members,
                     Pair *line, double *slope) noexcept nogil:
    """nansha_bracket over all rows of a flat plan, and the line that its sum has already."""
    cdef nansha_sums sums
    cdef int64_t count = nansha_bracket(plan.b, plan.inverse_a, plan.lo, plan.hi, plan.slots, low,
                                        high, members, &sums)
    line[0] = plan.rest
    accumulate(line, plan.rest_slope * (low - plan.rest_at))
    accumulate(line, sums.head)
    accumulate(line, sums.tail)
    slope[0] = plan.rest_slope + sums.slope
    return count


cdef void stream(const Plan *plan, double *to) noexcept nogil:
    """One pass over the five arrays that does nothing worth having: the memory limit."""
    nansha_stream(plan.b, plan.inverse_a, plan.lo, plan.hi, to, plan.slots)
