"""A microgrid as data: the site file, its checks, and the board.py of each of its nodes."""

from nansha.site.load import load_site, parse_site
from nansha.site.model import (
    Asset,
    Battery,
    Broker,
    EvCharger,
    Link,
    Load,
    MqttLink,
    Poi,
    Pv,
    SerialLink,
    Site,
    SiteInfo,
    site_json_schema,
)
from nansha.site.problems import FieldProblem, SiteError

__all__ = [
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
