# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""The search for the one price at which a subtree's sum meets its target.

The sum is piecewise linear and never falls as the price rises: a safeguarded Newton search
(Cominetti, Mascarenhas & Silva, "A Newton's method for the continuous quadratic knapsack problem",
Math. Prog. Comp. 2014; Davis, Hager & Hungerford, "An efficient hybrid algorithm for the separable
convex quadratic knapsack problem", ACM TOMS 2016).

Two searches. The quick one is plain Newton from the last price, in steps so small that the price
is known far below one ulp; it gives up at the first tie, plateau or doubt. The sure one keeps a
bracket that shrinks on every pass, at least each third pass halving the count of doubles in it, so
that it ends whatever the data. It looks at prices first as plain doubles, where ties are seen to
the bit; if the answer lies between two neighbours, from the nearer of them.
"""

from libc.float cimport DBL_EPSILON, DBL_MIN
from libc.math cimport fabs, nextafter, INFINITY
from libc.stdint cimport int64_t, INT64_MIN
from libc.string cimport memcpy

from nansha_core.plan cimport (
    Group, Pair, Plan, accumulate, evaluate, larger, reply_at, smaller, value,
)

cdef enum:
    QUICK_PASSES = 8
    STRICT_PASSES = 4   # then more rounding is taken for what it is
    EAGER_PASSES = 12
    MAX_PASSES = 512
    OWNERS = 4096       # rows looked at to find the flattest


cdef inline double look(Plan *plan, Py_ssize_t v, double base, double delta) noexcept nogil:
    # What is missing at this price, ties at lo.
    cdef Group *g = &plan.groups[v]
    evaluate(plan, v, base, delta)
    plan.looks += 1
    g.base = base
    g.delta = delta
    g.need = (g.target - g.total.head) - g.total.tail
    return g.need


cdef double slack(const Group *g) noexcept nogil:
    """What is missing from a zone's target may be so small that it is nothing."""
    return 2.0 * DBL_EPSILON * larger(g.top, fabs(g.target)) + DBL_MIN


cdef inline double rounding(const Group *g) noexcept nogil:
    # So much of a sum is rounding of its terms, which one row may take.
    return g.near * g.top + DBL_MIN


# ------------------------------------------------------------------ the quick search

cdef Py_ssize_t quick(Plan *plan, Py_ssize_t v, double base, double delta) noexcept nogil:
    # Returns the passes that it took, 0 if it gave up.
    cdef Group *g = &plan.groups[v]
    cdef Py_ssize_t turn
    cdef double need, step
    for turn in range(1, QUICK_PASSES + 1):
        need = look(plan, v, base, delta)
        if g.jump != 0.0 or not g.slope > 0.0:
            return 0
        if fabs(need) <= rounding(g) * (1.0 if turn <= STRICT_PASSES else 4.0):
            return turn
        step = delta + need / g.slope
        if step == delta:
            return 0
        delta = step
    return 0


# ------------------------------------------------------------------ the sure search

cdef struct Search:
    double base
    double low, high    # sums below and above the target, as deltas from base
    double at
    Py_ssize_t passes


cdef inline int64_t ordinal(double x) noexcept nogil:
    # Doubles in order, numbered: neighbours differ by one.
    cdef int64_t k
    memcpy(&k, &x, sizeof(double))
    return k if k >= 0 else INT64_MIN - k


cdef inline double middle(double low, double high) noexcept nogil:
    # The double halfway by count; low itself when nothing lies between.
    cdef int64_t j = ordinal(low), k = ordinal(high)
    cdef double x
    j = (j >> 1) + (k >> 1) + (j & k & 1)
    if j < 0:
        j = INT64_MIN - j
    memcpy(&x, &j, sizeof(double))
    return x


cdef double next_break(const Plan *plan, Py_ssize_t v, const Search *q, bint up) noexcept nogil:
    # The nearest price at which some row enters or leaves the inside of its range. It may be an
    # ulp off the place where evaluate() sees it; the caller's bracket makes that harmless.
    cdef double best = INFINITY if up else -INFINITY, lower, upper, from_base, at = q.at
    cdef Py_ssize_t i
    for i in range(plan.groups[plan.groups[v].first].begin, plan.groups[v].end):
        if plan.lo[i] == plan.hi[i]:
            continue
        from_base = q.base - plan.b[i]
        lower = plan.a[i] * plan.lo[i] - from_base
        upper = plan.a[i] * plan.hi[i] - from_base
        if up:
            best = smaller(best, lower if lower > at else (upper if upper > at else INFINITY))
        else:
            best = larger(best, upper if upper < at else (lower if lower < at else -INFINITY))
    return best


cdef inline double missing_beyond(const Group *g) noexcept nogil:
    # What is missing with all ties at hi; small even where the ties are huge.
    cdef Pair left
    left.head = g.target
    left.tail = 0.0
    accumulate(&left, -g.total.head)
    accumulate(&left, -g.total.tail)
    accumulate(&left, -g.jump)
    accumulate(&left, -g.jump_rest)
    return value(&left)


cdef bint probe(Plan *plan, Py_ssize_t v, Search *q) noexcept nogil:
    # True if q.at is the price: the target lies between the two limits of a tie, or what is
    # missing is rounding. Else the bracket is narrowed to one side of it. Equal slopes on two
    # passes prove nothing about the sum and are not asked.
    cdef Group *g = &plan.groups[v]
    cdef double need = look(plan, v, q.base, q.at), beyond = missing_beyond(g), excess
    q.passes += 1
    if beyond > 0.0:
        excess = beyond
        q.low = q.at
    elif need < 0.0:
        excess = -need
        q.high = q.at
    else:
        return True
    return excess <= slack(g) or (g.slope > 0.0 and g.jump == 0.0 and excess <= rounding(g))


cdef bint sure(Plan *plan, Py_ssize_t v, Search *q) noexcept nogil:
    # Returns True with q.at on the price; False when no double is left between low and high.
    cdef Group *g = &plan.groups[v]
    cdef double beyond, x
    cdef bint up, leap = True
    cdef Py_ssize_t turn = 0
    while q.passes < MAX_PASSES:
        if probe(plan, v, q):
            return True
        up = g.need > 0.0
        beyond = missing_beyond(g) if up else g.need
        turn += 1
        if turn <= EAGER_PASSES or turn % 3:
            if g.slope > 0.0:
                x = q.at + beyond / g.slope
                if x == q.at:       # a step below one ulp: the neighbour closes the bracket
                    x = nextafter(x, INFINITY if up else -INFINITY)
                if q.low < x < q.high:
                    q.at = x
                    continue
            leap = not leap         # walking from break to break alone could take n passes
            if not leap:
                x = next_break(plan, v, q, up)
                if q.low < x < q.high:
                    q.at = x
                    continue
        x = middle(q.low, q.high)
        if not q.low < x < q.high:
            return False
        q.at = x
    return False


cdef bint between(Plan *plan, Py_ssize_t v, Search *q) noexcept nogil:
    # No double is left between q.low and q.high: look again from the nearer of them.
    cdef double lower = q.low, upper = q.high
    q.base = lower
    q.low = 0.0
    q.high = upper - lower
    q.at = 0.5 * q.high
    if probe(plan, v, q):
        return True
    if q.low > 0.0:
        q.base = upper
        q.low = -q.low
        q.high = 0.0
    q.at = 0.5 * (q.low + q.high)
    return sure(plan, v, q)


cdef void split(Plan *plan, Py_ssize_t v, const Search *q) noexcept nogil:
    # Not even then: every row goes the same part of its way from q.low to q.high. Only numbers
    # at the end of a double's range come here.
    cdef Group *g = &plan.groups[v]
    cdef double below = look(plan, v, q.base, q.low), above, part, low
    cdef Py_ssize_t i
    above = look(plan, v, q.base, q.high)
    part = below / (below - above) if below > above else 0.0
    for i in range(plan.groups[g.first].begin, g.end):
        low = reply_at(plan, i, q.base, q.low)
        plan.p[i] = smaller(low + part * (plan.p[i] - low), plan.hi[i])
    g.need = 0.0
    g.jump = 0.0


cdef void search(Plan *plan, Py_ssize_t v, double start) noexcept nogil:
    cdef Group *g = &plan.groups[v]
    cdef Search q
    cdef double price, need
    q.base = 0.0
    q.low = plan.floor
    q.high = plan.ceiling
    q.passes = 0
    q.at = start if q.low < start < q.high else 0.5 * q.low + 0.5 * q.high
    if not (sure(plan, v, &q) or between(plan, v, &q)):
        split(plan, v, &q)
        return
    if g.jump == 0.0 and g.slope > 0.0 and g.need != 0.0:
        # On the right piece of the line; what the price's last bit could not say, a step from
        # it can.
        price = g.base + g.delta
        need = g.need
        if not (q.base == 0.0 and quick(plan, v, price, 0.0) and fabs(g.need) <= fabs(need)):
            look(plan, v, q.base, q.at)


cdef inline void keep_warm(Group *g) noexcept nogil:
    g.warm = g.base + g.delta
    g.warm_step = 0.0
    g.warm_slope = g.slope if g.jump == 0.0 else 0.0
    g.warm_target = g.target


cdef bint find_near(Plan *plan, Py_ssize_t v) noexcept nogil:
    """Try the quick search from where the last one ended; if it fails, `find` is for the rest."""
    cdef Group *g = &plan.groups[v]
    g.edge = False
    cdef Py_ssize_t passes = 0
    if g.warm_slope > 0.0:
        passes = quick(plan, v, g.warm, g.warm_step + (g.target - g.warm_target) / g.warm_slope)
    if passes > 1:
        keep_warm(g)        # else it is still the same line: nothing new is known
    return passes > 0


cdef void find(Plan *plan, Py_ssize_t v, bint warm) noexcept nogil:
    """Find the price of the subtree of v for its target; `warm`: start where the last one ended.

    Leaves the replies in p, ties at lo, and in the group the price, what is missing, and the sums.
    """
    cdef Group *g = &plan.groups[v]
    cdef double low = value(&g.low), high = value(&g.high)
    if g.target >= high or g.target <= low:
        look(plan, v, plan.ceiling if g.target >= high else plan.floor, 0.0)
        g.edge = True
        return
    if not warm:
        g.edge = False
        search(plan, v, INFINITY)
        return
    if find_near(plan, v):
        return
    search(plan, v, g.base + g.delta if g.warm_slope > 0.0 else g.warm)
    keep_warm(g)


# ------------------------------------------------------------------ the last rounding

cdef inline bint takes(const Plan *plan, Py_ssize_t i, double need, bint at_bounds) noexcept nogil:
    cdef double p = plan.p[i]
    return ((plan.lo[i] < p < plan.hi[i] or (at_bounds and plan.lo[i] < plan.hi[i]))
            and plan.lo[i] <= p + need <= plan.hi[i])


cdef Taken absorb(Plan *plan, Py_ssize_t v, bint at_bounds) noexcept nogil:
    """Give the last rounding of zone v an owner: its flattest row inside its range.

    That moves its marginal cost least. The owner is kept from solve to solve while it can take
    more. Rows at a bound may take it too if `at_bounds`: shares of a tie, rounded.
    """
    cdef Group *g = &plan.groups[v]
    cdef Group *h
    cdef Py_ssize_t i, k, looked = 0
    cdef double moved
    if g.need == 0.0 or not fabs(g.need) <= 4.0 * rounding(g):
        return NOTHING
    if not (g.owner >= 0 and takes(plan, g.owner, g.need, at_bounds)):
        g.owner = -1
        for k in range(g.first, v + 1):
            h = &plan.groups[k]
            if h.zone != v:
                continue
            for i in range(h.begin, h.end):
                looked += 1
                if g.owner >= 0 and looked > OWNERS:
                    break
                if takes(plan, i, g.need, at_bounds) and (
                        g.owner < 0 or plan.inverse_a[i] > plan.inverse_a[g.owner]):
                    g.owner = i
    if g.owner < 0:
        return NOTHING
    moved = plan.p[g.owner] + g.need
    g.need -= moved - plan.p[g.owner]
    plan.p[g.owner] = moved
    return INSIDE if plan.lo[g.owner] < moved < plan.hi[g.owner] else AT_BOUND
