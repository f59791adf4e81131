"""The plant: the only physics of the rig.

Plant(PlantSpec, Profile) is driven by `advance` and by what boards and the world do to it. Powers
are watts in bus injection (+ delivers into the bus), times integer microseconds.
"""

from nansha_hil.plant.accounts import Accounts, AssetEnergy
from nansha_hil.plant.bus import Plant
from nansha_hil.plant.network import BusMode, PlantEvent
from nansha_hil.plant.profile import Profile, ProfileError, read_profile
from nansha_hil.plant.spec import (
    AssetSpec,
    BatterySpec,
    BusSpec,
    EvSpec,
    GridSpec,
    LoadSpec,
    PlantSpec,
    PvSpec,
    SpecError,
)

__all__ = [
    "Accounts",
    "AssetEnergy",
    "AssetSpec",
    "BatterySpec",
    "BusMode",
    "BusSpec",
    "EvSpec",
    "GridSpec",
    "LoadSpec",
    "Plant",
    "PlantEvent",
    "PlantSpec",
    "Profile",
    "ProfileError",
    "PvSpec",
    "SpecError",
    "read_profile",
]
