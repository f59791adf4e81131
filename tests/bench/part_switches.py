"""Devices that switch: ours against HiGHS as a MILP solver, and how far from the best we may be.

HiGHS keeps its model, is told the new demand alone, and solves one stage: the price, with demand
and caps as hard rows. That is less than we do, for we also look for what nothing can keep.
"""

from __future__ import annotations

from math import inf
from random import Random

import highspy
from figures import Figure, Part, Say, Table, WrongAnswer
from switch_sites import switch_site
from timing import Pairs, Side, alone, interleave, words

from nansha_core import CertificateError, Problem, verify
from nansha_core.switch import Switch, fixed_cost
from nansha_core.switched_answer import SwitchedAnswer
from nansha_core.switches import Switched

SMALL = 12
LARGE = 300
SITES = 3
PAIRS = 5
SAME = 1e-6
"""Relative; HiGHS stops at its tolerances."""


class HighsStates:
    """One binary for each state, one row for each bound of a switched row."""

    def __init__(self, problem: Problem, switches: tuple[Switch, ...]) -> None:
        self.highs = h = highspy.Highs()
        h.setOptionValue("output_flag", False)
        h.setOptionValue("parallel", "off")
        h.setOptionValue("mip_rel_gap", 1e-7)
        tier = len(problem.tiers) - 1
        for lo, hi, b in zip(problem.lo_w, problem.hi_w, problem.tiers[tier].b, strict=True):
            h.addCol(b, lo, hi, 0, [], [])
        for switch in switches:
            first = h.getNumCol()
            states = list(range(first, first + len(switch.states)))
            for j, column in enumerate(states):
                h.addCol(fixed_cost(switch, j, tier), 0.0, 1.0, 0, [], [])
                h.changeColIntegrality(column, highspy.HighsVarType.kInteger)
            h.addRow(1.0, 1.0, len(states), states, [1.0] * len(states))
            for k, row in enumerate(switch.rows):
                h.changeColBounds(row, -inf, inf)
                for low, values in (
                    (True, [-state.lo_w[k] for state in switch.states]),
                    (False, [-state.hi_w[k] for state in switch.states]),
                ):
                    between = (0.0, inf) if low else (-inf, 0.0)
                    h.addRow(*between, 1 + len(states), [row, *states], [1.0, *values])
        tree = problem.tree
        for g in range(1, len(tree.parent) if tree else 0):
            assert tree is not None  # feeders of a flat tree
            inside = [i for i, group in enumerate(tree.group) if group == g]
            caps = tree.cap_lo_w[g], tree.cap_hi_w[g]
            h.addRow(*caps, len(inside), inside, [1.0] * len(inside))
        n = len(problem.lo_w)
        self.demand_row = h.getNumRow()
        h.addRow(0.0, 0.0, n, list(range(n)), [1.0] * n)

    def step(self, demand: float) -> None:
        self.highs.changeRowBounds(self.demand_row, demand, demand)
        self.highs.run()

    def cost(self) -> float:
        if self.highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(f"HiGHS ended with {self.highs.getModelStatus()}")
        return float(self.highs.getInfo().objective_function_value)


def measure(say: Say) -> Part:
    part = Part()
    table = Table(
        "Sites with switches, default budget",
        ["switches", "site", "gap", "balances", "time", "HiGHS"],
    )
    steps = 2 * SITES + SITES
    done = 0
    for n in (SMALL, LARGE):
        pairs = Pairs()
        for seed in range(SITES):
            say(done / steps, f"{n} switches, HiGHS MILP")
            done += 1
            site, rival, demands, gap, nodes = _pair(n, seed)
            before = len(pairs.ours_s)
            interleave(
                Side(site.solve, demands),
                Side(rival.step, demands),
                PAIRS,
                block_s=0.05,
                into=pairs,
            )
            ours, theirs = pairs.ours_s[before:], pairs.theirs_s[before:]
            times = [words(sorted(x)[len(x) // 2]) for x in (ours, theirs)]
            table.rows.append([str(n), f"linear {seed}", f"{gap:.2%}", str(nodes), *times])
        part.raw[f"n{n}"] = pairs.as_dict()
        part.figures.append(
            Figure(
                name=f"switches{n}_vs_highs",
                value=pairs.ratio,
                unit="x",
                note=f"{words(pairs.ours)} to {words(pairs.theirs)}, same cost; {SITES} sites",
            )
        )
    gaps = []
    for seed in range(SITES):
        for curved in (False, True):
            say(done / steps, f"{LARGE} switches, gap")
            tiers = 1 if curved else 2
            problem, switches = switch_site(LARGE, seed, curved=curved, tiers=tiers, tight=True)
            site = Switched(problem, switches)
            answer = site.solve()
            _certify(site, answer)
            gaps.append(answer.relative_gap)
            seconds = alone(Side(site.solve, [problem.demand_w]), block_s=0.02, budget_s=0.1)
            table.rows.append(
                [
                    str(LARGE),
                    f"tight, {'curved' if curved else '2 tiers'} {seed}",
                    f"{answer.relative_gap:.2%}",
                    str(answer.nodes),
                    words(sorted(seconds)[len(seconds) // 2]),
                    "",
                ]
            )
        done += 1
    part.raw["gaps"] = gaps
    part.figures.append(
        Figure(
            name=f"switches{LARGE}_gap",
            value=100.0 * max(gaps),
            unit="%",
            note=f"largest of {len(gaps)} tight sites, default budget; bound from the same solve",
        )
    )
    part.tables.append(table)
    return part


def _pair(n: int, seed: int) -> tuple[Switched, HighsStates, list[float], float, int]:
    """Both solvers on one site, after seeing that they find the same cost at some demands."""
    problem, switches = switch_site(n, seed)
    site, rival = Switched(problem, switches), HighsStates(problem, switches)
    r = Random(seed)
    demands = [problem.demand_w + r.uniform(-0.05, 0.05) * n for _ in range(5)]
    gap, nodes = 0.0, 0
    for demand in demands:
        answer = site.solve(demand)
        _certify(site, answer, demand)
        gap, nodes = max(gap, answer.relative_gap), max(nodes, answer.nodes)
        rival.step(demand)
        ours, theirs = answer.objective[-1], rival.cost()
        if abs(ours - theirs) > SAME * abs(theirs) + answer.gap:
            raise WrongAnswer(f"{n} switches, site {seed}: {ours} where HiGHS has {theirs}")
    return site, rival, demands, gap, nodes


def _certify(site: Switched, answer: SwitchedAnswer, demand: float | None = None) -> None:
    try:
        verify(site.problem_of(answer.choice, demand), answer.answer)
    except CertificateError as wrong:
        raise WrongAnswer(f"{len(answer.choice)} switches: {wrong}") from wrong
