# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""The search for the best states: branch and bound over the convex core.

1. At the root the costs of open switches are slanted till the bound no longer rises.
2. Three first choices: as it is, what the relaxed powers are nearest to, what prices like best.
3. States that prices alone prove to be no better than the best choice are struck out. With those
   that are left it is improved, one switch at a time, then two. Then again 1 and 3, while it helps.
4. What is still open is searched depth first, nearest state first. A node whose bound is not below
   the best choice is left.

All is counted in balances solved, so the same inputs give the same bits on any day.
"""

from libc.math cimport INFINITY
from libc.string cimport memcpy

from nansha_core.improve cimport (
    away, cheapest, first_choices, improve, nearer, nearest, try_choice,
)
from nansha_core.plan cimport Group
from nansha_core.relax cimport (
    OPEN, STALE, Site, below, compare, complete, evaluate, make_hull, price_states, show,
)
from nansha_core.slant cimport slant

cdef enum:
    SLANTS = 12         # rounds at the root, at most
    STRIKES = 6         # times that states are struck out, at most
    TIES = 256          # balances spent on fewer operations, once no choice costs less


cdef inline bint spent(const Site *site) noexcept nogil:
    return site.nodes >= site.budget


cdef inline void copy(const Site *site, const double *x, double *to) noexcept nogil:
    memcpy(to, x, site.parts * sizeof(double))


# ------------------------------------------------------------------ the root

cdef void forget(Site *site) noexcept nogil:
    # The core starts from its last price, slants from the last powers: begin all searches alike.
    cdef Py_ssize_t v, r
    for r in range(site.rows):
        site.plan.p[site.slot[r]] = 0.5 * (site.hull_lo[r] + site.hull_hi[r])
    cdef Group *g
    for v in range(site.plan.m):
        g = &site.plan.groups[v]
        g.warm = g.warm_step = g.warm_slope = g.warm_target = 0.0
        g.owner = -1


cdef void keep_slants(Search *q, bint back) noexcept nogil:
    # Put the slants aside, or take them back.
    cdef Site *site = &q.site
    cdef size_t count = site.switches * site.tiers * sizeof(double)
    cdef size_t parts = site.switches * site.parts * sizeof(double)
    cdef Py_ssize_t s
    if not back:
        memcpy(q.kept_a, site.slant_a, count)
        memcpy(q.kept_b, site.slant_b, count)
        memcpy(q.kept_least, site.least, parts)
        return
    memcpy(site.slant_a, q.kept_a, count)
    memcpy(site.slant_b, q.kept_b, count)
    memcpy(site.least, q.kept_least, parts)
    for s in range(site.switches):
        if site.pick[s] == OPEN:
            site.shown[s] = STALE


cdef inline void look_at_picks(Search *q) noexcept nogil:
    cdef Py_ssize_t s
    for s in range(q.site.switches):
        show(&q.site, s, q.site.pick[s])
    evaluate(&q.site, q.vector)


cdef void raise_bound(Search *q) noexcept nogil:
    # Slant the open switches' costs till it no longer helps. Leaves the best slants, and their
    # solve in the plan and in q.vector.
    cdef Site *site = &q.site
    cdef Py_ssize_t turn, s
    cdef bint priced, wide = False, last = True
    for turn in range(SLANTS):
        if turn:
            priced = complete(site, q.vector)
            for s in range(site.switches):
                if site.pick[s] == OPEN:
                    slant(site, s, priced, wide)
        look_at_picks(q)
        last = turn == 0 or compare(site, q.vector, q.third) > 0
        if last:
            copy(site, q.vector, q.third)
            keep_slants(q, False)
            wide = False
        elif wide:
            break
        else:
            wide = True
        if spent(site):
            break
    if not last:
        keep_slants(q, True)
        look_at_picks(q)
    if below(site, q.bound, q.third):
        copy(site, q.third, q.bound)


cdef bint strike_out(Search *q) noexcept nogil:
    # States that prices prove to be no better than the best choice.
    cdef Site *site = &q.site
    cdef Py_ssize_t s, j, k, best, left, last
    cdef bint struck = False
    if not site.has_dual or not complete(site, q.best_vector):
        return False
    if below(site, q.bound, site.dual):
        copy(site, site.dual, q.bound)
    for s in range(site.switches):
        if site.pick[s] != OPEN:
            continue
        best = cheapest(site, s, -1)
        left = 0
        last = best
        for j in range(site.first_state[s], site.first_state[s + 1]):
            if not site.live[j]:
                continue
            for k in range(site.parts):
                q.other[k] = (site.dual[k] + site.worth[j * site.parts + k]
                              - site.worth[best * site.parts + k])
            if j != best and compare(site, q.other, q.best_vector) >= 0:
                site.live[j] = False
                struck = True
            else:
                left += 1
                last = j
        if left == 1:
            site.pick[s] = last
        make_hull(site, s)
    return struck


# ------------------------------------------------------------------ the tree

cdef double doubt(const Site *site, Py_ssize_t s, Py_ssize_t near) noexcept nogil:
    # How far an open switch is from being in a state, in watts: of its bounds, and of what its
    # slanted costs leave out.
    cdef double sum = away(site, s, near, True), d, p
    cdef Py_ssize_t k, r = site.lead[s], t
    p = site.plan.p[site.slot[r]]
    for k in range(site.tiers):
        t = s * site.tiers + k
        d = (site.fixed[near * site.parts + site.head + k]
             - site.least[s * site.parts + site.head + k]
             + (0.5 * (site.a[k * site.rows + r] - site.slant_a[t]) * p
                + (site.b[k * site.rows + r] - site.slant_b[t])) * p)
        if d > site.tolerance[site.head + k]:
            return sum + d / site.scale[k]
    return sum


cdef bint alike(const Site *site, Py_ssize_t s, Py_ssize_t t) noexcept nogil:
    # Two switches that could change places: the same states in the same group at the same costs.
    cdef Py_ssize_t j, k, i = site.first_state[s], l = site.first_state[t]
    cdef Py_ssize_t r = site.first_row[s], u = site.first_row[t], rows = site.first_row[s + 1] - r
    if (site.first_state[s + 1] - i != site.first_state[t + 1] - l
            or site.first_row[t + 1] - u != rows):
        return False
    for k in range(rows):
        if site.group[r + k] != site.group[u + k]:
            return False
        for j in range(site.tiers):
            if (site.a[j * site.rows + r + k] != site.a[j * site.rows + u + k]
                    or site.b[j * site.rows + r + k] != site.b[j * site.rows + u + k]):
                return False
    for j in range(site.first_state[s + 1] - i):
        if site.live[i + j] != site.live[l + j]:
            return False
        for k in range(rows):
            if (site.lo[site.bounds[i + j] + k] != site.lo[site.bounds[l + j] + k]
                    or site.hi[site.bounds[i + j] + k] != site.hi[site.bounds[l + j] + k]):
                return False
        for k in range(site.parts):
            if site.fixed[(i + j) * site.parts + k] != site.fixed[(l + j) * site.parts + k]:
                return False
    return True


cdef void find_twins(Search *q) noexcept nogil:
    # Of choices that differ only in which of several like switches is where, one is enough: their
    # states never fall from one twin to the next.
    cdef Site *site = &q.site
    cdef Py_ssize_t s, t
    for s in range(site.switches):
        q.before[s] = q.after[s] = -1
        if site.pick[s] != OPEN:
            continue
        for t in range(s - 1, -1, -1):
            if site.pick[t] == OPEN and alike(site, s, t):
                q.before[s] = t
                q.after[t] = s
                break


cdef bint fits(const Search *q, Py_ssize_t s, Py_ssize_t state) noexcept nogil:
    # The state keeps the order among the twins that are decided.
    cdef const Site *site = &q.site
    cdef Py_ssize_t t, j = state - site.first_state[s]
    t = q.before[s]
    while t >= 0:
        if site.pick[t] != OPEN and site.pick[t] - site.first_state[t] > j:
            return False
        t = q.before[t]
    t = q.after[s]
    while t >= 0:
        if site.pick[t] != OPEN and site.pick[t] - site.first_state[t] < j:
            return False
        t = q.after[t]
    return True


cdef Py_ssize_t outermost(const Search *q, Py_ssize_t s) noexcept nogil:
    # Of open twins the one that leaves the others most choice when it goes where s would.
    cdef const Site *site = &q.site
    cdef Py_ssize_t t = s, j = site.first_state[s], best = s
    while not site.live[j]:
        j += 1
    while t >= 0:
        if site.pick[t] == OPEN:
            best = t
        t = q.before[t] if q.trial[s] == j else q.after[t]
    return best


cdef Py_ssize_t choose(Search *q) noexcept nogil:
    # The switch that is furthest from any of its states, or a twin of it; the trial gets the
    # nearest states. -1: none is open.
    cdef Site *site = &q.site
    cdef Py_ssize_t s, best = -1
    cdef double d, most = -1.0
    for s in range(site.switches):
        q.trial[s] = site.pick[s]
        if site.pick[s] == OPEN:
            q.trial[s] = nearest(site, s)
            d = doubt(site, s, q.trial[s])
            if d > most:
                most = d
                best = s
    q.doubt = most
    return best if best < 0 else outermost(q, best)


cdef void branch(Search *q, Py_ssize_t s, const double *bound) noexcept nogil:
    # Push a node, its children in order of nearness.
    cdef Site *site = &q.site
    cdef Py_ssize_t j, i, count = 0, begin = site.first_state[s]
    for j in range(begin, site.first_state[s + 1]):
        if not site.live[j]:
            continue
        i = count
        while i > 0 and nearer(site, s, j, q.order[begin + i - 1]):
            q.order[begin + i] = q.order[begin + i - 1]
            i -= 1
        q.order[begin + i] = j
        count += 1
    for i in range(begin + count, site.first_state[s + 1]):
        q.order[i] = -1
    q.branched[q.depth] = s
    q.turn[q.depth] = 0
    copy(site, bound, q.bounds + q.depth * site.parts)
    q.depth += 1


cdef bint next_child(Search *q) noexcept nogil:
    # Go to the next node that is not yet looked at; False at the end of the tree.
    cdef Site *site = &q.site
    cdef Py_ssize_t s, at, top
    while q.depth:
        top = q.depth - 1
        s = q.branched[top]
        at = site.first_state[s] + q.turn[top]
        if (at < site.first_state[s + 1] and q.order[at] >= 0
                and compare(site, q.bounds + top * site.parts, q.best_vector) < 0):
            q.turn[top] += 1
            site.pick[s] = OPEN
            if not fits(q, s, q.order[at]):
                continue
            site.pick[s] = q.order[at]
            return True
        site.pick[s] = OPEN
        q.depth -= 1
    return False


cdef void look(Search *q) noexcept nogil:
    # Solve the node that the picks make, and push it if something below it may be better.
    cdef Site *site = &q.site
    cdef Py_ssize_t s
    look_at_picks(q)
    if q.depth and below(site, q.vector, q.bounds + (q.depth - 1) * site.parts):
        copy(site, q.bounds + (q.depth - 1) * site.parts, q.vector)
    if compare(site, q.vector, q.best_vector) >= 0:
        return
    s = choose(q)
    if s < 0:
        try_choice(q)
        return
    # All open switches may be in a state already: then that choice is as good as the bound.
    branch(q, s, q.vector)
    if q.doubt <= 0.0 and not spent(site):
        try_choice(q)


cdef void rest_is_ties(Search *q) noexcept nogil:
    # Where the bound says that no choice costs less, the budget is better kept.
    cdef Site *site = &q.site
    cdef Py_ssize_t k
    for k in range(site.parts - 2):
        if q.best_vector[k] - q.bound[k] > site.tolerance[k]:
            return
        if q.bound[k] - q.best_vector[k] > site.tolerance[k]:
            break
    if site.budget > site.nodes + TIES:
        site.budget = site.nodes + TIES
    q.proven = True


cdef void walk(Search *q) noexcept nogil:
    # The tree, until it is done or the budget is; the bound is that of all nodes still open.
    cdef Site *site = &q.site
    cdef Py_ssize_t i, s, at
    q.depth = 0
    find_twins(q)
    look(q)
    while not spent(site) and next_child(q):
        if not q.proven:
            rest_is_ties(q)
        look(q)
    copy(site, q.best_vector, q.third)
    for i in range(q.depth):
        s = q.branched[i]
        at = site.first_state[s] + q.turn[i]
        if (at < site.first_state[s + 1] and q.order[at] >= 0
                and below(site, q.bounds + i * site.parts, q.third)):
            copy(site, q.bounds + i * site.parts, q.third)
    if below(site, q.bound, q.third):
        copy(site, q.third, q.bound)


cdef void search_states(Search *q, const Py_ssize_t *now) noexcept nogil:
    """Find the best choice among the live states; `now`: those that the switches are in."""
    cdef Site *site = &q.site
    cdef Py_ssize_t s, j, turn, first
    q.usable = q.proven = False
    site.nodes = 0
    for j in range(site.states):
        site.worth[j * site.parts] = 0.0
    for s in range(site.switches):
        make_hull(site, s)
    forget(site)
    for s in range(site.switches):
        first = -1
        site.pick[s] = OPEN
        for j in range(site.first_state[s], site.first_state[s + 1]):
            if site.live[j]:
                site.pick[s] = j if first < 0 else OPEN
                first = j
        slant(site, s, False, False)
    for j in range(site.parts):
        q.bound[j] = -INFINITY
    for turn in range(STRIKES):
        raise_bound(q)
        price_states(site, complete(site, q.vector))
        if turn == 0:
            first_choices(q, now)
            strike_out(q)
            if compare(site, q.bound, q.best_vector) < 0 and not spent(site):
                improve(q)
        if compare(site, q.bound, q.best_vector) >= 0 or spent(site):
            break
        if not strike_out(q) and turn:
            break
    if not spent(site) and below(site, q.bound, q.best_vector):
        walk(q)
    if not below(site, q.bound, q.best_vector):
        copy(site, q.best_vector, q.bound)


cdef void settle_best(Search *q) noexcept nogil:
    """Solve the best choice as a new Balance would; its vector is then exact to the bit."""
    cdef Site *site = &q.site
    cdef Py_ssize_t s
    forget(site)
    for s in range(site.switches):
        show(site, s, q.best[s])
    evaluate(site, q.best_vector)
