"""C-level view of a photovoltaic array by the single-diode model.

Fill a Diode with `diode_fill`, shade it with `diode_shade`, then ask `diode_mpp_w` as the day goes
on: it starts from the last answer. None but the first needs the interpreter. Plain data: copy it
and you have a snapshot.
"""

cdef enum:
    DIODE_STRINGS = 8   # substrings of a module, one bypass diode each

ctypedef struct Diode:
    # one module at 1000 W/m2 and 25 degC
    double il_ref_a
    double io_ref_a
    double rs_ohm
    double rsh_ref_ohm
    double a_ref_v
    double alpha_a_per_k
    double bypass_v
    double scale            # array power over that of one module

    # substrings that share an irradiance, brightest first
    int strings
    int groups
    double fraction[DIODE_STRINGS]
    int members[DIODE_STRINGS]

    # at the last temperature and irradiance
    double kept_degc
    double a_v
    double io_a
    double il_per_w_m2
    double w_per_m2

    # the last answer, from which the next search starts
    double v_d              # diode voltage at the maximum, unshaded
    double i_a[DIODE_STRINGS]
    double vd_v[DIODE_STRINGS][DIODE_STRINGS]
    double module_v
    double module_a


cdef int diode_fill(Diode *d, module, double rated_w) except -1
cdef int diode_shade(Diode *d, const double *fraction, int strings) noexcept nogil
cdef double diode_cell_degc(double air_degc, double w_per_m2, double noct_degc) noexcept nogil
cdef double diode_mpp_w(Diode *d, double w_per_m2, double cell_degc) noexcept nogil
cdef double diode_i_a(Diode *d, double v, double w_per_m2, double cell_degc) noexcept nogil
