"""A checked site, and what each of its nodes is told."""

from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict

from nansha.errors import NanshaError
from nansha.site.cross import cautions
from nansha.site.model import AnyAsset, Asset, Broker, Poi, SiteInfo
from nansha.site.node import build_node_spec
from nansha.site.parts import MqttLink, Part, SerialLink
from nansha.site.problems import FieldProblem
from nansha_boards import NodeSpec, generate_board_py, load_board


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

    def warnings(self) -> tuple[FieldProblem, ...]:
        """What works but should be known: risky pins, and what happens with no host."""
        return tuple(cautions(self.info, self.broker, self.assets))

    def asset(self, asset_id: str) -> AnyAsset:
        """The asset of that id; NanshaError where there is none."""
        for asset in self.assets:
            if asset.id == asset_id:
                return asset
        known = ", ".join(a.id for a in self.assets)
        raise NanshaError(f"no asset {asset_id!r}", self.id, f"known: {known}")

    def node_spec(
        self,
        asset_id: str,
        link_override: Literal["serial", "mqtt"] | None = None,
        board_override: str | None = None,
    ) -> NodeSpec:
        """What the node of an asset is told; the rig may override link and board.

        Another board comes with its own default pins.
        """
        asset = self.asset(asset_id)
        if board_override is not None and board_override != asset.board:
            pins = type(asset.pins)()
            asset = asset.model_copy(update={"board": board_override, "pins": pins})
        links: dict[str, SerialLink | MqttLink] = {
            "serial": SerialLink(port="override"),
            "mqtt": MqttLink(),
        }
        if link_override is not None and link_override != asset.link.kind:
            asset = asset.model_copy(update={"link": links[link_override]})
        return build_node_spec(self.info, self.broker, asset)

    def board_py(
        self,
        asset_id: str,
        link_override: Literal["serial", "mqtt"] | None = None,
        board_override: str | None = None,
    ) -> str:
        """The text of the node's board.py; nansha_boards.BoardError where it cannot work."""
        spec = self.node_spec(asset_id, link_override, board_override)
        return generate_board_py(spec, load_board(spec.board))


def site_json_schema() -> dict[str, Any]:
    """JSON schema of a site file, for editors and for `nansha site schema`."""
    return SiteFile.model_json_schema()
