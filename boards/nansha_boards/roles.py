"""Which signals each role has: the one table that check, generate and the host agree on."""

from types import MappingProxyType

ROLES: tuple[str, ...] = ("pv", "battery", "load", "poi", "ev_charger")
"""Roles a node can have."""

TIERS: tuple[str, ...] = ("critical", "priority", "interruptible")
"""Load tiers, the last to be shed first in the list."""

_COMMON = ("pin_relay", "pin_alert", "adc_v", "adc_i", "adc_f")

_SIGNALS = MappingProxyType(
    {
        "pv": (*_COMMON, "pin_pwm", "adc_x"),  # x: irradiance
        "battery": (*_COMMON, "pin_pwm", "adc_x"),  # x: state of charge
        "load": _COMMON,
        "poi": (*_COMMON, "pin_flag"),  # flag: sync-check relay contact
        "ev_charger": (*_COMMON, "pin_flag", "pin_pwm"),  # flag: car plugged
    }
)

SIGNAL_MEANING = MappingProxyType(
    {
        "pin_relay": "relay coil",
        "pin_alert": "the meter's alarm output",
        "pin_flag": "plug or sync-check contact",
        "pin_pwm": "analog power command",
        "adc_v": "voltage",
        "adc_i": "current",
        "adc_f": "frequency",
        "adc_x": "state of charge or irradiance",
        "uart_tx": "link transmit",
        "uart_rx": "link receive",
    }
)
"""What each signal is, in words for error texts."""


def with_article(noun: str) -> str:
    """The noun with a or an, for error texts."""
    return f"{'an' if noun[0] in 'aeio' or noun == 'mqtt' else 'a'} {noun}"


def signals_of(role: str) -> tuple[str, ...]:
    """Names of the NodeSpec pin fields that `role` needs; KeyError for an unknown role."""
    return _SIGNALS[role]
