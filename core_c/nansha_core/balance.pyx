# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, embedsignature=True
"""The exact power balance of a flat site.

The problem, a continuous quadratic knapsack:

    minimise   sum_i  a_i p_i^2 / 2 + b_i p_i          a_i >= 0
    subject to sum_i p_i = demand,   lo_i <= p_i <= hi_i

The method. At a price of power L every device answers alone with p_i(L), the point of its range
whose marginal cost a_i p_i + b_i is nearest L. The sum of p_i(L) never falls as L rises, so the
whole problem is a search for the one L at which the sum meets the demand: a safeguarded Newton
search over a piecewise linear function (Cominetti, Mascarenhas & Silva, "A Newton's method for
the continuous quadratic knapsack problem", Math. Prog. Comp. 2014; Davis, Hager & Hungerford,
"An efficient hybrid algorithm for the separable convex quadratic knapsack problem", ACM TOMS
2016). No feasible set is ever empty: what the bounds cannot meet is stated as shortage or surplus.

Invariants, which the comments below rely on:

 1. Every rounded operation in p_i(L) is monotone, hence so are p_i(L) and its sum as computed.
    A bracket of prices is therefore never wrong because of rounding, only narrow.
 2. A linear device (a == 0) has inverse_a = +inf, and IEEE arithmetic does the case analysis:
    (L - b) * inf is -inf, +inf or, exactly at L == b, NaN, which fails every comparison.
 3. A price is held as base + delta. First base = 0; if the answer lies between two neighbouring
    doubles, base becomes the nearer one and delta is searched between them. (base - b) + delta
    keeps full relative accuracy there, so a nearly linear device is placed exactly too.
 4. Which side of the demand a sum lies on is never decided inside its rounding error: near zero
    the sum is taken again with a compensated (two-double) accumulator.
 5. The bracket shrinks on every pass and at least each third pass halves the count of doubles
    in it, so a search ends within MAX_PASSES, whatever the data.

The tie rule: linear devices whose cost equals the price take the same fraction of their range.
The price rule: the common marginal cost of the devices inside their range; if there is none, the
dearest watt now delivered; if all are at lo, the cheapest next watt; if all are fixed, 0.
"""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_WRITABLE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.float cimport DBL_EPSILON, DBL_MIN
from libc.math cimport fabs, isfinite, nextafter, INFINITY
from libc.stdint cimport int64_t, INT64_MIN
from libc.string cimport memcpy

from nansha_core.answer import Reason
from nansha_core.errors import ProblemError

# The limits keep every sum and product finite; no power or cost comes near them.
cdef double LARGEST = 1e100
cdef double SMALLEST_A = 1e-100
cdef enum:
    MAX_PASSES = 512
    EAGER_PASSES = 12
cdef enum:
    INTERIOR = 0
    AT_UPPER = 1
    AT_LOWER = 2
    FIXED = 3
    TIE = 4


# ------------------------------------------------------------------ layer 1: one device

# Not fmin and fmax: those owe NaN a care that costs a call; these are one instruction each.
cdef inline double smaller(double x, double y) noexcept nogil:
    return x if x < y else y


cdef inline double larger(double x, double y) noexcept nogil:
    return x if x > y else y


cdef inline double at(const Site *s, Py_ssize_t i, double x) noexcept nogil:
    # p_i where the price exceeds b_i by x; the order of arguments is what sends a tie (NaN) to lo.
    return smaller(larger(x * s.inverse_a[i], s.lo[i]), s.hi[i])


cdef inline double limit(const Site *s, Py_ssize_t i, double x, bint right) noexcept nogil:
    # The same, with a choice of the limit from the left (lo) or from the right (hi) at a tie.
    if right and x == 0.0 and s.a[i] == 0.0:
        return s.hi[i]
    return at(s, i, x)


cdef inline double margin(const Site *s, Py_ssize_t i, double p) noexcept nogil:
    return s.a[i] * p + s.b[i]


# ------------------------------------------------------------------ layer 1: sums

cdef struct Pair:
    double head
    double tail


cdef inline void accumulate(Pair *sum, double x) noexcept nogil:
    # Knuth's two-sum: head + tail stays exact to second order.
    cdef double t = sum.head + x
    cdef double z = t - sum.head
    sum.tail += (sum.head - (t - z)) + (x - z)
    sum.head = t


cdef struct Sums:
    double total     # sum of p_i, ties at lo
    double size      # sum of |p_i|, which scales the rounding error of total
    double slope     # d total / d price
    double jump      # what ties can add


cdef inline void gather(const Site *s, Py_ssize_t i, double base, double delta,
                        Sums *to) noexcept nogil:
    cdef double x = (base - s.b[i]) + delta
    cdef double free = x * s.inverse_a[i]
    cdef double p = smaller(larger(free, s.lo[i]), s.hi[i])
    to.total += p
    to.size += fabs(p)
    to.slope += s.inverse_a[i] if free == p else 0.0
    if free != free:
        to.jump += s.hi[i] - s.lo[i]


cdef void sweep(const Site *s, double base, double delta, Sums *out) noexcept nogil:
    # Two lanes, so that the additions of one need not wait for the other's.
    cdef Sums even, odd
    cdef Py_ssize_t i
    even.total = even.size = even.slope = even.jump = 0.0
    odd.total = odd.size = odd.slope = odd.jump = 0.0
    for i in range(0, s.n - 1, 2):
        gather(s, i, base, delta, &even)
        gather(s, i + 1, base, delta, &odd)
    if s.n & 1:
        gather(s, s.n - 1, base, delta, &even)
    out.total = even.total + odd.total
    out.size = even.size + odd.size
    out.slope = even.slope + odd.slope
    out.jump = even.jump + odd.jump


cdef struct Close:
    double need      # demand minus the sum, ties at lo
    double jump
    double top       # the largest power in play
    double rise      # room of the devices inside their range, upwards
    double fall      # and downwards


cdef void sweep_close(const Site *s, double demand, double base, double delta, double *fill,
                      Close *out) noexcept nogil:
    # Also leaves every p_i in fill: close to the demand, this is usually the last sweep.
    cdef Pair need, jump
    cdef double x, free, p, top = fabs(demand), rise = 0.0, fall = 0.0
    cdef Py_ssize_t i
    need.head = demand
    need.tail = jump.head = jump.tail = 0.0
    for i in range(s.n):
        x = (base - s.b[i]) + delta
        free = x * s.inverse_a[i]
        p = smaller(larger(free, s.lo[i]), s.hi[i])
        fill[i] = p
        accumulate(&need, -p)
        top = larger(top, fabs(p))
        rise += s.hi[i] - p if free == p else 0.0
        fall += p - s.lo[i] if free == p else 0.0
        if free != free:
            accumulate(&jump, s.hi[i])
            accumulate(&jump, -s.lo[i])
    out.need = need.head + need.tail
    out.jump = jump.head + jump.tail
    out.top = top
    out.rise = rise
    out.fall = fall


cdef void survey_site(const Site *s, Survey *out) noexcept nogil:
    """Sum the bounds exactly and bracket every price that can matter."""
    cdef Pair lo, hi
    cdef double low = INFINITY, high = -INFINITY, wide = 0.0, slack
    cdef Py_ssize_t i
    lo.head = lo.tail = hi.head = hi.tail = 0.0
    out.lo_top = out.hi_top = 0.0
    for i in range(s.n):
        accumulate(&lo, s.lo[i])
        accumulate(&hi, s.hi[i])
        out.lo_top = larger(out.lo_top, fabs(s.lo[i]))
        out.hi_top = larger(out.hi_top, fabs(s.hi[i]))
        low = smaller(low, margin(s, i, s.lo[i]))
        high = larger(high, margin(s, i, s.hi[i]))
        wide = larger(wide, fabs(s.b[i]) + s.a[i] * larger(fabs(s.lo[i]), fabs(s.hi[i])))
    slack = 1e-9 * wide if wide > 0.0 else 1.0      # far more than any rounding of the margins
    out.lo_head = lo.head
    out.lo_tail = lo.tail
    out.hi_head = hi.head
    out.hi_tail = hi.tail
    out.floor = low - slack
    out.ceiling = high + slack


# ------------------------------------------------------------------ layer 1: the search

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


cdef double next_break(const Site *s, double base, double delta, bint up) noexcept nogil:
    # The nearest price at which some device enters or leaves the inside of its range. It may be
    # an ulp off the place where sweep() sees it; the caller's bracket makes that harmless.
    cdef double best = INFINITY if up else -INFINITY, lower, upper
    cdef Py_ssize_t i
    for i in range(s.n):
        if s.lo[i] == s.hi[i]:
            continue
        lower = s.a[i] * s.lo[i] - (base - s.b[i])
        upper = s.a[i] * s.hi[i] - (base - s.b[i])
        if up:
            best = smaller(best, lower if lower > delta else (upper if upper > delta else INFINITY))
        else:
            best = larger(best, upper if upper < delta else (lower if lower < delta else -INFINITY))
    return best


cdef struct Search:
    double base
    double low, high     # sums below and above the demand, as deltas from base
    double at            # where the last sweep was made
    double slope         # there
    Close close          # there; only need and jump if far from the demand
    double *p            # there, if close
    Py_ssize_t passes


cdef bint hits(const Site *s, double demand, Search *q, const Sums *sums) noexcept nogil:
    # True where the demand is met: between the two limits of a tie, or so near that what is
    # missing is rounding, which the devices inside their ranges have the room to take up. Equal
    # slopes on two passes prove nothing about the sum and are not asked.
    cdef double doubt = (s.n + 8) * DBL_EPSILON * (sums.size + fabs(demand))
    cdef double excess, slack
    if sums.jump == 0.0 and fabs(demand - sums.total) > doubt:
        q.close.need = demand - sums.total
        q.close.jump = 0.0
        return False
    sweep_close(s, demand, q.base, q.at, q.p, &q.close)
    q.passes += 1
    slack = 2.0 * DBL_EPSILON * q.close.top + DBL_MIN
    if q.close.need > q.close.jump:
        excess = q.close.need - q.close.jump
        return excess <= slack or (excess <= doubt and excess <= q.close.rise)
    excess = -q.close.need
    return excess <= slack or (excess <= doubt and excess <= q.close.fall)


cdef bint probe(const Site *s, double demand, Search *q) noexcept nogil:
    # Looks at q.at: True if it is the price, else the bracket is narrowed to one side of it.
    cdef Sums sums
    sweep(s, q.base, q.at, &sums)
    q.passes += 1
    q.slope = sums.slope
    if hits(s, demand, q, &sums):
        return True
    if q.close.need > 0.0:
        q.low = q.at
    else:
        q.high = q.at
    return False


cdef bint search(const Site *s, double demand, Search *q) noexcept nogil:
    # Returns True with q.at on the price; False when no double is left between low and high.
    cdef double beyond, x
    cdef bint up, leap = True
    cdef Py_ssize_t turn = 0
    while q.passes < MAX_PASSES:
        if probe(s, demand, q):
            return True
        up = q.close.need > 0.0
        beyond = q.close.need - q.close.jump if up else q.close.need
        turn += 1
        if turn <= EAGER_PASSES or turn % 3:
            if q.slope > 0.0:
                x = q.at + beyond / q.slope
                if x == q.at:       # a step below one ulp: the neighbour closes the bracket
                    x = nextafter(x, INFINITY if up else -INFINITY)
                if q.low < x < q.high:
                    q.at = x
                    continue
            leap = not leap         # walking from break to break alone could take n passes
            if not leap:
                x = next_break(s, q.base, q.at, up)
                if q.low < x < q.high:
                    q.at = x
                    continue
        x = middle(q.low, q.high)
        if not q.low < x < q.high:
            return False
        q.at = x
    return False


# ------------------------------------------------------------------ layer 1: the answer

cdef double missing(const Site *s, double demand, const double *p) noexcept nogil:
    cdef Pair need
    cdef Py_ssize_t i
    need.head = demand
    need.tail = 0.0
    for i in range(s.n):
        accumulate(&need, -p[i])
    return need.head + need.tail


cdef double share(const Site *s, double demand, const Search *q, bint hit, double nudge,
                  double *p) noexcept nogil:
    # Fill p between the answers at the two ends of what is left of the bracket, every device
    # at the same fraction of its own gap. After a hit the ends are the two limits at one price,
    # so that only ties have a gap: this IS the tie rule. nudge is a part of the price too
    # small for the double q.at to hold; ties do not see it. Returns what is still missing.
    cdef double first = q.at if hit else q.low
    cdef double last = q.at if hit else q.high
    cdef double need, gap = 0.0, fraction, x, end
    cdef Py_ssize_t i
    if hit and q.close.jump == 0.0 and nudge == 0.0:
        return q.close.need                 # p is as the last sweep left it
    for i in range(s.n):
        x = (q.base - s.b[i]) + first
        if s.a[i] > 0.0:
            x += nudge
        p[i] = limit(s, i, x, not hit)
        if not (hit and q.close.jump == 0.0):
            gap += limit(s, i, (q.base - s.b[i]) + last, hit) - p[i]
    need = missing(s, demand, p)
    if gap > 0.0:
        fraction = smaller(larger(need / gap, 0.0), 1.0)
        for i in range(s.n):
            end = limit(s, i, (q.base - s.b[i]) + last, hit)
            p[i] = smaller(p[i] + fraction * (end - p[i]), end) if fraction < 1.0 else end
        need = missing(s, demand, p)
    return need


cdef inline bint elastic(const Site *s, Py_ssize_t i, double p, double tie) noexcept nogil:
    # May p move at this price? A tied device may even where its share was rounded to a bound.
    return s.lo[i] < p < s.hi[i] or (s.b[i] == tie and s.a[i] == 0.0)


cdef double absorb(const Site *s, double need, double slack, double tie, double *p) noexcept nogil:
    # Give the last ulps an owner: the flattest device inside its range, whose marginal cost
    # they move least, and of equals the widest, whose share of a tie rounded most. Only if it
    # lacks the room, the others in device order.
    cdef Py_ssize_t i, owner = -1
    cdef double moved
    if need == 0.0:
        return 0.0
    for i in range(s.n):
        if elastic(s, i, p[i], tie) and s.lo[i] <= p[i] + need <= s.hi[i]:
            if owner < 0 or s.inverse_a[i] > s.inverse_a[owner] or (
                    s.inverse_a[i] == s.inverse_a[owner]
                    and s.hi[i] - s.lo[i] > s.hi[owner] - s.lo[owner]):
                owner = i
    if owner >= 0:
        moved = p[owner] + need
        need -= moved - p[owner]
        p[owner] = moved
    for i in range(s.n):
        if fabs(need) <= slack:
            break
        if elastic(s, i, p[i], tie):
            moved = smaller(larger(p[i] + need, s.lo[i]), s.hi[i])
            need -= moved - p[i]
            p[i] = moved
    return need


cdef double place(const Site *s, double demand, const Search *q, bint hit,
                  double *p) noexcept nogil:
    # From a finished search to the powers; returns what is still missing.
    cdef double excess = 0.0, nudge = 0.0, need, ulp = DBL_EPSILON * fabs(demand)
    cdef double tie = q.base + q.at if hit and q.close.jump > 0.0 else INFINITY
    if hit:
        ulp = DBL_EPSILON * q.close.top
        if q.close.need < 0.0:
            excess = q.close.need
        elif q.close.need > q.close.jump:
            excess = q.close.need - q.close.jump
        if q.slope > 0.0:
            nudge = excess / q.slope
    if fabs(excess) <= 8.0 * ulp:
        # So little that one owner may take it, unless all who could stand just at a bound.
        need = absorb(s, share(s, demand, q, hit, 0.0, p), 2.0 * ulp, tie, p)
        if nudge == 0.0 or fabs(need) <= 2.0 * ulp + DBL_MIN:
            return need
    return absorb(s, share(s, demand, q, hit, nudge, p), 2.0 * ulp, tie, p)


cdef double explain(const Site *s, const double *p, double price,
                    unsigned char *why) noexcept nogil:
    # Reason codes from where each p lies; returns the price by the price rule.
    cdef double dearest = -INFINITY, cheapest = INFINITY
    cdef bint inside = False
    cdef Py_ssize_t i
    for i in range(s.n):
        if s.lo[i] == s.hi[i]:
            why[i] = FIXED
        elif p[i] == s.hi[i]:
            why[i] = AT_UPPER
            dearest = larger(dearest, margin(s, i, p[i]))
        elif p[i] == s.lo[i]:
            why[i] = AT_LOWER
            cheapest = smaller(cheapest, margin(s, i, p[i]))
        else:
            why[i] = INTERIOR if s.a[i] > 0.0 else TIE
            inside = True
    if inside:
        return price
    if isfinite(dearest):
        return dearest
    return cheapest if isfinite(cheapest) else 0.0


cdef void solve_site(const Site *s, const Survey *v, double demand, double start,
                     double *p, unsigned char *why, Outcome *out) noexcept nogil:
    """Balance one site: fill p[n] and why[n], starting the search at the price `start`."""
    cdef double over = (demand - v.hi_head) - v.hi_tail
    cdef double under = (v.lo_head - demand) + v.lo_tail
    cdef double lower, upper
    cdef bint hit
    cdef Search q
    out.shortage = out.surplus = 0.0
    out.passes = 0
    if over >= 0.0:
        if s.n:
            memcpy(p, s.hi, s.n * sizeof(double))
        # Within rounding of the largest power nobody is short of anything: it is residual.
        if over > 4.0 * DBL_EPSILON * larger(v.hi_top, fabs(demand)):
            out.shortage = over
        out.residual = out.shortage - over
        out.price = explain(s, p, start, why)
        return
    if under >= 0.0:
        if s.n:
            memcpy(p, s.lo, s.n * sizeof(double))
        if under > 4.0 * DBL_EPSILON * larger(v.lo_top, fabs(demand)):
            out.surplus = under
        out.residual = under - out.surplus
        out.price = explain(s, p, start, why)
        return
    q.base = 0.0
    q.low = v.floor
    q.high = v.ceiling
    q.at = start if v.floor < start < v.ceiling else 0.5 * v.floor + 0.5 * v.ceiling
    q.passes = 0
    q.p = p
    q.close.jump = q.close.need = q.close.top = q.slope = 0.0
    hit = search(s, demand, &q)
    if not hit:
        # Between neighbouring doubles: look again from the nearer one (invariant 3).
        lower = q.low
        upper = q.high
        q.base = lower
        q.low = 0.0
        q.high = upper - lower
        q.at = 0.5 * q.high
        hit = probe(s, demand, &q)
        if not hit:
            if q.low > 0.0:
                q.base = upper
                q.low = -q.low
                q.high = 0.0
            q.at = 0.5 * (q.low + q.high)
            hit = search(s, demand, &q)
    out.residual = -place(s, demand, &q, hit, p)
    out.passes = q.passes
    out.price = explain(s, p, q.base + (q.at if hit else q.low), why)


# ------------------------------------------------------------------ layers 2 and 3: the classes

cdef tuple REASONS = tuple(Reason)


cdef class Answer:
    """What the core decided for one site at one demand; it never changes.

    Reads as a buffer of n float64 as well: `memoryview(answer)` and `numpy.asarray(answer)` are
    read-only views without a copy. `p_w` and `reasons` are built when first asked for.
    """

    def __cinit__(self):
        self._p = NULL

    def __init__(self, p_w, price, residual_w=0.0, shortage_w=0.0, surplus_w=0.0, reasons=(),
                 passes=0):
        """Make an answer by hand: for tests, replays and other solvers; nothing is checked."""
        if self._p != NULL:
            raise TypeError("an Answer never changes: make a new one")
        p_w = tuple(p_w)
        reasons = tuple(reasons)
        if len(reasons) != len(p_w):
            raise ValueError(f"{len(p_w)} powers but {len(reasons)} reasons: give one for each")
        self._reserve(len(p_w))
        cdef Py_ssize_t i
        for i in range(self._n):
            self._p[i] = p_w[i]
            self._why[i] = Reason(reasons[i])
        self._outcome.price = price
        self._outcome.residual = residual_w
        self._outcome.shortage = shortage_w
        self._outcome.surplus = surplus_w
        self._outcome.passes = passes

    def __dealloc__(self):
        PyMem_Free(self._p)

    cdef int _reserve(self, Py_ssize_t n) except -1:
        self._p = <double *> PyMem_Malloc(n * (sizeof(double) + 1) + 1)
        if self._p == NULL:
            raise MemoryError
        self._n = n
        self._why = <unsigned char *> (self._p + n)
        return 0

    @property
    def p_w(self):
        """Power of each device in watts, in device order."""
        cdef Py_ssize_t i
        if self._p_w is None:
            self._p_w = tuple([self._p[i] for i in range(self._n)])
        return self._p_w

    @property
    def reasons(self):
        """Why each device is where it is, in device order."""
        cdef Py_ssize_t i
        if self._reasons is None:
            self._reasons = tuple([REASONS[self._why[i]] for i in range(self._n)])
        return self._reasons

    @property
    def price(self):
        """The site's price of power, in cost per watt."""
        return self._outcome.price

    @property
    def residual_w(self):
        """Rounding left: sum(p_w) minus what was asked less shortage plus surplus."""
        return self._outcome.residual

    @property
    def shortage_w(self):
        """Demand above sum(hi_w), which nothing could deliver; 0 otherwise."""
        return self._outcome.shortage

    @property
    def surplus_w(self):
        """Sum(lo_w) above the demand, which nothing could avoid; 0 otherwise."""
        return self._outcome.surplus

    @property
    def passes(self):
        """Sweeps over the devices that the search took: a figure for diagnosis."""
        return self._outcome.passes

    def __len__(self):
        return self._n

    def __getbuffer__(self, Py_buffer *view, int flags):
        if flags & PyBUF_WRITABLE:
            raise BufferError("an Answer never changes: its buffer is read-only")
        view.buf = self._p
        view.obj = self
        view.len = self._n * sizeof(double)
        view.readonly = 1
        view.itemsize = sizeof(double)
        view.format = NULL
        if flags & PyBUF_FORMAT:
            view.format = b"d"
        view.ndim = 1
        view.shape = &self._n
        view.strides = &view.itemsize
        view.suboffsets = NULL
        view.internal = NULL

    def _fields(self):
        return (self.p_w, self.price, self.residual_w, self.shortage_w, self.surplus_w,
                self.reasons, self.passes)

    def __eq__(self, other):
        return self._fields() == other._fields() if isinstance(other, Answer) else NotImplemented

    def __hash__(self):
        return hash(self._fields())

    def __reduce__(self):
        return Answer, self._fields()

    def __repr__(self):
        return (f"Answer(p_w={self.p_w}, price={self.price}, residual_w={self.residual_w}, "
                f"shortage_w={self.shortage_w}, surplus_w={self.surplus_w}, "
                f"reasons=({', '.join(r.name for r in self.reasons)}), passes={self.passes})")


cdef class Balance:
    """The balance of one flat site, kept alive from cycle to cycle.

    Holds n devices as float64 C arrays; nothing is allocated after construction but the answers.
    Every method checks all its arguments first: on an error the state is as it was.
    """

    def __cinit__(self):
        self._block = NULL

    def __init__(self, a, b, lo_w, hi_w, *, names=None):
        """Take n devices: cost a/2 p^2 + b p for p in lo_w..hi_w, all four of length n."""
        cdef Py_ssize_t n
        if self._block != NULL:
            raise TypeError("a Balance is built once: use set_costs, set_bounds or set_device")
        try:
            n = len(a)
        except TypeError:
            raise ProblemError("a", a, "give a sequence of numbers, one per device") from None
        if names is not None:
            names = tuple(names)
            if len(names) != n:
                raise ProblemError("names", len(names), f"give {n} names, one per device")
        self.names = names
        self._block = <double *> PyMem_Malloc((7 * n + 1) * sizeof(double))
        if self._block == NULL:
            raise MemoryError
        self._site.n = n
        self._site.a = self._block
        self._site.b = self._block + n
        self._site.lo = self._block + 2 * n
        self._site.hi = self._block + 3 * n
        self._site.inverse_a = self._block + 4 * n
        self._stage_x = self._block + 5 * n
        self._stage_y = self._block + 6 * n
        self._price = 0.0
        try:
            self.set_costs(a, b)
            self.set_bounds(lo_w, hi_w)
        except BaseException:
            self._site.n = 0        # a half-built object that escaped must stay harmless
            raise

    def __dealloc__(self):
        PyMem_Free(self._block)

    def __len__(self):
        return self._site.n

    cdef object _name(self, Py_ssize_t i):
        return None if self.names is None else self.names[i]

    cdef double _one(self, Py_ssize_t i, str field, object value) except? -1.0:
        cdef double x
        try:
            x = value
        except (TypeError, ValueError, OverflowError):
            raise ProblemError(field, value, "give a real number", i, self._name(i)) from None
        return x

    cdef int _read(self, str field, object values, double *into) except -1:
        cdef Py_ssize_t n = self._site.n, i, count
        cdef const double[::1] view = None
        try:
            count = len(values)
        except TypeError:
            raise ProblemError(field, values, f"give a sequence of {n} numbers") from None
        if count != n:
            raise ProblemError(field, f"{count} values", f"give {n}, one per device")
        if not isinstance(values, (list, tuple)):
            try:
                view = values
            except (TypeError, ValueError, BufferError):
                view = None         # any other sequence is read item by item
        if view is not None:
            if n:
                memcpy(into, &view[0], n * sizeof(double))
            return 0
        items = tuple(values)
        if len(items) != n:
            raise ProblemError(field, f"{len(items)} values", f"give {n}, one per device")
        for i in range(n):
            into[i] = self._one(i, field, items[i])
        return 0

    cdef int _check_costs(self, Py_ssize_t i, double a, double b) except -1:
        # Written so that NaN fails.
        if not (a == 0.0 or SMALLEST_A <= a <= LARGEST):
            if isfinite(a) and a > 0.0:
                mend = "give 0 for a linear cost, or a value from 1e-100 to 1e100"
            elif a < 0.0:
                mend = "a falling marginal cost has no balance: give a >= 0"
            else:
                mend = "give a finite number >= 0"
            raise ProblemError("a", a, mend, i, self._name(i))
        if not fabs(b) <= LARGEST:
            raise ProblemError("b", b, "give a finite number, at most 1e100 in size", i,
                               self._name(i))
        return 0

    cdef int _check_bounds(self, Py_ssize_t i, double lo, double hi) except -1:
        if not fabs(lo) <= LARGEST:
            raise ProblemError("lo_w", lo, "give a finite number, at most 1e100 in size", i,
                               self._name(i))
        if not fabs(hi) <= LARGEST:
            raise ProblemError("hi_w", hi, "give a finite number, at most 1e100 in size", i,
                               self._name(i))
        if lo > hi:
            raise ProblemError("lo_w", lo, f"lower it to hi_w = {hi!r} or raise hi_w", i,
                               self._name(i))
        return 0

    def set_costs(self, a, b):
        """Replace all cost coefficients (a in cost/W^2, b in cost/W), n of each."""
        cdef Py_ssize_t i
        self._read("a", a, self._stage_x)
        self._read("b", b, self._stage_y)
        for i in range(self._site.n):
            self._check_costs(i, self._stage_x[i], self._stage_y[i])
        for i in range(self._site.n):
            self._site.a[i] = self._stage_x[i]
            self._site.b[i] = self._stage_y[i]
            self._site.inverse_a[i] = inverse(self._stage_x[i])
        self._stale = True

    def set_bounds(self, lo_w, hi_w):
        """Replace all bounds in watts, n of each, lo_w <= hi_w device by device."""
        cdef Py_ssize_t i
        self._read("lo_w", lo_w, self._stage_x)
        self._read("hi_w", hi_w, self._stage_y)
        for i in range(self._site.n):
            self._check_bounds(i, self._stage_x[i], self._stage_y[i])
        if self._site.n:
            memcpy(self._site.lo, self._stage_x, self._site.n * sizeof(double))
            memcpy(self._site.hi, self._stage_y, self._site.n * sizeof(double))
        self._stale = True

    def set_device(self, i, a, b, lo_w, hi_w):
        """Replace one device, i from 0 to n - 1."""
        cdef double a_, b_, lo_, hi_
        cdef Py_ssize_t k
        try:
            k = i
        except (TypeError, OverflowError):
            k = -1
        if not 0 <= k < self._site.n:
            raise ProblemError("i", i, f"this site has devices 0 to {self._site.n - 1}")
        a_ = self._one(k, "a", a)
        b_ = self._one(k, "b", b)
        lo_ = self._one(k, "lo_w", lo_w)
        hi_ = self._one(k, "hi_w", hi_w)
        self._check_costs(k, a_, b_)
        self._check_bounds(k, lo_, hi_)
        self._site.a[k] = a_
        self._site.b[k] = b_
        self._site.lo[k] = lo_
        self._site.hi[k] = hi_
        self._site.inverse_a[k] = inverse(a_)
        self._stale = True

    def solve(self, demand_w=0.0):
        """Balance the site at `demand_w` watts, starting from the last price."""
        cdef double demand
        cdef Answer answer
        try:
            demand = demand_w
        except (TypeError, ValueError, OverflowError):
            raise ProblemError("demand_w", demand_w, "give a real number") from None
        if not fabs(demand) <= LARGEST:
            raise ProblemError("demand_w", demand, "give a finite number, at most 1e100 in size")
        answer = Answer.__new__(Answer)
        answer._reserve(self._site.n)
        if self._stale:
            survey_site(&self._site, &self._survey)
            self._stale = False
        solve_site(&self._site, &self._survey, demand, self._price, answer._p, answer._why,
                   &answer._outcome)
        self._price = answer._outcome.price
        return answer

    @property
    def devices(self):
        """The data as held: one (a, b, lo_w, hi_w) per device."""
        cdef Py_ssize_t i
        return tuple([(self._site.a[i], self._site.b[i], self._site.lo[i], self._site.hi[i])
                      for i in range(self._site.n)])


cdef inline double inverse(double a) noexcept nogil:
    return 1.0 / a if a > 0.0 else INFINITY
