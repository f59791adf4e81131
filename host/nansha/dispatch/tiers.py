"""Which loads stay on when power is short, strictly by tier: critical, priority, interruptible.

Pure decisions. A load once shed comes back only with room to spare, after a rest, and one at a
time: a restore that overloads the island sheds everything again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ORDER = ("critical", "priority", "interruptible")

REST_MS = 30_000
"""A load that was shed stays off at least so long."""
STAGGER_MS = 15_000
"""Between one load's return and the next."""
ROOM = 1.15
"""A returning load must fit with this factor: cold loads draw more."""

KEEP_SOC = {"critical": 0.0, "priority": 0.25, "interruptible": 0.45}
"""In an island, the state of charge down to which a tier is carried by the battery."""
SOC_HYSTERESIS = 0.05


@dataclass(frozen=True, slots=True)
class Candidate:
    """A load that may be served."""

    asset: str
    tier: str
    demand_w: float
    """Positive, W."""
    shed_since_ms: int
    """When it was opened, or -1 while it is on."""


def _rank(item: Candidate) -> tuple[int, bool, float, str]:
    """Within a tier those that are on come first: one that rests must not push them out."""
    return ORDER.index(item.tier), item.shed_since_ms >= 0, item.demand_w, item.asset


def keep(
    candidates: Sequence[Candidate],
    available_w: float,
    soc: float | None,
    free_w: float,
    now_ms: int,
    restored_ms: int,
) -> tuple[set[str], bool]:
    """Choose the loads that are on.

    `available_w`: what source and storage can carry together; `free_w`: what sources alone give,
    which needs no state of charge; `soc`: None where energy is not the limit (the grid is there).
    Returns the assets that are on, and whether one of them returns now."""
    on: set[str] = set()
    used_w = 0.0
    returning = False
    for item in sorted(candidates, key=_rank):
        if item.tier == "critical":
            on.add(item.asset)
            used_w += item.demand_w
            continue
        off = item.shed_since_ms >= 0
        needs_w = item.demand_w * (ROOM if off else 1.0)
        fits = used_w + needs_w <= available_w
        energy = (
            soc is None
            or used_w + needs_w <= free_w
            or soc >= KEEP_SOC[item.tier] + (SOC_HYSTERESIS if off else 0.0)
        )
        if off and fits and energy:
            rested = now_ms - item.shed_since_ms >= REST_MS
            turn = restored_ms < 0 or now_ms - restored_ms >= STAGGER_MS
            if not rested or not turn or returning:
                break
            returning = True
        elif not fits or not energy:
            break  # strictly by tier: nothing less important overtakes
        on.add(item.asset)
        used_w += item.demand_w
    return on, returning
