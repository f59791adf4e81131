"""C-level view of the checks on everything that comes in."""


cdef Py_ssize_t length_of(str field, object values) except -1
cdef double one_number(str field, object value, Py_ssize_t i, object names,
                       str what) except? -1.0
cdef int read_numbers(str field, object values, double *into, Py_ssize_t count, object names,
                      str what) except -1
cdef double demand_of(object demand_w) except? -1.0
cdef int check_demand(double demand, object site) except -1
cdef int check_costs(Py_ssize_t i, double a, double b, object names) except -1
cdef int check_bounds(Py_ssize_t i, double lo, double hi, object names) except -1
cdef int check_caps(Py_ssize_t g, double low, double high, object names) except -1
