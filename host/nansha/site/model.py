"""The site file as frozen models. Powers here are positive magnitudes: rating, limit, demand."""

from pathlib import Path
from typing import Annotated, Any, Literal

from nansha_boards import NodeSpec, generate_board_py, load_board
from pydantic import ConfigDict, Field

from nansha.errors import NanshaError
from nansha.site.parts import (
    BatteryProtection,
    Link,
    LoadProtection,
    MqttLink,
    Part,
    Pins,
    PoiProtection,
    Protection,
    PvProtection,
    Relay,
    SerialLink,
    Transducers,
)

Ident = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Watts = Annotated[float, Field(gt=0, le=50_000_000)]
"""Up to 50 MW, where currents would leave 31-bit integers."""
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


Asset = Annotated[Pv | Battery | Load | EvCharger | Poi, Field(discriminator="role")]

ASSET_CLASSES: dict[str, type[Pv | Battery | Load | EvCharger | Poi]] = {
    "pv": Pv,
    "battery": Battery,
    "load": Load,
    "ev_charger": EvCharger,
    "poi": Poi,
}


class SiteFile(Part):
    """A site file as it is written; only for its JSON schema."""

    model_config = ConfigDict(title="Nansha site file")

    site: SiteInfo
    """The site."""
    broker: Broker = Broker()
    """The broker."""
    asset: tuple[Asset, ...]
    """The assets."""


class Site(Part):
    """A checked site. Made by load_site; the assets are in the order of the file."""

    info: SiteInfo
    """The [site] table."""
    broker: Broker
    """The [broker] table."""
    assets: tuple[Asset, ...]
    """The assets."""
    folder: Path = Path()
    """Folder of the site file."""

    @property
    def id(self) -> str:
        """Short name of the site."""
        return self.info.id

    @property
    def poi(self) -> Poi:
        """The point of interconnection."""
        return next(a for a in self.assets if isinstance(a, Poi))

    @property
    def secret_path(self) -> Path | None:
        """The file of the nodes' keys, or None where the site names none."""
        return self.folder / self.info.secret_file if self.info.secret_file else None

    def asset(self, asset_id: str) -> Pv | Battery | Load | EvCharger | Poi:
        """The asset of that id; NanshaError where there is none."""
        for asset in self.assets:
            if asset.id == asset_id:
                return asset
        known = ", ".join(a.id for a in self.assets)
        raise NanshaError(f"no asset {asset_id!r}", self.id, f"known: {known}")

    def node_spec(
        self, asset_id: str, link_override: Literal["serial", "mqtt"] | None = None
    ) -> NodeSpec:
        """What the node of an asset is told; the rig may override the link."""
        from nansha.site.node import build_node_spec

        asset = self.asset(asset_id)
        links: dict[str, SerialLink | MqttLink] = {
            "serial": SerialLink(port="override"),
            "mqtt": MqttLink(),
        }
        if link_override is not None and link_override != asset.link.kind:
            asset = asset.model_copy(update={"link": links[link_override]})
        return build_node_spec(self.info, self.broker, asset)

    def board_py(
        self, asset_id: str, link_override: Literal["serial", "mqtt"] | None = None
    ) -> str:
        """The text of the node's board.py; nansha_boards.BoardError where it cannot work."""
        spec = self.node_spec(asset_id, link_override)
        return generate_board_py(spec, load_board(spec.board))


def site_json_schema() -> dict[str, Any]:
    """JSON schema of a site file, for editors and for `nansha site schema`."""
    return SiteFile.model_json_schema()
