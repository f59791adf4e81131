"""C-level view of the radial power flow.

An engine holds a Feeder, writes the injections of its loads into `s_va` (load by load, phase by
phase, real part first), calls `solve` and reads `v_v` (bus by bus). No step needs the interpreter.
"""

from libc.stdint cimport int32_t, int64_t


cdef extern from "feeder_lanes.h" nogil:
    enum:
        FEEDER_LANES

    ctypedef struct feeder_net:
        int phases
        int nodes
        int loads
        int buses
        double tolerance
        double nominal_v
        const int *parent
        const double *z_ohm
        const int *load_node
        const double *zip
        const int *bus_up
        const int *bus_down
        const double *bus_z_ohm

    int feeder_solve(const feeder_net *net, double *v, double *j, const double *s, double *bus_v)
    void feeder_choose()
    void feeder_batch(const feeder_net *net, const double *start_v, const double *s,
                      double *bus_v, int32_t *passes, int64_t first, int64_t end, double *work)


cdef class Feeder:
    cdef feeder_net net
    cdef double *s_va           # + delivers into the feeder
    cdef double *v_v            # of all buses, after solve
    cdef double *node_v         # of the kept nodes: the warm start
    cdef double *node_a         # into each kept node from above; node 0: what the source gives
    cdef double *flat_v
    cdef object keep
    cdef tuple load_order

    cdef int solve(self) noexcept nogil
    cdef void restart(self) noexcept nogil
