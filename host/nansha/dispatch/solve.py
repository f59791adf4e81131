"""The balance of one cycle: the core's answer, checked by code that shares nothing with it."""

from __future__ import annotations

from dataclasses import dataclass

from nansha.dispatch.offers import Offers, Tier
from nansha_core import Balance, Problem, verify
from nansha_core import Tier as CoreTier


@dataclass(frozen=True, slots=True)
class Balanced:
    """What the core answered, per asset."""

    p_w: dict[str, float]
    why: dict[str, str]
    price: float
    residual_w: float
    shortage_w: float
    surplus_w: float


class Balancer:
    """Holds the core's object for one layout of devices and reuses it, cycle after cycle."""

    def __init__(self) -> None:
        self._balance: Balance | None = None
        self._names: tuple[str, ...] = ()

    def solve(self, offers: Offers, demand_w: float) -> Balanced:
        """Balance the offers against `demand_w` and check the answer.

        Raises nansha_core.CertificateError when the answer is wrong: then nothing may be sent.
        """
        problem = as_problem(offers, demand_w)
        answer = self._kept(problem).answer()
        certificate = verify(problem, answer)
        p_w: dict[str, float] = {}
        why: dict[str, str] = {}
        for item, power_w in zip(offers.items, answer.p_w, strict=True):
            p_w[item.asset] = p_w.get(item.asset, 0.0) + power_w
            if power_w == 0.0 and item.asset in why:
                continue  # the asset's other device says why
            if power_w >= item.high_w:
                why[item.asset] = item.why_high
            elif power_w <= item.low_w:
                why[item.asset] = item.why_low
            else:
                why[item.asset] = "balance"
        return Balanced(
            p_w, why, answer.price, certificate.residual_w, answer.shortage_w, answer.surplus_w
        )

    def _kept(self, problem: Problem) -> Balance:
        """The problem solved, by the object of the last cycle if its devices are the same."""
        names = tuple(problem.names or ())
        if self._balance is None or names != self._names:
            self._balance = Balance(problem)
            self._names = names
        else:
            for number, tier in enumerate(problem.tiers):
                self._balance.set_costs(tier.a, tier.b, number)
            self._balance.set_bounds(problem.lo_w, problem.hi_w)
        self._balance.solve(problem.demand_w)
        return self._balance


def as_problem(offers: Offers, demand_w: float) -> Problem:
    """Put the offers into the words of the core. All costs are linear: the tie rule shares."""
    items = offers.items
    flat = [0.0] * len(items)
    tiers = [
        CoreTier(flat, [item.cost if item.tier is tier else 0.0 for item in items], tier.name)
        for tier in Tier
    ]
    return Problem(
        tiers=tiers,
        lo_w=[item.low_w for item in items],
        hi_w=[item.high_w for item in items],
        demand_w=demand_w,
        names=[item.asset for item in items],
    )
