"""Does energy close over a day in which everything happens?"""

from __future__ import annotations

import numpy as np

from nansha_hil.plant import BatterySpec, EvSpec, LoadSpec, Plant, PlantSpec, Profile, PvSpec

HOUR_US = 3_600_000_000


def day() -> tuple[float, float]:
    """(residual, throughput) of a day, Wh: outage, clouds, car, battery to both ends."""
    hours = np.arange(0.0, 25.0)
    sun = np.maximum(0.0, np.sin((hours - 6.0) / 12.0 * np.pi)) * 950.0
    spec = PlantSpec(
        assets={
            "pv": PvSpec(rated_w=40_000.0),
            "battery": BatterySpec(rated_w=30_000.0, capacity_wh=60_000.0),
            "critical": LoadSpec(rated_w=10_000.0, tier="critical"),
            "comfort": LoadSpec(rated_w=18_000.0, z_share=0.5, i_share=0.2),
            "ev": EvSpec(rated_w=11_000.0),
        }
    )
    profile = Profile(
        (hours * 3600.0).tolist(),
        {
            "poa_w_per_m2": sun.tolist(),
            "temperature_degc": (24.0 + 8.0 * sun / 950.0).tolist(),
            "critical": (4000.0 + 3000.0 * sun / 950.0).tolist(),
            "comfort": (9000.0 + 5000.0 * np.cos(hours)).tolist(),
        },
    )
    plant = Plant(spec, profile)
    plant.actuate("battery", True, 25_000.0)  # to empty
    plant.advance(5 * HOUR_US)
    plant.actuate("battery", True, -25_000.0)  # to full
    plant.plug("ev", 30_000.0)
    plant.actuate("ev", True, -11_000.0)
    plant.advance(10 * HOUR_US)
    plant.set_cloud(0.8, 5.0)
    plant.advance(11 * HOUR_US)
    plant.set_cloud(0.0, 60.0)
    plant.set_grid(False)
    plant.actuate("poi", False)
    plant.advance(12 * HOUR_US)
    plant.set_grid(True)
    plant.actuate("poi", True)
    plant.advance(24 * HOUR_US)
    return plant.accounts.residual_wh, plant.accounts.throughput_wh
