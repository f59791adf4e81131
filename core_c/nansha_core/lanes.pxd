"""The vector loops of lanes.h. Only `plan` calls them: it makes the choice when it loads."""

from libc.stdint cimport int32_t, int64_t


cdef extern from "lanes.h" nogil:
    enum:
        LANES
        CHUNK
        LONG

    ctypedef struct nansha_sums:
        double head
        double tail
        double slope
        double top

    ctypedef struct nansha_members:
        int32_t *row
        double *b
        double *inverse_a
        double *lo
        double *hi
        int64_t room

    int nansha_choose_lanes(int most)
    void nansha_fill(const double *b, const double *inverse_a, const double *lo, const double *hi,
                     double *p, int64_t n, double base, double delta, nansha_sums *out)
    int64_t nansha_bracket(const double *b, const double *inverse_a, const double *lo,
                           const double *hi, int64_t n, double low, double high,
                           const nansha_members *members, nansha_sums *out)
    void nansha_stream(const double *b, const double *inverse_a, const double *lo,
                       const double *hi, double *p, int64_t n)
