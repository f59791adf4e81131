"""Sites with switches to measure on: gensets, chargers, relays and storage on feeders with caps.

Powers are of the order of 1 to 10, read them as kW. Costs are linear, so that HiGHS can follow.
"""

from __future__ import annotations

from math import inf
from random import Random

from nansha_core import Problem, Tier, Tree
from nansha_core.switch import Switch, genset, relay, zone

FEEDERS = 4


def switch_site(
    n: int,
    seed: int = 0,
    *,
    curved: bool = False,
    caps: bool = True,
    tiers: int = 1,
    tight: bool = False,
) -> tuple[Problem, tuple[Switch, ...]]:
    """A site with n switches: a third gensets, a third chargers, a third relays of loads.

    With two tiers the first one serves the loads, as far as power goes. A tight site has hardly
    any storage, so that the states themselves have to add up.
    """
    r = Random(f"{n} {seed}")
    lo, hi, a, b, wants = [], [], [], [], []
    switches = []
    for i in range(n):
        on, most = r.random() < 0.5, r.uniform(3.0, 10.0)
        if i % 3 == 0:
            switches.append(
                genset(
                    i, 0.3 * most, most, on=on, since_s=inf, start=r.uniform(0.2, 1.0), stop=0.1,
                    no_load=r.uniform(0.1, 0.3) * most, tier=tiers - 1,
                )
            )  # fmt: skip
            b.append(r.uniform(0.8, 1.4))
            wants.append(0.0)
        elif i % 3 == 1:
            switches.append(zone(i, -most, -0.375 * most, on=on, wear=0.05, tier=tiers - 1))
            b.append(r.uniform(1.0, 2.0))
            wants.append(1.0)
        else:
            switches.append(relay(i, -most, -most, on=on, since_s=inf, wear=0.2, tier=tiers - 1))
            b.append(r.uniform(1.2, 2.2))
            wants.append(1.0)
        lo.append(0.0)
        hi.append(0.0)
        a.append(r.uniform(0.02, 0.1) if curved else 0.0)
    for _ in range(1 if tight else max(1, n // 10)):  # storage and grid, without switches
        lo.append(-0.2 if tight else -4.0)
        hi.append(0.2 if tight else 4.0)
        a.append(r.uniform(0.02, 0.1) if curved else 0.0)
        b.append(r.uniform(1.0, 1.6))
        wants.append(0.0)
    rows = len(lo)
    shed = [Tier((0.0,) * rows, tuple(wants), "serve")] if tiers > 1 else []
    tree = None
    if caps:
        group = tuple(1 + i % FEEDERS for i in range(rows))
        most = (0.1 if tight else 0.5) * n / FEEDERS
        tree = Tree(
            group=group,
            parent=(-1, *[0] * FEEDERS),
            cap_lo_w=(-inf, *[-most] * FEEDERS),
            cap_hi_w=(inf, *[most] * FEEDERS),
        )
    problem = Problem(
        tiers=(*shed, Tier(tuple(a), tuple(b), "price")),
        lo_w=tuple(lo),
        hi_w=tuple(hi),
        demand_w=0.1 * n * r.uniform(-1.0, 1.0),
        tree=tree,
    )
    return problem, tuple(switches)
