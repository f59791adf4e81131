"""Published networks as pandapower ships them, turned into our Feeder and into power-grid-model.

Nothing is typed twice: all data come from pandapower's tables. Only what these two networks hold is
read: lines without charging, transformers without magnetisation, constant power, closed switches.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nansha_hil.plant.feeder import Feeder
from nansha_hil.plant.feeder_tree import sequence_z_ohm, transformer_z_ohm

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pandapower as pp
    import pandapower.networks as pn

ZERO_SEQUENCE = 4.0
"""Zero over positive sequence impedance of a line in the three-phase cases; these networks give
none, and both sides of a comparison take the same."""


@dataclass
class Network:
    """One network, three ways. Buses in our order: bus 0 is the source."""

    name: str
    net: Any
    rows: list[int]  # pandapower's bus of each of ours
    parent: list[int]
    z1_ohm: NDArray[np.complex128]
    z0_ohm: NDArray[np.complex128]
    nominal_v: float  # phase to neutral, at the level that all is referred to
    load_buses: list[int]
    load_va: NDArray[np.complex128]  # three-phase, + delivers

    def feeder(self, phases: int, tolerance_pu: float = 1e-12) -> Feeder:
        turn = np.exp(-2j * np.pi / 3 * np.arange(phases))
        z = (
            self.z1_ohm[:, None, None]
            if phases == 1
            else np.array(
                [sequence_z_ohm(a, b) for a, b in zip(self.z0_ohm, self.z1_ohm, strict=True)]
            )
        )
        return Feeder(
            self.parent,
            z,
            self.nominal_v * turn,
            self.load_buses,
            nominal_v=self.nominal_v,
            tolerance_v=tolerance_pu * self.nominal_v,
        )


def cigre_lv() -> Network:
    """CIGRE European low-voltage benchmark (Task Force C6.04.02, 2014)."""
    return _read("CIGRE LV", _quietly(pn.create_cigre_network_lv), 400.0)


def case33bw() -> Network:
    """The 33-bus feeder of M. E. Baran and F. F. Wu (1989), without its open ties."""
    return _read("case33bw", _quietly(pn.case33bw), 12660.0)


def _quietly(make: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


def solve_pandapower(network: Network) -> NDArray[np.complex128]:
    """Per-unit voltages in our order, angles without those of the vector groups."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pp.runpp(network.net, calculate_voltage_angles=False, tolerance_mva=1e-11, numba=False)
    found = network.net.res_bus.loc[network.rows]
    volts: NDArray[np.complex128] = found.vm_pu.to_numpy() * np.exp(
        1j * np.radians(found.va_degree.to_numpy())
    )
    return volts


def _read(name: str, net: Any, level_v: float) -> Network:
    same = {int(bus): int(bus) for bus in net.bus.index}
    for row in net.switch.itertuples():
        if row.et == "b" and row.closed:
            same[int(row.element)] = int(row.bus)
    edges: dict[int, list[tuple[int, complex, complex]]] = {}

    def join(a: int, b: int, z1: complex, z0: complex) -> None:
        edges.setdefault(same[a], []).append((same[b], z1, z0))
        edges.setdefault(same[b], []).append((same[a], z1, z0))

    for row in net.line[net.line.in_service].itertuples():
        assert row.c_nf_per_km == 0.0 and row.parallel == 1
        z1 = complex(row.r_ohm_per_km, row.x_ohm_per_km) * row.length_km
        join(row.from_bus, row.to_bus, z1, ZERO_SEQUENCE * z1)
    for row in net.trafo.itertuples():
        assert row.pfe_kw == 0.0 and row.i0_percent == 0.0 and row.parallel == 1
        z1 = transformer_z_ohm(row.sn_mva * 1e6, row.vk_percent, row.vkr_percent, level_v)
        join(row.hv_bus, row.lv_bus, z1, z1)
    rows = [int(net.ext_grid.bus.iloc[0])]
    parent, z1s, z0s = [-1], [0j], [0j]
    for bus in rows:
        for other, z1, z0 in edges.get(bus, ()):
            if other not in rows:
                parent.append(rows.index(bus))
                rows.append(other)
                z1s.append(z1)
                z0s.append(z0)
    order = {bus: k for k, bus in enumerate(rows)}
    return Network(
        name=name,
        net=net,
        rows=rows,
        parent=parent,
        z1_ohm=np.array(z1s),
        z0_ohm=np.array(z0s),
        nominal_v=level_v / 3**0.5,
        load_buses=[order[int(bus)] for bus in net.load.bus],
        load_va=-(net.load.p_mw + 1j * net.load.q_mvar).to_numpy() * 1e6,
    )
