"""What stored energy is worth, from the prices of the hours to come.

A threshold rule, exact where the battery is smaller than the peak: energy bought now is worth what
it will save in the dearest hour before cheap energy comes again, less what the round trip loses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WEAR_CNY_PER_KWH = 0.05
"""What a stored kWh costs the cells; a placeholder until a site states its own (confidence C)."""


@dataclass(frozen=True, slots=True)
class Worth:
    """Prices at which the battery acts, CNY/kWh."""

    charge_below: float
    """It charges while power costs less than this."""
    discharge_above: float
    """It discharges while power costs more than this."""


def worth(prices: Sequence[float], efficiency: float) -> Worth:
    """Thresholds now, from the prices of the next 24 h in equal steps, the present one first.

    `efficiency`: of the whole round trip, 0 to 1.
    """
    cheapest = min(prices)
    refill = next((k for k, price in enumerate(prices) if k and price <= cheapest * 1.001), None)
    before_refill = prices[: refill or len(prices)]
    best_use = max(before_refill)
    # Power at the lowest price is always bought; dearer power has to pay before that comes again.
    reach = prices if prices[0] <= cheapest * 1.001 else before_refill
    best_ahead = max(reach[1:], default=prices[0])
    charge_below = best_ahead * efficiency - WEAR_CNY_PER_KWH
    # Just below the dearest hour, so that the hour itself is above the threshold; and never below
    # what refilling costs.
    discharge_above = max(best_use * 0.999, cheapest / efficiency + WEAR_CNY_PER_KWH)
    return Worth(min(charge_below, discharge_above - 0.001), discharge_above)
