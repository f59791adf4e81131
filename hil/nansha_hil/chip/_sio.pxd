cdef class Sio:
    cdef unsigned int dividend, divisor, quotient, remainder, status, locks
    cdef bint serves(self, unsigned int offset) noexcept
    cdef unsigned int read(self, unsigned int offset) noexcept
    cdef bint write(self, unsigned int offset, unsigned int value) noexcept
    cdef void divide(self, bint signed) noexcept
    cpdef reset(self)
