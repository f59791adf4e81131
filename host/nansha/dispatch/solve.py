"""The balance of one cycle: the core's answer, checked by code that shares nothing with it."""

from __future__ import annotations

from dataclasses import dataclass

from nansha.dispatch.offers import Offers
from nansha_core import Answer, Balance, verify

NO_COST = 0.0
"""Flat offers have no quadratic term: between equal costs the core's tie rule decides."""


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
        items = offers.items
        a = [NO_COST] * len(items)
        b = [item.cost for item in items]
        low = [item.low_w for item in items]
        high = [item.high_w for item in items]
        names = tuple(item.asset for item in items)
        if self._balance is None or names != self._names:
            self._balance = Balance(a, b, low, high, names=names)
            self._names = names
        else:
            self._balance.set_costs(a, b)
            self._balance.set_bounds(low, high)
        answer: Answer = self._balance.solve(demand_w)
        certificate = verify(a, b, low, high, demand_w, answer)
        p_w: dict[str, float] = {}
        why: dict[str, str] = {}
        for item, power_w in zip(items, answer.p_w, strict=True):
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
