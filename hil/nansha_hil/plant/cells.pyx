# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, embedsignature=True
"""Cells of a battery: a two-RC Thevenin circuit, its heat and its ageing.

    v = OCV(q) - i R0 - v1 - v2,    dv_k/dt = i / C_k - v_k / (R_k C_k),    dq/dt = -i

(G. L. Plett, Battery Management Systems I, 2015, ch. 2). A step holds the current, so the pairs'
exponentials and all four energies have closed forms, and no energy depends on rounding of time:
what the chemistry gives is what the terminals, the resistances and the two capacitances take.
A step at given power finds the current whose mean power over the step is the given one.

Resistances follow Arrhenius' law; the pack is one lump of heat with a path to the air. Reversible
heat, hysteresis and self-discharge are not in it. Ageing is counted, and the capacity of a running
pack stays: the next experiment starts with what this one lost.
"""

from libc.math cimport exp, expm1, fabs, sqrt
from libc.string cimport memset

from nansha_hil.plant.cells_data import GAS_J_PER_MOL_K

cdef enum:
    NEWTON_PASSES = 30

cdef double ZERO_K = 273.15
cdef double REFERENCE_K = 298.15
cdef double KEPT_K = 0.005      # resistances are followed in such steps: 0.01 % of them
cdef double TURN_SHARE = 1e-3   # of the capacity: a smaller way back is no new half cycle


cdef int cells_fill(Cells *cells, cell, double series, double parallel, double soc,
                    double degc) except -1:
    """Make a rested pack of series x parallel cells of a CellType, as warm as degc.

    Raises ValueError for counts not above 0, a soc outside 0..1 or a table that is too long.
    """
    cdef int k
    if not (series > 0.0 and parallel > 0.0):
        raise ValueError(f"a pack of {series} x {parallel} cells")
    if not 0.0 <= soc <= 1.0:
        raise ValueError(f"soc {soc} must lie in 0..1")
    if len(cell.ocv) > CELLS_KNOTS:
        raise ValueError(f"{cell.name}: more than {CELLS_KNOTS} points of ocv")
    memset(cells, 0, sizeof(Cells))
    cells.capacity_c = 3600.0 * cell.capacity_ah * parallel
    cells.r0_ohm = cell.r0_ohm * series / parallel
    for k in range(CELLS_PAIRS):
        cells.r_ohm[k] = cell.pair_ohm[k] * series / parallel
        cells.c_f[k] = cell.pair_s[k] / cells.r_ohm[k]
    cells.arrhenius_k = cell.activation_j_per_mol / GAS_J_PER_MOL_K
    cells.low_v = cell.low_v * series
    cells.high_v = cell.high_v * series
    cells.heat_j_per_k = cell.heat_j_per_k * series * parallel
    cells.shed_w_per_k = cell.shed_w_per_k * series * parallel
    cells.knots = len(cell.ocv)
    for k in range(cells.knots):
        cells.knot_c[k] = cells.capacity_c * <double> cell.ocv[k][0]
        cells.knot_v[k] = series * <double> cell.ocv[k][1]
    for k in range(cells.knots - 1):
        cells.slope_v_per_c[k] = ((cells.knot_v[k + 1] - cells.knot_v[k])
                                  / (cells.knot_c[k + 1] - cells.knot_c[k]))
        cells.knot_j[k + 1] = (cells.knot_j[k] + 0.5 * (cells.knot_v[k] + cells.knot_v[k + 1])
                               * (cells.knot_c[k + 1] - cells.knot_c[k]))
    cells.calendar_k = cell.calendar.activation_j_per_mol / GAS_J_PER_MOL_K
    cells.calendar_per_root_s = cell.calendar.per_root_s
    for k in range(2):
        cells.calendar_soc[k] = cell.calendar.soc[k]
        cells.cycle_rate[k] = cell.cycle.rate[k]
        cells.cycle_depth[k] = cell.cycle.depth[k]
    cells.charge_c = cells.half_start_c = cells.half_extreme_c = soc * cells.capacity_c
    cells.degc = degc
    cells.kept_h_s = -1.0
    cells.hint = segment(cells, cells.charge_c)
    return 0


cdef inline int segment(const Cells *cells, double q) noexcept nogil:
    # The piece of the table in which q lies, from where the last one lay.
    cdef int k = cells.hint
    while k > 0 and q < cells.knot_c[k]:
        k -= 1
    while k < cells.knots - 2 and q > cells.knot_c[k + 1]:
        k += 1
    return k


cdef double cells_ocv_v(const Cells *cells) noexcept nogil:
    """Open-circuit voltage, V."""
    cdef int k = segment(cells, cells.charge_c)
    return cells.knot_v[k] + (cells.charge_c - cells.knot_c[k]) * cells.slope_v_per_c[k]


cdef double cells_stored_j(const Cells *cells) noexcept nogil:
    """Integral of the open-circuit voltage over the charge from empty, J: exact for the table."""
    cdef int k = segment(cells, cells.charge_c)
    cdef double over_c = cells.charge_c - cells.knot_c[k]
    return cells.knot_j[k] + over_c * (cells.knot_v[k] + 0.5 * over_c * cells.slope_v_per_c[k])


cdef double cells_rc_j(const Cells *cells) noexcept nogil:
    """Energy in the capacitances of the pairs, J."""
    return 0.5 * (cells.c_f[0] * cells.rc_v[0] * cells.rc_v[0]
                  + cells.c_f[1] * cells.rc_v[1] * cells.rc_v[1])


cdef double cells_fade(const Cells *cells) noexcept nogil:
    """Share of the capacity lost by waiting and by use since the start, completed half cycles."""
    return sqrt(cells.calendar_square) + sqrt(cells.cycle_square)


# ------------------------------------------------------------------ one step

cdef void keep(Cells *cells, double h_s) noexcept nogil:
    # What depends on step length and temperature only.
    cdef double kelvin = cells.degc + ZERO_K
    cdef double gap = 1.0 / kelvin - 1.0 / REFERENCE_K
    cdef double grow, x
    cdef int k
    if cells.kept_h_s < 0.0 or fabs(cells.degc - cells.kept_degc) > KEPT_K:
        cells.kept_degc = cells.degc
        grow = exp(cells.arrhenius_k * gap)
        cells.now_r0_ohm = cells.r0_ohm * grow
        for k in range(CELLS_PAIRS):
            cells.now_r_ohm[k] = cells.r_ohm[k] * grow
        cells.calendar_rate = cells.calendar_per_root_s * exp(-cells.calendar_k * gap)
    cells.kept_h_s = h_s
    for k in range(CELLS_PAIRS):
        x = h_s / (cells.now_r_ohm[k] * cells.c_f[k])
        cells.decay[k] = exp(-x)
        cells.share[k] = -expm1(-x) / x
    cells.cool = -expm1(-h_s * cells.shed_w_per_k / cells.heat_j_per_k)


cdef inline void keep_if_moved(Cells *cells, double h_s) noexcept nogil:
    if h_s != cells.kept_h_s or fabs(cells.degc - cells.kept_degc) > KEPT_K:
        keep(cells, h_s)


cdef double drawn_j(const Cells *cells, double out_c, double *end_v) noexcept nogil:
    # Energy that the chemistry gives for a charge, piece by piece of the table; the voltage at its
    # end. Beyond an end of the table the voltage is that of the end.
    cdef double q = cells.charge_c
    cdef double left_c = out_c
    cdef double v, next_v, part_c, done_j = 0.0
    cdef int k = segment(cells, q)
    v = cells.knot_v[k] + (q - cells.knot_c[k]) * cells.slope_v_per_c[k]
    while True:
        part_c = left_c
        if left_c > 0.0 and part_c > q - cells.knot_c[k]:
            part_c = q - cells.knot_c[k]
            next_v = cells.knot_v[k]
        elif left_c < 0.0 and part_c < q - cells.knot_c[k + 1]:
            part_c = q - cells.knot_c[k + 1]
            next_v = cells.knot_v[k + 1]
        else:
            next_v = v - left_c * cells.slope_v_per_c[k]
            end_v[0] = next_v
            return done_j + left_c * 0.5 * (v + next_v)
        done_j += part_c * 0.5 * (v + next_v)
        left_c -= part_c
        v = next_v
        if left_c > 0.0:
            q = cells.knot_c[k]
            k -= 1
        else:
            q = cells.knot_c[k + 1]
            k += 1
        if k < 0 or k > cells.knots - 2:
            end_v[0] = v
            return done_j + left_c * v


cdef void close_half(Cells *cells) noexcept nogil:
    # Book the half cycle up to its extreme and begin the next one there.
    cdef double depth = fabs(cells.half_extreme_c - cells.half_start_c) / cells.capacity_c
    cdef double per_h, stress, far
    if depth > 0.0 and cells.half_s > 0.0:
        per_h = 3600.0 * depth / cells.half_s
        far = depth - 0.6
        stress = ((cells.cycle_rate[0] * per_h + cells.cycle_rate[1])
                  * (cells.cycle_depth[0] * far * far * far + cells.cycle_depth[1]) / 100.0)
        cells.cycle_square += stress * stress * 0.5 * depth
    cells.half_start_c = cells.half_extreme_c
    cells.half_now_s -= cells.half_s
    cells.half_s = 0.0


cdef void count_ageing(Cells *cells, double h_s) noexcept nogil:
    cdef double q = cells.charge_c
    cdef double far = q / cells.capacity_c - 0.5
    cdef double k = (cells.calendar_rate
                     * (cells.calendar_soc[0] * far * far * far + cells.calendar_soc[1]))
    cdef double back
    cells.calendar_square += k * k * h_s
    cells.half_now_s += h_s if cells.last_a != 0.0 else 0.0
    back = (q - cells.half_extreme_c) * cells.half_sign
    if cells.half_sign == 0:
        if fabs(q - cells.half_extreme_c) > TURN_SHARE * cells.capacity_c:
            cells.half_sign = 1 if q > cells.half_extreme_c else -1
            cells.half_extreme_c = q
            cells.half_s = cells.half_now_s
    elif back > 0.0:
        cells.half_extreme_c = q
        cells.half_s = cells.half_now_s
    elif back < -TURN_SHARE * cells.capacity_c:
        close_half(cells)
        cells.half_sign = -cells.half_sign
        cells.half_extreme_c = q
        cells.half_s = cells.half_now_s


cdef void carry(Cells *cells, double i_a, double h_s, double air_degc, double out_c) noexcept nogil:
    # Hold a current for h_s that takes the charge out_c.
    cdef double end_v, chemical_j, final_v, gap_v, start_v, mean_v = 0.0, heat_j, rise_degc
    cdef double decay, share, tau_s, to_c, move_c
    cdef int k
    keep_if_moved(cells, h_s)
    chemical_j = drawn_j(cells, out_c, &end_v) if i_a != 0.0 else 0.0
    heat_j = i_a * i_a * cells.now_r0_ohm * h_s
    for k in range(CELLS_PAIRS):
        decay, share = cells.decay[k], cells.share[k]
        start_v = cells.rc_v[k]
        final_v = i_a * cells.now_r_ohm[k]
        gap_v = start_v - final_v
        tau_s = cells.now_r_ohm[k] * cells.c_f[k]
        mean_v += final_v + gap_v * share
        # Integral of v^2 / R over the step.
        heat_j += (final_v * (final_v + 2.0 * gap_v * share) * h_s
                   + gap_v * gap_v * 0.5 * share * h_s * (1.0 + decay)) / cells.now_r_ohm[k]
        cells.rc_v[k] = final_v + gap_v * decay
    cells.last_j += chemical_j - i_a * h_s * (i_a * cells.now_r0_ohm + mean_v)
    cells.chemical_j += chemical_j
    cells.heat_j += heat_j
    cells.through_c += fabs(i_a) * h_s
    # A millisecond moves so little charge that its rounding adds up: Kahan's sum.
    move_c = -out_c - cells.charge_low_c
    to_c = cells.charge_c + move_c
    cells.charge_low_c = (to_c - cells.charge_c) - move_c
    cells.charge_c = to_c
    cells.hint = segment(cells, to_c)
    if cells.shed_w_per_k > 0.0:
        rise_degc = (air_degc + heat_j / (h_s * cells.shed_w_per_k) - cells.degc) * cells.cool
    else:
        rise_degc = heat_j / cells.heat_j_per_k
    cells.degc += rise_degc
    cells.shed_j += heat_j - rise_degc * cells.heat_j_per_k
    cells.last_a = i_a
    count_ageing(cells, h_s)


cdef CellsEnd cells_step_a(Cells *cells, double i_a, double h_s, double air_degc) noexcept nogil:
    """Hold a current, A, + discharging, for h_s > 0 seconds in air of air_degc.

    At an end of the charge the current stops, at the instant at which the end is met, and the rest
    of the step is a pause: CELLS_EMPTY or CELLS_FULL says so; an end that is met exactly as the
    step ends counts too. `last_j` is what the terminals delivered, `last_v` their mean voltage
    while current flowed, or at the end of a pause.
    """
    cdef CellsEnd end = CELLS_FREE
    cdef double to_c = cells.charge_c - i_a * h_s
    cdef double flow_s = h_s
    cdef double out_c = i_a * h_s
    cells.last_j = 0.0
    if i_a > 0.0 and to_c <= 0.0:
        end, flow_s, to_c = CELLS_EMPTY, cells.charge_c / i_a, 0.0
        out_c = cells.charge_c
    elif i_a < 0.0 and to_c >= cells.capacity_c:
        end = CELLS_FULL
        out_c = cells.charge_c - cells.capacity_c
        flow_s, to_c = out_c / i_a, cells.capacity_c
    if flow_s > h_s:
        flow_s = h_s
    if flow_s > 0.0:
        carry(cells, i_a, flow_s, air_degc, out_c)
        if end != CELLS_FREE:
            cells.charge_c, cells.charge_low_c = to_c, 0.0
            cells.hint = segment(cells, to_c)
        cells.last_v = cells.last_j / (i_a * flow_s) if i_a != 0.0 else 0.0
    if flow_s < h_s:
        carry(cells, 0.0, h_s - flow_s, air_degc, 0.0)
        cells.last_a = i_a if flow_s > 0.0 else 0.0
    if i_a == 0.0 or flow_s <= 0.0:
        cells.last_v = cells_ocv_v(cells) - cells.rc_v[0] - cells.rc_v[1]
    cells.terminal_j += cells.last_j
    return end


cdef inline void source_of(Cells *cells, double h_s, double *e_v, double *r_ohm) noexcept nogil:
    # Mean terminal voltage over the next step is e_v - r_ohm i, apart from the charge that moves.
    cdef int k
    keep_if_moved(cells, h_s)
    e_v[0] = cells_ocv_v(cells)
    r_ohm[0] = cells.now_r0_ohm
    for k in range(CELLS_PAIRS):
        e_v[0] -= cells.share[k] * cells.rc_v[k]
        r_ohm[0] += cells.now_r_ohm[k] * (1.0 - cells.share[k])


cdef CellsEnd cells_step_w(Cells *cells, double p_w, double h_s, double air_degc) noexcept nogil:
    """Deliver a mean power, W, + discharging, for h_s > 0 seconds: as cells_step_a otherwise.

    Of the two currents of v i = p the smaller is taken. CELLS_INFEASIBLE: the circuit cannot give
    so much; the step ran at the current of its largest power.
    """
    cdef double e_v, r_ohm, room, i_a, end_v, ocv_v, miss_w, slope_v
    cdef int k, turn
    cdef CellsEnd end
    if p_w == 0.0:
        return cells_step_a(cells, 0.0, h_s, air_degc)
    source_of(cells, h_s, &e_v, &r_ohm)
    ocv_v = cells_ocv_v(cells)
    k = segment(cells, cells.charge_c)
    room = e_v * e_v - 4.0 * p_w * (r_ohm + 0.5 * h_s * cells.slope_v_per_c[k])
    if e_v <= 0.0 or room <= 0.0:
        i_a = 0.5 * e_v / r_ohm if e_v > 0.0 else 0.0
        end = cells_step_a(cells, i_a, h_s, air_degc)
        return end if end != CELLS_FREE else CELLS_INFEASIBLE
    i_a = 2.0 * p_w / (e_v + sqrt(room))
    # Exact already unless the charge leaves this piece of the table: then Newton, whose slope is
    # that of i * mean(ocv): the voltage at the end.
    for turn in range(NEWTON_PASSES):
        miss_w = (drawn_j(cells, i_a * h_s, &end_v) / h_s
                  + i_a * (e_v - ocv_v - r_ohm * i_a) - p_w)
        slope_v = end_v + e_v - ocv_v - 2.0 * r_ohm * i_a
        if fabs(miss_w) <= 1e-14 * fabs(p_w):
            break
        if slope_v <= 0.0:
            end = cells_step_a(cells, i_a, h_s, air_degc)
            return end if end != CELLS_FREE else CELLS_INFEASIBLE
        if turn >= 2 and fabs(miss_w) <= 1e-12 * fabs(p_w):
            break
        i_a -= miss_w / slope_v
    return cells_step_a(cells, i_a, h_s, air_degc)


cdef void cells_limits_w(Cells *cells, double h_s, double *charge_w,
                         double *discharge_w) noexcept nogil:
    """Least (<= 0) and largest (>= 0) mean power of the next step within low_v and high_v, W.

    The discharging limit is also below the circuit's largest power, e^2 / 4 R. 0 at an end.
    """
    cdef double e_v, r_ohm, k_ohm, i_a
    source_of(cells, h_s, &e_v, &r_ohm)
    k_ohm = r_ohm + 0.5 * h_s * cells.slope_v_per_c[segment(cells, cells.charge_c)]
    i_a = (e_v - cells.low_v) / k_ohm
    if i_a > 0.5 * e_v / k_ohm:
        i_a = 0.5 * e_v / k_ohm
    discharge_w[0] = i_a * (e_v - k_ohm * i_a) if i_a > 0.0 and cells.charge_c > 0.0 else 0.0
    i_a = (e_v - cells.high_v) / k_ohm
    charge_w[0] = 0.0
    if i_a < 0.0 and cells.charge_c < cells.capacity_c:
        charge_w[0] = i_a * cells.high_v


# ------------------------------------------------------------------ from Python

cdef class Pack:
    """A pack of cells to try by itself: series x parallel of a CellType, rested at degc.

    Raises ValueError for counts not above 0 or a soc outside 0..1.
    """

    cdef Cells _cells

    def __init__(self, cell, *, double series=1.0, double parallel=1.0, double soc=0.5,
                 double degc=25.0):
        cells_fill(&self._cells, cell, series, parallel, soc, degc)

    def step_a(self, double i_a, double h_s, double air_degc=25.0):
        """Hold a current, A, + discharging; "" or what was met: "empty", "full"."""
        if not h_s > 0.0:
            raise ValueError(f"a step of {h_s} s")
        return ENDS[<int> cells_step_a(&self._cells, i_a, h_s, air_degc)]

    def step_w(self, double p_w, double h_s, double air_degc=25.0):
        """Deliver a mean power, W, + discharging; as step_a, or "infeasible"."""
        if not h_s > 0.0:
            raise ValueError(f"a step of {h_s} s")
        return ENDS[<int> cells_step_w(&self._cells, p_w, h_s, air_degc)]

    def limits_w(self, double h_s):
        """(least, largest) power of the next step within the voltage limits, W."""
        cdef double charge_w, discharge_w
        if not h_s > 0.0:
            raise ValueError(f"a step of {h_s} s")
        cells_limits_w(&self._cells, h_s, &charge_w, &discharge_w)
        return charge_w, discharge_w

    def run_a(self, double i_a, double h_s, int steps, double air_degc=25.0):
        """Take so many equal steps at a current without the interpreter."""
        cdef int n
        if not h_s > 0.0:
            raise ValueError(f"a step of {h_s} s")
        with nogil:
            for n in range(steps):
                cells_step_a(&self._cells, i_a, h_s, air_degc)

    def run_w(self, double p_w, double h_s, int steps, double air_degc=25.0):
        """Take so many equal steps at a power without the interpreter."""
        cdef int n
        if not h_s > 0.0:
            raise ValueError(f"a step of {h_s} s")
        with nogil:
            for n in range(steps):
                cells_step_w(&self._cells, p_w, h_s, air_degc)

    @property
    def soc(self):
        """State of charge, 0..1, exactly 0 and 1 at the ends."""
        return self._cells.charge_c / self._cells.capacity_c

    @property
    def charge_c(self):
        """Charge above empty, C."""
        return self._cells.charge_c

    @property
    def capacity_c(self):
        """Charge when full, C."""
        return self._cells.capacity_c

    @property
    def ocv_v(self):
        """Open-circuit voltage, V."""
        return cells_ocv_v(&self._cells)

    @property
    def rc_v(self):
        """Voltages of the two pairs, V."""
        return self._cells.rc_v[0], self._cells.rc_v[1]

    @property
    def terminal_v(self):
        """Terminal voltage now, V, with the last current still flowing."""
        cdef Cells *c = &self._cells
        cdef double kelvin = c.degc + ZERO_K
        cdef double r0_ohm = c.r0_ohm * exp(c.arrhenius_k * (1.0 / kelvin - 1.0 / REFERENCE_K))
        return cells_ocv_v(c) - c.rc_v[0] - c.rc_v[1] - r0_ohm * c.last_a

    @property
    def degc(self):
        """Temperature, degC."""
        return self._cells.degc

    @property
    def stored_j(self):
        """Chemical energy above empty, J."""
        return cells_stored_j(&self._cells)

    @property
    def rc_j(self):
        """Energy in the capacitances of the pairs, J."""
        return cells_rc_j(&self._cells)

    @property
    def books(self):
        """(chemical, terminal, heat, shed) energies since the start, J."""
        cdef Cells *c = &self._cells
        return c.chemical_j, c.terminal_j, c.heat_j, c.shed_j

    @property
    def fade(self):
        """(calendar, cycle) shares of the capacity lost since the start."""
        return sqrt(self._cells.calendar_square), sqrt(self._cells.cycle_square)

    @property
    def last(self):
        """(A, V, J) of the last step."""
        return self._cells.last_a, self._cells.last_v, self._cells.last_j


ENDS = ("", "empty", "full", "infeasible")
