"""Random sites with switches, and two other ways to solve them: HiGHS, and every choice exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import product
from random import Random

import highspy

from nansha_core.balance import Balance
from nansha_core.problem import Problem, Tier, Tree, flat
from nansha_core.reference import solve_exact
from nansha_core.switch import State, Switch, allowed, fixed_cost, genset, one_way, relay, zone

INF = math.inf
Site = tuple[Problem, tuple[Switch, ...]]


def random_site(r: Random, count: int, *, curved: bool, tiers: int = 1, deep: bool = True) -> Site:
    """So many switches of all kinds among plain rows; caps that bind; fixed costs in any tier."""
    lo: list[float] = []
    hi: list[float] = []
    switches: list[Switch] = []
    for s in range(count):
        first = len(lo)
        switch = _switch(r, first, r.randrange(tiers), f"s{s}")
        switches.append(switch)
        lo += [0.0] * len(switch.rows)
        hi += [0.0] * len(switch.rows)
    for _ in range(r.choice((0, 1, 2, 3))):
        low = r.choice((0.0, -r.uniform(0, 4)))
        lo.append(low)
        hi.append(low + r.choice((0.0, r.uniform(0, 6))))
    n = len(lo)
    least, most = list(lo), list(hi)
    for switch in switches:
        for k, row in enumerate(switch.rows):
            least[row] = min(state.lo_w[k] for state in switch.states)
            most[row] = max(state.hi_w[k] for state in switch.states)
    low, high = sum(least), sum(most)
    if r.random() < 0.3:
        demand = r.uniform(low - 1.0, high + 1.0)
    else:
        demand = low + (high - low) * r.uniform(0.2, 0.8)
    if r.random() < 0.3:
        demand = float(round(demand))
    return Problem(
        tiers=tuple(_tier(r, n, curved, k == tiers - 1) for k in range(tiers)),
        lo_w=tuple(lo),
        hi_w=tuple(hi),
        demand_w=demand,
        tree=_tree(r, least, most) if deep and r.random() < 0.7 else None,
    ), tuple(switches)


def twin_site(r: Random, kinds: int, copies: int, *, curved: bool) -> Site:
    """A few switches, each several times over, as a fleet of chargers is; some in other states."""
    switches: list[Switch] = []
    a: list[float] = []
    b: list[float] = []
    for kind in range(kinds):
        first = _switch(r, 0, 0, f"kind {kind}")
        costs = [(r.uniform(0.05, 0.5) * curved, r.uniform(0, 3)) for _ in first.rows]
        for _ in range(copies):
            rows = tuple(range(len(a), len(a) + len(first.rows)))
            now = r.choice((first.now, first.now, 0))
            switches.append(replace(first, rows=rows, now=now, since_s=INF))
            a += [x for x, _ in costs]
            b += [y for _, y in costs]
    n = len(a)
    low = sum(min(x.lo_w[k] for x in s.states) for s in switches for k in range(len(s.rows)))
    high = sum(max(x.hi_w[k] for x in s.states) for s in switches for k in range(len(s.rows)))
    demand = low + (high - low) * r.uniform(0.2, 0.8)
    zeros = (0.0,) * n
    return flat(tuple(a), tuple(b), zeros, zeros, demand), tuple(switches)


def _switch(r: Random, row: int, tier: int, name: str) -> Switch:
    on, whole = r.random() < 0.5, r.random() < 0.3
    most = float(r.randint(2, 8)) if whole else r.uniform(2, 8)
    least = float(r.randint(1, 2)) if whole else most * r.uniform(0.1, 0.7)
    wear = r.choice((0.0, 0.0, 0.25, r.uniform(0, 2)))
    since_s = r.choice((None, 0.0, 30.0, 90.0, INF))
    kind = r.choice(("relay", "block", "zone", "load", "genset", "genset", "steps", "battery"))
    if kind == "relay":
        return relay(row, 0.0, most, on=on, wear=wear, tier=tier, name=name, since_s=since_s,
                     on_least_s=60.0, off_least_s=30.0)  # fmt: skip
    if kind == "block":
        return relay(row, -most, -most, on=on, wear=wear, tier=tier, name=name)
    if kind == "zone":
        return zone(row, least, most, on=on, wear=wear, tier=tier, name=name)
    if kind == "load":
        return zone(row, -most, -least, on=on, wear=wear, tier=tier, name=name)
    if kind == "genset":
        return genset(row, least, most, on=on, no_load=r.uniform(0, 3), start=wear, tier=tier,
                      name=name, since_s=since_s, on_least_s=r.choice((0.0, 60.0)))  # fmt: skip
    if kind == "battery":
        return one_way(row, row + 1, most, least, charging=on, name=name)
    steps = sorted(r.sample(range(-2, 9), 3))
    return Switch(
        rows=(row,),
        states=tuple(
            State(name=f"{x}", lo_w=(float(x),), hi_w=(x + r.choice((0.0, 0.5)),),
                  cost=(0.0,) * tier + (r.uniform(-1, 2),))
            for x in steps
        ),
        now=r.randrange(3),
        name=name,
    )  # fmt: skip


def _tier(r: Random, n: int, curved: bool, last: bool) -> Tier:
    if not last and r.random() < 0.6:  # shedding
        return Tier((0.0,) * n, tuple(r.choice((-1.0, 0.0, 0.0, 1.0)) for _ in range(n)))
    a = [r.choice((0.0, r.uniform(0.05, 1.0))) if curved else 0.0 for _ in range(n)]
    b = [r.choice((0.0, 0.5, 1.0, r.uniform(-1, 3))) for _ in range(n)]
    return Tier(tuple(a), tuple(b))


def _tree(r: Random, least: list[float], most: list[float]) -> Tree:
    parent = r.choice(((-1, 0), (-1, 0, 0), (-1, 0, 1), (-1, 0, 1, 1), (-1, 0, 1, 2)))
    group = tuple(r.randrange(len(parent)) for _ in least)
    caps = [(-INF, INF)]
    for g in range(1, len(parent)):
        inside = [i for i, x in enumerate(group) if x >= g]
        low, high = sum(least[i] for i in inside), sum(most[i] for i in inside)
        x, y = sorted(r.uniform(low - 0.5, high + 0.5) for _ in range(2))
        caps.append(r.choice(((-INF, y), (x, INF), (x, y), (x, y), (-INF, INF), (y, y))))
    return Tree(group=group, parent=parent, cap_lo_w=tuple(x for x, _ in caps),
                cap_hi_w=tuple(y for _, y in caps))  # fmt: skip


def depths(tree: Tree | None) -> list[int]:
    found = [0]
    for parent in tree.parent[1:] if tree else ():
        found.append(found[parent] + 1)  # these trees have outer groups first
    return found


def vector_exactly(problem: Problem, switches: tuple[Switch, ...], choice: tuple[int, ...],
                   convex: Problem) -> tuple[Fraction, ...]:  # fmt: skip
    """What a choice comes to, in fractions: overloads, what is missing, tiers."""
    exact = solve_exact(convex)
    depth = depths(problem.tree)
    over = [abs(x) for x in exact.overload_w]
    levels = [
        sum((x for x, d in zip(over, depth, strict=True) if d == level), Fraction(0))
        for level in range(max(depth), 0, -1)
    ]
    fixed = [
        sum((_fixed_exactly(s, j, k) for s, j in zip(switches, choice, strict=True)), Fraction(0))
        for k in range(len(problem.tiers))
    ]
    costs = (x + y for x, y in zip(exact.costs, fixed, strict=True))
    return (*levels, exact.shortage_w + exact.surplus_w, *costs)


def _fixed_exactly(switch: Switch, j: int, tier: int) -> Fraction:
    return Fraction(fixed_cost(switch, j, tier))


def vector_in_floats(
    problem: Problem, switches: tuple[Switch, ...], choice: tuple[int, ...], convex: Problem
) -> tuple[float, ...]:
    """The same by the core, which has been checked for a fixed choice."""
    balance = Balance(convex)
    balance.solve(convex.demand_w)
    answer = balance.answer()
    depth = depths(problem.tree)
    levels = [
        math.fsum(abs(x) for x, d in zip(answer.overload_w, depth, strict=True) if d == level)
        for level in range(max(depth), 0, -1)
    ]
    costs = []
    for k, tier in enumerate(problem.tiers):
        rows = zip(tier.a, tier.b, answer.p_w, strict=True)
        fixed = (fixed_cost(s, j, k) for s, j in zip(switches, choice, strict=True))
        costs.append(math.fsum((*((a / 2 * p + b) * p for a, b, p in rows), *fixed)))
    return (*levels, answer.shortage_w + answer.surplus_w, *costs)


def choices(switches: tuple[Switch, ...]) -> Iterator[tuple[int, ...]]:
    return product(*(allowed(switch) for switch in switches))


class Milp:
    """The same site for HiGHS: one binary per state, one stage per part of the objective."""

    def __init__(self, problem: Problem, switches: tuple[Switch, ...], seconds: float = 60.0,
                 gap: float = 0.0) -> None:  # fmt: skip
        self.problem, self.switches = problem, switches
        self.highs = h = highspy.Highs()
        h.setOptionValue("output_flag", False)
        h.setOptionValue("parallel", "off")  # "threads" would have to suit all other users of it
        h.setOptionValue("mip_rel_gap", gap)
        h.setOptionValue("mip_abs_gap", 1e-9)
        h.setOptionValue("mip_feasibility_tolerance", 1e-9)
        h.setOptionValue("primal_feasibility_tolerance", 1e-9)
        h.setOptionValue("dual_feasibility_tolerance", 1e-9)
        h.setOptionValue("time_limit", seconds)
        self._build()

    def _build(self) -> None:
        h, problem = self.highs, self.problem
        n = len(problem.lo_w)
        self.p = [h.addVariable(lb=-INF, ub=INF) for _ in range(n)]
        free = set(range(n))
        self.y: list[list[highspy.highs.highs_var]] = []
        for switch in self.switches:
            may = allowed(switch)
            ys = [h.addVariable(lb=0, ub=float(j in may)) for j in range(len(switch.states))]
            for y in ys:
                h.changeColIntegrality(y.index, highspy.HighsVarType.kInteger)
            h.addConstr(h.qsum(ys) == 1)
            for k, row in enumerate(switch.rows):
                free.discard(row)
                low = h.qsum(y * s.lo_w[k] for y, s in zip(ys, switch.states, strict=True))
                high = h.qsum(y * s.hi_w[k] for y, s in zip(ys, switch.states, strict=True))
                h.addConstr(self.p[row] - low >= 0)
                h.addConstr(self.p[row] - high <= 0)
            self.y.append(ys)
        for row in free:
            h.changeColBounds(self.p[row].index, problem.lo_w[row], problem.hi_w[row])
        short, surplus = h.addVariable(lb=0), h.addVariable(lb=0)
        self.demand = h.addConstr(h.qsum([*self.p, short]) - surplus == problem.demand_w)
        over: list[tuple[int, highspy.highs.highs_var]] = []
        tree = problem.tree
        for g, depth in enumerate(depths(tree)):
            if tree is None or g == 0:
                continue
            inside = [self.p[i] for i, x in enumerate(tree.group) if _within(tree, x, g)]
            if not inside:
                inside = [h.addVariable(lb=0, ub=0)]
            above, under = h.addVariable(lb=0), h.addVariable(lb=0)
            over += [(depth, above), (depth, under)]
            if tree.cap_hi_w[g] < INF:
                h.addConstr(h.qsum(inside) - above <= tree.cap_hi_w[g])
            if tree.cap_lo_w[g] > -INF:
                h.addConstr(h.qsum(inside) + under >= tree.cap_lo_w[g])
        levels = range(max(depths(tree)), 0, -1)
        self.stages: list[dict[int, float]] = [
            *({x.index: 1.0 for d, x in over if d == level} for level in levels),
            {short.index: 1.0, surplus.index: 1.0},
        ]
        for k, tier in enumerate(problem.tiers):
            stage = {x.index: float(b) for x, b in zip(self.p, tier.b, strict=True)}
            for switch, ys in zip(self.switches, self.y, strict=True):
                stage |= {y.index: fixed_cost(switch, j, k) for j, y in enumerate(ys)}
            self.stages.append(stage)

    def choice(self) -> tuple[int, ...]:
        """The states of the last solution."""
        values = self.highs.getSolution().col_value
        return tuple(max(range(len(ys)), key=lambda j: values[ys[j].index]) for ys in self.y)

    def _run(self) -> None:
        assert self.highs.run() != highspy.HighsStatus.kError

    def solve(self) -> tuple[list[float], list[float]]:
        """Objective and bound of each stage; a stage is nailed down with a small slack."""
        h = self.highs
        self._run()
        found, bounds = [], []
        for stage in self.stages:
            if not any(stage.values()):
                found.append(0.0)
                bounds.append(0.0)
                continue
            for column in range(h.getNumCol()):
                h.changeColCost(column, stage.get(column, 0.0))
            self._run()
            info = h.getInfo()
            found.append(info.objective_function_value)
            bounds.append(info.mip_dual_bound)
            columns = [c for c, x in stage.items() if x]
            slack = 1e-7 * max(1.0, abs(found[-1]))
            h.addRow(-INF, found[-1] + slack, len(columns), columns, [stage[c] for c in columns])
        return found, bounds


def _within(tree: Tree, group: int, outer: int) -> bool:
    while group != -1:
        if group == outer:
            return True
        group = tree.parent[group]
    return False
