"""What the cells of a battery are made of: parameter records with their sources, one a cell type.

A pack is `series` times `parallel` such cells (`nansha_hil.plant.cells`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

GAS_J_PER_MOL_K = 8.314462618
"""Molar gas constant, exact since the SI of 2019."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFade:
    """Loss of capacity by waiting: share = k(T) k(SoC) sqrt(t), t in seconds.

    k(T) = per_root_s exp(-activation_j_per_mol / R (1/T - 1/298.15 K));
    k(SoC) = soc[0] (SoC - 0.5)^3 + soc[1].
    """

    per_root_s: float
    activation_j_per_mol: float
    soc: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleFade:
    """Loss of capacity by use: share = k(C) k(depth) sqrt(full equivalent cycles) / 100.

    k(C) = rate[0] C + rate[1] with the mean C-rate, 1/h;
    k(depth) = depth[0] (d - 0.6)^3 + depth[1].
    """

    rate: tuple[float, float]
    depth: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellType:
    """One cell.

    ocv: (state of charge 0..1, open-circuit V), rising in both, from 0 to 1. r0_ohm, pair_ohm and
    pair_s (time constants) at 25 degC; all resistances follow exp(E/R (1/T - 1/298.15 K)), the
    pairs' capacitances stay. low_v, high_v: limits at the terminals. heat_j_per_k: mass times
    specific heat; shed_w_per_k: convection coefficient times surface.
    """

    name: str
    capacity_ah: float
    ocv: tuple[tuple[float, float], ...]
    r0_ohm: float
    pair_ohm: tuple[float, float]
    pair_s: tuple[float, float]
    activation_j_per_mol: float
    low_v: float
    high_v: float
    heat_j_per_k: float
    shed_w_per_k: float
    calendar: CalendarFade
    cycle: CycleFade
    source: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what no real cell could have."""
        positive = (self.capacity_ah, self.r0_ohm, *self.pair_ohm, *self.pair_s, self.heat_j_per_k)
        if not all(value > 0.0 for value in positive):
            raise ValueError(f"{self.name}: capacity, resistances, times, heat must be above 0")
        if self.shed_w_per_k < 0.0 or self.activation_j_per_mol < 0.0:
            raise ValueError(f"{self.name}: cooling and activation energy must not be negative")
        soc, volts = zip(*self.ocv, strict=True)
        if soc[0] != 0.0 or soc[-1] != 1.0 or volts[0] <= 0.0:
            raise ValueError(f"{self.name}: ocv must reach from 0 to 1 with voltages above 0")
        for low, high in zip(self.ocv, self.ocv[1:], strict=False):
            if not (low[0] < high[0] and low[1] <= high[1]):
                raise ValueError(f"{self.name}: ocv must rise: {low} is followed by {high}")


LFP_26650 = CellType(
    name="LFP 26650, 3 Ah",
    capacity_ah=3.0,
    # Naumann's fit, a sum of four logistic functions and a line, at these states of charge.
    ocv=(
        (0.0, 2.0098),
        (0.025, 2.9107),
        (0.05, 3.0464),
        (0.075, 3.1285),
        (0.1, 3.1779),
        (0.125, 3.2078),
        (0.15, 3.2264),
        (0.175, 3.2383),
        (0.2, 3.2465),
        (0.25, 3.2573),
        (0.3, 3.265),
        (0.4, 3.2782),
        (0.5, 3.2907),
        (0.6, 3.3033),
        (0.7, 3.3158),
        (0.8, 3.3283),
        (0.9, 3.3408),
        (0.975, 3.3502),
        (1.0, 3.582),
    ),
    # 46.3 mohm after 6 min of 1 C at half charge and 25 degC (mean of both directions). How it
    # divides into three and the two times are our choice: take them from your own pulse test.
    r0_ohm=0.0231,
    pair_ohm=(0.0116, 0.0116),
    pair_s=(10.0, 200.0),
    activation_j_per_mol=14.4e3,  # from the same resistance, 66.0 mohm at 10, 36.8 at 40 degC
    low_v=2.0,
    high_v=3.6,
    heat_j_per_k=70.0,  # 0.07 kg, 1001 J/(kg K)
    shed_w_per_k=0.096,  # 15 W/(m2 K) over the can's 64 cm2
    calendar=CalendarFade(
        per_root_s=1.2571e-5, activation_j_per_mol=17126.0, soc=(2.8575, 0.60225)
    ),
    cycle=CycleFade(rate=(0.0630, 0.0971), depth=(4.0253, 1.0923)),
    source=(
        "Sony/Murata US26650FTC1. Open-circuit voltage and resistance: M. Naumann, dissertation, "
        "TU Munich 2018, as published with SimSES. Ageing: Naumann et al., J. Energy Storage 17 "
        "(2018) 153, doi:10.1016/j.est.2018.01.019, and J. Power Sources 451 (2020) 227666, "
        "doi:10.1016/j.jpowsour.2019.227666"
    ),
)
