# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The registers of the RP2040's SIO block that MicroPython touches most: CPUID, divider, spinlocks.

RP2040 datasheet, 2.3.1. An integer division goes through six of them, a lock through two, and half
of a node's emulated time was spent in reaching them one Python call at a time. Compiled into the
emulator's package; `patches.py` says how it gets there.
"""

cdef enum:
    CPUID = 0x000
    LOCKS = 0x05C
    UDIVIDEND = 0x060
    UDIVISOR = 0x064
    SDIVIDEND = 0x068
    SDIVISOR = 0x06C
    QUOTIENT = 0x070
    REMAINDER = 0x074
    STATUS = 0x078
    FIRST_LOCK = 0x100
    LAST_LOCK = 0x17C
    READY_DIRTY = 3
    DIRTY = 2


cdef class Sio:
    """The state of the divider and of the locks."""

    def __init__(self):
        self.reset()

    cpdef reset(self):
        """As after power-on."""
        self.dividend = self.quotient = self.remainder = self.status = self.locks = 0
        self.divisor = 1

    cdef bint serves(self, unsigned int offset) noexcept:
        """Whether a register is one of these; `offset` from the block's start."""
        return (UDIVIDEND <= offset <= STATUS or offset == CPUID or offset == LOCKS
                or FIRST_LOCK <= offset <= LAST_LOCK)

    cdef unsigned int read(self, unsigned int offset) noexcept:
        """A read and what it changes: a free lock is taken, the quotient's leaves it clean."""
        cdef unsigned int bit
        if offset == QUOTIENT:
            self.status &= ~<unsigned int> DIRTY
            return self.quotient
        if offset == REMAINDER:
            return self.remainder
        if offset == STATUS:
            return self.status
        if offset == CPUID:
            return 0  # the other core is not there
        if offset >= FIRST_LOCK:
            bit = 1U << ((offset - FIRST_LOCK) >> 2)
            if self.locks & bit:
                return 0
            self.locks |= bit
            return bit
        if offset == LOCKS:
            return self.locks
        return self.dividend if offset == UDIVIDEND or offset == SDIVIDEND else self.divisor

    cdef bint write(self, unsigned int offset, unsigned int value) noexcept:
        """A write and what it starts; True if that is a division, eight cycles of work."""
        if offset >= FIRST_LOCK:
            self.locks &= ~(1U << ((offset - FIRST_LOCK) >> 2))
            return False
        if offset == QUOTIENT:
            self.quotient = value
        elif offset == REMAINDER:
            self.remainder = value
        elif offset == UDIVIDEND or offset == SDIVIDEND:
            self.dividend = value
        elif offset == UDIVISOR or offset == SDIVISOR:
            self.divisor = value
        else:
            return False  # read-only
        self.status = READY_DIRTY
        if offset >= QUOTIENT:
            return False
        self.divide(offset == SDIVIDEND or offset == SDIVISOR)
        return True

    cdef void divide(self, bint signed) noexcept:
        cdef long long dividend, divisor
        if signed:
            dividend, divisor = <int> self.dividend, <int> self.divisor
        else:
            dividend, divisor = self.dividend, self.divisor
        if divisor == 0:
            self.quotient = 1 if signed and dividend < 0 else 0xFFFFFFFFU
            self.remainder = self.dividend
        else:
            self.quotient = <unsigned int> (dividend // divisor)  # both truncate, as C does
            self.remainder = <unsigned int> (dividend % divisor)
