"""The plant: the only physics of the rig.

Plant(PlantSpec, Profile) is driven by `advance` and by what boards and the world do to it. Powers
are watts in bus injection (+ delivers into the bus), times integer microseconds.
"""

from nansha_hil.plant.accounts import Accounts, AssetEnergy
from nansha_hil.plant.happenings import LIVE_PU, BusMode, PlantEvent
from nansha_hil.plant.nodes import Battery, Ev, Load, Node, Poi, Pv
from nansha_hil.plant.plant import Plant
from nansha_hil.plant.profile import Profile, ProfileError, read_profile
from nansha_hil.plant.spec import (
    AssetSpec,
    BatterySpec,
    BusSpec,
    EvSpec,
    GridSpec,
    LineSpec,
    LoadSpec,
    PlantSpec,
    PvSpec,
    SpecError,
)

__all__ = [
    "LIVE_PU",
    "Accounts",
    "AssetEnergy",
    "AssetSpec",
    "Battery",
    "BatterySpec",
    "BusMode",
    "BusSpec",
    "Ev",
    "EvSpec",
    "GridSpec",
    "LineSpec",
    "Load",
    "LoadSpec",
    "Node",
    "Plant",
    "PlantEvent",
    "PlantSpec",
    "Poi",
    "Profile",
    "ProfileError",
    "Pv",
    "PvSpec",
    "SpecError",
    "read_profile",
]
