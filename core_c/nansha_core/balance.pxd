"""C-level view of the balance, for other extension modules of the core (batches, trees)."""

cdef struct Site:
    # One flat site. The arrays have n entries each; inverse_a is 1/a, +inf where a == 0.
    Py_ssize_t n
    double *a
    double *b
    double *lo
    double *hi
    double *inverse_a


cdef struct Survey:
    # What only changes with the data, never with the demand. Totals are (head, tail) pairs.
    double lo_head, lo_tail
    double hi_head, hi_tail
    double lo_top, hi_top
    double floor, ceiling


cdef struct Outcome:
    # All of an answer that is not per device.
    double price
    double residual
    double shortage
    double surplus
    Py_ssize_t passes


cdef void survey_site(const Site *site, Survey *out) noexcept nogil
cdef void solve_site(const Site *site, const Survey *survey, double demand, double start,
                     double *p, unsigned char *why, Outcome *out) noexcept nogil


cdef class Answer:
    cdef Py_ssize_t _n
    cdef double *_p
    cdef unsigned char *_why
    cdef Outcome _outcome
    cdef tuple _p_w
    cdef tuple _reasons
    cdef int _reserve(self, Py_ssize_t n) except -1


cdef class Balance:
    cdef Site _site
    cdef Survey _survey
    cdef double *_stage_x
    cdef double *_stage_y
    cdef double *_block
    cdef bint _stale
    cdef double _price
    cdef readonly tuple names
    cdef int _read(self, str field, object values, double *into) except -1
    cdef object _name(self, Py_ssize_t i)
    cdef int _check_costs(self, Py_ssize_t i, double a, double b) except -1
    cdef int _check_bounds(self, Py_ssize_t i, double lo, double hi) except -1
    cdef double _one(self, Py_ssize_t i, str field, object value) except? -1.0
