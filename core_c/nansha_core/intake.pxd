"""C-level view of the checks on everything that comes in."""

from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from libc.math cimport fabs

cdef extern from *:
    """
    #define NANSHA_LARGEST 1e100
    """
    const double LARGEST "NANSHA_LARGEST"


cdef Py_ssize_t length_of(str field, object values) except -1
cdef double one_number(str field, object value, Py_ssize_t i, object names,
                       str what) except? -1.0
cdef int read_numbers(str field, object values, double *into, Py_ssize_t count, object names,
                      str what) except -1
cdef double any_demand(object demand_w) except? -1.0
cdef int check_demand(double demand, object site) except -1
cdef int check_costs(Py_ssize_t i, double a, double b, object names) except -1
cdef int check_bounds(Py_ssize_t i, double lo, double hi, object names) except -1
cdef int check_caps(Py_ssize_t g, double low, double high, object names) except -1


cdef inline double demand_of(object demand_w) except? -1.0:
    # A demand in watts; the usual one without a call.
    if PyFloat_CheckExact(demand_w) and fabs(PyFloat_AS_DOUBLE(demand_w)) <= LARGEST:
        return PyFloat_AS_DOUBLE(demand_w)
    return any_demand(demand_w)
