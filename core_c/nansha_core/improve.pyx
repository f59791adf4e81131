# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Choices of states: first ones, and better ones nearby."""

from libc.math cimport fabs, INFINITY
from libc.string cimport memcpy

from nansha_core.plan cimport larger
from nansha_core.relax cimport OPEN, Site, below, compare, evaluate, show

cdef enum:
    PAIRS_FROM = 24     # switches of which all pairs are tried
    PASSES = 4
    FEW = 12            # open switches; the tree is quicker for them


cdef inline bint spent(const Site *site) noexcept nogil:
    return site.nodes >= site.budget


# ------------------------------------------------------------------ choices

cdef bint try_choice(Search *q) noexcept nogil:
    # Solve the trial; keep it if it is better than the best.
    cdef Site *site = &q.site
    cdef Py_ssize_t s
    for s in range(site.switches):
        show(site, s, q.trial[s])
    evaluate(site, q.other)
    if q.usable and compare(site, q.other, q.best_vector) >= 0:
        return False
    q.usable = True
    memcpy(q.best, q.trial, site.switches * sizeof(Py_ssize_t))
    memcpy(q.best_vector, q.other, site.parts * sizeof(double))
    return True


cdef double away(const Site *site, Py_ssize_t s, Py_ssize_t j, bint bounds) noexcept nogil:
    # How far the relaxed powers are from a state: from its bounds, or from where it would be.
    cdef Py_ssize_t r, at
    cdef double p, sum = 0.0
    for r in range(site.first_row[s], site.first_row[s + 1]):
        at = site.bounds[j] + r - site.first_row[s]
        p = site.plan.p[site.slot[r]]
        if bounds or not site.ideal[at] == site.ideal[at]:
            sum += larger(larger(site.lo[at] - p, p - site.hi[at]), 0.0)
        else:
            sum += fabs(p - site.ideal[at])
    return sum


cdef bint nearer(const Site *site, Py_ssize_t s, Py_ssize_t j, Py_ssize_t l) noexcept nogil:
    cdef double x = away(site, s, j, False), y = away(site, s, l, False)
    cdef Py_ssize_t k
    if x != y:
        return x < y
    for k in range(site.head, site.parts):
        x = site.fixed[j * site.parts + k]
        y = site.fixed[l * site.parts + k]
        if x != y:
            return x < y
    return False


cdef Py_ssize_t nearest(const Site *site, Py_ssize_t s) noexcept nogil:
    cdef Py_ssize_t j, best = -1
    for j in range(site.first_state[s], site.first_state[s + 1]):
        if site.live[j] and (best < 0 or nearer(site, s, j, best)):
            best = j
    return best


cdef Py_ssize_t cheapest(const Site *site, Py_ssize_t s, Py_ssize_t but) noexcept nogil:
    # The live state of the least worth, leaving one out.
    cdef Py_ssize_t j, best = -1
    for j in range(site.first_state[s], site.first_state[s + 1]):
        if site.live[j] and j != but and (
                best < 0 or below(site, site.worth + j * site.parts,
                                  site.worth + best * site.parts)):
            best = j
    return best


cdef void first_choices(Search *q, const Py_ssize_t *now) noexcept nogil:
    # The relaxed powers are still in the plan.
    cdef Site *site = &q.site
    cdef Py_ssize_t s
    for s in range(site.switches):
        q.trial[s] = nearest(site, s)
    try_choice(q)
    if spent(site):
        return
    for s in range(site.switches):
        q.trial[s] = cheapest(site, s, -1)
    try_choice(q)
    if spent(site):
        return
    for s in range(site.switches):
        q.trial[s] = now[s] if site.live[now[s]] else cheapest(site, s, -1)
    try_choice(q)


# ------------------------------------------------------------------ improvement

cdef double regret(const Search *q, Py_ssize_t s) noexcept nogil:
    # What it costs at the prices to have this switch otherwise, in watts of the first tier that
    # says anything.
    cdef const Site *site = &q.site
    cdef Py_ssize_t k, other = cheapest(site, s, q.best[s])
    cdef double d
    if other < 0:
        return INFINITY
    for k in range(site.tiers):
        d = (site.worth[other * site.parts + site.head + k]
             - site.worth[q.best[s] * site.parts + site.head + k])
        if fabs(d) > site.tolerance[site.head + k]:
            return d / site.scale[k]
    return 0.0


cdef void sort_switches(Search *q) noexcept nogil:
    # By regret, least first; equal ones by number. Insertion: hundreds at most, once a pass.
    cdef Site *site = &q.site
    cdef Py_ssize_t s, i, count = 0
    cdef double key
    for s in range(site.switches):
        key = q.keys[s] = regret(q, s)
        i = count
        while i > 0 and q.keys[q.sorted[i - 1]] > key:
            q.sorted[i] = q.sorted[i - 1]
            i -= 1
        q.sorted[i] = s
        count += 1


cdef bint flip_one(Search *q) noexcept nogil:
    cdef Site *site = &q.site
    cdef Py_ssize_t i, s, j, kept
    cdef bint better = False
    for i in range(site.switches):
        s = q.sorted[i]
        for j in range(site.first_state[s], site.first_state[s + 1]):
            if not site.live[j] or j == q.best[s]:
                continue
            if spent(site):
                return better
            kept = q.trial[s]
            q.trial[s] = j
            if try_choice(q):
                better = True
            else:
                q.trial[s] = kept
    return better


cdef bint flip_two(Search *q) noexcept nogil:
    cdef Site *site = &q.site
    cdef Py_ssize_t i, l, s, t, j, h
    cdef Py_ssize_t count = site.switches if site.switches < PAIRS_FROM else PAIRS_FROM
    for i in range(1, count):
        s = q.sorted[i]
        for l in range(i):
            t = q.sorted[l]
            j = cheapest(site, s, q.best[s])
            h = cheapest(site, t, q.best[t])
            if j < 0 or h < 0:
                continue
            if spent(site):
                return False
            q.trial[s] = j
            q.trial[t] = h
            if try_choice(q):
                return True
            q.trial[s] = q.best[s]
            q.trial[t] = q.best[t]
    return False


cdef void improve(Search *q) noexcept nogil:
    cdef Site *site = &q.site
    cdef Py_ssize_t turn
    cdef Py_ssize_t s, left = 0
    for s in range(site.switches):
        left += site.pick[s] == OPEN
    if left <= FEW:
        return
    for turn in range(PASSES):
        memcpy(q.trial, q.best, site.switches * sizeof(Py_ssize_t))
        sort_switches(q)
        if flip_one(q):
            continue
        memcpy(q.trial, q.best, site.switches * sizeof(Py_ssize_t))
        if spent(site) or not flip_two(q):
            return
