# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""The balance at a node of the search, where some switches are still open: a bound.

What is made least is a vector, read in order: the overloads, level by level of the tree, innermost
first, as docs/balance.md decides them; what is missing at the site; then each tier; then operations
and state numbers, which only decide between choices that cost the same.

Why the balance with open switches is a bound. An open switch has the hull of its live states'
bounds, and costs that are nowhere above its own in any state (`slant`). Call a choice's vector C
and the relaxed one R; R <= C in order, because:

- Take the innermost level. A wider reach means no more overload in any of its groups. If the sum is
  equal, each group's overload is; then what a group can reach in R holds what it can in C, for
  either both are clipped to the same cap, or both are the same single sum. So go on outwards, level
  by level, and last to the site with what is missing.
  (The sum of overloads over all levels has no such bound: a group of fixed sum, relaxed into
  reach of its cap, can push several groups around it further out of theirs.)
- If all these are equal, every balance that C may choose R may choose too. Tier by tier the cost
  in R is nowhere above that in C. The order of vectors is kept by sums, so the least of R is not
  above C.

A second bound (`price_states`) is Lagrange's: for any prices, each row and each state alone does
the best it can, and demand and caps are paid at those prices. Prices are vectors with one part per
tier; as the order of vectors is kept by sums and by positive factors, the usual proof holds in it
word by word. It holds for choices that miss and overload nothing; the others are worse than any
that do, so it is used only against such.

All this is in exact numbers. In floats two parts that differ by less than a tolerance are the same
part, for bounds as for choices: else the rounding of one tier would decide about the next. So what
is best is best to within the tolerance of each tier, and among such choices in the tiers after it.
"""

from libc.math cimport fabs, INFINITY, NAN

from nansha_core.plan cimport Group, clip, larger, smaller
from nansha_core.settle cimport Settlement, settle


cdef double NOTHING = 1e-3      # of a tolerance: many rows may differ by so little


# ------------------------------------------------------------------ vectors in order

cdef int compare(const Site *site, const double *x, const double *y) noexcept nogil:
    """-1, 0 or 1: x before y, the same within tolerance, after."""
    cdef Py_ssize_t k
    cdef double d
    for k in range(site.parts):
        d = x[k] - y[k]
        if d > site.tolerance[k]:
            return 1
        if d < -site.tolerance[k]:
            return -1
    return 0


cdef bint below(const Site *site, const double *x, const double *y) noexcept nogil:
    """x before y. Rounding in one part must not decide what only the next can."""
    return compare(site, x, y) < 0


cdef bint complete(const Site *site, const double *vector) noexcept nogil:
    """Nothing is overloaded or missing."""
    cdef Py_ssize_t k
    for k in range(site.head):
        if vector[k] > site.tolerance[k]:
            return False
    return True


# ------------------------------------------------------------------ a node and its vector

cdef void show(Site *site, Py_ssize_t s, Py_ssize_t what) noexcept nogil:
    """Write the bounds and costs of a switch in a state, or OPEN, where `settle` reads them."""
    cdef Settlement *to = site.settlement
    cdef Py_ssize_t r, k, at, lead
    cdef double a
    if site.shown[s] == what:
        return
    for r in range(site.first_row[s], site.first_row[s + 1]):
        at = site.slot[r]
        if what == OPEN:
            to.lo[at] = site.hull_lo[r]
            to.hi[at] = site.hull_hi[r]
        else:
            to.lo[at] = site.lo[site.bounds[what] + r - site.first_row[s]]
            to.hi[at] = site.hi[site.bounds[what] + r - site.first_row[s]]
    lead = site.lead[s]
    at = site.slot[lead]
    for k in range(site.tiers):
        a = site.slant_a[s * site.tiers + k] if what == OPEN else site.a[k * site.rows + lead]
        to.costs[k].a[at] = a
        to.costs[k].inverse_a[at] = 1.0 / a if a > 0.0 else INFINITY
        to.costs[k].b[at] = (site.slant_b[s * site.tiers + k] if what == OPEN
                             else site.b[k * site.rows + lead])
    site.shown[s] = what


cdef double cost_of_tier(const Site *site, Py_ssize_t k) noexcept nogil:
    # Four sums side by side; slots come in whole blocks.
    cdef const double *a = site.settlement.costs[k].a
    cdef const double *b = site.settlement.costs[k].b
    cdef const double *p = site.plan.p
    cdef double x = 0.0, y = 0.0, z = 0.0, w = 0.0
    cdef Py_ssize_t i
    for i in range(0, site.plan.slots, 4):
        x += (0.5 * a[i] * p[i] + b[i]) * p[i]
        y += (0.5 * a[i + 1] * p[i + 1] + b[i + 1]) * p[i + 1]
        z += (0.5 * a[i + 2] * p[i + 2] + b[i + 2]) * p[i + 2]
        w += (0.5 * a[i + 3] * p[i + 3] + b[i + 3]) * p[i + 3]
    return (x + y) + (z + w)


cdef void evaluate(Site *site, double *into) noexcept nogil:
    """Solve what is shown; `into` gets its vector."""
    cdef Py_ssize_t k, s, v
    cdef const double *more
    cdef double over
    cdef Settlement *settlement = site.settlement
    settlement.stale = True
    settle(site.plan, settlement, site.demand)
    site.nodes += 1
    for k in range(site.parts):
        into[k] = 0.0
    for v in range(site.plan.m):
        over = fabs(site.plan.groups[v].overload)
        if over > 0.0:
            into[site.depth - site.level[v]] += over
    into[site.head - 1] = settlement.shortage + settlement.surplus
    for k in range(site.tiers):
        into[site.head + k] = cost_of_tier(site, k)
    for s in range(site.switches):
        more = (site.least + s * site.parts if site.shown[s] == OPEN
                else site.fixed + site.shown[s] * site.parts)
        for k in range(site.head, site.parts):
            into[k] += more[k]


cdef void make_hull(Site *site, Py_ssize_t s) noexcept nogil:
    """Of the live states of a switch."""
    cdef Py_ssize_t j, r, at
    for r in range(site.first_row[s], site.first_row[s + 1]):
        site.hull_lo[r] = INFINITY
        site.hull_hi[r] = -INFINITY
        for j in range(site.first_state[s], site.first_state[s + 1]):
            if site.live[j]:
                at = site.bounds[j] + r - site.first_row[s]
                site.hull_lo[r] = smaller(site.hull_lo[r], site.lo[at])
                site.hull_hi[r] = larger(site.hull_hi[r], site.hi[at])
    site.shown[s] = STALE


# ------------------------------------------------------------------ every state at given prices

cdef double best_alone(const Site *site, Py_ssize_t at, Py_ssize_t r, Py_ssize_t v, double lo,
                       double hi, double *add) noexcept nogil:
    # What a row does at the prices of group v, tier after tier; its cost less what it is paid.
    # r: the switched row, whose costs in the slot may be slanted; -1 for any other.
    cdef Py_ssize_t k
    cdef double a, b, x, p
    cdef const double *prices = site.settlement.prices + v
    for k in range(site.tiers):
        if lo == hi:
            break
        a = site.a[k * site.rows + r] if r >= 0 else site.settlement.costs[k].a[at]
        b = site.b[k * site.rows + r] if r >= 0 else site.settlement.costs[k].b[at]
        x = prices[k * site.plan.m] - b
        if a > 0.0:
            lo = hi = clip(x / a, lo, hi)
        elif fabs(x) * (hi - lo) <= NOTHING * site.tolerance[site.head + k]:
            continue
        elif x > 0.0:
            lo = hi
        elif x < 0.0:
            hi = lo
    p = lo
    for k in range(site.tiers):
        a = site.a[k * site.rows + r] if r >= 0 else site.settlement.costs[k].a[at]
        b = site.b[k * site.rows + r] if r >= 0 else site.settlement.costs[k].b[at]
        add[site.head + k] += (0.5 * a * p + b - prices[k * site.plan.m]) * p
    return p


cdef bint pay_caps(Site *site) noexcept nogil:
    # Demand and caps at the prices; False where a price asks for a cap that there is not.
    cdef Py_ssize_t v, k, sign, m = site.plan.m
    cdef const double *prices = site.settlement.prices
    cdef const Group *g
    cdef double d, cap
    for k in range(site.tiers):
        site.dual[site.head + k] = prices[k * m + m - 1] * site.demand
    for v in range(m - 1):
        g = &site.plan.groups[v]
        sign = 0
        for k in range(site.tiers):
            d = prices[k * m + v] - prices[k * m + g.parent]
            if d != 0.0:
                if sign == 0:
                    sign = 1 if d > 0.0 else -1
                cap = g.cap_lo if sign > 0 else g.cap_hi
                if not fabs(cap) < INFINITY:
                    return False
                site.dual[site.head + k] += d * cap
    return True


cdef void price_states(Site *site, bint ideals) noexcept nogil:
    """At the prices of the last solve: the worth of each state, and the bound of them all.

    `ideals`: the prices also say where each row should be; they do not where power is missing.
    """
    cdef Py_ssize_t s, j, r, v, i, k, at, best
    cdef Group *g
    for k in range(site.parts):
        site.dual[k] = 0.0
    site.has_dual = pay_caps(site)
    for v in range(site.plan.m):
        g = &site.plan.groups[v]
        for i in range(g.begin, g.end):
            if not site.switched[i] and (site.settlement.lo[i] != 0.0
                                         or site.settlement.hi[i] != 0.0):
                best_alone(site, i, -1, v, site.settlement.lo[i], site.settlement.hi[i],
                           site.dual)
    for s in range(site.switches):
        best = -1
        for j in range(site.first_state[s], site.first_state[s + 1]):
            if not site.live[j]:
                continue
            for k in range(site.parts):
                site.worth[j * site.parts + k] = site.fixed[j * site.parts + k]
            for r in range(site.first_row[s], site.first_row[s + 1]):
                at = site.bounds[j] + r - site.first_row[s]
                site.ideal[at] = best_alone(site, site.slot[r], r, site.group[r], site.lo[at],
                                            site.hi[at], site.worth + j * site.parts)
                if not ideals:
                    site.ideal[at] = NAN
            if best < 0 or below(site, site.worth + j * site.parts,
                                 site.worth + best * site.parts):
                best = j
        for k in range(site.head, site.parts):
            site.dual[k] += site.worth[best * site.parts + k]
