# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, embedsignature=True
"""Radial power flow of one or three phases, by backward/forward sweeps.

Backward: currents of the loads are summed up the tree; forward: voltages go down it by Z I, with
full 3 x 3 impedances (D. Shirmohammadi et al., IEEE Trans. Power Systems 3 (1988) 753; C. S. Cheng
and D. Shirmohammadi, IEEE Trans. Power Systems 10 (1995) 671, for three phases). Buses without a
load and without a fork are left out of the sweeps and put back at the end: exact, since the current
does not change there. All impedances and voltages are referred to one level; angles of transformer
vector groups are the caller's to add.
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

import numpy as np

from nansha_hil.plant.feeder_tree import FeederError, reduce_tree

feeder_choose()


cdef class Feeder:
    """A radial feeder behind a source.

    parent[b]: the bus above bus b; bus 0 is the source and has parent -1. z_ohm: the branch above
    each bus, complex (buses, phases, phases), row 0 unused. source_v: the source's phase voltages,
    complex (phases,). load_buses: where injections may be. zip_share: for each of them the shares
    (constant impedance, current, power) of its power at nominal_v; constant power if not given.
    tolerance_v: the root of the sum of squared changes in the last sweep. One phase: a balanced
    feeder by its positive sequence, with a third of each power.

    Raises FeederError for what is no radial feeder.
    """

    def __cinit__(self, *args, **kwargs):
        self.s_va = self.v_v = self.node_v = self.node_a = self.flat_v = NULL

    def __init__(self, parent, z_ohm, source_v, load_buses, *, double nominal_v, zip_share=None,
                 double tolerance_v=1e-9):
        cdef int k, p
        if self.s_va != NULL:
            raise TypeError("a Feeder is built once")
        tree = reduce_tree(parent, z_ohm, source_v, load_buses, zip_share)
        if not (nominal_v > 0.0 and tolerance_v > 0.0):
            raise FeederError("nominal_v and tolerance_v must be above 0")
        self.keep = tree
        self.load_order = tuple(int(b) for b in load_buses)
        cdef int[::1] parents = tree.parent, nodes = tree.load_node
        cdef int[::1] up = tree.bus_up, down = tree.bus_down
        cdef double[::1] z = tree.z_ohm, bus_z = tree.bus_z_ohm, source = tree.source_v
        cdef double[::1] share
        self.net.phases = source.shape[0] // 2
        self.net.nodes = parents.shape[0]
        self.net.loads = nodes.shape[0]
        self.net.buses = up.shape[0]
        self.net.tolerance = tolerance_v
        self.net.nominal_v = nominal_v
        self.net.parent = &parents[0]
        self.net.z_ohm = &z[0]
        self.net.load_node = &nodes[0]
        self.net.bus_up = &up[0]
        self.net.bus_down = &down[0]
        self.net.bus_z_ohm = &bus_z[0]
        self.net.zip = NULL
        if tree.zip_share is not None:
            share = tree.zip_share
            self.net.zip = &share[0]
        cdef size_t width = 2 * self.net.phases * sizeof(double)
        self.s_va = <double *> malloc(self.net.loads * width)
        self.v_v = <double *> malloc(self.net.buses * width)
        self.node_v = <double *> malloc(self.net.nodes * width)
        self.node_a = <double *> malloc(self.net.nodes * width)
        self.flat_v = <double *> malloc(self.net.nodes * width)
        if (self.s_va == NULL or self.v_v == NULL or self.node_v == NULL or self.node_a == NULL
                or self.flat_v == NULL):
            raise MemoryError
        memset(self.s_va, 0, self.net.loads * width)
        for k in range(self.net.nodes):
            memcpy(self.flat_v + 2 * self.net.phases * k, &source[0], width)
        self.restart()
        self.solve()

    def __dealloc__(self):
        free(self.s_va)
        free(self.v_v)
        free(self.node_v)
        free(self.node_a)
        free(self.flat_v)

    cdef void restart(self) noexcept nogil:
        """Forget the last voltages: the next solve starts from the source's."""
        memcpy(self.node_v, self.flat_v, 2 * self.net.phases * self.net.nodes * sizeof(double))

    cdef int solve(self) noexcept nogil:
        """Solve for s_va from the last voltages; passes taken, 0 if none were found.

        After a failure (no operating point, or none within 200 passes) the voltages mean nothing
        and the next solve starts afresh.
        """
        cdef int passes = feeder_solve(&self.net, self.node_v, self.node_a, self.s_va, self.v_v)
        if passes == 0:
            self.restart()
        return passes

    @property
    def load_buses(self):
        """Where injections may be, in the order of `step` and `batch`."""
        return self.load_order

    @property
    def buses(self):
        """How many buses."""
        return self.net.buses

    @property
    def phases(self):
        """1 or 3."""
        return self.net.phases

    def step(self, s_va):
        """Voltages, V, complex (buses, phases), at injections, VA, complex (loads, phases).

        Warm: the search starts from the last answer. Raises FeederError for a wrong shape, or if
        there is no operating point.
        """
        cdef const double complex[:, ::1] s = self._checked(s_va, 2)
        memcpy(self.s_va, &s[0, 0], self.net.loads * 2 * self.net.phases * sizeof(double))
        if self.solve() == 0:
            raise FeederError("no operating point: the voltage collapses")
        out = np.empty((self.net.buses, self.net.phases), complex)
        cdef double complex[:, ::1] view = out
        memcpy(&view[0, 0], self.v_v, self.net.buses * 2 * self.net.phases * sizeof(double))
        return out

    def run(self, s_va, int steps):
        """Take so many warm steps at two load vectors in turn, s_va (2, loads, phases); passes."""
        cdef const double complex[:, :, ::1] s = self._checked(s_va, 3)
        cdef size_t size = self.net.loads * 2 * self.net.phases * sizeof(double)
        cdef long total = 0
        cdef int n
        if s.shape[0] != 2:
            raise FeederError("two load vectors")
        with nogil:
            for n in range(steps):
                memcpy(self.s_va, &s[n & 1, 0, 0], size)
                total += self.solve()
        return total

    @property
    def source_va(self):
        """Power that the source gives after the last step, VA, complex (phases,)."""
        a = np.empty(self.net.phases, complex)
        v = np.empty(self.net.phases, complex)
        cdef double complex[::1] amps = a, volts = v
        cdef int p
        for p in range(self.net.phases):
            amps[p] = self.node_a[2 * p] + 1j * self.node_a[2 * p + 1]
            volts[p] = self.node_v[2 * p] + 1j * self.node_v[2 * p + 1]
        return v * a.conj()

    def batch(self, s_va, out_v=None):
        """Many load vectors, complex (scenarios, loads, phases): (voltages, passes).

        Voltages, V, are complex (scenarios, buses, phases), in out_v where given. passes is 0 where
        a scenario has no operating point; its voltages mean nothing. Cold: each starts from the source's voltage, so the order does not matter.
        Several threads may call it at once.
        """
        cdef const double complex[:, :, ::1] s = self._checked(s_va, 3)
        cdef int64_t count = s.shape[0]
        shape = (count, self.net.buses, self.net.phases)
        if out_v is None:
            out_v = np.empty(shape, complex)
        if out_v.shape != shape or out_v.dtype != complex or not out_v.flags.c_contiguous:
            raise FeederError(f"out_v must be contiguous, complex, {shape}")
        taken = np.zeros(count, np.int32)
        if count == 0:
            return out_v, taken
        cdef double complex[:, :, ::1] out = out_v
        cdef int32_t[::1] passes = taken
        cdef size_t room = (2 * self.net.nodes + self.net.loads) * self.net.phases * 2
        work = np.empty(room * FEEDER_LANES + 8)
        cdef double[::1] raw = work
        cdef double *start = &raw[0]
        start += (64 - <size_t> start % 64) % 64 // 8
        with nogil:
            feeder_batch(&self.net, self.flat_v, <const double *> &s[0, 0, 0],
                         <double *> &out[0, 0, 0], &passes[0], 0, count, start)
        return out_v, taken

    def _checked(self, s_va, int dimensions):
        s = np.ascontiguousarray(s_va, complex)
        if s.ndim != dimensions or s.shape[dimensions - 2:] != (self.net.loads, self.net.phases):
            raise FeederError(f"s_va is {s.shape}: ends in {(self.net.loads, self.net.phases)}")
        return s
