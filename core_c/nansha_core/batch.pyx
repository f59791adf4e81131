# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, embedsignature=True, binding=False
"""Many sites in one call: a fleet, or the same site in many scenarios."""

from libc.stdlib cimport free, malloc
from libc.string cimport memset

from nansha_core.balance cimport BUSY, READY, Balance, show_doubles
from nansha_core.intake cimport check_demand, read_numbers
from nansha_core.plan cimport Plan, stream as plan_stream
from nansha_core.settle cimport Settlement, settle

from nansha_core.errors import ProblemError


cdef class Batch:
    """Sites that are balanced one after the other in one call, without the interpreter.

    `batch[i]` is the Balance of site i: its data are changed there, its powers and its answer are
    read there. Nothing is allocated after construction. From one thread at a time.
    """

    cdef tuple _sites
    cdef Py_ssize_t _count
    cdef Plan **_plans
    cdef Settlement **_settlements
    cdef double *_staged
    cdef double *_asked
    cdef double *_prices
    cdef bint _busy

    def __cinit__(self):
        self._plans = NULL
        self._settlements = NULL
        self._staged = NULL

    def __init__(self, problems):
        """Make a Balance of each of the problems."""
        cdef Py_ssize_t i
        cdef Balance site
        if self._plans != NULL:
            raise TypeError("a Batch is built once")
        sites = []
        for i, problem in enumerate(problems):
            try:
                sites.append(Balance(problem))
            except ProblemError as wrong:
                wrong.add_note(f"in site {i} of the batch")
                raise
        self._sites = tuple(sites)
        self._count = len(sites)
        self._plans = <Plan **> malloc(self._count * sizeof(Plan *) + 1)
        self._settlements = <Settlement **> malloc(self._count * sizeof(Settlement *) + 1)
        self._staged = <double *> malloc(3 * self._count * sizeof(double) + 1)
        if self._plans == NULL or self._settlements == NULL or self._staged == NULL:
            self._count = 0
            raise MemoryError
        self._asked = self._staged + self._count
        self._prices = self._asked + self._count
        memset(self._prices, 0, self._count * sizeof(double))
        for i in range(self._count):
            site = self._sites[i]
            self._plans[i] = &site._plan
            self._settlements[i] = &site._settlement

    def __dealloc__(self):
        free(self._plans)
        free(self._settlements)
        free(self._staged)

    def __len__(self):
        return self._count

    def __getitem__(self, i):
        return self._sites[i]

    def solve(self, demand_w):
        """Balance every site at its demand in watts, each from its last price.

        Returns the sites' prices in their last tier, as the read-only view `prices`.
        """
        cdef Py_ssize_t i
        cdef Balance site
        cdef Settlement *s
        read_numbers("demand_w", demand_w, self._asked, self._count, None, "site")
        if self._busy:      # asked only now: what reads the demands may let other threads run
            raise RuntimeError("this Batch is solving in another thread: give each its own")
        for i in range(self._count):
            check_demand(self._asked[i], i)
        for site in self._sites:
            if site._state != READY:
                site._claim()
        for i in range(self._count):
            site = self._sites[i]
            site._state = BUSY
            site._demand = self._staged[i] = self._asked[i]
            site._written = True
            site._plan.looks = 0
        self._busy = True
        with nogil:
            for i in range(self._count):
                s = self._settlements[i]
                settle(self._plans[i], s, self._staged[i])
                self._prices[i] = s.prices[s.tiers * self._plans[i].m - 1]
        self._busy = False
        for site in self._sites:
            site._state = READY
        return self.prices

    @property
    def prices(self):
        """Price of each site in cost per watt: a read-only view that the next solve overwrites."""
        return memoryview(self)

    def stream(self):
        """Pass once over the arrays of all sites, doing nothing: the memory limit, to compare."""
        cdef Py_ssize_t i
        for i in range(self._count):
            plan_stream(self._plans[i], self._settlements[i].work_lo)

    def __getbuffer__(self, Py_buffer *view, int flags):
        show_doubles(self, self._prices, &self._count, view, flags)
