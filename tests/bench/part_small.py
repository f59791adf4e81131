"""A small site, 64 devices on one bus, warm: ours against each rival, pair by pair."""

from __future__ import annotations

import numpy as np
from figures import Figure, Part, Say, WrongAnswer
from instances import flat_site
from rivals import ALL
from timing import Pairs, Side, interleave, words

from nansha_core import Balance, CertificateError, verify

N = 64
SITES = 5
"""Several, for a rival's number of iterations hangs on the site."""
PAIRS = 7

BARS = {"OSQP 1e-9 + polish": 1000.0, "OSQP default": 400.0}
NAMES = {"OSQP 1e-9 + polish": "osqp_polish", "OSQP default": "osqp_default", "HiGHS QP": "highs"}


def measure(say: Say) -> Part:
    part = Part()
    sites = [flat_site(N, seed) for seed in range(SITES)]
    balances = [Balance(site.problem()) for site in sites]
    inside = []
    for site, balance in zip(sites, balances, strict=True):
        balance.solve(site.demand)
        try:
            verify(site.problem(), balance.answer())
        except CertificateError as wrong:
            raise WrongAnswer(f"n = {N}: {wrong}") from wrong
        p = np.asarray(balance.p_w)
        inside.append(float(np.mean((p > site.lo) & (p < site.hi))))
    part.raw["inside"] = inside
    for number, rival_type in enumerate(ALL):
        pairs = Pairs()
        for seed, (site, balance) in enumerate(zip(sites, balances, strict=True)):
            say((number + seed / SITES) / len(ALL), f"{N} devices, {rival_type.name}")
            rival = rival_type(site)
            ours = Side(balance.solve, site.demands)
            interleave(ours, Side(rival.step, site.demands), PAIRS, into=pairs)
            rival.powers()  # a rival that failed has no time
        name = NAMES.get(rival_type.name, rival_type.name.lower())
        part.raw[name] = pairs.as_dict()
        part.figures.append(
            Figure(
                name=f"n{N}_vs_{name}",
                value=pairs.ratio,
                unit="x",
                at_least=BARS.get(rival_type.name),
                note=f"{words(pairs.ours)} to {words(pairs.theirs)}, both warm; {SITES} sites",
            )
        )
    return part
