"""A microgrid as data: the site file, its checks, and the board.py of each of its nodes."""

from nansha.site.load import load_site, parse_site
from nansha.site.model import (
    AnyAsset,
    Asset,
    Battery,
    Broker,
    EvCharger,
    Load,
    Poi,
    Pv,
    SiteInfo,
)
from nansha.site.parts import Link, MqttLink, SerialLink
from nansha.site.problems import FieldProblem, SiteError
from nansha.site.site import Site, site_json_schema

__all__ = [
    "AnyAsset",
    "Asset",
    "Battery",
    "Broker",
    "EvCharger",
    "FieldProblem",
    "Link",
    "Load",
    "MqttLink",
    "Poi",
    "Pv",
    "SerialLink",
    "Site",
    "SiteError",
    "SiteInfo",
    "load_site",
    "parse_site",
    "site_json_schema",
]
