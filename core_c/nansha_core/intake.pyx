# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""What comes in: read as numbers, and refused by name before anything is changed.

Every test is written so that NaN fails it. The limits keep each sum and product finite; no power
or cost comes near them.
"""

from libc.math cimport fabs, isfinite, INFINITY
from libc.string cimport memcpy

from nansha_core.errors import ProblemError

cdef double SMALLEST_A = 1e-100


cdef Py_ssize_t length_of(str field, object values) except -1:
    """How many items there are."""
    try:
        return len(values)
    except TypeError:
        raise ProblemError(field, values, "give a sequence") from None


cdef inline object name_of(object names, Py_ssize_t i):
    return None if names is None else names[i]


cdef double one_number(str field, object value, Py_ssize_t i, object names,
                       str what) except? -1.0:
    """Item i as a double."""
    cdef double x
    try:
        x = value
    except (TypeError, ValueError, OverflowError):
        raise ProblemError(field, value, "give a real number", i, name_of(names, i),
                           what) from None
    return x


cdef int read_numbers(str field, object values, double *into, Py_ssize_t count, object names,
                      str what) except -1:
    """Copy `count` doubles out of a list, a tuple, a buffer or any other sequence."""
    cdef Py_ssize_t i, given
    cdef const double[::1] view = None
    try:
        given = len(values)
    except TypeError:
        raise ProblemError(field, values, f"give a sequence of {count} numbers") from None
    if given != count:
        raise ProblemError(field, f"{given} values", f"give {count}, one per {what}")
    if not isinstance(values, (list, tuple)):
        try:
            view = values
        except (TypeError, ValueError, BufferError):
            view = None         # any other sequence is read item by item
    if view is not None and view.shape[0] == count:
        if count:
            memcpy(into, &view[0], count * sizeof(double))
        return 0
    items = tuple(values)
    if len(items) != count:
        raise ProblemError(field, f"{len(items)} values", f"give {count}, one per {what}")
    for i in range(count):
        into[i] = one_number(field, items[i], i, names, what)
    return 0


cdef double any_demand(object demand_w) except? -1.0:
    """A demand in watts, whatever it is given as."""
    cdef double demand
    try:
        demand = demand_w
    except (TypeError, ValueError, OverflowError):
        raise ProblemError("demand_w", demand_w, "give a real number") from None
    check_demand(demand, None)
    return demand


cdef int check_demand(double demand, object site) except -1:
    """Refuse a demand that is no number; `site`: which of many, or None."""
    if fabs(demand) <= LARGEST:
        return 0
    raise ProblemError("demand_w", demand, "give a finite number, at most 1e100 in size", site,
                       None, "site")


cdef int check_costs(Py_ssize_t i, double a, double b, object names) except -1:
    """Refuse costs that have no balance."""
    if a == 0.0 or SMALLEST_A <= a <= LARGEST:
        if fabs(b) <= LARGEST:
            return 0
        field, value, mend = "b", b, "give a finite number, at most 1e100 in size"
    elif isfinite(a) and a > 0.0:
        field, value = "a", a
        mend = "give 0 for a linear cost, or a value from 1e-100 to 1e100"
    elif a < 0.0:
        field, value, mend = "a", a, "a falling marginal cost has no balance: give a >= 0"
    else:
        field, value, mend = "a", a, "give a finite number >= 0"
    raise ProblemError(field, value, mend, i, name_of(names, i))


cdef int check_bounds(Py_ssize_t i, double lo, double hi, object names) except -1:
    """Refuse bounds that leave no power."""
    if not fabs(lo) <= LARGEST:
        field, value, mend = "lo_w", lo, "give a finite number, at most 1e100 in size"
    elif not fabs(hi) <= LARGEST:
        field, value, mend = "hi_w", hi, "give a finite number, at most 1e100 in size"
    elif lo > hi:
        field, value, mend = "lo_w", lo, f"lower it to hi_w = {hi!r} or raise hi_w"
    else:
        return 0
    raise ProblemError(field, value, mend, i, name_of(names, i))


cdef int check_caps(Py_ssize_t g, double low, double high, object names) except -1:
    """Refuse caps that no sum can keep, and any of the site itself."""
    if not (low == -INFINITY or fabs(low) <= LARGEST):
        field, value = "cap_lo_w", low
        mend = "give a number, at most 1e100 in size, or -inf for none"
    elif not (high == INFINITY or fabs(high) <= LARGEST):
        field, value = "cap_hi_w", high
        mend = "give a number, at most 1e100 in size, or inf for none"
    elif low > high:
        field, value, mend = "cap_lo_w", low, f"lower it to cap_hi_w = {high!r} or raise that"
    elif g == 0 and (isfinite(low) or isfinite(high)):
        field, value = ("cap_lo_w", low) if isfinite(low) else ("cap_hi_w", high)
        mend = "the site's own sum is the demand: put its rows into a group to cap them"
    else:
        return 0
    raise ProblemError(field, value, mend, g, name_of(names, g), "group")
