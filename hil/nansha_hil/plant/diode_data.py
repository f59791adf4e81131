"""Photovoltaic modules for the single-diode model: parameter records with their sources."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class PvModule:
    """Five parameters at 1000 W/m2 and 25 degC cells, and how the light current follows heat.

    il_a: light current. io_a: reverse saturation current. rs_ohm, rsh_ohm: series and shunt
    resistance. a_v: modified ideality factor, n Ns k T / q. alpha_a_per_k: temperature coefficient
    of the light current. strings: substrings with a bypass diode each; bypass_v: its forward drop.
    """

    name: str
    il_a: float
    io_a: float
    rs_ohm: float
    rsh_ohm: float
    a_v: float
    alpha_a_per_k: float
    noct_degc: float
    strings: int
    bypass_v: float = 0.5
    source: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what no real module could have."""
        positive = (self.il_a, self.io_a, self.rs_ohm, self.rsh_ohm, self.a_v)
        if not all(value > 0.0 for value in positive):
            raise ValueError(f"{self.name}: the five parameters must be above 0")
        if self.strings < 1 or self.bypass_v < 0.0:
            raise ValueError(f"{self.name}: strings from 1 on, bypass_v not negative")


JKM400M_72L = PvModule(
    name="Jinko JKM400M-72L, 400 W",
    il_a=10.373239,
    io_a=3.28857e-10,
    rs_ohm=0.191758,
    rsh_ohm=150.054504,
    a_v=2.062786,
    alpha_a_per_k=0.00589324,  # alpha_sc (1 - Adjust / 100)
    noct_degc=45.6,
    strings=3,
    source=(
        "CEC module library of SAM 2018.11.11 r2, entry of 2019-01-03, as shipped with pvlib; "
        "three bypass diodes: the maker's data sheet"
    ),
)
