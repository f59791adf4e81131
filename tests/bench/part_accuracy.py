"""Do they agree? Each rival's answer beside ours, and how well each meets the conditions itself."""

from __future__ import annotations

import numpy as np
from figures import Figure, Part, Say, Table, WrongAnswer
from instances import flat_site
from residual import apart, residual
from rivals import ALL, Daqp, OsqpPolish

from nansha_core import Balance

SIZES = (64, 4096)
ORACLES = (OsqpPolish, Daqp)
"""Exact enough to judge us; the others stop when they are near."""
BAR = 1e-9
OURS = 1e-12


def measure(say: Say) -> Part:
    part = Part()
    columns = ["n", "solver", "from ours", "own residual"]
    table = Table("Accuracy, relative to the largest power", columns)
    for size, n in enumerate(SIZES):
        site = flat_site(n)
        balance = Balance(site.problem())
        own = residual(site, *_solve(balance, site.demand))
        if own > OURS * n**0.5:
            raise WrongAnswer(f"n = {n}: our answer breaks a condition by {own:.1e}")
        ours = np.array(balance.p_w)
        table.rows.append([str(n), "ours", "", f"{own:.1e}"])
        worst = 0.0
        for number, rival_type in enumerate(ALL):
            say((size + number / len(ALL)) / len(SIZES), f"accuracy, {n}, {rival_type.name}")
            rival = rival_type(site)
            rival.step(site.demand)
            theirs = rival.powers()
            off, broken = apart(ours, theirs), residual(site, theirs, site.demand)
            table.rows.append([str(n), rival_type.name, f"{off:.1e}", f"{broken:.1e}"])
            part.raw[f"{n} {rival_type.name}"] = {"from_ours": off, "own_residual": broken}
            if rival_type in ORACLES:
                worst = max(worst, off)
                # What the rival's own residual leaves open is not ours to answer for.
                if off > BAR + (n + 2) * broken:
                    raise WrongAnswer(f"n = {n}: {off:.1e} away from {rival_type.name}")
        part.raw[f"{n} ours"] = {"own_residual": own}
        part.figures.append(
            Figure(
                name=f"accuracy_n{n}",
                value=worst,
                unit="",
                at_most=BAR,
                note="difference from polished OSQP and DAQP, of the largest power",
            )
        )
    part.tables.append(table)
    return part


def _solve(balance: Balance, demand: float) -> tuple[np.ndarray, float, float]:
    price = balance.solve(demand)
    return np.asarray(balance.p_w), demand, price
