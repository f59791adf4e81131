"""C-level view of the battery's cells: a two-RC Thevenin circuit with heat and ageing.

Fill a Cells with `cells_fill`, then only `cells_step_a` or `cells_step_w` move it; neither needs
the interpreter. Sign: + discharges. The struct is plain data: copy it and you have a snapshot.
"""

cdef enum:
    CELLS_KNOTS = 48
    CELLS_PAIRS = 2

cdef enum CellsEnd:
    # What a step met: nothing, an end of the charge, or more power than the circuit can give.
    CELLS_FREE = 0
    CELLS_EMPTY = 1
    CELLS_FULL = 2
    CELLS_INFEASIBLE = 3

ctypedef struct Cells:
    # the circuit, of the whole pack
    double capacity_c
    double r0_ohm           # at 25 degC, as the next two
    double r_ohm[CELLS_PAIRS]
    double c_f[CELLS_PAIRS]
    double arrhenius_k      # activation energy over the gas constant
    double low_v            # what the terminals may show
    double high_v
    double heat_j_per_k
    double shed_w_per_k
    # open-circuit voltage over charge: straight lines between the knots
    int knots
    double knot_c[CELLS_KNOTS]
    double knot_v[CELLS_KNOTS]
    double knot_j[CELLS_KNOTS]
    double slope_v_per_c[CELLS_KNOTS]
    # ageing: Naumann 2018 and 2020
    double calendar_k       # activation energy over the gas constant
    double calendar_per_root_s
    double calendar_soc[2]
    double cycle_rate[2]
    double cycle_depth[2]

    # state
    double charge_c
    double charge_low_c     # what rounding has kept out of charge_c
    double rc_v[CELLS_PAIRS]
    double degc
    # books, J since the start; + out of the terminals
    double chemical_j       # what the open-circuit voltage gave
    double terminal_j
    double heat_j           # made in the resistances
    double shed_j           # gone to the air
    double through_c        # charge moved either way
    double calendar_square  # squares of the lost shares of capacity
    double cycle_square
    # the half cycle that runs
    double half_start_c
    double half_extreme_c
    double half_s           # up to the extreme
    double half_now_s
    int half_sign

    # the last step
    double last_a
    double last_v           # mean over the step
    double last_j           # delivered by the terminals

    # kept between steps: what depends on step length and temperature only
    int hint
    double kept_h_s
    double kept_degc
    double now_r0_ohm
    double now_r_ohm[CELLS_PAIRS]
    double decay[CELLS_PAIRS]
    double share[CELLS_PAIRS]       # of its first voltage in a pair's mean over the step
    double cool
    double calendar_rate


cdef int cells_fill(Cells *cells, cell, double series, double parallel, double soc,
                    double degc) except -1
cdef double cells_ocv_v(const Cells *cells) noexcept nogil
cdef double cells_stored_j(const Cells *cells) noexcept nogil
cdef double cells_rc_j(const Cells *cells) noexcept nogil
cdef double cells_fade(const Cells *cells) noexcept nogil
cdef void cells_limits_w(Cells *cells, double h_s, double *charge_w,
                         double *discharge_w) noexcept nogil
cdef CellsEnd cells_step_a(Cells *cells, double i_a, double h_s, double air_degc) noexcept nogil
cdef CellsEnd cells_step_w(Cells *cells, double p_w, double h_s, double air_degc) noexcept nogil
