"""Whether a contact was open or closed: what its node told, checked against the power through it.

The trace has powers and no contacts. Nodes tell of each operation, but what they told while the
host was dead arrives late, and a welded contact does not do what its node tells.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from nansha_hil.report.text import number

FLOWS_W = 1.0
"""Power through a contact that proves it closed."""
SETTLED_S = 0.2
"""So long after an operation a sample may still show the power of before."""


class Contact(StrEnum):
    """The position of a breaker or relay."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


_TOLD = (("relay opened", Contact.OPEN), ("relay closed", Contact.CLOSED))
_OTHER = {Contact.OPEN: Contact.CLOSED, Contact.CLOSED: Contact.OPEN}

Told = list[tuple[float, Contact]]


def told(events: Sequence[Mapping[str, Any]]) -> dict[str, Told]:
    """What each asset's node told of its relay, in order of time, s."""
    found: defaultdict[str, Told] = defaultdict(list)
    for event in events:
        t_s = number(event.get("t_s"))
        for words, contact in _TOLD:
            if t_s is not None and str(event.get("text", "")).startswith(words):
                found[str(event.get("asset"))].append((t_s, contact))
    return {asset: sorted(changes) for asset, changes in found.items()}


def contact_at(
    changes: Told, t_s: float, sampled_s: float, power_w: float, starved: bool, used: bool
) -> Contact:
    """The position at `t_s`, with the latest sample of the power, W, taken at `sampled_s`.

    starved: no power although the bus lives and it is wanted. used: power flows at some time of
    the run.
    """
    told_before = bisect_right(changes, t_s, key=lambda change: change[0])
    last_s, last = changes[told_before - 1] if told_before else (-SETTLED_S, Contact.UNKNOWN)
    if sampled_s >= last_s + SETTLED_S:
        if abs(power_w) > FLOWS_W:
            return Contact.CLOSED
        if starved:
            return Contact.OPEN
    if last is not Contact.UNKNOWN:
        return last
    if changes:
        return _OTHER[changes[0][1]]
    return Contact.CLOSED if used else Contact.UNKNOWN
