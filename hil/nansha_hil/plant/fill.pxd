"""C-level view of how a specification becomes a block of state."""

from nansha_hil.plant.state cimport Site

cdef size_t block_size(spec) except 0
cdef tuple fill(Site *site, char *block, spec, profile)
