# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, embedsignature=True
"""A photovoltaic array by the single-diode model, and its maximum power, shaded or not.

    I = IL - I0 (exp(Vd / a) - 1) - Vd / Rsh,    V = Vd - I Rs

with the five parameters over irradiance G and cell temperature T of W. De Soto, S. A. Klein,
W. A. Beckman, "Improvement and validation of a model for photovoltaic array performance", Solar
Energy 80 (2006) 78: a ~ T, IL = G/Gref (ILref + alpha (T - Tref)), Rsh ~ 1/G, and
I0 = I0ref (T/Tref)^3 exp(Eg(Tref)/k Tref - Eg(T)/k T), Eg = 1.121 eV (1 - 0.0002677 (T - Tref)).

With Vd as the variable both I and V are explicit, so the maximum takes a Newton search and one
exponential a pass: no Lambert W.

Shade: a module's substrings are in series, each with its share of the light and its bypass diode,
which holds it at -bypass_v once the current is above what its light can drive. At a given current
the module's voltage is the largest over the choices of who is bypassed, and the darkest go first;
so the global maximum is the largest of one concave maximum for each number of groups that carry
current. No local maximum can trap the search.
"""

from libc.math cimport exp, fabs, log1p
from libc.string cimport memset

cdef enum:
    PASSES = 60

cdef double REFERENCE_K = 298.15
cdef double REFERENCE_W_PER_M2 = 1000.0
cdef double BOLTZMANN_EV_PER_K = 8.617333262e-5
cdef double GAP_EV = 1.121          # silicon
cdef double GAP_PER_K = -0.0002677
cdef double DARK_W_PER_M2 = 1e-3    # below this an array is dark


cdef int diode_fill(Diode *d, module, double rated_w) except -1:
    """Make an array of a PvModule, scaled so that 1000 W/m2 and 25 degC give rated_w, unshaded.

    Raises ValueError for a rating not above 0 or for more substrings than DIODE_STRINGS.
    """
    cdef int k
    cdef double one[DIODE_STRINGS]
    if not rated_w > 0.0:
        raise ValueError(f"rated_w {rated_w} must be above 0")
    if module.strings > DIODE_STRINGS:
        raise ValueError(f"{module.name}: more than {DIODE_STRINGS} substrings")
    memset(d, 0, sizeof(Diode))
    d.il_ref_a, d.io_ref_a = module.il_a, module.io_a
    d.rs_ohm, d.rsh_ref_ohm = module.rs_ohm, module.rsh_ohm
    d.a_ref_v, d.alpha_a_per_k = module.a_v, module.alpha_a_per_k
    d.bypass_v = module.bypass_v
    d.kept_degc = -1e9
    for k in range(DIODE_STRINGS):
        one[k] = 1.0
    diode_shade(d, one, module.strings)
    d.scale = 1.0
    d.scale = rated_w / diode_mpp_w(d, REFERENCE_W_PER_M2, REFERENCE_K - 273.15)
    return 0


cdef int diode_shade(Diode *d, const double *fraction, int strings) noexcept nogil:
    """Give each substring its share 0..1 of the irradiance; how many different shares there are."""
    cdef int k, at, groups = 0
    cdef double share
    d.strings = strings
    for k in range(strings):
        share = fraction[k]
        at = 0
        while at < groups and d.fraction[at] > share:
            at += 1
        if at < groups and d.fraction[at] == share:
            d.members[at] += 1
            continue
        groups += 1
        _shift(d, at, groups)
        d.fraction[at] = share
        d.members[at] = 1
    d.groups = groups
    d.v_d = 0.0
    memset(d.i_a, 0, sizeof(d.i_a))
    memset(d.vd_v, 0, sizeof(d.vd_v))
    return groups


cdef inline void _shift(Diode *d, int at, int groups) noexcept nogil:
    cdef int k = groups - 1
    while k > at:
        d.fraction[k] = d.fraction[k - 1]
        d.members[k] = d.members[k - 1]
        k -= 1


cdef double diode_cell_degc(double air_degc, double w_per_m2, double noct_degc) noexcept nogil:
    """Cell temperature, degC: Ta + (NOCT - 20) / 800 G, the NOCT model of IEC 61215."""
    return air_degc + (noct_degc - 20.0) / 800.0 * w_per_m2


cdef inline void heat(Diode *d, double cell_degc) noexcept nogil:
    # The parameters that follow temperature.
    cdef double kelvin, ratio, gap_ev
    if cell_degc == d.kept_degc:
        return
    d.kept_degc = cell_degc
    kelvin = cell_degc + 273.15
    ratio = kelvin / REFERENCE_K
    gap_ev = GAP_EV * (1.0 + GAP_PER_K * (kelvin - REFERENCE_K))
    d.a_v = d.a_ref_v * ratio
    d.io_a = (d.io_ref_a * ratio * ratio * ratio
              * exp((GAP_EV / REFERENCE_K - gap_ev / kelvin) / BOLTZMANN_EV_PER_K))
    d.il_per_w_m2 = (d.il_ref_a + d.alpha_a_per_k * (kelvin - REFERENCE_K)) / REFERENCE_W_PER_M2


cdef double whole_w(Diode *d) noexcept nogil:
    # Maximum of one module under even light, W. P' = I' V + I V' falls with Vd: the second
    # derivative is negative wherever I and V are positive.
    cdef double il_a = d.il_per_w_m2 * d.w_per_m2 * d.fraction[0]
    cdef double per_v = 1.0 / d.a_v
    cdef double leak = d.w_per_m2 * d.fraction[0] / (REFERENCE_W_PER_M2 * d.rsh_ref_ohm)
    cdef double low = 0.0, high, x = d.v_d
    cdef double blocked, i, di, ddi, v, dv, slope, bend, step
    cdef int turn
    high = d.a_v * log1p(il_a / d.io_a)
    if not 0.0 < x < high:
        x = 0.85 * high
    for turn in range(PASSES):
        blocked = d.io_a * exp(x * per_v)
        i = il_a + d.io_a - blocked - x * leak
        di = -blocked * per_v - leak
        ddi = -blocked * per_v * per_v
        v = x - i * d.rs_ohm
        dv = 1.0 - di * d.rs_ohm
        slope = di * v + i * dv
        if slope > 0.0:
            low = x
        else:
            high = x
        bend = ddi * v + 2.0 * di * dv - i * ddi * d.rs_ohm
        step = -slope / bend if bend < 0.0 else 0.0
        if bend >= 0.0 or not low < x + step < high:
            step = 0.5 * (low + high) - x
        x += step
        # P is flat at its maximum: its error is the square of this one.
        if fabs(step) <= 1e-7 * x:
            break
    d.v_d = x
    blocked = d.io_a * exp(x * per_v)
    i = il_a + d.io_a - blocked - x * leak
    d.module_a = i
    d.module_v = x - i * d.rs_ohm
    return d.module_a * d.module_v


cdef inline double junction_v(double il_a, double io_a, double leak, double per_v, double i_a,
                              double x, double *slope_ohm) noexcept nogil:
    # Vd at a current. The current falls ever faster with Vd, so Newton from above ends there;
    # from below one pass leads above, and the logarithm bounds how far.
    cdef double gap_a = il_a - i_a
    cdef double top = 0.0, blocked, miss, di, step
    cdef int turn
    if gap_a > 0.0:
        top = log1p(gap_a / io_a) / per_v
    if not x < top:
        x = top
    for turn in range(PASSES):
        blocked = io_a * exp(x * per_v)
        miss = gap_a + io_a - blocked - x * leak
        di = -blocked * per_v - leak
        step = -miss / di
        x += step
        if x > top:
            x = top
        if fabs(step) <= 1e-12 * (fabs(x) + 1.0 / per_v):
            break
    slope_ohm[0] = 1.0 / di
    return x


cdef double some_w(Diode *d, int active, double *at_a, double *at_v) noexcept nogil:
    # Maximum of I (sum of V over the `active` brightest groups - bypass drops of the others), W.
    cdef double n = d.strings
    cdef double io_a = d.io_a, rs_ohm = d.rs_ohm / n, per_v = n / d.a_v
    cdef double low = 0.0, high, i, v, dv, ddv, x, slope, r, step, light
    cdef double il_a, leak, blocked
    cdef int k, turn, count = 0
    for k in range(active):
        count += d.members[k]
    light = d.w_per_m2 * d.fraction[active - 1]
    # Above its light current the darkest active group drives nothing: V < 0 for all practical
    # purposes, and a larger optimum would be found with fewer active groups.
    high = d.il_per_w_m2 * light
    i = d.i_a[active - 1]
    if not 0.0 < i < high:
        i = 0.93 * high
    for turn in range(PASSES):
        v = -(d.strings - count) * d.bypass_v
        dv = ddv = 0.0
        for k in range(active):
            light = d.w_per_m2 * d.fraction[k]
            il_a = d.il_per_w_m2 * light
            leak = n * light / (REFERENCE_W_PER_M2 * d.rsh_ref_ohm)
            x = junction_v(il_a, io_a, leak, per_v, i, d.vd_v[active - 1][k], &r)
            d.vd_v[active - 1][k] = x
            v += d.members[k] * (x - i * rs_ohm)
            dv += d.members[k] * (r - rs_ohm)
            blocked = io_a * exp(x * per_v)
            ddv += d.members[k] * blocked * per_v * per_v * r * r * r
        slope = v + i * dv
        if slope > 0.0:
            low = i
        else:
            high = i
        step = -slope / (2.0 * dv + i * ddv)
        if not low < i + step < high:
            step = 0.5 * (low + high) - i
        if fabs(step) <= 1e-7 * i:
            break
        i += step
    d.i_a[active - 1] = i
    at_a[0] = i
    at_v[0] = v
    return i * v


cdef double diode_mpp_w(Diode *d, double w_per_m2, double cell_degc) noexcept nogil:
    """Largest DC power of the array, W, at an irradiance before shade and a cell temperature.

    From -60 to 150 degC; 0 in the dark. Error below 1e-9 of the answer. Also sets module_v and
    module_a, the working point of one module.
    """
    cdef double best_w = 0.0, w, at_a, at_v
    cdef int active
    d.module_a = d.module_v = 0.0
    if not w_per_m2 * d.fraction[0] > DARK_W_PER_M2:
        return 0.0
    heat(d, cell_degc)
    d.w_per_m2 = w_per_m2
    if d.groups == 1:
        return d.scale * whole_w(d)
    for active in range(1, d.groups + 1):
        if not w_per_m2 * d.fraction[active - 1] > DARK_W_PER_M2:
            break
        w = some_w(d, active, &at_a, &at_v)
        if w > best_w:
            best_w = w
            d.module_a, d.module_v = at_a, at_v
    return d.scale * best_w


cdef double diode_i_a(Diode *d, double v, double w_per_m2, double cell_degc) noexcept nogil:
    """Current of one module, A, at a terminal voltage >= 0, all substrings in even light."""
    cdef double il_a, leak, per_v, blocked, miss, x, slope, step, low, high
    cdef int turn
    heat(d, cell_degc)
    il_a = d.il_per_w_m2 * w_per_m2
    leak = w_per_m2 / (REFERENCE_W_PER_M2 * d.rsh_ref_ohm)
    per_v = 1.0 / d.a_v
    # Vd - v - Rs I(Vd) rises with Vd.
    low, high = v - il_a * d.rs_ohm, v + il_a * d.rs_ohm
    if high > d.a_v * log1p(il_a / d.io_a) and high > v:
        high = v if v > d.a_v * log1p(il_a / d.io_a) else d.a_v * log1p(il_a / d.io_a)
    x = high
    for turn in range(4 * PASSES):
        blocked = d.io_a * exp(x * per_v)
        miss = x - v - d.rs_ohm * (il_a + d.io_a - blocked - x * leak)
        slope = 1.0 + d.rs_ohm * (blocked * per_v + leak)
        step = -miss / slope
        x += step
        if fabs(step) <= 1e-14 * (fabs(x) + d.a_v):
            break
    return il_a + d.io_a - d.io_a * exp(x * per_v) - x * leak


cdef class Array:
    """A photovoltaic array to try by itself; ValueError where `diode_fill` refuses."""

    cdef Diode _d

    def __init__(self, module, double rated_w):
        diode_fill(&self._d, module, rated_w)

    def shade(self, fractions):
        """Give each substring its share of the irradiance; ValueError outside 0..1 or too many."""
        cdef double share[DIODE_STRINGS]
        cdef int k
        if not 1 <= len(fractions) <= DIODE_STRINGS:
            raise ValueError(f"{len(fractions)} substrings: from 1 to {DIODE_STRINGS}")
        for k in range(len(fractions)):
            share[k] = fractions[k]
            if not 0.0 <= share[k] <= 1.0:
                raise ValueError(f"share {share[k]} must lie in 0..1")
        diode_shade(&self._d, share, len(fractions))

    def mpp_w(self, double w_per_m2, double cell_degc):
        """Largest DC power, W; the search starts from the last answer."""
        return diode_mpp_w(&self._d, w_per_m2, cell_degc)

    def mpps_w(self, const double[::1] w_per_m2, const double[::1] cell_degc, double[::1] out_w):
        """mpp_w over arrays of one length, without the interpreter; ValueError if they differ."""
        cdef Py_ssize_t n
        if not w_per_m2.shape[0] == cell_degc.shape[0] == out_w.shape[0]:
            raise ValueError("arrays of different lengths")
        with nogil:
            for n in range(w_per_m2.shape[0]):
                out_w[n] = diode_mpp_w(&self._d, w_per_m2[n], cell_degc[n])

    def i_a(self, double v, double w_per_m2, double cell_degc):
        """Current of one unshaded module at a terminal voltage, A."""
        if not (v >= 0.0 and w_per_m2 > 0.0):
            raise ValueError(f"{v} V at {w_per_m2} W/m2")
        return diode_i_a(&self._d, v, w_per_m2, cell_degc)

    @property
    def point(self):
        """(V, A) of one module at the last maximum."""
        return self._d.module_v, self._d.module_a

    @property
    def scale(self):
        """Array power over that of one module."""
        return self._d.scale
