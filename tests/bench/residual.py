"""How far powers are from meeting the conditions of an optimum, without any solver's help."""

from __future__ import annotations

from math import fsum

import numpy as np
from instances import Array, Instance


def best_price(site: Instance, p: Array) -> float:
    """The price that the rows inside their range agree on best."""
    margin = 1e-6 * (site.hi - site.lo)
    inside = (p > site.lo + margin) & (p < site.hi - margin)
    slope = 1 / site.a[inside]
    return float(np.sum(p[inside] + site.b[inside] * slope) / np.sum(slope))


def residual(site: Instance, p: Array, demand: float, price: float | None = None) -> float:
    """Largest breach of a condition, relative to the largest power; flat sites.

    A row's breach is its distance from where the price would put it; the sum's is what is left
    of the demand. If all are at most r, no power is further than (n + 2) r from the optimum: the
    price is off by no more than (n + 1) r over the sum of all slopes, and each slope is a part of
    that sum.
    """
    price = best_price(site, p) if price is None else price
    wish = np.clip((price - site.b) / site.a, site.lo, site.hi)
    left = abs(fsum([*p.tolist(), -demand]))
    return float(max(np.max(np.abs(p - wish)), left) / np.max(np.abs(p)))


def apart(p: Array, q: Array) -> float:
    """Largest difference of two answers, relative to the largest power."""
    return float(np.max(np.abs(p - q)) / np.max(np.abs(p)))
