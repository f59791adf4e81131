# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, embedsignature=True, binding=False
"""The balance of a site as an object that is kept from cycle to cycle.

This is the thin outer layer: it checks what it is given, keeps it as C arrays and hands back
answers. What is solved stands in docs/balance.md; how, in `settle`, `search`, `plan` and lanes.h.
"""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_WRITABLE
from libc.math cimport sqrt, INFINITY, NAN
from libc.float cimport DBL_EPSILON
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from nansha_core.intake cimport (
    check_bounds, check_caps, check_costs, demand_of, length_of, one_number, read_numbers,
)
from nansha_core.lanes cimport LONG
from nansha_core.plan cimport (
    FIXED, STAGGER, Group, padded, reply_at, resurvey, stream as plan_stream, value,
)
from nansha_core.settle cimport Costs, ready, settle
from nansha_core.window cimport NARROW, WIDE, WINDOWS, Window, drop_window, make_window, predict, replace

from nansha_core.answer import Answer, Hold, Reason
from nansha_core.errors import ProblemError
from nansha_core.layout import lay_out
from nansha_core.problem import Problem

cdef extern from "stdlib.h" nogil:
    void *aligned_alloc(size_t alignment, size_t size)

cdef extern from * nogil:
    void fetch "__builtin_prefetch"(const void *address)

cdef enum:
    ALIGN = 64
    STAGGER_FROM = 512
    NO_GIL_FROM = 2048  # slots from which other threads may run while one solves
    WINDOWS_FROM = 32768

cdef tuple REASONS = tuple(Reason)


cdef inline double inverse(double a) noexcept nogil:
    return 1.0 / a if a > 0.0 else INFINITY


cdef class Balance:
    """The balance of one site: n rows in m groups, one or more tiers.

    Holds its data as float64 C arrays; nothing is allocated after construction but what `answer`
    gives away. Every method checks all its arguments first: on an error the state is as it was.
    A Balance may be used from any thread, but from one at a time.
    """

    def __cinit__(self):
        self._block = NULL
        self._slot = self._place = NULL
        self._out = self._stage = NULL
        self._plan.groups = NULL
        self._settlement.costs = NULL
        self._settlement.windows = NULL
        memset(&self._windows, 0, WINDOWS * sizeof(Window))

    def __init__(self, problem):
        """Take all of `problem`; other demands are told to `solve`."""
        cdef Py_ssize_t n, m, i, k
        cdef object tree
        if self._started:
            raise TypeError("a Balance is built once: use set_costs, set_bounds or set_device")
        self._started = True
        if not isinstance(problem, Problem):
            raise ProblemError("problem", type(problem).__name__, "give a nansha_core.Problem")
        n = length_of("lo_w", problem.lo_w)
        tiers = length_of("tiers", problem.tiers)
        if not tiers:
            raise ProblemError("tiers", "0 tiers", "give at least one")
        self.names = self._names("names", problem.names, n, "device")
        self.tier_names = tuple([str(tier.name) for tier in problem.tiers])
        tree = problem.tree
        layout = self._layout = lay_out(tree)
        m = len(layout.order)
        self.group_names = None
        if tree is not None:
            self.group_names = self._names("tree.names", tree.names, m, "group")
        rows = rows_of_groups(tree, n, m, self.names)
        cdef Py_ssize_t *count = <Py_ssize_t *> malloc(m * sizeof(Py_ssize_t))
        if count == NULL:
            raise MemoryError
        try:
            for k in range(m):
                count[k] = len(rows[layout.order[k]]) if rows is not None else n
            self._allocate(n, m, tiers, count)
        finally:
            free(count)
        for k in range(m):
            self._place[<Py_ssize_t> layout.order[k]] = k
            if rows is not None:
                for i, row in enumerate(rows[layout.order[k]]):
                    self._slot[<Py_ssize_t> row] = self._plan.groups[k].begin + i
        self._state = READY
        try:
            for k in range(tiers):
                self.set_costs(problem.tiers[k].a, problem.tiers[k].b, k)
            self.set_bounds(problem.lo_w, problem.hi_w)
            if tree is not None:
                self.set_caps(tree.cap_lo_w, tree.cap_hi_w)
            self._demand = demand_of(problem.demand_w)
        except BaseException:
            self._state = NEW
            raise
        ready(&self._plan, &self._settlement)

    def __dealloc__(self):
        for k in range(WINDOWS):
            drop_window(&self._windows[k])
        free(self._block)
        free(self._slot)
        free(self._place)
        free(self._out)
        free(self._stage)
        free(self._plan.groups)
        free(self._settlement.costs)

    def __len__(self):
        return self._plan.n if self._state != NEW else 0

    # ---------------------------------------------------------------- construction

    def _names(self, field, names, count, what):
        if names is None:
            return None
        names = tuple(names)
        if len(names) != count:
            raise ProblemError(field, f"{len(names)} names", f"give {count}, one per {what}")
        return names

    cdef int _allocate(self, Py_ssize_t n, Py_ssize_t m, Py_ssize_t tiers,
                       Py_ssize_t *rows) except -1:
        cdef Py_ssize_t slots = 0, k, stride, inside
        cdef size_t size
        cdef Group *g
        cdef Costs *costs
        for k in range(m):
            slots += padded(rows[k])
        stride = slots + (STAGGER if slots >= STAGGER_FROM else 0)
        size = (3 * (tiers + 1) + 5) * stride * sizeof(double) + (tiers + 1) * m * sizeof(double)
        size = (size + ALIGN) // ALIGN * ALIGN
        self._block = <double *> aligned_alloc(ALIGN, size)
        self._place = <Py_ssize_t *> malloc(m * sizeof(Py_ssize_t))
        self._stage = <double *> malloc(2 * (n if n > m else m) * sizeof(double) + 1)
        self._plan.groups = <Group *> malloc(m * sizeof(Group))
        self._settlement.costs = <Costs *> malloc((tiers + 1) * sizeof(Costs))
        if m > 1:
            self._slot = <Py_ssize_t *> malloc(n * sizeof(Py_ssize_t) + 1)
            self._out = <double *> malloc(n * sizeof(double) + 1)
        if (self._block == NULL or self._place == NULL or self._stage == NULL
                or self._plan.groups == NULL or self._settlement.costs == NULL
                or (m > 1 and (self._slot == NULL or self._out == NULL))):
            raise MemoryError
        memset(self._block, 0, size)
        memset(self._plan.groups, 0, m * sizeof(Group))
        self._base = NAN
        self._plan.n = n
        self._plan.slots = slots
        self._plan.m = m
        self._plan.outside = False
        # What the first tier's loop reads and writes lies side by side.
        self._settlement.tiers = tiers
        for k in range(tiers + 1):
            costs = &self._settlement.costs[k]
            costs.b = self._block + (3 * k + (3 if k else 0)) * stride
            costs.inverse_a = costs.b + stride
            costs.a = costs.b + 2 * stride if k else self._block + 5 * stride
        self._settlement.lo = self._block + 2 * stride
        self._settlement.hi = self._block + 3 * stride
        self._plan.p = self._block + 4 * stride
        self._settlement.work_lo = self._block + (3 * tiers + 6) * stride
        self._settlement.work_hi = self._block + (3 * tiers + 7) * stride
        self._settlement.prices = self._block + (3 * tiers + 8) * stride
        self._settlement.stale = True
        if m == 1 and tiers == 1 and slots >= WINDOWS_FROM:
            if not (make_window(&self._windows[WIDE], slots, slots // 8, slots // 64)
                    and make_window(&self._windows[NARROW], slots, 4096, 256)):
                raise MemoryError
            self._settlement.windows = self._windows
        slots = 0
        for k in range(m):
            g = &self._plan.groups[k]
            g.parent = self._layout.parent[k]
            g.first = self._layout.first[k]
            g.begin = slots
            slots += padded(rows[k])
            g.end = slots
            g.cap_lo = -INFINITY
            g.cap_hi = INFINITY
            g.owner = -1
            inside = (g.end - self._plan.groups[g.first].begin) // 64
            # Roundings of many rows add up like a random walk; long sums are a bit rougher.
            g.near = 8.0 * DBL_EPSILON * sqrt(<double> (inside if inside > 1 else 1))
            if slots >= LONG:
                g.near *= 64.0
        ready(&self._plan, &self._settlement)
        return 0

    # ---------------------------------------------------------------- what comes in

    cdef inline void _change(self) noexcept:
        # Much has changed: look at everything again.
        self._settlement.stale = True
        self._windows[WIDE].usable = self._windows[NARROW].usable = False
        self._forget()

    cdef inline void _forget(self) noexcept:
        # The powers are those of other data: solved again when they are asked for.
        self._written = False
        self._base = NAN

    cdef inline Py_ssize_t _at(self, Py_ssize_t i) noexcept:
        return i if self._slot == NULL else self._slot[i]

    cdef Py_ssize_t _index(self, object i) except -1:
        cdef Py_ssize_t k
        try:
            k = i
        except (TypeError, OverflowError):
            k = -1
        if not 0 <= k < self._plan.n:
            raise ProblemError("i", i, f"this site has devices 0 to {self._plan.n - 1}")
        return k

    cdef int _claim(self) except -1:
        # Asked last before anything is changed: what reads the arguments may let other threads run.
        if self._state == BUSY:
            raise RuntimeError("this Balance is solving in another thread: give each its own")
        if self._state == NEW:
            raise RuntimeError("this Balance was not built: its __init__ has not ended well")
        return 0

    cdef Py_ssize_t _tier(self, object tier) except -1:
        cdef Py_ssize_t k
        try:
            k = tier
        except (TypeError, OverflowError):
            k = -1
        if not 0 <= k < self._settlement.tiers:
            raise ProblemError("tier", tier, f"this problem has 0 to {self._settlement.tiers - 1}")
        return k

    def set_costs(self, a, b, tier=0):
        """Replace a tier's cost coefficients (a in cost/W^2, b in cost/W), n of each."""
        cdef Py_ssize_t i, at, n = self._plan.n, k
        cdef Costs *costs
        self._claim()
        k = self._tier(tier)
        read_numbers("a", a, self._stage, n, self.names, "device")
        read_numbers("b", b, self._stage + n, n, self.names, "device")
        for i in range(n):
            check_costs(i, self._stage[i], self._stage[n + i], self.names)
        self._claim()
        costs = &self._settlement.costs[k]
        for i in range(n):
            at = self._at(i)
            costs.a[at] = self._stage[i]
            costs.b[at] = self._stage[n + i]
            costs.inverse_a[at] = inverse(self._stage[i])
        self._change()

    def set_bounds(self, lo_w, hi_w):
        """Replace all bounds in watts, n of each, lo_w <= hi_w row by row."""
        cdef Py_ssize_t i, at, n = self._plan.n
        self._claim()
        read_numbers("lo_w", lo_w, self._stage, n, self.names, "device")
        read_numbers("hi_w", hi_w, self._stage + n, n, self.names, "device")
        for i in range(n):
            check_bounds(i, self._stage[i], self._stage[n + i], self.names)
        self._claim()
        for i in range(n):
            at = self._at(i)
            self._settlement.lo[at] = self._stage[i]
            self._settlement.hi[at] = self._stage[n + i]
        self._change()

    def set_caps(self, cap_lo_w, cap_hi_w):
        """Replace the caps of all groups in watts, m of each; -inf and inf for none."""
        cdef Py_ssize_t k, m = self._plan.m
        self._claim()
        read_numbers("cap_lo_w", cap_lo_w, self._stage, m, self.group_names, "group")
        read_numbers("cap_hi_w", cap_hi_w, self._stage + m, m, self.group_names, "group")
        for k in range(m):
            check_caps(k, self._stage[k], self._stage[m + k], self.group_names)
        self._claim()
        for k in range(m):
            self._plan.groups[self._place[k]].cap_lo = self._stage[k]
            self._plan.groups[self._place[k]].cap_hi = self._stage[m + k]
        self._change()

    def set_device(self, i, a, b, lo_w, hi_w, tier=0):
        """Replace one row's bounds and its costs in one tier, i from 0 to n - 1."""
        cdef double a_, b_, lo_, hi_
        cdef Py_ssize_t k, at, turn, which
        cdef Costs *costs
        self._claim()
        which = self._tier(tier)
        k = self._index(i)
        at = self._at(k)
        costs = &self._settlement.costs[which]
        # Of a million rows none lies in the cache: all its places at once, while numbers are read.
        fetch(&costs.a[at])
        fetch(&costs.b[at])
        fetch(&costs.inverse_a[at])
        fetch(&self._settlement.lo[at])
        fetch(&self._settlement.hi[at])
        if self._settlement.windows != NULL:
            for turn in range(WINDOWS):
                fetch(&self._windows[turn].place[at])
        a_ = one_number("a", a, k, self.names, "device")
        b_ = one_number("b", b, k, self.names, "device")
        lo_ = one_number("lo_w", lo_w, k, self.names, "device")
        hi_ = one_number("hi_w", hi_w, k, self.names, "device")
        check_costs(k, a_, b_, self.names)
        check_bounds(k, lo_, hi_, self.names)
        self._claim()
        if self._settlement.windows != NULL and not self._settlement.stale:
            for turn in range(WINDOWS):
                replace(&self._windows[turn], &self._plan, at, b_, inverse(a_), lo_, hi_)
            resurvey(&self._plan, at, a_, b_, lo_, hi_)
        else:
            self._settlement.stale = True
        costs.a[at] = a_
        costs.b[at] = b_
        costs.inverse_a[at] = inverse(a_)
        self._settlement.lo[at] = lo_
        self._settlement.hi[at] = hi_
        self._forget()

    # ---------------------------------------------------------------- what comes out

    def solve(self, demand_w, /):
        """Balance the site at `demand_w` watts, starting from the last price.

        Returns the site's price in the last tier, in cost per watt. The powers are in `p_w`, all
        else in `answer()`, until the next solve.
        """
        cdef double demand = demand_of(demand_w)
        if self._state != READY:
            self._claim()
        return self._run(demand)

    cdef inline double _run(self, double demand) noexcept:
        self._plan.looks = 0
        if self._plan.slots < NO_GIL_FROM:
            settle(&self._plan, &self._settlement, demand)
        else:
            self._state = BUSY
            with nogil:
                settle(&self._plan, &self._settlement, demand)
            self._state = READY
        self._demand = demand
        self._written = True
        return self._settlement.prices[self._settlement.tiers * self._plan.m - 1]

    def price(self, demand_w, /):
        """Give the price that `solve` would give; the powers are written when first asked for.

        Of a million rows, of which one was changed by `set_device`, hardly any is looked at.
        """
        cdef double demand = demand_of(demand_w)
        cdef Window *w = NULL
        cdef Group *site
        self._claim()
        if self._settlement.windows != NULL:
            ready(&self._plan, &self._settlement)
            site = &self._plan.groups[0]
            if value(&site.low) < demand < value(&site.high):
                w = predict(self._windows, &self._plan, demand, True)
        if w == NULL:
            return self._run(demand)
        self._base = w.group.base
        self._delta = w.group.delta
        self._demand = demand
        self._written = False
        return self._base + self._delta

    def power_w(self, i):
        """Power of row i in watts at the last demand, i from 0 to n - 1."""
        cdef Py_ssize_t k
        self._claim()
        k = self._at(self._index(i))
        if self._base != self._base:
            self._write()
        if self._written:
            return self._plan.p[k]
        return reply_at(&self._plan, k, self._base, self._delta)

    cdef inline void _write(self) noexcept:
        # The powers of a price that was found without them.
        if not self._written:
            self._run(self._demand)

    cdef void _show(self) noexcept:
        cdef Py_ssize_t i
        if self._slot != NULL:
            for i in range(self._plan.n):
                self._out[i] = self._plan.p[self._slot[i]]

    @property
    def p_w(self):
        """Power of each row in watts: a read-only float64 view, good until the next solve.

        If data have changed since the last solve, that demand is solved again first.
        """
        return memoryview(self)

    @property
    def passes(self):
        """How often the last solve looked at a price, whole or part of the site: for diagnosis."""
        return self._plan.looks

    @property
    def devices(self):
        """The data as held: one (lo_w, hi_w, a, b, a, b, …) per row, a and b of each tier."""
        cdef Py_ssize_t i, k, at
        cdef Settlement *s = &self._settlement
        self._claim()
        rows = []
        for i in range(self._plan.n):
            at = self._at(i)
            row = [s.lo[at], s.hi[at]]
            for k in range(s.tiers):
                row += (s.costs[k].a[at], s.costs[k].b[at])
            rows.append(tuple(row))
        return tuple(rows)

    def answer(self):
        """All that is known of the last demand, with the data as they are, as a record."""
        cdef Py_ssize_t i, k, m = self._plan.m, at
        cdef Settlement *s = &self._settlement
        cdef Group *g
        self._claim()
        self._write()
        p_w, reasons = [], []
        for i in range(self._plan.n):
            at = self._at(i)
            p_w.append(self._plan.p[at])
            reasons.append(REASONS[reason(s, self._plan.p[at], at)])
        holds, overload = [], []
        for k in range(m):
            g = &self._plan.groups[self._place[k]]
            holds.append(hold_of(g))
            overload.append(g.overload)
        prices = [tuple([s.prices[k * m + self._place[i]] for i in range(m)])
                  for k in range(s.tiers + 1)]
        return Answer(p_w=tuple(p_w), reasons=tuple(reasons), prices=tuple(prices),
                      holds=tuple(holds), overload_w=tuple(overload), residual_w=s.residual,
                      shortage_w=s.shortage, surplus_w=s.surplus)

    def __getbuffer__(self, Py_buffer *view, int flags):
        self._claim()
        self._write()
        self._show()
        show_doubles(self, self._plan.p if self._out == NULL else self._out, &self._plan.n, view,
                     flags)


cdef int show_doubles(object owner, double *data, Py_ssize_t *count, Py_buffer *view,
                      int flags) except -1:
    """Let others read an array of doubles as long as they keep its owner."""
    if flags & PyBUF_WRITABLE:
        raise BufferError("this is the core's to write: the buffer is read-only")
    view.buf = data
    view.obj = owner
    view.len = count[0] * sizeof(double)
    view.readonly = 1
    view.itemsize = sizeof(double)
    view.format = NULL
    if flags & PyBUF_FORMAT:
        view.format = b"d"
    view.ndim = 1
    view.shape = count
    view.strides = &view.itemsize
    view.suboffsets = NULL
    view.internal = NULL
    return 0


cdef object rows_of_groups(object tree, Py_ssize_t n, Py_ssize_t m, object names):
    # The rows of each of the user's groups; None: all rows are the site's.
    cdef Py_ssize_t i, group
    if tree is None:
        return None
    groups = tuple(tree.group)
    if len(groups) != n:
        raise ProblemError("tree.group", f"{len(groups)} values", f"give {n}, one per row")
    rows = [[] for _ in range(m)]
    for i in range(n):
        try:
            group = groups[i].__index__()
        except (AttributeError, TypeError, OverflowError):
            group = -1
        if not 0 <= group < m:
            raise ProblemError("tree.group", groups[i], f"give a group from 0 to {m - 1}", i,
                               None if names is None else names[i])
        rows[group].append(i)
    return rows if m > 1 else None


cdef object hold_of(const Group *g):
    if g.apart == FIXED:
        return Hold.fixed
    if g.apart == 0:
        return Hold.free
    return Hold.at_upper if g.apart > 0 else Hold.at_lower


cdef int reason(const Settlement *s, double p, Py_ssize_t at) noexcept nogil:
    # Read off where p lies; the numbers are those of Reason.
    cdef Py_ssize_t k
    if s.lo[at] == s.hi[at]:
        return 3
    if p == s.hi[at]:
        return 1
    if p == s.lo[at]:
        return 2
    for k in range(s.tiers):
        if s.costs[k].a[at] > 0.0:
            return 0
    return 4


def stream(Balance balance):
    """Pass once over the arrays of a Balance: read four, write one. The memory limit, to compare.

    Its answer is left as it is.
    """
    balance._claim()
    plan_stream(&balance._plan, balance._settlement.work_lo)
