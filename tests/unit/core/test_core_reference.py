"""The exact oracle against solvers not written here, and against its own meaning.

HiGHS (through scipy) and daqp know neither trees nor tiers: a group is a row of a matrix, a tier is
solved and its optimum kept as a constraint on the next. What they find is the same to 1e-4.
"""

from dataclasses import replace
from fractions import Fraction
from random import Random

import daqp
import numpy as np
import pytest
from problems import random_problem, rounded, tree_problem
from scipy.optimize import linprog

from nansha_core.answer import Hold, Reason
from nansha_core.problem import Problem, Tier, Tree, flat
from nansha_core.reference import ExactAnswer, solve_exact

INF = float("inf")
KEPT = 1e-8  # how well an earlier tier's optimum is kept
NEAR = 1e-4
Matrix = np.ndarray


class GaveUpError(Exception):
    """The outside solver found no answer: to its tolerances a thin set is an empty one."""


class Outside:
    """The same balance as matrices."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.lo, self.hi = np.array(problem.lo_w), np.array(problem.hi_w)
        n = len(self.lo)
        tree = problem.tree or Tree(group=(0,) * n, parent=(-1,), cap_lo_w=(-INF,), cap_hi_w=(INF,))
        m = len(tree.parent)
        self.member = np.zeros((m, n))
        for i, g in enumerate(tree.group):
            while g >= 0:
                self.member[g, i] = 1.0
                g = tree.parent[g]
        self.low, self.high = np.full(m, -INF), np.full(m, INF)
        self.overload = np.zeros(m)

        def depth(g: int) -> int:
            return 0 if g <= 0 else 1 + depth(tree.parent[g])

        for g in sorted(range(m), key=depth, reverse=True):  # from the innermost outwards
            least = self.linear(self.member[g]) @ self.member[g]
            most = self.linear(-self.member[g]) @ self.member[g]
            cap_lo, cap_hi = tree.cap_lo_w[g], tree.cap_hi_w[g]
            if g == 0:
                cap_lo = cap_hi = problem.demand_w
            if least > cap_hi:
                self.overload[g], cap_lo, cap_hi = least - cap_hi, least, least
            elif most < cap_lo:
                self.overload[g], cap_lo, cap_hi = most - cap_lo, most, most
            self.low[g], self.high[g] = cap_lo, cap_hi

    def linear(self, cost: Matrix) -> Matrix:
        return self.best(np.zeros(len(cost)), cost, [])

    def best(self, a: Matrix, b: Matrix, cuts: list[tuple[Matrix, float]]) -> Matrix:
        """Least sum of a/2 p^2 + b p within bounds, caps and cuts."""
        if not len(b):
            return np.zeros(0)
        # Caps are let out by a hair, so that what earlier tiers found is not infeasible.
        rows = np.vstack([self.member, *(cut for cut, _ in cuts)])
        upper = np.array([*(self.high + KEPT), *(most for _, most in cuts)])
        lower = np.array([*(self.low - KEPT), *[-INF] * len(cuts)])
        if not a.any():
            finite, below = np.isfinite(upper), np.isfinite(lower)
            found = linprog(
                b,
                A_ub=np.vstack([rows[finite], -rows[below]]),
                b_ub=np.array([*upper[finite], *-lower[below]]),
                bounds=np.column_stack([self.lo, self.hi]),
                method="highs",
                options={
                    "primal_feasibility_tolerance": 1e-10,
                    "dual_feasibility_tolerance": 1e-10,
                },
            )
            assert found.status == 0, found.message
            return found.x
        big = 1e30
        x, _, flag, _ = daqp.solve(
            np.diag(a),
            np.array(b),
            rows,
            np.array([*self.hi, *np.minimum(upper, big)]),
            np.array([*self.lo, *np.maximum(lower, -big)]),
            np.zeros(len(a) + len(rows), dtype=np.int32),
            eps_prox=0.0 if a.min() > 0 else 1e-3,
            primal_tol=1e-9,
            dual_tol=1e-11,
        )
        if flag != 1:
            raise GaveUpError(flag)
        return x

    def solve(self) -> tuple[Matrix, list[float]]:
        """Powers, and the best cost of each tier."""
        cuts: list[tuple[Matrix, float]] = []
        costs = []
        least, width = self.lo, self.hi - self.lo
        for tier in self.problem.tiers:
            a, b = np.array(tier.a), np.array(tier.b)
            p = self.best(a, b, cuts)
            costs.append(float(a @ p**2 / 2 + b @ p))
            # All answers as good as this one have its gradient (rows with a > 0 stay) and lie
            # on the plane across it.
            slope = a * p + b
            cuts.append((slope, float(slope @ p) + KEPT))
            self.lo = np.where(a > 0, p - KEPT, self.lo)
            self.hi = np.where(a > 0, p + KEPT, self.hi)
        a = 1 / np.where(width > 0, width, 1.0)
        return self.best(a, -a * least, cuts), costs


def near(exact: Fraction, x: float) -> bool:
    return abs(float(exact) - x) <= NEAR * (1 + abs(x))


def check(problem: Problem) -> ExactAnswer:
    exact = solve_exact(problem)
    outside = Outside(problem)
    p_w, costs = outside.solve()
    assert all(map(near, exact.costs, costs))
    assert all(map(near, exact.p_w, p_w))
    lost = outside.overload[0]  # the demand is to the oracle a cap on the site
    assert near(exact.surplus_w, max(lost, 0.0))
    assert near(exact.shortage_w, max(-lost, 0.0))
    assert exact.overload_w[0] == 0
    assert all(map(near, exact.overload_w[1:], outside.overload[1:]))
    return exact


@pytest.mark.parametrize("seed", range(12))
def test_trees_and_tiers_match_solvers_from_outside(seed: int) -> None:
    r = Random(seed)
    for _ in range(14):
        check(tree_problem(r, most=10, kinds=("even", "small")))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 140))
def test_trees_and_tiers_match_solvers_from_outside_at_length(seed: int) -> None:
    r = Random(seed)
    lost = 0
    for _ in range(100):
        try:
            check(tree_problem(r, most=24, kinds=("even", "small")))
        except GaveUpError:
            lost += 1
    assert lost <= 2


@pytest.mark.parametrize("seed", range(4))
def test_the_answer_keeps_every_rule_exactly(seed: int) -> None:
    # solve_exact raises if its powers leave no price that would do, in any tier.
    r = Random(seed)
    for _ in range(60):
        problem = random_problem(r)
        exact = solve_exact(problem)
        total = sum(exact.p_w, Fraction(0))
        assert total == Fraction(problem.demand_w) - exact.shortage_w + exact.surplus_w
        for p, lo, hi in zip(exact.p_w, problem.lo_w, problem.hi_w, strict=True):
            assert lo <= p <= hi
        assert rounded(problem, exact).holds == exact.holds


@pytest.mark.parametrize("seed", range(3))
def test_the_price_is_what_the_last_watt_cost(seed: int) -> None:
    # The slope of the cost below the demand; above it where nothing less can be given.
    r = Random(seed)
    step = 2.0**-20
    for _ in range(40):
        problem = tree_problem(r, most=8, kinds=("small",))
        problem = replace(problem, tiers=problem.tiers[-1:])
        exact = solve_exact(problem)
        if exact.shortage_w or exact.surplus_w or problem.demand_w != round(problem.demand_w):
            continue
        less = solve_exact(replace(problem, demand_w=problem.demand_w - step))
        more = solve_exact(replace(problem, demand_w=problem.demand_w + step))
        if not less.surplus_w:
            slope = (exact.costs[0] - less.costs[0]) / Fraction(step)
        elif not more.shortage_w:
            slope = (more.costs[0] - exact.costs[0]) / Fraction(step)
        else:
            continue
        assert abs(slope - exact.prices[0][0]) <= 1e-4


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    r = Random(seed)
    for _ in range(20):
        problem = tree_problem(r, most=17)
        order = r.sample(range(len(problem.lo_w)), len(problem.lo_w))

        def mixed(x, order=order):
            return tuple(x[k] for k in order)

        tree = problem.tree
        other = replace(
            problem,
            tiers=tuple(Tier(mixed(t.a), mixed(t.b)) for t in problem.tiers),
            lo_w=mixed(problem.lo_w),
            hi_w=mixed(problem.hi_w),
            tree=tree and replace(tree, group=mixed(tree.group)),
        )
        here, there = solve_exact(problem), solve_exact(other)
        assert mixed(here.p_w) == there.p_w
        assert (here.prices, here.holds, here.costs) == (there.prices, there.holds, there.costs)


# ------------------------------------------------------------------ by hand


def feeders(cap_hi: tuple[float, ...], cap_lo: tuple[float, ...] | None = None) -> Tree:
    """Groups right under the site, one row in each, then rows at the site."""
    m = len(cap_hi) + 1
    return Tree(
        group=(*range(1, m), 0),
        parent=(-1, *[0] * (m - 1)),
        cap_lo_w=(-INF, *(cap_lo or [-INF] * (m - 1))),
        cap_hi_w=(INF, *cap_hi),
    )


def test_an_empty_site() -> None:
    exact = solve_exact(flat((), (), (), (), 5.0))
    assert (exact.shortage_w, exact.surplus_w, exact.prices) == (5, 0, ((0,), (0,)))
    assert solve_exact(flat((), (), (), (), -5.0)).surplus_w == 5


def test_a_cap_holds_back_the_cheap_feeder() -> None:
    problem = replace(
        flat((1.0, 1.0), (0.0, 10.0), (0.0, 0.0), (100.0, 100.0), 50.0), tree=feeders((20.0,))
    )
    exact = solve_exact(problem)
    assert exact.p_w == (20, 30)
    assert exact.prices[0] == (40, 20)
    assert exact.holds == (Hold.free, Hold.at_upper)
    assert exact.reasons == (Reason.interior, Reason.interior)


def test_a_cap_that_is_met_but_holds_nothing_back_is_free() -> None:
    # Uncapped, 20 W is just what the feeder would give.
    problem = replace(
        flat((1.0, 1.0), (0.0, 10.0), (0.0, 0.0), (100.0, 100.0), 30.0), tree=feeders((20.0,))
    )
    exact = solve_exact(problem)
    assert exact.p_w == (20, 10)
    assert exact.holds == (Hold.free, Hold.free)
    assert exact.prices[0] == (20, 20)


def test_caps_out_of_reach_leave_the_nearest_sum() -> None:
    problem = replace(
        flat((1.0, 1.0), (0.0, 0.0), (5.0, 0.0), (9.0, 100.0), 30.0),
        tree=feeders((3.0,), (1.0,)),
    )
    exact = solve_exact(problem)
    assert exact.p_w == (5, 25)
    assert exact.overload_w == (0, 2)
    assert exact.holds[1] == Hold.fixed
    assert exact.prices[0] == (25, 5)  # all at lo: the cheapest next watt


def test_a_first_tier_is_never_traded_for_a_second() -> None:
    # Shed the second load last, whatever it costs; then the price shares what is left.
    shed = Tier((0.0, 0.0, 0.0), (0.0, 1.0, 0.0), "shed")
    price = Tier((0.0, 0.0, 0.0), (0.5, -1e6, 0.5), "price")
    problem = Problem(
        tiers=(shed, price),
        lo_w=(0.0, -10.0, 0.0),
        hi_w=(30.0, 0.0, 60.0),
        demand_w=20.0,
    )
    exact = solve_exact(problem)
    assert exact.p_w == (10, -10, 20)  # one share, a third, for both sources
    assert exact.prices == ((0,), (Fraction(1, 2),), (Fraction(1, 3),))
    assert exact.reasons == (Reason.tie, Reason.at_lower, Reason.tie)


def test_a_cap_bends_the_tie_rule() -> None:
    problem = Problem(
        tiers=(Tier((0.0,) * 3, (1.0,) * 3),),
        lo_w=(0.0,) * 3,
        hi_w=(100.0,) * 3,
        demand_w=150.0,
        tree=Tree(group=(1, 0, 0), parent=(-1, 0), cap_lo_w=(-INF, -INF), cap_hi_w=(INF, 30.0)),
    )
    exact = solve_exact(problem)
    assert exact.p_w == (30, 60, 60)
    assert exact.holds == (Hold.free, Hold.at_upper)  # the shares are the first prices to differ
    assert exact.prices == ((1, 1), (Fraction(3, 5), Fraction(3, 10)))


def test_two_prices_that_would_do_are_decided_from_the_site_inwards() -> None:
    # Site: 3 at hi, 4 at lo. One feeder would do with 1..3.5, the other with 4..5.
    rows = [
        (1, 1.0, 10.0),
        (1, 3.5, 0.0),
        (2, 4.0, 10.0),
        (2, 5.0, 0.0),
        (0, 3.0, 10.0),
        (0, 4.0, 0.0),
    ]
    problem = Problem(
        tiers=(Tier((0.0,) * 6, tuple(b for _, b, _ in rows)),),
        lo_w=(0.0,) * 6,
        hi_w=(10.0,) * 6,
        demand_w=30.0,
        tree=Tree(
            group=tuple(g for g, _, _ in rows),
            parent=(-1, 0, 0),
            cap_lo_w=(-INF, -INF, 10.0),
            cap_hi_w=(INF, 10.0, INF),
        ),
    )
    exact = solve_exact(problem)
    assert exact.p_w == tuple(p for _, _, p in rows)
    assert exact.prices[0] == (3, 3, 4)
    assert exact.holds == (Hold.free, Hold.free, Hold.at_lower)
