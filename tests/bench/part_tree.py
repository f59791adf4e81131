"""A site with caps on three levels, 4096 devices: ours against the interior point solvers."""

from __future__ import annotations

import numpy as np
from figures import Figure, Part, Say, Table, WrongAnswer
from instances import tree_site
from residual import apart
from rivals import Clarabel, Piqp
from timing import Side, interleave, words

from nansha_core import Balance, CertificateError, Hold, verify

N = 4096
PAIRS = 9
BARS = {"Clarabel": 3000.0}
NEAR = 1e-2
"""Further apart than this no tolerance explains: somebody is wrong."""


def measure(say: Say) -> Part:
    part = Part()
    site = tree_site(N)
    balance = Balance(site.problem())
    balance.solve(site.demand)
    answer = balance.answer()
    try:
        verify(site.problem(), answer)
    except CertificateError as wrong:
        raise WrongAnswer(f"tree of {N}: {wrong}") from wrong
    caps = answer.holds[1:]
    binding = sum(hold != Hold.free for hold in caps) / len(caps)
    p = np.array(answer.p_w)
    part.raw["binding"] = binding
    part.raw["inside"] = float(np.mean((p > site.lo) & (p < site.hi)))
    table = Table(f"Tree of {N} devices, relative to the largest power", ["solver", "from ours"])
    rivals = (Clarabel, Piqp)
    for number, rival_type in enumerate(rivals):
        say(number / len(rivals), f"tree of {N} devices, {rival_type.name}")
        rival = rival_type(site)
        rival.step(site.demand)
        off = apart(p, rival.powers())
        if off > NEAR:
            raise WrongAnswer(f"tree of {N}: {off:.1e} away from {rival_type.name}")
        table.rows.append([rival_type.name, f"{off:.1e}"])
        ours, theirs = Side(balance.solve, site.demands), Side(rival.step, site.demands)
        pairs = interleave(ours, theirs, PAIRS, block_s=0.4)
        rival.powers()
        part.raw[rival_type.name] = pairs.as_dict() | {"apart": off}
        part.figures.append(
            Figure(
                name=f"tree{N}_vs_{rival_type.name.lower()}",
                value=pairs.ratio,
                unit="x",
                at_least=BARS.get(rival_type.name),
                note=f"{words(pairs.ours)} to {words(pairs.theirs)}; {binding:.0%} of caps bind",
            )
        )
    part.tables.append(table)
    return part
