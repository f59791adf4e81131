"""Links: how frames reach nodes. Each owns its reconnect loop; a link that is down loses frames,
and the leases cover that."""

from nansha.links.base import Link, LinkState
from nansha.links.mqtt import MqttLink
from nansha.links.serial import SerialLink

__all__ = ["Link", "LinkState", "MqttLink", "SerialLink"]
