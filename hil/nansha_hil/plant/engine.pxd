"""C-level view of a plant's state, for the nodes that show it."""

from libc.stdint cimport int64_t

from nansha_hil.plant.feeder cimport Feeder
from nansha_hil.plant.state cimport Asset, Log, Site

cdef class Engine:
    cdef Site *site             # the present, first in its block
    cdef char *block
    cdef char *kept             # the last moment at which a whole step ended
    cdef size_t size
    cdef bint ahead             # the present is part of a step ahead of what is kept
    cdef Log log
    cdef Feeder feeder
    cdef list tables            # keeps the profile's arrays alive
    cdef readonly list events
    cdef readonly tuple names
    cdef dict at_node

    cdef void go(self, int64_t to_us)
    cdef void settle_in(self)
    cdef void take_events(self)
    cdef void begin(self)
    cdef void aim(self)
    cdef int64_t next_change_us(self)
    cdef Asset *find(self, asset) except NULL
