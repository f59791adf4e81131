# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, embedsignature=True
"""A balance with devices that switch, kept from cycle to cycle.

This is the thin outer layer: it checks what it is given and keeps it as C arrays. What a node of
the search is stands in `relax` and `slant`, the search in `branch` and `improve`, what a switch is
in `switch`.
"""

from dataclasses import replace

from libc.float cimport DBL_EPSILON
from libc.math cimport fabs, INFINITY, NAN
from libc.stdlib cimport calloc, free

from nansha_core.balance cimport Balance
from nansha_core.branch cimport search_states, settle_best
from nansha_core.improve cimport Search
from nansha_core.intake cimport demand_of
from nansha_core.plan cimport larger
from nansha_core.relax cimport STALE, Site
from nansha_core.settle cimport Settlement

from nansha_core.errors import ProblemError
from nansha_core.switch import allowed, check, fixed_cost
from nansha_core.switched_answer import SwitchedAnswer

NODES = 4096
"""Balances that a solve may take if it is not told otherwise."""

cdef double SAME = 1e-12    # two costs are the same if they differ by no more of all that is paid


cdef class Switched:
    """The balance of one site with devices that are in one of a few states each.

    Finds the states and powers that are best in the problem's own order: least overload, inner
    groups first, least missing, then tier by tier, with the fixed costs of the states. Among
    choices that cost the same, the one with fewer operations, then with lower states. Small sites
    exactly; large ones as far as `nodes` go, with a bound that says how far from the best the
    answer may be.

    The bounds of switched rows are those of their states; the problem's own are not used.
    Nothing is allocated after construction but answers. Every method checks all its arguments
    first: on an error the state is as it was. May be used from any thread, but from one at a time.
    """

    def __cinit__(self):
        self._doubles = NULL
        self._indices = NULL
        self._flags = NULL

    def __init__(self, problem, switches):
        """Take the site and its switches; other demands and present states are told to `solve`."""
        if self._doubles != NULL:
            raise TypeError("a Switched is built once: use set_switches, set_bounds or set_costs")
        self._balance = Balance(problem)
        switches = tuple(switches)
        check(switches, len(self._balance), len(self._balance.tier_names))
        self._problem = problem
        self._switches = switches
        self._balance._settlement.windows = NULL     # many rows change from node to node
        self._allocate()
        self._lay_out()
        self._take_costs()
        self._take_switches()

    def __dealloc__(self):
        free(self._doubles)
        free(self._indices)
        free(self._flags)

    def __len__(self):
        return len(self._switches)

    # ---------------------------------------------------------------- memory

    cdef int _allocate(self) except -1:
        cdef Search *q = &self._search
        cdef Site *site = &q.site
        cdef Py_ssize_t bounds = 0, v, m = self._balance._plan.m, doubles, indices
        site.plan = &self._balance._plan
        site.settlement = &self._balance._settlement
        site.switches = len(self._switches)
        site.tiers = site.settlement.tiers
        site.rows = site.states = 0
        for switch in self._switches:
            site.rows += len(switch.rows)
            site.states += len(switch.states)
            bounds += len(switch.rows) * len(switch.states)
        # The depth of the tree says how many parts the overload has.
        depths = [0] * m
        for v in range(m - 2, -1, -1):
            depths[v] = depths[site.plan.groups[v].parent] + 1
        site.depth = max(depths)
        site.head = site.depth + 1
        site.parts = site.head + site.tiers + 2
        doubles = (site.switches * (3 * site.parts + 4 * site.tiers + 1)
                   + site.rows * (2 + 2 * site.tiers) + 2 * site.states * site.parts + 3 * bounds
                   + 8 * site.parts + site.tiers)
        indices = (m + 14 * (site.switches + 1) + 2 * site.rows + 2 * site.states)
        self._doubles = <double *> calloc(doubles + 1, sizeof(double))
        self._indices = <Py_ssize_t *> calloc(indices, sizeof(Py_ssize_t))
        self._flags = <char *> calloc(site.plan.slots + site.states + 1, 1)
        if self._doubles == NULL or self._indices == NULL or self._flags == NULL:
            raise MemoryError
        self._point()
        for v in range(m):
            site.level[v] = depths[v]
        heads = [f"overload at depth {d}" for d in range(site.depth, 0, -1)]
        self._parts = (*heads, "missing", *self._balance.tier_names)
        return 0

    cdef void _point(self) noexcept:
        # Deal the three blocks out to the arrays.
        cdef Search *q = &self._search
        cdef Site *site = &q.site
        cdef double *d = self._doubles
        cdef Py_ssize_t *i = self._indices
        cdef Py_ssize_t bounds = 0
        for switch in self._switches:
            bounds += len(switch.rows) * len(switch.states)
        site.least = d; d += site.switches * site.parts
        site.slant_a = d; d += site.switches * site.tiers
        site.slant_b = d; d += site.switches * site.tiers
        site.hull_lo = d; d += site.rows
        site.hull_hi = d; d += site.rows
        site.a = d; d += site.rows * site.tiers
        site.b = d; d += site.rows * site.tiers
        site.fixed = d; d += site.states * site.parts
        site.worth = d; d += site.states * site.parts
        site.lo = d; d += bounds
        site.hi = d; d += bounds
        site.ideal = d; d += bounds
        site.tolerance = d; d += site.parts
        site.dual = d; d += site.parts
        site.scale = d; d += site.tiers
        q.best_vector = d; d += site.parts
        q.bound = d; d += site.parts
        q.vector = d; d += site.parts
        q.other = d; d += site.parts
        q.third = d; d += site.parts
        q.kept_a = d; d += site.switches * site.tiers
        q.kept_b = d; d += site.switches * site.tiers
        q.kept_least = d; d += site.switches * site.parts
        q.keys = d; d += site.switches
        q.bounds = d
        site.level = i; i += site.plan.m
        site.first_state = i; i += site.switches + 1
        site.first_row = i; i += site.switches + 1
        site.lead = i; i += site.switches
        site.pick = i; i += site.switches
        site.shown = i; i += site.switches
        self._now = i; i += site.switches
        q.best = i; i += site.switches
        q.trial = i; i += site.switches
        q.sorted = i; i += site.switches
        q.branched = i; i += site.switches
        q.turn = i; i += site.switches
        q.before = i; i += site.switches
        q.after = i; i += site.switches
        site.slot = i; i += site.rows
        site.group = i; i += site.rows
        site.bounds = i; i += site.states
        q.order = i
        site.switched = self._flags
        site.live = self._flags + site.plan.slots

    cdef void _lay_out(self):
        # Where rows and states lie; that never changes.
        cdef Site *site = &self._search.site
        cdef Py_ssize_t s, r = 0, j = 0, bounds = 0, v
        for s, switch in enumerate(self._switches):
            site.first_state[s] = j
            site.first_row[s] = r
            for _ in switch.states:
                site.bounds[j] = bounds
                bounds += len(switch.rows)
                j += 1
            for row in switch.rows:
                site.slot[r] = self._balance._at(row)
                site.switched[site.slot[r]] = True
                for v in range(site.plan.m):
                    if site.plan.groups[v].begin <= site.slot[r] < site.plan.groups[v].end:
                        site.group[r] = v
                r += 1
        site.first_state[site.switches] = j
        site.first_row[site.switches] = r

    # ---------------------------------------------------------------- what comes in

    cdef int _claim(self) except -1:
        if self._busy:
            raise RuntimeError("this Switched is solving in another thread: give each its own")
        return 0

    cdef void _take_costs(self) noexcept:
        # The core's own costs of the switched rows, before any are slanted.
        cdef Site *site = &self._search.site
        cdef Py_ssize_t k, r, s, row
        for k in range(site.tiers):
            tier = self._problem.tiers[k]
            r = 0
            for switch in self._switches:
                for row in switch.rows:
                    site.a[k * site.rows + r] = tier.a[row]
                    site.b[k * site.rows + r] = tier.b[row]
                    r += 1
        for s in range(site.switches):
            site.shown[s] = STALE

    cdef void _take_switches(self):
        cdef Site *site = &self._search.site
        cdef Py_ssize_t s, j, k, r, first, at, rows
        cdef double widest, low, high
        cdef double *fixed
        for s, switch in enumerate(self._switches):
            first = site.first_state[s]
            rows = len(switch.rows)
            may = allowed(switch)
            self._now[s] = first + switch.now
            for j, state in enumerate(switch.states):
                for r in range(rows):
                    at = site.bounds[first + j] + r
                    site.lo[at] = state.lo_w[r]
                    site.hi[at] = state.hi_w[r]
                    site.ideal[at] = NAN
                fixed = site.fixed + (first + j) * site.parts
                for k in range(site.tiers):
                    fixed[site.head + k] = fixed_cost(switch, j, k)
                fixed[site.parts - 2] = 0.0 if j == switch.now else 1.0
                fixed[site.parts - 1] = j
            widest = -1.0
            for r in range(rows):
                low = min([state.lo_w[r] for state in switch.states])
                high = max([state.hi_w[r] for state in switch.states])
                if high - low > widest:
                    widest = high - low
                    site.lead[s] = site.first_row[s] + r
            site.shown[s] = STALE

    cdef void _take_tolerances(self, double demand) noexcept:
        # What is paid at most in each part, of which a small share is rounding.
        cdef Site *site = &self._search.site
        cdef Settlement *settlement = site.settlement
        cdef Py_ssize_t i, k, s, j, at, r
        cdef double top, most, power = fabs(demand), cap = 0.0
        for k in range(site.parts):
            site.tolerance[k] = 0.0
        for k in range(site.tiers):
            site.scale[k] = 0.0
        for i in range(site.plan.slots):
            if not site.switched[i]:
                top = larger(fabs(settlement.lo[i]), fabs(settlement.hi[i]))
                power += top
                for k in range(site.tiers):
                    self._weigh(k, settlement.costs[k].a[i], settlement.costs[k].b[i], top)
        for s in range(site.switches):
            for r in range(site.first_row[s], site.first_row[s + 1]):
                top = 0.0
                for j in range(site.first_state[s], site.first_state[s + 1]):
                    at = site.bounds[j] + r - site.first_row[s]
                    top = larger(top, larger(fabs(site.lo[at]), fabs(site.hi[at])))
                power += top
                for k in range(site.tiers):
                    self._weigh(k, site.a[k * site.rows + r], site.b[k * site.rows + r], top)
            for k in range(site.tiers):
                most = 0.0
                for j in range(site.first_state[s], site.first_state[s + 1]):
                    most = larger(most, fabs(site.fixed[j * site.parts + site.head + k]))
                site.tolerance[site.head + k] += most
        for i in range(site.plan.m):
            for top in (site.plan.groups[i].cap_lo, site.plan.groups[i].cap_hi):
                if fabs(top) < INFINITY:
                    cap = larger(cap, fabs(top))
        for k in range(site.head):
            site.tolerance[k] = SAME * power + 8.0 * DBL_EPSILON * cap
        for k in range(site.tiers):
            site.tolerance[site.head + k] *= SAME
            if site.scale[k] == 0.0:
                site.scale[k] = 1.0
        site.tolerance[site.parts - 2] = site.tolerance[site.parts - 1] = 0.5

    cdef void _weigh(self, Py_ssize_t k, double a, double b, double top) noexcept:
        cdef Site *site = &self._search.site
        site.tolerance[site.head + k] += (0.5 * a * top + fabs(b)) * top
        site.scale[k] = larger(site.scale[k], a * top + fabs(b))

    def set_switches(self, switches):
        """Replace all switches: other bounds, costs, ages. Rows and numbers of states stay."""
        self._claim()
        switches = tuple(switches)
        if len(switches) != len(self._switches):
            raise ProblemError("switches", f"{len(switches)} switches",
                               f"give {len(self._switches)}, or build another Switched")
        check(switches, len(self._balance), self._search.site.tiers)
        for s, (new, old) in enumerate(zip(switches, self._switches)):
            if tuple(new.rows) != tuple(old.rows) or len(new.states) != len(old.states):
                raise ProblemError("rows", f"{new.rows} with {len(new.states)} states",
                                   f"keep {old.rows} with {len(old.states)}, or build another "
                                   "Switched", s, new.name, "switch")
        self._switches = switches
        self._take_switches()

    def set_costs(self, a, b, tier=0):
        """Replace a tier's cost coefficients (a in cost/W^2, b in cost/W), n of each."""
        self._claim()
        a, b = tuple(a), tuple(b)
        self._balance.set_costs(a, b, tier)
        tiers = list(self._problem.tiers)
        tiers[tier] = replace(tiers[tier], a=a, b=b)
        self._problem = replace(self._problem, tiers=tuple(tiers))
        self._take_costs()

    def set_bounds(self, lo_w, hi_w):
        """Replace all bounds in watts, n of each; those of switched rows are not used."""
        cdef Py_ssize_t s
        self._claim()
        lo_w, hi_w = tuple(lo_w), tuple(hi_w)
        self._balance.set_bounds(lo_w, hi_w)
        self._problem = replace(self._problem, lo_w=lo_w, hi_w=hi_w)
        for s in range(self._search.site.switches):
            self._search.site.shown[s] = STALE

    def set_caps(self, cap_lo_w, cap_hi_w):
        """Replace the caps of all groups in watts, m of each; -inf and inf for none."""
        self._claim()
        low, high = tuple(cap_lo_w), tuple(cap_hi_w)
        self._balance.set_caps(low, high)
        if self._problem.tree is not None:
            tree = replace(self._problem.tree, cap_lo_w=low, cap_hi_w=high)
            self._problem = replace(self._problem, tree=tree)

    # ---------------------------------------------------------------- what comes out

    @property
    def switches(self):
        """The switches as held, with their present states."""
        return self._switches

    def problem_of(self, choice, demand_w=None):
        """The convex problem of a choice of states: what its answer is verified against."""
        if len(choice) != len(self._switches):
            raise ProblemError("choice", f"{len(choice)} states",
                               f"give {len(self._switches)}, one per switch")
        lo, hi = list(self._problem.lo_w), list(self._problem.hi_w)
        for s, (switch, j) in enumerate(zip(self._switches, choice)):
            if not 0 <= j < len(switch.states):
                raise ProblemError("choice", j, f"give a state from 0 to {len(switch.states) - 1}",
                                   s, switch.name, "switch")
            state = switch.states[j]
            for row, low, high in zip(switch.rows, state.lo_w, state.hi_w):
                lo[row], hi[row] = low, high
        demand = self._problem.demand_w if demand_w is None else demand_w
        return replace(self._problem, lo_w=tuple(lo), hi_w=tuple(hi), demand_w=demand)

    def solve(self, demand_w=None, *, now=None, since_s=None, nodes=NODES):
        """Choose the states and balance the site at `demand_w` watts.

        `now` and `since_s`, one per switch, replace the present states and ages that are held. At
        most about `nodes` balances are solved. The same inputs give the same bits.
        """
        cdef Search *q = &self._search
        cdef Site *site = &q.site
        cdef Py_ssize_t s, j, budget
        cdef double demand
        self._claim()
        demand = demand_of(self._problem.demand_w if demand_w is None else demand_w)
        try:
            budget = nodes
        except (TypeError, OverflowError):
            raise ProblemError("nodes", nodes, "give a whole number >= 1") from None
        if budget < 1:
            raise ProblemError("nodes", nodes, "give a whole number >= 1")
        if now is not None or since_s is not None:
            self.set_switches(self._moved(now, since_s))
        for j in range(site.states):
            site.live[j] = False
        for s, switch in enumerate(self._switches):
            for j in allowed(switch):
                site.live[site.first_state[s] + j] = True
        site.demand = demand
        site.budget = budget
        self._take_tolerances(demand)
        self._busy = True
        with nogil:
            search_states(q, self._now)
            settle_best(q)
        self._busy = False
        self._balance._demand = demand
        self._balance._written = True
        self._balance._base = NAN
        return self._answer()

    def _moved(self, now, since_s):
        switches = self._switches
        for field, values in (("now", now), ("since_s", since_s)):
            if values is None:
                continue
            values = tuple(values)
            if len(values) != len(switches):
                raise ProblemError(field, f"{len(values)} values",
                                   f"give {len(switches)}, one per switch")
            switches = [replace(switch, **{field: x}) for switch, x in zip(switches, values)]
        return switches

    def _answer(self):
        cdef Search *q = &self._search
        cdef Site *site = &q.site
        cdef Py_ssize_t k, s, parts = site.parts - 2
        objective = tuple([q.best_vector[k] for k in range(parts)])
        tolerance = tuple([site.tolerance[k] for k in range(parts)])
        # Where a part of the bound is that of the choice but for rounding, it is given as that.
        bound = list(objective)
        for k in range(parts):
            if fabs(objective[k] - q.bound[k]) > site.tolerance[k]:
                if q.bound[k] < objective[k]:
                    bound[k:] = [q.bound[s] for s in range(k, parts)]
                break
        return SwitchedAnswer(
            choice=tuple([q.best[s] - site.first_state[s] for s in range(site.switches)]),
            answer=self._balance.answer(),
            parts=self._parts,
            objective=objective,
            bound=tuple(bound),
            tolerance=tolerance,
            operations=int(q.best_vector[site.parts - 2]),
            nodes=site.nodes,
            exact=tuple(bound) == objective,
        )
