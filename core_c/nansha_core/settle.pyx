# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""A whole solve: tier by tier, zone by zone, and the tie rule last (docs/balance.md).

In a tier the site is searched first. A group whose cap clips it at the site's price is a zone of
its own, searched for its cap; groups inside it likewise. All others have their parent's price.
Then the tier has decided what it cares for: its answers are written into the bounds as points, and
only rows that are exactly indifferent go on to the next tier. The tie rule is one more tier.
"""

from libc.float cimport DBL_EPSILON
from libc.math cimport fabs
from libc.string cimport memcpy, memset

from nansha_core.plan cimport (
    FIXED, Group, Plan, accumulate, larger, survey, value,
)
from nansha_core.rule cimport set_prices
from nansha_core.search cimport AT_BOUND, INSIDE, Taken, absorb, find, find_near, slack
from nansha_core.window cimport Window, predict

cdef double NARROWEST = 1e-290      # a range below it has no inverse


# ------------------------------------------------------------------ zones

cdef inline bint stays_low(const Group *zone) noexcept nogil:
    # Its target leaves nothing for its ties, if there are any.
    return zone.need <= slack(zone)


cdef void search_zones(Plan *plan, bint first) noexcept nogil:
    # Outer groups before inner ones: an outer price says which inner caps bind.
    cdef Py_ssize_t v = plan.m - 1
    cdef Group *g
    cdef const Group *outer
    cdef double left
    while v >= 0:
        g = &plan.groups[v]
        if g.passed_over:
            v = g.first - 1     # all in it is as it was
            continue
        g.side = 0
        g.zone = v
        if g.parent >= 0 and not g.apart:
            left = value(&g.total)
            outer = &plan.groups[plan.groups[g.parent].zone]
            if left > g.most:
                g.side = 1
                g.target = g.most
            elif left + (0.0 if stays_low(outer) else g.jump) < g.least:
                g.side = -1
                g.target = g.least
            else:
                g.zone = plan.groups[g.parent].zone
        if g.zone == v:
            find(plan, v, first)
            if first and g.parent >= 0:
                g.held = True
                g.held_at = g.base + g.delta
        v -= 1


cdef bint some_inside(const Plan *plan, Py_ssize_t v) noexcept nogil:
    cdef Py_ssize_t k, i
    for k in range(plan.groups[v].first, v + 1):
        if plan.groups[k].zone == v:
            for i in range(plan.groups[k].begin, plan.groups[k].end):
                if plan.lo[i] < plan.p[i] < plan.hi[i]:
                    return True
    return False


cdef bint finish_zones(Plan *plan, bint last) noexcept nogil:
    # Give roundings to their owners; True if every price is unique and no tie is open.
    cdef Py_ssize_t v
    cdef Group *g
    cdef bint plain = True
    cdef Taken taken
    for v in range(plan.m):
        g = &plan.groups[v]
        if g.zone != v:
            if value(&g.total) == g.cap_lo or value(&g.total) == g.cap_hi:
                plain = False       # met without being needed: the rule says whether it holds
            continue
        g.rule = not (g.slope > 0.0 or (g.jump > 0.0 and not stays_low(g)))
        if g.jump == 0.0 and not g.edge:
            taken = absorb(plan, v, last)
            if taken == INSIDE:
                g.rule = False
            elif taken == AT_BOUND:
                g.rule = True
        if g.rule:      # a row inside a group that is just at its cap tells it all the same
            g.rule = not some_inside(plan, v)
        if g.rule or g.jump > 0.0:
            plain = False
    return plain


# ------------------------------------------------------------------ from tier to tier

cdef void take_costs(Plan *plan, const Costs *costs) noexcept nogil:
    plan.a = costs.a
    plan.b = costs.b
    plan.inverse_a = costs.inverse_a


cdef Py_ssize_t narrow(Plan *plan, Settlement *s, const double *prices) noexcept nogil:
    # Make points of all rows that this tier has decided; returns how many stay open.
    cdef Py_ssize_t v, i, count = 0
    cdef Group *g
    if plan.lo == s.lo:
        memcpy(s.work_lo, s.lo, plan.slots * sizeof(double))
        memcpy(s.work_hi, s.hi, plan.slots * sizeof(double))
        plan.lo = s.work_lo
        plan.hi = s.work_hi
    for v in range(plan.m):
        g = &plan.groups[v]
        for i in range(g.begin, g.end):
            if plan.lo[i] == plan.hi[i]:
                continue
            if plan.a[i] == 0.0 and plan.b[i] == prices[v]:
                count += 1
            else:
                plan.lo[i] = plan.hi[i] = plan.p[i]
    return count


cdef void make_tie_rule(Plan *plan, Costs *costs) noexcept nogil:
    # Every open row at the same fraction of its range: its marginal cost is that fraction.
    cdef Py_ssize_t v, i
    cdef Group *g
    cdef double width
    for v in range(plan.m):
        g = &plan.groups[v]
        for i in range(g.begin, g.end):
            width = plan.hi[i] - plan.lo[i]
            if width > NARROWEST:
                costs.a[i] = 1.0 / width
                costs.b[i] = -plan.lo[i] / width
                costs.inverse_a[i] = width
                g.scale = larger(g.scale, larger(fabs(plan.lo[i]), fabs(plan.hi[i])))
            else:
                plan.lo[i] = plan.hi[i] = plan.p[i]
                costs.a[i] = costs.b[i] = costs.inverse_a[i] = 0.0


cdef void share_out(Plan *plan, Settlement *s) noexcept nogil:
    # All tiers and the tie rule, from the site's target on.
    cdef Py_ssize_t k, v
    cdef double *prices
    cdef bint plain
    for k in range(s.tiers + 1):
        prices = s.prices + k * plan.m
        if k:
            if k == s.tiers:
                make_tie_rule(plan, &s.costs[k])
            take_costs(plan, &s.costs[k])
            survey(plan, False)
            s.stale = True
        search_zones(plan, k == 0)
        plain = finish_zones(plan, k == s.tiers)
        set_prices(plan, prices, False, k == s.tiers)
        if plain and k == 0 and s.tiers == 1:
            memset(prices + plan.m, 0, plan.m * sizeof(double))
            return
        for v in range(plan.m):
            plan.groups[v].held = False
        if k == s.tiers:
            break
        if narrow(plan, s, prices) == 0:
            memset(prices + plan.m, 0, (s.tiers - k) * plan.m * sizeof(double))
            break
    state_prices(plan, s)


cdef void sum_up(Plan *plan) noexcept nogil:
    # The sums of all groups as they are in the end.
    cdef Py_ssize_t v, i
    cdef Group *g
    for v in range(plan.m):
        plan.groups[v].total.head = plan.groups[v].total.tail = plan.groups[v].top = 0.0
    for v in range(plan.m):
        g = &plan.groups[v]
        for i in range(g.begin, g.end):
            accumulate(&g.total, plan.p[i])
            g.top = larger(g.top, fabs(plan.p[i]))
        if g.parent >= 0:
            accumulate(&plan.groups[g.parent].total, g.total.head)
            accumulate(&plan.groups[g.parent].total, g.total.tail)
            plan.groups[g.parent].top = larger(plan.groups[g.parent].top, g.top)


cdef void state_prices(Plan *plan, Settlement *s) noexcept nogil:
    # Read all prices off the final powers: what a tier had left open may lie at a bound now.
    cdef Py_ssize_t k, v
    cdef double *prices
    plan.lo = s.lo
    plan.hi = s.hi
    sum_up(plan)
    for v in range(plan.m):
        plan.groups[v].apart = FIXED if plan.groups[v].fixed else 0
    for k in range(s.tiers + 1):
        prices = s.prices + k * plan.m
        if k == s.tiers:
            make_tie_rule(plan, &s.costs[k])
        take_costs(plan, &s.costs[k])
        set_prices(plan, prices, True, k == s.tiers)
        if k < s.tiers and narrow(plan, s, prices) == 0:
            memset(prices + plan.m, 0, (s.tiers - k) * plan.m * sizeof(double))
            return


cdef void show_data(Plan *plan, Settlement *s) noexcept nogil:
    # The plan as it is between solves: the bounds of the data, the costs of the first tier.
    take_costs(plan, &s.costs[0])
    plan.lo = s.lo
    plan.hi = s.hi


cdef void ready(Plan *plan, Settlement *s) noexcept nogil:
    """Put the plan at its first tier, surveyed."""
    cdef Py_ssize_t v
    show_data(plan, s)
    for v in range(plan.m):
        plan.groups[v].scale = 0.0
    if s.stale:
        survey(plan, True)
        s.stale = False
        for v in range(plan.m):
            plan.groups[v].held = False


cdef void foresee(Plan *plan, Settlement *s) noexcept nogil:
    # Start the search where a window knows the price.
    cdef Group *site = &plan.groups[0]
    cdef Window *w = predict(s.windows, plan, site.target, False)
    if w != NULL:
        site.warm = w.group.base
        site.warm_step = w.group.delta
        site.warm_target = site.target
        site.warm_slope = w.group.slope


cdef bint settle_plain(Plan *plan, Settlement *s, double demand) noexcept nogil:
    # The common case, without the detours: one bus, one tier, a price near the last one.
    cdef Group *site = &plan.groups[0]
    if plan.m > 1 or s.tiers > 1 or s.stale or s.windows != NULL:
        return False
    if not value(&site.low) < demand < value(&site.high):
        return False
    site.target = demand
    if not find_near(plan, 0):
        return False
    site.zone = 0
    if absorb(plan, 0, False) == AT_BOUND and not some_inside(plan, 0):
        return False
    s.prices[0] = site.base + site.delta
    s.prices[1] = 0.0
    s.residual = -site.need
    s.shortage = s.surplus = 0.0
    return True


cdef double largest_power(const Plan *plan) noexcept nogil:
    cdef double top = 0.0
    cdef Py_ssize_t i
    for i in range(plan.slots):
        top = larger(top, fabs(plan.p[i]))
    return top


cdef void settle(Plan *plan, Settlement *s, double demand) noexcept nogil:
    """Solve the whole problem for this demand: p, prices, holds and what is not per row."""
    cdef Group *site = &plan.groups[plan.m - 1]
    cdef Py_ssize_t v
    cdef Group *g
    cdef double over, under, missed = 0.0
    if settle_plain(plan, s, demand):
        return
    ready(plan, s)
    for v in range(plan.m):
        g = &plan.groups[v]
        g.apart = FIXED if g.fixed else 0
        g.passed_over = False
        if g.fixed:
            g.target = g.least
    over = (demand - site.high.head) - site.high.tail
    under = (site.low.head - demand) + site.low.tail
    site.target = demand
    s.shortage = s.surplus = 0.0
    if over > 0.0:
        site.target = value(&site.high)
    elif under > 0.0:
        site.target = value(&site.low)
    elif s.windows != NULL:
        foresee(plan, s)
    share_out(plan, s)
    # Within rounding of the largest power nobody is short of anything: it is residual.
    if over > 0.0:
        if over > 4.0 * DBL_EPSILON * largest_power(plan):
            s.shortage = over
        missed = over - s.shortage
    elif under > 0.0:
        if under > 4.0 * DBL_EPSILON * largest_power(plan):
            s.surplus = under
        missed = s.surplus - under
    for v in range(plan.m):
        g = &plan.groups[v]
        if g.zone == v:
            missed += g.need
    s.residual = -missed
    show_data(plan, s)
