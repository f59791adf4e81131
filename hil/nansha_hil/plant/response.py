"""First-order response of a converter to a new target, in closed form.

p(t) = target + (p0 - target) exp(-t / tau); its integral is exact: no energy depends on the step.
"""

from __future__ import annotations

from math import exp, expm1, inf, log

SETTLED_FRACTION = 1e-3
"""A converter this close to its target, as a fraction of its rating, counts as having arrived."""


def respond(p_w: float, target_w: float, tau_s: float, h_s: float) -> tuple[float, float]:
    """Power after h_s seconds, W, and the energy delivered meanwhile, J."""
    if tau_s <= 0.0:
        return target_w, target_w * h_s
    gap = p_w - target_w
    gone = -expm1(-h_s / tau_s)
    return target_w + gap * exp(-h_s / tau_s), target_w * h_s + gap * tau_s * gone


def zero_crossing_s(p_w: float, target_w: float, tau_s: float) -> float:
    """When the power passes zero, s; inf if it never does or starts there."""
    if tau_s <= 0.0 or p_w * target_w >= 0.0:
        return inf
    return tau_s * log((target_w - p_w) / target_w)
