# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""Long plans: near the price only few rows bend, all others are one line.

A window is a price interval with its *members*, the rows that enter or leave the inside of their
range somewhere in it; the sum of all others is a line. As long as the price stays in the window,
a search needs the members alone: thousands of rows, or hundreds, instead of a million. Any row may
be a member, bent or not: that is how one row among many is changed without a look at the rest.

Where no price is known, a sample of the rows tells about where it must be. Everything here only
finds the price; the powers are then written, and their sum is checked, by one pass over all rows.
"""

from libc.math cimport fabs, sqrt, INFINITY
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from nansha_core.lanes cimport CHUNK, nansha_members
from nansha_core.plan cimport (
    STAGGER, Group, Pair, Plan, accumulate, bracket, evaluate, larger, reply_at, smaller, value,
)
from nansha_core.search cimport find

cdef extern from "stdlib.h" nogil:
    void *aligned_alloc(size_t alignment, size_t size)

cdef enum:
    ARRAYS = 6
    SAMPLE_PART = 16        # one row in so many, but not more than
    MOST_SAMPLED = 65536
    SIGMAS = 3              # a sample misses with one chance in 400: then the window moves
    TRIES = 12
    FEW = 128               # members of the narrow window, about


cdef bint make_window(Window *w, Py_ssize_t rows, Py_ssize_t room, Py_ssize_t loose) noexcept:
    """Take memory for `room` members of so many rows; False if there is none."""
    cdef Py_ssize_t stride
    memset(w, 0, sizeof(Window))
    room = (room + CHUNK - 1) // CHUNK * CHUNK
    stride = room + STAGGER
    w.block = <double *> aligned_alloc(64, (ARRAYS * stride * sizeof(double)
                                            + room * sizeof(int32_t) + 63) // 64 * 64)
    w.place = <int32_t *> calloc(rows, sizeof(int32_t))
    if w.block == NULL or w.place == NULL:
        return False
    memset(w.block, 0, ARRAYS * stride * sizeof(double))   # or the first use would wait for pages
    w.room = room
    w.loose = loose
    w.plan.b = w.block
    w.plan.inverse_a = w.block + stride
    w.plan.lo = w.block + 2 * stride
    w.plan.hi = w.block + 3 * stride
    w.plan.p = w.block + 4 * stride
    w.plan.a = w.block + 5 * stride
    w.row = <int32_t *> (w.block + ARRAYS * stride)
    w.plan.groups = &w.group
    w.plan.m = 1
    w.group.parent = -1
    w.group.owner = -1
    w.group.least = -INFINITY
    w.group.most = INFINITY
    return True


cdef void drop_window(Window *w) noexcept:
    """Give the memory back."""
    free(w.block)
    free(w.place)
    w.block = NULL
    w.place = NULL


cdef void set_members(Window *w, Py_ssize_t count) noexcept nogil:
    # Pads to whole chunks and gives each member its `a`, an ulp off where that is harmless.
    cdef Py_ssize_t slots = (count + CHUNK - 1) // CHUNK * CHUNK, i
    for i in range(count, slots):
        w.plan.b[i] = w.plan.inverse_a[i] = w.plan.lo[i] = w.plan.hi[i] = 0.0
    for i in range(slots):
        w.plan.a[i] = 1.0 / w.plan.inverse_a[i]     # only where searches look for breaks
    w.count = w.sorted = count
    w.plan.n = w.plan.slots = slots
    w.group.begin = 0
    w.group.end = slots


cdef void measure(Window *w) noexcept nogil:
    # The sums at both ends: what lies between them can be found here.
    evaluate(&w.plan, 0, w.low, 0.0)
    w.group.low = w.group.total
    evaluate(&w.plan, 0, w.high, 0.0)
    w.group.high = w.group.total
    w.plan.floor = w.low
    w.plan.ceiling = w.high
    w.group.warm = 0.5 * (w.low + w.high)
    w.group.warm_step = 0.0
    w.group.warm_slope = 0.0


cdef bint look_through(Window *w, double target) noexcept nogil:
    # Find the price for the target; False if it is not in the window, a tie or not unique.
    if not (w.usable and value(&w.group.low) < target < value(&w.group.high)):
        return False
    w.group.target = target
    find(&w.plan, 0, True)
    return w.group.jump == 0.0 and w.group.slope > 0.0


cdef bint open_at(Window *w, const Plan *full, const int32_t *rows, double target, double price,
                  double width) noexcept nogil:
    # Open the window around a price, moving and resizing it until it holds the target. `rows`:
    # which row each slot of `full` is, NULL if they are the same. False if it cannot be done.
    cdef nansha_members members
    cdef Py_ssize_t turn, i
    cdef int64_t count
    cdef double low_w, high_w, slope, most = INFINITY
    members.row = w.row
    members.b = w.plan.b
    members.inverse_a = w.plan.inverse_a
    members.lo = w.plan.lo
    members.hi = w.plan.hi
    members.room = w.room - w.loose
    w.usable = False
    w.plan.outside = True
    w.group.near = 0.25 * full.groups[full.m - 1].near
    for turn in range(TRIES):
        w.low = price - width
        w.high = price + width
        if not w.low < price < w.high:
            return False
        count = bracket(full, w.low, w.high, &members, &w.plan.rest, &w.plan.rest_slope)
        if count < 0:
            most = width
            width *= 0.125
            continue
        w.plan.rest_at = w.low
        set_members(w, count)
        measure(w)
        low_w = value(&w.group.low)
        high_w = value(&w.group.high)
        if low_w < target < high_w:
            if rows != NULL:
                for i in range(count):
                    w.row[i] = rows[w.row[i]]
            w.usable = True
            return True
        # Beside it: go on along the slope seen here, with a wider look.
        slope = (high_w - low_w) / (w.high - w.low)
        if rows != NULL:
            return False        # the line of `full` is good for no price further off
        if target >= high_w:
            price = w.high + ((target - high_w) / slope if slope > 0.0 else width)
        else:
            price = w.low - ((low_w - target) / slope if slope > 0.0 else width)
        width = 4.0 * width if 4.0 * width < most else 0.5 * most
    return False


cdef bint open_cold(Window *w, const Plan *full, double target) noexcept nogil:
    # Open the window where a sample of the rows says that the price must be.
    cdef Py_ssize_t all_chunks = full.slots // CHUNK, k, at, looked = 0
    cdef Py_ssize_t chunks = all_chunks // SAMPLE_PART
    cdef double sum = 0.0, squares = 0.0, spread, scale, p
    cdef size_t size = CHUNK * sizeof(double)
    if chunks > MOST_SAMPLED // CHUNK:
        chunks = MOST_SAMPLED // CHUNK
    for k in range(chunks):
        at = (2 * k + 1) * all_chunks // (2 * chunks) * CHUNK
        memcpy(w.plan.b + k * CHUNK, full.b + at, size)
        memcpy(w.plan.inverse_a + k * CHUNK, full.inverse_a + at, size)
        memcpy(w.plan.lo + k * CHUNK, full.lo + at, size)
        memcpy(w.plan.hi + k * CHUNK, full.hi + at, size)
    w.plan.outside = False
    set_members(w, chunks * CHUNK)
    w.group.near = 1.0          # one row more or less is nothing here
    scale = <double> all_chunks / chunks
    w.low = full.floor
    w.high = full.ceiling
    measure(w)
    w.group.target = target / scale
    find(&w.plan, 0, False)
    if not w.group.slope > 0.0:
        return False
    for k in range(0, w.plan.slots, 8):
        p = w.plan.p[k]
        sum += p
        squares += p * p
        looked += 1
    # The sum of a sample is off by the spread of one row times the root of their number.
    spread = sqrt((squares - sum * sum / looked) / looked * w.plan.slots)
    return open_at(w, full, NULL, target, w.group.base + w.group.delta,
                   SIGMAS * spread / w.group.slope + 1e-12 * fabs(w.group.base))


cdef Window *predict(Window *windows, Plan *full, double target, bint narrow) noexcept nogil:
    """The window that knows the price for the target, in its group's base + delta, or NULL.

    `narrow`: also open a smaller one there, for changes of one row after another.
    """
    cdef Window *wide = &windows[WIDE]
    cdef Window *small = &windows[NARROW]
    cdef const Group *site = &full.groups[0]
    cdef double step, width, price
    if look_through(small, target):
        return small
    if not look_through(wide, target):
        if site.warm_slope > 0.0:
            # Missed: twice as wide a look this time.
            step = (target - site.warm_target) / site.warm_slope
            width = larger(2.0 * fabs(step), wide.high - wide.low)
            if not open_at(wide, full, NULL, target, site.warm + step, width):
                return NULL
        elif not open_cold(wide, full, target):
            return NULL
        if not look_through(wide, target):
            return NULL
    if narrow:
        # Not beyond the wide one: its line ends there.
        price = wide.group.base + wide.group.delta
        width = smaller(0.5 * (wide.high - wide.low) * FEW / (wide.count + 1),
                        0.5 * smaller(price - wide.low, wide.high - price))
        if (open_at(small, &wide.plan, wide.row, target, price, width)
                and look_through(small, target)):
            return small
    return wide


# ------------------------------------------------------------------ one row among many

cdef Py_ssize_t position(const Window *w, int32_t row) noexcept nogil:
    cdef Py_ssize_t low = 0, high = w.sorted, mid
    while low < high:
        mid = (low + high) >> 1
        if w.row[mid] < row:
            low = mid + 1
        else:
            high = mid
    if low < w.sorted and w.row[low] == row:
        return low
    mid = w.place[row]
    return mid if w.sorted <= mid < w.count and w.row[mid] == row else -1


cdef void move(Pair *sum, double before, double after) noexcept nogil:
    accumulate(sum, after)
    accumulate(sum, -before)


cdef void replace(Window *w, const Plan *full, int32_t row, double b, double inverse_a, double lo,
                  double hi) noexcept nogil:
    """Tell the window what a row will be; `full` still holds what it is."""
    cdef Py_ssize_t at
    cdef double left, right
    if not w.usable:
        return
    left = reply_at(full, row, w.low, 0.0)
    right = reply_at(full, row, w.high, 0.0)
    at = position(w, row)
    if at < 0:
        if w.count == w.sorted + w.loose:
            w.usable = False
            return
        # Out of the line and in among the members.
        accumulate(&w.plan.rest, -left)
        if left < right:
            w.plan.rest_slope -= full.inverse_a[row]
        at = w.count
        w.count += 1
        w.row[at] = row
        w.place[row] = <int32_t> at
        if w.count > w.plan.slots:
            memset(w.plan.b + at, 0, CHUNK * sizeof(double))
            memset(w.plan.inverse_a + at, 0, CHUNK * sizeof(double))
            memset(w.plan.lo + at, 0, CHUNK * sizeof(double))
            memset(w.plan.hi + at, 0, CHUNK * sizeof(double))
            memset(w.plan.a + at, 0, CHUNK * sizeof(double))
            w.plan.slots += CHUNK
            w.group.end = w.plan.slots
    w.plan.b[at] = b
    w.plan.inverse_a[at] = inverse_a
    w.plan.lo[at] = lo
    w.plan.hi[at] = hi
    w.plan.a[at] = 1.0 / inverse_a if inverse_a > 0.0 else 0.0
    move(&w.group.low, left, reply_at(&w.plan, at, w.low, 0.0))
    move(&w.group.high, right, reply_at(&w.plan, at, w.high, 0.0))
