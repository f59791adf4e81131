"""C-level view of the costs of open switches."""

from nansha_core.relax cimport Site


cdef void slant(Site *site, Py_ssize_t s, bint priced, bint wide) noexcept nogil
