"""The shape of a radial feeder: checked, put in order, and without the buses that do nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


class FeederError(ValueError):
    """No radial feeder, or no operating point of one."""


@dataclass(frozen=True, slots=True)
class Tree:
    """The kept nodes, parents before children, and where each bus lies between them.

    Complex numbers are laid out flat, real part first. Integers are C ints.
    """

    parent: NDArray[np.intc]
    z_ohm: NDArray[np.float64]
    source_v: NDArray[np.float64]
    load_node: NDArray[np.intc]
    zip_share: NDArray[np.float64] | None
    bus_up: NDArray[np.intc]
    bus_down: NDArray[np.intc]
    bus_z_ohm: NDArray[np.float64]


def sequence_z_ohm(z0_ohm: complex, z1_ohm: complex) -> NDArray[np.complex128]:
    """3 x 3 phase impedances of a transposed branch: diagonal (z0 + 2 z1)/3, beside (z0 - z1)/3.

    From Fortescue's transformation with equal positive and negative sequences (A. R. Bergen,
    V. Vittal, Power Systems Analysis, 2000, ch. 12). A Dyn transformer is such a branch too: z0 is
    its own, for the delta keeps the source's out.
    """
    z: NDArray[np.complex128] = np.full((3, 3), (z0_ohm - z1_ohm) / 3.0) + np.eye(3) * z1_ohm
    return z


def reduce_kron(z_ohm: ArrayLike) -> NDArray[np.complex128]:
    """3 x 3 from 4 x 4 with the neutral last, grounded at both ends: Kron's reduction."""
    z = np.asarray(z_ohm, complex)
    if z.shape != (4, 4) or z[3, 3] == 0.0:
        raise FeederError(f"z_ohm is {z.shape}: 4 x 4 with a neutral's own impedance")
    reduced: NDArray[np.complex128] = z[:3, :3] - np.outer(z[:3, 3], z[3, :3]) / z[3, 3]
    return reduced


def transformer_z_ohm(
    rated_va: float, short_circuit_percent: float, loss_percent: float, low_v: float
) -> complex:
    """Series impedance of a transformer seen from its low side, ohm; low_v: line to line."""
    if not 0.0 <= loss_percent <= short_circuit_percent:
        raise FeederError("a transformer's loss_percent lies in 0..short_circuit_percent")
    base_ohm = low_v * low_v / rated_va / 100.0
    x = (short_circuit_percent**2 - loss_percent**2) ** 0.5
    return complex(loss_percent, x) * base_ohm


def reduce_tree(
    parent: Sequence[int],
    z_ohm: ArrayLike,
    source_v: ArrayLike,
    load_buses: Sequence[int],
    zip_share: ArrayLike | None,
) -> Tree:
    """Check a feeder and keep source, loads and forks. Raises FeederError."""
    z, source = np.asarray(z_ohm, complex), np.asarray(source_v, complex)
    buses, phases = len(parent), source.size
    if source.shape not in ((1,), (3,)):
        raise FeederError(f"source_v is {source.shape}: one phase or three")
    if z.shape != (buses, phases, phases):
        raise FeederError(f"z_ohm is {z.shape}, not {(buses, phases, phases)}")
    if not (np.isfinite(z[1:]).all() and np.isfinite(source).all() and np.abs(source).min() > 0):
        raise FeederError("impedances and source voltages must be finite, the latter above 0")
    order = _order(parent)
    if not load_buses or len(set(load_buses)) != len(load_buses):
        raise FeederError("load_buses: at least one, each once")
    if not all(0 < bus < buses for bus in load_buses):
        raise FeederError(f"load_buses lie in 1..{buses - 1}: bus 0 is the source")

    children: list[list[int]] = [[] for _ in parent]
    busy = set(load_buses)  # with a load at or below them
    for bus in reversed(order[1:]):
        if bus in busy:
            children[parent[bus]].append(bus)
            busy.add(parent[bus])
    kept = [b for b in order if b == 0 or b in load_buses or len(children[b]) > 1]
    index = {bus: node for node, bus in enumerate(kept)}

    size = phases * phases
    parents, node_z = np.zeros(len(kept), np.intc), np.zeros((len(kept), size), complex)
    up, down = np.zeros(buses, np.intc), np.full(buses, -1, np.intc)
    bus_z = np.zeros((buses, size), complex)
    for bus in order[1:]:
        above = parent[bus]
        up[bus] = index.get(above, up[above])
        if bus in busy:
            bus_z[bus] = z[bus].ravel()
            if above not in index:
                bus_z[bus] += bus_z[above]
    for bus in order:
        if bus in index:
            node = index[bus]
            parents[node], node_z[node] = (up[bus] if bus else 0), bus_z[bus]
    for bus in reversed(order[1:]):  # what is below a bus between two nodes
        if bus in busy and bus not in index:
            (child,) = children[bus]
            down[bus] = index.get(child, down[child])
    for bus in order[1:]:  # where nothing flows the voltage is that of the bus above
        if bus not in busy:
            above = parent[bus]
            if above in index:
                up[bus], down[bus] = index[above], -1
            else:
                up[bus], down[bus], bus_z[bus] = up[above], down[above], bus_z[above]
    for bus, node in index.items():
        up[bus], bus_z[bus] = node, 0.0
    return Tree(
        parent=parents,
        z_ohm=node_z.reshape(-1).view(float),
        source_v=np.ascontiguousarray(source).view(float),
        load_node=np.array([index[bus] for bus in load_buses], np.intc),
        zip_share=_shares(zip_share, len(load_buses)),
        bus_up=up,
        bus_down=down,
        bus_z_ohm=bus_z.reshape(-1).view(float),
    )


def _order(parent: Sequence[int]) -> list[int]:
    """Buses, parents before children."""
    if len(parent) < 2 or parent[0] != -1:
        raise FeederError("bus 0 is the source with parent -1, and there is another bus")
    below: dict[int, list[int]] = {}
    for bus, above in enumerate(parent):
        below.setdefault(above, []).append(bus)
    order = [0]
    for bus in order:
        order.extend(below.get(bus, ()))
    if len(order) != len(parent):
        missing = sorted(set(range(len(parent))) - set(order))
        raise FeederError(f"buses {missing[:5]} do not hang on the source")
    return order


def _shares(zip_share: ArrayLike | None, loads: int) -> NDArray[np.float64] | None:
    if zip_share is None:
        return None
    shares = np.ascontiguousarray(zip_share, float)
    if shares.shape != (loads, 3) or not np.allclose(shares.sum(axis=1), 1.0, atol=1e-9):
        raise FeederError(f"zip_share is {shares.shape}: three shares a load, of sum 1")
    return shares.reshape(-1)
