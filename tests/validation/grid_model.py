"""The same networks for power-grid-model, whose batch is what the bench measures against.

Everything is at one level, as in our Feeder: a transformer is a line with its series impedance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from networks import Network
from numpy.typing import NDArray
from power_grid_model import (
    CalculationMethod,
    ComponentType,
    DatasetType,
    LoadGenType,
    PowerGridModel,
    initialize_array,
)

STIFF_VA = 1e30
"""A source without impedance, as ours."""


class GridModel:
    """power-grid-model of one network; single-phase loads where phases is 3."""

    def __init__(self, network: Network, phases: int) -> None:
        self.network, self.phases = network, phases
        buses, loads = len(network.parent), len(network.load_buses)
        volts = network.nominal_v * 3**0.5
        node = initialize_array(DatasetType.input, ComponentType.node, buses)
        node["id"], node["u_rated"] = np.arange(buses), volts
        line = initialize_array(DatasetType.input, ComponentType.line, buses - 1)
        line["id"] = 1000 + np.arange(buses - 1)
        line["from_node"], line["to_node"] = network.parent[1:], np.arange(1, buses)
        line["from_status"] = line["to_status"] = 1
        for name, z in (("1", network.z1_ohm[1:]), ("0", network.z0_ohm[1:])):
            line["r" + name], line["x" + name] = z.real, z.imag
            line["c" + name] = line["tan" + name] = 0.0
        self.kind = ComponentType.sym_load if phases == 1 else ComponentType.asym_load
        load = initialize_array(DatasetType.input, self.kind, loads)
        self.ids = 2000 + np.arange(loads)
        load["id"], load["node"], load["status"] = self.ids, network.load_buses, 1
        load["type"] = LoadGenType.const_power
        load["p_specified"] = load["q_specified"] = 0.0
        source = initialize_array(DatasetType.input, ComponentType.source, 1)
        source["id"], source["node"], source["status"], source["u_ref"] = 9000, 0, 1, 1.0
        source["sk"] = STIFF_VA
        self.model = PowerGridModel(
            {
                ComponentType.node: node,
                ComponentType.line: line,
                self.kind: load,
                ComponentType.source: source,
            }
        )

    def update(self, s_va: NDArray[np.complex128]) -> Any:
        """Batch data from injections by phase, VA, (scenarios, loads, phases)."""
        data = initialize_array(DatasetType.update, self.kind, s_va.shape[:2])
        data["id"] = self.ids
        drawn = -3.0 * s_va[:, :, 0] if self.phases == 1 else -s_va
        data["p_specified"], data["q_specified"] = drawn.real, drawn.imag
        return {self.kind: data}

    def solve(self, update: Any, method: CalculationMethod, threads: int, error: float) -> Any:
        return self.model.calculate_power_flow(
            update_data=update,
            symmetric=self.phases == 1,
            calculation_method=method,
            threading=threads,
            error_tolerance=error,
            max_iterations=100,
            output_component_types={ComponentType.node: ["u_pu", "u_angle"]},
        )

    def volts_pu(self, result: Any) -> NDArray[np.complex128]:
        """Per-unit voltages (scenarios, buses, phases)."""
        node = result[ComponentType.node]
        volts: NDArray[np.complex128] = node["u_pu"] * np.exp(1j * node["u_angle"])
        return volts[..., None] if volts.ndim == 2 else volts
