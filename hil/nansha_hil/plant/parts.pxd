"""C-level view of the components: what each aims at, and one step of each."""

from nansha_hil.plant.state cimport Array, Car, Circuit, Column, Pack, Site

cdef double column_at(Column *column, double at_s) noexcept nogil
cdef void aim_array(Site *site, Array *pv, bint new_second) noexcept nogil
cdef void step_array(Array *pv, double h_s) noexcept nogil
cdef void aim_pack(Site *site, Pack *pack) noexcept nogil
cdef void rate_pack(Pack *pack) noexcept nogil
cdef double clip_w(const Pack *pack, double power_w) noexcept nogil
cdef double step_pack(Pack *pack, double energy_j, double h_s, double air_degc) noexcept nogil
cdef void aim_car(Site *site, Car *car, bint new_second) noexcept nogil
cdef void step_car(Car *car, double h_s) noexcept nogil
cdef void aim_circuit(Site *site, Circuit *load) noexcept nogil
cdef void step_circuit(Site *site, Circuit *load, double h_s) noexcept nogil
cdef void start_circuit(Site *site, Circuit *load) noexcept nogil
