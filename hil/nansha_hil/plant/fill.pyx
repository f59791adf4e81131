# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""From a specification to a block of state: the only place that knows both."""

from libc.math cimport exp, sqrt

from dataclasses import replace

import numpy as np

from nansha_hil.plant.cells cimport cells_fill
from nansha_hil.plant.diode cimport diode_fill, diode_mpp_w
from nansha_hil.plant.feeder cimport Feeder
from nansha_hil.plant.parts cimport column_at
from nansha_hil.plant.state cimport (
    KIND_BATTERY, KIND_EV, KIND_LOAD, KIND_PV, MODE_BLACK, MODE_GRID, MOST_BUSES, PHASES, STEP_US,
    Array, Asset, Car, Circuit, Column, Control, Pack, Site,
)

from nansha_hil.plant.cells_data import LFP_26650
from nansha_hil.plant.diode_data import JKM400M_72L
from nansha_hil.plant.feeder_tree import sequence_z_ohm
from nansha_hil.plant.spec import BatterySpec, EvSpec, LoadSpec, PvSpec, SpecError

cdef double SETTLED_FRACTION = 1e-3     # of the rating: so close to its target a converter is there
cdef enum:
    ALIGN = 64


cdef size_t padded(size_t size):
    return (size + ALIGN - 1) // ALIGN * ALIGN


cdef list sorted_names(spec):
    # Arrays, batteries, loads, charge points, each in the order of the specification.
    return [name for kind in (PvSpec, BatterySpec, LoadSpec, EvSpec)
            for name, asset in spec.assets.items() if isinstance(asset, kind)]


cdef int count(spec, kind):
    return sum(isinstance(asset, kind) for asset in spec.assets.values())


cdef list column_names(spec, profile):
    cdef list names = []
    for name, asset in spec.assets.items():
        if isinstance(asset, PvSpec):
            names.append(asset.irradiance_column)
        elif isinstance(asset, LoadSpec):
            names.append(asset.column or name)
    return list(dict.fromkeys(names))


cdef size_t block_size(spec) except 0:
    """Bytes that a plant's state takes."""
    cdef size_t assets = len(spec.assets)
    return (padded(sizeof(Site)) + padded(count(spec, PvSpec) * sizeof(Array))
            + padded(count(spec, BatterySpec) * sizeof(Pack))
            + padded(count(spec, LoadSpec) * sizeof(Circuit))
            + padded(count(spec, EvSpec) * sizeof(Car)) + padded(assets * sizeof(void *))
            + padded((assets + 1) * sizeof(Column)))


cdef char *carve(char **at, size_t size):
    cdef char *here = at[0]
    at[0] += padded(size)
    return here


cdef void fill_asset(Asset *a, int kind, int node, spec, int bus, int phases):
    cdef int k
    a.kind, a.node, a.bus = kind, node, bus
    wanted = spec.phases if phases == 3 else "a"
    a.phases = len(wanted)
    for k in range(PHASES):
        a.share[k] = 1.0 / len(wanted) if "abc"[k] in wanted else 0.0
    a.closed = spec.starts_closed
    a.rated_w = spec.rated_w
    a.band_w = spec.rated_w * SETTLED_FRACTION


cdef void fill_control(Asset *a, spec):
    cdef Control *c = &a.control
    c.tau_s = spec.tau_s
    c.ramp_w_per_s = spec.ramp_per_s * spec.rated_w
    c.cease_pu = spec.cease_pu
    c.bound[0], c.bound[1], c.bound[2], c.bound[3] = spec.uv1_pu, spec.uv2_pu, spec.ov1_pu, spec.ov2_pu
    c.bound_s[0], c.bound_s[1], c.bound_s[2], c.bound_s[3] = spec.uv1_s, spec.uv2_s, spec.ov1_s, spec.ov2_s
    c.bound[4], c.bound[5] = spec.uf_hz, spec.of_hz
    c.bound_s[4], c.bound_s[5] = spec.uf_s, spec.of_s
    c.jump_deg, c.hz_per_s = spec.pll_jump_deg, spec.pll_hz_per_s
    c.restart_us = round(spec.restart_delay_s * 1e6)
    c.dead_us = round(spec.dead_time_s * 1e6)
    c.relock_us = round(spec.pll_relock_s * 1e6)
    c.ready_us = -1
    c.kept_h_s = -1.0


cdef int fill_array(Array *pv, spec) except -1:
    cdef double cold_w, hot_w, own
    diode_fill(&pv.diode, JKM400M_72L, spec.rated_w)
    cold_w = diode_mpp_w(&pv.diode, 1000.0, 25.0)
    hot_w = diode_mpp_w(&pv.diode, 1000.0, 65.0)
    own = (hot_w / cold_w - 1.0) / 40.0
    pv.stretch = spec.gamma_per_k / own
    pv.derate = 1.0 - spec.loss_fraction
    pv.noct_degc = spec.noct_degc
    pv.track_left = exp(-1.0 / spec.mppt_tau_s) if spec.mppt_tau_s > 0.0 else 0.0
    pv.a.command_w = spec.rated_w
    return 0


cdef int fill_pack(Pack *pack, spec, double degc) except -1:
    cdef double series, parallel, cell_wh, half_v
    soc, volts = np.array(LFP_26650.ocv).T
    half_v = np.interp(0.5, soc, volts)
    cell_wh = LFP_26650.capacity_ah * float(np.sum(np.diff(soc) * (volts[1:] + volts[:len(volts) - 1]) / 2.0))
    series = spec.dc_v / half_v
    parallel = spec.capacity_wh / (series * cell_wh)
    factor = spec.resistance_factor
    cell = replace(
        LFP_26650, r0_ohm=LFP_26650.r0_ohm * factor,
        pair_ohm=tuple(ohm * factor for ohm in LFP_26650.pair_ohm),
    )
    cells_fill(&pack.cells, cell, series, parallel, spec.soc_start, degc)
    pack.charge_efficiency = spec.charge_efficiency
    pack.discharge_efficiency = spec.discharge_efficiency
    pack.self_use_w = spec.self_use_w
    pack.able = spec.grid_forming
    pack.empty = spec.soc_start <= 0.0
    pack.full = spec.soc_start >= 1.0
    return 0


cdef void fill_circuit(Circuit *load, spec):
    load.factor = 1.0
    load.z_share, load.i_share = spec.z_share, spec.i_share
    load.tan_phi = sqrt(1.0 - spec.power_factor ** 2) / spec.power_factor
    load.motor_share, load.inrush, load.start_s = spec.motor_share, spec.inrush, spec.start_s
    load.start_pf = spec.start_power_factor
    load.start_sin = sqrt(1.0 - spec.start_power_factor ** 2)
    load.stall_pu, load.stall_s = spec.stall_pu, spec.stall_s
    load.cold_pickup, load.cold_tau_s = spec.cold_pickup, spec.cold_tau_s
    load.plain = spec.motor_share == 0.0 and spec.cold_pickup == 1.0
    load.turning = spec.starts_closed       # the site was running before the experiment began


cdef void fill_bus(Site *site, spec):
    bus, grid = spec.bus, spec.grid
    cdef double formed_w = sum(a.rated_w for a in spec.assets.values()
                               if isinstance(a, BatterySpec) and a.grid_forming)
    cdef double base_ohm, r_ohm = grid.source_ohm, x_ohm = grid.source_x_ohm, rate
    cdef int i, k
    site.phases = bus.phases
    site.nominal_v, site.nominal_hz = bus.nominal_v, bus.nominal_hz
    site.voltage_tau_s, site.collapsed_pu = bus.voltage_tau_s, bus.collapsed_pu
    site.black_below_hz, site.black_above_hz = bus.black_below_hz, bus.black_above_hz
    site.alarm_pu, site.alarm_hz = bus.alarm_voltage_pu, bus.alarm_hz
    site.alarm_hz_per_s = bus.alarm_hz_per_s
    site.alarm_hold_us = round(bus.alarm_hold_s * 1e6)
    site.damping_w_per_hz = bus.damping_w_per_hz
    site.droop_hz = bus.droop_pu * bus.nominal_hz
    site.inertia_w_s_per_hz = 2.0 * bus.inertia_s * max(formed_w, 1.0) / bus.nominal_hz
    # The stiffest mode must stay well resolved, whatever inertia the site asks for.
    rate = (formed_w / site.droop_hz + site.damping_w_per_hz) / site.inertia_w_s_per_hz
    site.substep_us = max(20, min(<int> STEP_US, int(1e5 / max(rate, 1e-9))))
    while STEP_US % site.substep_us:
        site.substep_us -= 1
    if grid.transformer_va > 0.0:
        base_ohm = bus.phases * bus.nominal_v ** 2 / grid.transformer_va
        r_ohm += grid.transformer_r_pu * base_ohm
        x_ohm += grid.transformer_x_pu * base_ohm
    site.r_pu_per_w = r_ohm / bus.nominal_v ** 2
    site.x_pu_per_w = x_ohm / bus.nominal_v ** 2
    site.return_angle_deg, site.sync_angle_deg = grid.return_angle_deg, grid.sync_angle_deg
    site.sync_hz, site.sync_pu = grid.sync_hz, grid.sync_voltage_pu
    site.damage_angle_deg, site.damage_hz = grid.damage_angle_deg, grid.damage_hz
    site.damage_pu = grid.damage_voltage_pu
    site.healthy = True
    site.poi_closed = grid.starts_closed
    site.grid_hz = site.grid_to_hz = grid.frequency_hz
    for k in range(site.phases):
        site.grid_pu[k] = site.grid_to_pu[k] = grid.voltage_pu
    site.mode = MODE_GRID if site.poi_closed else MODE_BLACK    # a forming battery starts it at once
    site.hz = grid.frequency_hz if site.poi_closed else 0.0
    for i in range(MOST_BUSES):
        for k in range(site.phases):
            site.pu[i][k] = site.aim_pu[i][k] = grid.voltage_pu if site.poi_closed else 0.0
    site.lowest_hz = site.highest_hz = bus.nominal_hz
    site.bus_watch.last_us = site.grid_watch.last_us = -(10 ** 15)
    converters = [a for a in spec.assets.values() if not isinstance(a, LoadSpec)]
    site.calm_low_pu = max((max(a.uv1_pu, a.cease_pu) for a in converters), default=0.0)
    site.calm_high_pu = min((a.ov1_pu for a in converters), default=1e9)
    site.calm_low_hz = max((a.uf_hz for a in converters), default=0.0)
    site.calm_high_hz = min((a.of_hz for a in converters), default=1e9)
    site.calm_hz_per_s = min((a.pll_hz_per_s for a in converters), default=1e9)
    site.sampled_s = -1
    site.restart_us = 1LL << 62
    site.air_degc = 25.0
    site.sky = site.sky_from = site.sky_to = 1.0
    site.kept_h_s = -1.0


cdef Feeder feed(spec, list buses):
    # The power flow from the main bus on; its source voltage is set before each solution.
    cdef int count = len(buses)
    phases = spec.bus.phases
    if count == 1:
        return None
    parent, z_ohm = [-1], [np.zeros((phases, phases), complex)]
    for name in buses[1:]:
        line = spec.lines[name]
        parent.append(buses.index(line.upstream))
        z1 = complex(line.r_ohm, line.x_ohm)
        z0 = complex(line.r0_ohm, line.x0_ohm) or z1
        z_ohm.append(sequence_z_ohm(z0, z1) if phases == 3 else np.array([[z1]]))
    turns = np.exp(np.array([0.0, -2.0, 2.0])[:phases] * np.pi / 3.0 * 1j)
    return Feeder(parent, np.array(z_ohm), spec.bus.nominal_v * turns, list(range(1, count)),
                  nominal_v=spec.bus.nominal_v)


cdef list bus_names(spec):
    # Upstream before downstream.
    cdef list names = [""]
    cdef list left = list(spec.lines)
    while left:
        for name in list(left):
            if spec.lines[name].upstream in names:
                names.append(name)
                left.remove(name)
    if len(names) > MOST_BUSES:
        raise SpecError(f"a feeder of {len(names)} buses: {MOST_BUSES} at most")
    return names


cdef tuple fill(Site *site, char *block, spec, profile):
    """Fill a zeroed block; (names of the assets in their order, feeder or None, tables).

    Raises ProfileError if the profile lacks a named column.
    """
    cdef char *at = block
    cdef list names = sorted_names(spec)
    cdef list buses = bus_names(spec)
    cdef list columns = column_names(spec, profile)
    cdef list tables = []
    cdef double[::1] times, values
    cdef int k, pv = 0, pack = 0, load = 0, car = 0
    cdef Asset *a
    if spec.temperature_column in profile.columns:
        columns.append(spec.temperature_column)
    carve(&at, sizeof(Site))
    site.pvs, site.packs = count(spec, PvSpec), count(spec, BatterySpec)
    site.circuits, site.cars = count(spec, LoadSpec), count(spec, EvSpec)
    site.assets, site.buses = len(names), len(buses)
    site.pv = <Array *> carve(&at, site.pvs * sizeof(Array))
    site.pack = <Pack *> carve(&at, site.packs * sizeof(Pack))
    site.circuit = <Circuit *> carve(&at, site.circuits * sizeof(Circuit))
    site.car = <Car *> carve(&at, site.cars * sizeof(Car))
    site.asset = <Asset **> carve(&at, site.assets * sizeof(void *))
    site.columns = <Column *> carve(&at, (site.assets + 1) * sizeof(Column))
    fill_bus(site, spec)
    for k, name in enumerate(columns):
        times, values, offset_s = profile.table(name)
        tables += [times, values]
        site.columns[k].t_s, site.columns[k].value = &times[0], &values[0]
        site.columns[k].rows = times.shape[0]
        site.columns[k].offset_s = offset_s
    site.air_column = (columns.index(spec.temperature_column)
                       if spec.temperature_column in profile.columns else -1)
    if site.air_column >= 0:
        site.air_degc = column_at(&site.columns[site.air_column], 0.5)
    for k, name in enumerate(names):
        part = spec.assets[name]
        bus = buses.index(part.at)
        if isinstance(part, PvSpec):
            a = &site.pv[pv].a
            fill_asset(a, KIND_PV, k, part, bus, site.phases)
            fill_array(&site.pv[pv], part)
            site.pv[pv].column = columns.index(part.irradiance_column)
            pv += 1
        elif isinstance(part, BatterySpec):
            a = &site.pack[pack].a
            fill_asset(a, KIND_BATTERY, k, part, bus, site.phases)
            fill_pack(&site.pack[pack], part, site.air_degc)
            pack += 1
        elif isinstance(part, LoadSpec):
            a = &site.circuit[load].a
            fill_asset(a, KIND_LOAD, k, part, bus, site.phases)
            fill_circuit(&site.circuit[load], part)
            site.circuit[load].column = columns.index(part.column or name)
            load += 1
        else:
            a = &site.car[car].a
            fill_asset(a, KIND_EV, k, part, bus, site.phases)
            site.car[car].min_w = part.min_w
            site.car[car].taper_j = part.taper_wh * 3600.0
            a.command_w = -part.rated_w
            car += 1
        if not isinstance(part, LoadSpec):
            fill_control(a, part)
        site.asset[k] = a
    return tuple(names), feed(spec, buses), tables
