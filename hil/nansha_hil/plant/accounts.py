"""Energy accounts of a plant: who delivered, drew, wanted, lost what, and whether it all closes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nansha_hil.plant.nodes import Load, Pv

if TYPE_CHECKING:
    from nansha_hil.plant.plant import Plant

J_PER_WH = 3600.0


@dataclass(frozen=True, slots=True)
class AssetEnergy:
    """Energies of one asset since the start, Wh, all >= 0 but for rounding.

    into_bus_wh: discharged, generated or imported. from_bus_wh: charged, consumed or exported.
    curtailed_wh: available and not fed (pv). unserved_wh: demanded and not drawn (load).
    """

    into_bus_wh: float
    from_bus_wh: float
    available_wh: float
    demand_wh: float
    curtailed_wh: float
    unserved_wh: float
    loss_wh: float


class Accounts:
    """Reads the meters of a plant; cheap enough for every cycle."""

    def __init__(self, plant: Plant) -> None:
        """Remember what is in the cells now."""
        self._plant = plant
        self._stored_at_start_j = sum(battery.stored_j for battery in plant.batteries)

    def asset(self, name: str) -> AssetEnergy:
        """Energies of one asset or the poi. Raises KeyError for an unknown name."""
        node = self._plant.nodes[name]
        return AssetEnergy(
            into_bus_wh=node.out_j / J_PER_WH,
            from_bus_wh=node.in_j / J_PER_WH,
            available_wh=node.available_j / J_PER_WH,
            demand_wh=node.demand_j / J_PER_WH,
            curtailed_wh=(node.available_j - node.out_j) / J_PER_WH
            if isinstance(node, Pv)
            else 0.0,
            unserved_wh=(node.demand_j - node.in_j) / J_PER_WH if isinstance(node, Load) else 0.0,
            loss_wh=node.loss_j / J_PER_WH,
        )

    @property
    def residual_wh(self) -> float:
        """E_in - E_out - dE_stored - losses, Wh: from sun and utility to loads, cars and heat.

        Battery cells are read by their charge, not by their meters, which checks their books too;
        what is lost in them is their resistances' heat.
        """
        plant = self._plant
        in_j = sum(pv.out_j for pv in plant.pvs) + plant.poi.out_j
        out_j = sum(node.in_j for node in (*plant.loads, *plant.evs)) + plant.poi.in_j
        stored_j = sum(battery.stored_j for battery in plant.batteries) - self._stored_at_start_j
        loss_j = sum(battery.loss_j for battery in plant.batteries)
        loss_j += plant.line_loss_j + sum(plant.island_j)
        return (in_j - out_j - stored_j - loss_j) / J_PER_WH

    @property
    def throughput_wh(self) -> float:
        """All energy that entered the bus, Wh: what a residual is compared with."""
        plant = self._plant
        return sum(node.out_j for node in plant.nodes.values()) / J_PER_WH

    def summary(self) -> dict[str, Any]:
        """Figures for a report and its limits, units in the names; nested once, by asset."""
        plant = self._plant
        unserved = {"critical": 0.0, "priority": 0.0, "interruptible": 0.0}
        for load in plant.loads:
            unserved[load.spec.tier] += (load.demand_j - load.in_j) / J_PER_WH
        available_wh = sum(pv.available_j for pv in plant.pvs) / J_PER_WH
        fed_wh = sum(pv.out_j for pv in plant.pvs) / J_PER_WH
        throughput_wh = self.throughput_wh
        kinds = [event.kind for event in plant.events]
        out: dict[str, Any] = {
            "duration_s": plant.now_us * 1e-6,
            "residual_wh": self.residual_wh,
            "residual_percent": 100.0 * abs(self.residual_wh) / max(throughput_wh, 1e-9),
            "balance_residual_w": plant.balance_residual_w,
            "pv_available_wh": available_wh,
            "pv_curtailed_wh": available_wh - fed_wh,
            "pv_absorbed_percent": 100.0 * fed_wh / available_wh if available_wh > 0.0 else 100.0,
            "demand_wh": sum(load.demand_j for load in plant.loads) / J_PER_WH,
            "served_wh": sum(load.in_j for load in plant.loads) / J_PER_WH,
            "unserved_wh": sum(unserved.values()),
            "import_wh": plant.poi.out_j / J_PER_WH,
            "export_wh": plant.poi.in_j / J_PER_WH,
            "ev_wh": sum(ev.in_j for ev in plant.evs) / J_PER_WH,
            "line_loss_wh": plant.line_loss_j / J_PER_WH,
            "battery_loss_wh": sum(battery.loss_j for battery in plant.batteries) / J_PER_WH,
            "out_of_phase_closings": kinds.count("out_of_phase_closing"),
            "dead_grid_closings": kinds.count("closed_onto_dead_grid"),
            "blackouts": kinds.count("black"),
            "islanded_s": plant.islanded_s,
            "island_lowest_hz": plant.lowest_hz,
            "island_highest_hz": plant.highest_hz,
            "assets": {},
        }
        for tier, energy_wh in unserved.items():
            out[f"unserved_{tier}_wh"] = energy_wh
        for name in plant.nodes:
            energy = self.asset(name)
            out["assets"][name] = {key: getattr(energy, key) for key in AssetEnergy.__slots__}
        for battery in plant.batteries:
            out["assets"][battery.name]["soc"] = battery.soc
        return out
