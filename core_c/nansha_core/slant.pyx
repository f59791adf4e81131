# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""The costs of an open switch: in each tier a parabola that is nowhere above those of its states.

A switch pays fixed costs, and may not be between its states. Its relaxation may be anywhere in the
hull of its states, so it should cost there what its neighbours cost together: the lower convex hull
of the costs of all states. That hull has kinks, and the core wants a parabola in each row. So take
one that touches the hull where the relaxed balance puts the row; after the next solve, again. Any
slope and bend will do for a bound, for the constant is then made to fit (`rest`).
"""

from libc.math cimport fabs, sqrt, INFINITY

from nansha_core.plan cimport clip, larger, smaller
from nansha_core.relax cimport STALE, Site
from nansha_core.settle cimport Costs


cdef inline Py_ssize_t at_lead(const Site *site, Py_ssize_t s, Py_ssize_t j) noexcept nogil:
    return site.bounds[j] + site.lead[s] - site.first_row[s]


cdef double steepest_line(const Site *site, Py_ssize_t s, Py_ssize_t part, double p) noexcept nogil:
    # The slope of a line under all fixed costs that is as high as can be at p.
    cdef Py_ssize_t j, l, turn, other, begin = site.first_state[s], end = site.first_state[s + 1]
    cdef double x, y, f, g, at_p, best = INFINITY, slope = 0.0, left = -INFINITY, right = INFINITY
    cdef bint corner = False
    for j in range(begin, end):
        if not site.live[j]:
            continue
        f = site.fixed[j * site.parts + part]
        for turn in range(2):
            x = site.hi[at_lead(site, s, j)] if turn else site.lo[at_lead(site, s, j)]
            if x == p and f < best:
                best = f
                corner = True
            if not x < p:
                continue
            for l in range(begin, end):
                if not site.live[l]:
                    continue
                g = site.fixed[l * site.parts + part]
                for other in range(2):
                    y = site.hi[at_lead(site, s, l)] if other else site.lo[at_lead(site, s, l)]
                    if y > p:
                        at_p = f + (g - f) * ((p - x) / (y - x))
                        if at_p < best:
                            best = at_p
                            slope = (g - f) / (y - x)
                            corner = False
    if not corner:
        return slope
    for j in range(begin, end):
        if site.live[j]:
            f = site.fixed[j * site.parts + part]
            for turn in range(2):
                x = site.hi[at_lead(site, s, j)] if turn else site.lo[at_lead(site, s, j)]
                if x > p:
                    right = smaller(right, (f - best) / (x - p))
                elif x < p:
                    left = larger(left, (best - f) / (p - x))
    if right < INFINITY:
        return right
    return left if left > -INFINITY else 0.0


cdef inline double chord(double a, double b, double c, double d_lo, double d_hi,
                         bint up) noexcept nogil:
    # The least slope from a point to a state that lies above it (up), or the greatest from one
    # below it, where the state's cost at distance d is a/2 d^2 + b d + c higher.
    cdef double d
    if up:
        d_lo = larger(d_lo, 0.0)
        if d_hi <= 0.0:
            return INFINITY
        d = clip(sqrt(2.0 * c / a) if c > 0.0 else 0.0, d_lo, d_hi)
        return 0.5 * a * d + b + c / d if d > 0.0 else b
    d_hi = smaller(d_hi, 0.0)
    if d_lo >= 0.0:
        return -INFINITY
    d = clip(-sqrt(2.0 * c / a) if c > 0.0 else 0.0, d_lo, d_hi)
    return 0.5 * a * d + b + c / d if d < 0.0 else b


cdef inline double bend(double a, double b, double c, double d_lo, double d_hi) noexcept nogil:
    # How curved a parabola from a point with slope 0 may be to stay below a/2 d^2 + b d + c.
    cdef double least = INFINITY, d
    if d_lo != 0.0:
        least = smaller(least, a + 2.0 * (b + c / d_lo) / d_lo)
    if d_hi != 0.0:
        least = smaller(least, a + 2.0 * (b + c / d_hi) / d_hi)
    if b != 0.0:
        d = -2.0 * c / b
        if d_lo < d < d_hi and d != 0.0:
            least = smaller(least, a + 2.0 * (b + c / d) / d)
    return least


cdef void touch(Site *site, Py_ssize_t s, Py_ssize_t k, Py_ssize_t best, double there,
                double price, double *to_a, double *to_b) noexcept nogil:
    # The parabola that touches the costs of state `best` at the power `there`, with the slope that
    # the price says, as curved as the other states let it be.
    cdef Py_ssize_t j, at, part = site.head + k, r = site.lead[s]
    cdef double a = site.a[k * site.rows + r], b = site.b[k * site.rows + r]
    cdef double cost, f = site.fixed[best * site.parts + part], slope = price, curve = a
    cdef double margin = a * there + b
    cdef bint at_lo = there == site.hull_lo[r], at_hi = there == site.hull_hi[r] and not at_lo
    # At an end of the hull the price may move till another power would do as well: the costs may
    # leave the end as steeply as that.
    if at_lo or at_hi:
        at = at_lead(site, s, best)
        if site.lo[at] < site.hi[at]:
            slope = margin
        else:
            slope = INFINITY if at_lo else -INFINITY
        for j in range(site.first_state[s], site.first_state[s + 1]):
            if site.live[j] and j != best:
                at = at_lead(site, s, j)
                cost = chord(a, margin, site.fixed[j * site.parts + part] - f,
                             site.lo[at] - there, site.hi[at] - there, at_lo)
                slope = smaller(slope, cost) if at_lo else larger(slope, cost)
        if not fabs(slope) < INFINITY:
            slope = margin
    for j in range(site.first_state[s], site.first_state[s + 1]):
        if site.live[j] and j != best:
            at = at_lead(site, s, j)
            curve = smaller(curve, bend(a, margin - slope, site.fixed[j * site.parts + part] - f,
                                        site.lo[at] - there, site.hi[at] - there))
    if curve > a * (1.0 - 1e-9) and slope == margin:
        to_a[0] = a
        to_b[0] = b
        return
    if not curve > 1e-12 * a:       # what is flat to rounding is a line
        curve = 0.0
    to_a[0] = curve
    to_b[0] = slope - curve * there


cdef void offer(Site *site, Py_ssize_t s, Py_ssize_t k, Py_ssize_t best, double there, double price,
                double p, double *to_a, double *to_b, double *height) noexcept nogil:
    # Take this parabola if it is higher at p than those before it.
    cdef double a, b, c, at_p
    touch(site, s, k, best, there, price, &a, &b)
    c = rest(site, s, k, a, b)
    at_p = c + (0.5 * a * p + b) * p
    if at_p > height[0]:
        height[0] = at_p
        to_a[0] = a
        to_b[0] = b


cdef void slant_curved(Site *site, Py_ssize_t s, Py_ssize_t k, double price, double p,
                       bint quick, double *to_a, double *to_b) noexcept nogil:
    # A parabola that touches the lower hull of the costs of all live states where the row would go
    # at this price. That never lowers the bound, for what touches at the old price has at least
    # the old dual value; but it can stall where many rows are tied. Then more are looked at: at p
    # itself, if the row may be there, and at the ends; the one highest at p.
    cdef Py_ssize_t j, at, best = -1, here = -1, low = -1, high = -1
    cdef Py_ssize_t part = site.head + k, r = site.lead[s]
    cdef double a = site.a[k * site.rows + r], b = site.b[k * site.rows + r]
    cdef double q, cost, least = INFINITY, there = 0.0, height = -INFINITY
    for j in range(site.first_state[s], site.first_state[s + 1]):
        if not site.live[j]:
            continue
        at = at_lead(site, s, j)
        q = clip((price - b) / a, site.lo[at], site.hi[at])
        cost = site.fixed[j * site.parts + part] + (0.5 * a * q + b - price) * q
        if cost < least:
            least = cost
            there = q
            best = j
        if site.lo[at] <= p <= site.hi[at] and (here < 0 or cheaper(site, j, here, part)):
            here = j
        if site.lo[at] == site.hull_lo[r] and (low < 0 or cheaper(site, j, low, part)):
            low = j
        if site.hi[at] == site.hull_hi[r] and (high < 0 or cheaper(site, j, high, part)):
            high = j
    offer(site, s, k, best, there, price, p, to_a, to_b, &height)
    if quick:
        return
    if here >= 0:
        offer(site, s, k, here, p, a * p + b, p, to_a, to_b, &height)
    offer(site, s, k, low, site.hull_lo[r], price, p, to_a, to_b, &height)
    offer(site, s, k, high, site.hull_hi[r], price, p, to_a, to_b, &height)


cdef inline bint cheaper(const Site *site, Py_ssize_t j, Py_ssize_t l, Py_ssize_t k) noexcept nogil:
    return site.fixed[j * site.parts + k] < site.fixed[l * site.parts + k]


cdef bint is_open(const Site *site, Py_ssize_t r, Py_ssize_t tier) noexcept nogil:
    # No tier before has decided the row.
    cdef Py_ssize_t k
    cdef const Costs *costs = site.settlement.costs
    for k in range(tier):
        if (costs[k].a[site.slot[r]] != 0.0 or costs[k].b[site.slot[r]]
                != site.settlement.prices[k * site.plan.m + site.group[r]]):
            return False
    return True


cdef double rest(const Site *site, Py_ssize_t s, Py_ssize_t k, double a, double b) noexcept nogil:
    # The constant that keeps slanted costs below the true ones in every live state. Whatever the
    # slant, this makes it a bound.
    cdef Py_ssize_t j, at, r = site.lead[s]
    cdef double q = site.a[k * site.rows + r] - a, c = site.b[k * site.rows + r] - b
    cdef double p, least = INFINITY
    for j in range(site.first_state[s], site.first_state[s + 1]):
        if site.live[j]:
            at = at_lead(site, s, j)
            if q > 0.0:
                p = clip(-c / q, site.lo[at], site.hi[at])
            else:
                p = site.lo[at] if c > 0.0 else site.hi[at]
            least = smaller(least, site.fixed[j * site.parts + site.head + k]
                            + (0.5 * q * p + c) * p)
    return least


cdef void slant(Site *site, Py_ssize_t s, bint priced, bint wide) noexcept nogil:
    """Choose the costs of an open switch from the last solve; `priced`: its prices mean something.

    `wide`: look at more than the prices say.

    In each tier a parabola a/2 p^2 + b p + c in the power of its lead row, nowhere above the costs
    of a live state. Best where it touches the lower convex hull of those costs at the power that
    the relaxed balance would give it.
    """
    cdef Py_ssize_t k, j, r = site.lead[s], part
    cdef double a, b, p = site.plan.p[site.slot[r]], slanted_a, slanted_b
    for k in range(site.tiers):
        a = slanted_a = site.a[k * site.rows + r]
        b = slanted_b = site.b[k * site.rows + r]
        if a > 0.0 and priced and is_open(site, r, k):
            slant_curved(site, s, k, site.settlement.prices[k * site.plan.m + site.group[r]], p,
                         not wide, &slanted_a, &slanted_b)
        else:
            slanted_b = b + steepest_line(site, s, site.head + k, p)
        site.slant_a[s * site.tiers + k] = slanted_a
        site.slant_b[s * site.tiers + k] = slanted_b
        site.least[s * site.parts + site.head + k] = rest(site, s, k, slanted_a, slanted_b)
    for part in range(site.head + site.tiers, site.parts):
        site.least[s * site.parts + part] = INFINITY
        for j in range(site.first_state[s], site.first_state[s + 1]):
            if site.live[j]:
                site.least[s * site.parts + part] = smaller(
                    site.least[s * site.parts + part], site.fixed[j * site.parts + part])
    site.shown[s] = STALE
