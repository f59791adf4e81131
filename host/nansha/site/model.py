"""The site file as frozen models. Powers here are positive magnitudes: rating, limit, demand."""

from typing import Annotated, Literal

from pydantic import Field

from nansha.site.parts import (
    BatteryProtection,
    Link,
    LoadProtection,
    Part,
    Pins,
    PoiProtection,
    Protection,
    PvProtection,
    Relay,
    Transducers,
)

Ident = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Watts = Annotated[float, Field(ge=1, le=50_000_000)]
"""From 1 W, the unit of the nodes, to 50 MW, where currents would leave 31-bit integers."""
Fraction = Annotated[float, Field(ge=0, le=1)]
Efficiency = Annotated[float, Field(gt=0, le=1)]


class SiteInfo(Part):
    """The [site] table."""

    id: Ident
    """Short name: a-z, 0-9 and _; part of topics and file names."""
    name: str
    """Name for people."""
    timezone: str
    """IANA name, such as Asia/Shanghai."""
    nominal_v: Annotated[float, Field(ge=50, le=1000)] = 220.0
    """Nominal voltage, phase to neutral, V."""
    nominal_hz: Annotated[float, Field(ge=45, le=65)] = 50.0
    """Nominal frequency, Hz."""
    phases: Literal[1, 3] = 3
    """Number of phases."""
    tariff: str
    """Name of a tariff in nansha/data/tariffs."""
    carbon: str
    """Id of a grid factor in nansha/data/carbon.toml."""
    protection: str = "gbt_50hz"
    """Name of a protection profile in nansha_boards/profiles."""
    secret_file: str | None = None
    """File of the nodes' keys, beside the site file; never part of it."""


class Broker(Part):
    """The [broker] table, for assets on an mqtt link."""

    embedded: bool = True
    """Whether the host starts a broker of its own."""
    host: str = ""
    """Address by which the nodes reach the broker."""
    port: Annotated[int, Field(ge=1, le=65_535)] = 1883
    """Its port."""


class _AssetBase(Part):
    id: Ident
    """Short name: a-z, 0-9 and _."""
    name: str = ""
    """Name for people."""
    node: Annotated[int, Field(ge=1, le=65_534)]
    """Address of its node, unique in the site."""
    board: str
    """Board it is built on, such as esp32_devkitc."""
    link: Link
    """How its node reaches the host."""
    pins: Pins = Pins()
    """Pins other than the board's defaults."""
    relay: Relay = Relay()
    """Its relay."""
    transducers: Transducers = Transducers()
    """Ranges of its analog inputs."""


class Pv(_AssetBase):
    """A PV plant behind one converter."""

    role: Literal["pv"]
    """pv."""
    rated_w: Watts
    """Rated AC power, W."""
    protection: PvProtection = PvProtection()
    """Overrides of the profile."""


class Battery(_AssetBase):
    """A battery with its converter."""

    role: Literal["battery"]
    """battery."""
    rated_w: Watts
    """Rated AC power, both ways, W."""
    capacity_wh: Annotated[float, Field(gt=0)]
    """Usable energy from soc 0 to 1, Wh."""
    soc_min: Fraction = 0.1
    """Lowest state of charge in service."""
    soc_max: Fraction = 0.9
    """Highest state of charge in service."""
    soc_reserve: Fraction | None = None
    """Kept for islanding while the grid is there; default: soc_min."""
    efficiency_charge: Efficiency = 0.95
    """AC to cell."""
    efficiency_discharge: Efficiency = 0.95
    """Cell to AC."""
    protection: BatteryProtection = BatteryProtection()
    """Overrides of the profile."""


class Load(_AssetBase):
    """A group of loads behind one contactor."""

    role: Literal["load"]
    """load."""
    tier: Literal["critical", "priority", "interruptible"]
    """Order of shedding: interruptible first, critical last."""
    rated_w: Watts
    """Highest demand, W."""
    protection: LoadProtection = LoadProtection()
    """Overrides of the profile."""


class EvCharger(_AssetBase):
    """A charging post."""

    role: Literal["ev_charger"]
    """ev_charger."""
    rated_w: Watts
    """Highest charging power, W."""
    min_w: Watts
    """Smallest power a car accepts, W: 6 A, 4140 W on three phases of 230 V."""
    session_energy_wh: Annotated[float, Field(gt=0)] = 20_000.0
    """Energy asked for in a session unless the car says so, Wh."""
    departure: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "18:00"
    """Usual end of a session, local time, HH:MM."""
    fallback_charge_w: Annotated[float, Field(ge=0)] | None = None
    """Charging power with no host, W; 0 pauses; default: min_w."""
    protection: Protection = Protection()
    """Overrides of the profile."""


class Poi(_AssetBase):
    """The point of interconnection with the grid."""

    role: Literal["poi"]
    """poi."""
    import_limit_w: Watts
    """Highest import, W."""
    export_limit_w: Annotated[float, Field(ge=0, le=50_000_000)]
    """Highest export, W; 0: none allowed."""
    protection: PoiProtection = PoiProtection()
    """Overrides of the profile."""


AnyAsset = Pv | Battery | Load | EvCharger | Poi
Asset = Annotated[AnyAsset, Field(discriminator="role")]

ASSET_CLASSES: dict[str, type[AnyAsset]] = {
    "pv": Pv,
    "battery": Battery,
    "load": Load,
    "ev_charger": EvCharger,
    "poi": Poi,
}
