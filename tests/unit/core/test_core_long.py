"""Long sites: the windows near the price, one change among many, threads; and other solvers."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random

import daqp
import numpy as np
import pytest
from core_kit import solved
from numpy.typing import NDArray
from problems import random_problem

from nansha_core import Answer, Balance, Problem, Tier, Tree, flat, verify
from nansha_core.plan import use_lanes

Array = NDArray[np.float64]
N = 50_000
"""More than the core needs to open its windows."""


def long_site(n: int, seed: int, linear: float = 0.0, ordered: bool = False) -> Problem:
    r = np.random.default_rng((n, seed))
    a = 10 ** r.uniform(-5, -3, n)
    a[r.random(n) < linear] = 0.0
    b = r.uniform(-0.5, 0.5, n)
    if ordered:
        b.sort()
    lo, hi = -r.uniform(0, 1e3, n), r.uniform(0, 1e3, n)
    return flat(a, b, lo, hi, float(0.2 * hi.sum()))


def worst_break(problem: Problem, balance: Balance, price: float) -> float:
    """The largest breach of a row's condition, in W: at the price each row has one place."""
    (tier,) = problem.tiers
    a, b, lo, hi = (np.asarray(x) for x in (tier.a, tier.b, problem.lo_w, problem.hi_w))
    p = np.asarray(balance.p_w)
    assert np.all((lo <= p) & (p <= hi))
    curved = a > 0
    reply = np.clip((price - b[curved]) / a[curved], lo[curved], hi[curved])
    linear = ~curved
    off = np.where(b[linear] < price, hi[linear] - p[linear], 0.0)
    off += np.where(b[linear] > price, p[linear] - lo[linear], 0.0)
    return float(max(np.abs(p[curved] - reply).max(initial=0.0), off.max(initial=0.0)))


@pytest.mark.parametrize(("linear", "ordered"), [(0.0, False), (0.3, False), (0.0, True)])
def test_a_long_site_meets_every_demand(linear: float, ordered: bool) -> None:
    problem = long_site(N, 1, linear, ordered)
    balance = Balance(problem)
    r = Random(2)
    least, most = math.fsum(problem.lo_w), math.fsum(problem.hi_w)
    demand = problem.demand_w
    for step in (0.0, 0.01, 0.01, -0.02, 0.0001, 0.3, -0.6, 0.9, -0.2, *[0.01] * 6):
        demand = min(max(demand + step * problem.demand_w * r.uniform(0.5, 1), least), most)
        price = balance.solve(demand)
        met = math.fsum(balance.p_w)
        assert abs(met - demand) <= 1e-9 * 1e3
        assert worst_break(problem, balance, price) <= 1e-9 * 1e3
    for out in (least - 1e6, most + 1e6):
        balance.solve(out)
        answer = balance.answer()
        assert abs(answer.shortage_w - answer.surplus_w) == pytest.approx(1e6, rel=1e-9)


def test_a_long_site_is_certified() -> None:
    problem = long_site(N, 3, 0.2)
    verify(problem, solved(problem))


def test_the_price_alone_is_the_price_of_the_solve() -> None:
    problem = long_site(N, 4)
    quick, full = Balance(problem), Balance(problem)
    for k in range(12):
        demand = problem.demand_w * (1 + 0.01 * math.sin(k))
        assert quick.price(demand) == pytest.approx(full.solve(demand), rel=1e-13)
        for i in (0, 17, N - 1):
            assert quick.power_w(i) == pytest.approx(full.power_w(i), abs=1e-9)
    assert np.asarray(quick.p_w) == pytest.approx(np.asarray(full.p_w), abs=1e-9)


def test_one_change_among_many_is_what_a_new_site_finds() -> None:
    """A thousand changes of one row, members of the windows and not, against a fresh start."""
    problem = long_site(N, 5)
    kept = Balance(problem)
    (tier,) = problem.tiers
    a, b, lo, hi = (np.array(x) for x in (tier.a, tier.b, problem.lo_w, problem.hi_w))
    r = Random(6)
    demand = problem.demand_w
    kept.price(demand)
    favourites = [r.randrange(N) for _ in range(20)]
    for turn in range(1, 1001):
        i = r.choice(favourites) if r.random() < 0.3 else r.randrange(N)
        a[i] = r.choice((a[i], 10 ** r.uniform(-5, -3), 0.0))
        b[i] = r.uniform(-0.5, 0.5)
        hi[i] = lo[i] + r.choice((0.0, r.uniform(0, 2e3)))
        kept.set_device(i, a[i], b[i], lo[i], hi[i])
        if turn % 7 == 0:
            demand = problem.demand_w * (1 + r.choice((0.0, 1e-6, 0.02)) * r.uniform(-1, 1))
        price = kept.price(demand)
        if turn % 100 == 0:
            fresh = Balance(flat(a, b, lo, hi))
            assert price == pytest.approx(fresh.solve(demand), rel=1e-12)
            assert np.asarray(kept.p_w) == pytest.approx(np.asarray(fresh.p_w), abs=1e-8)


def test_two_threads_solve_as_one_does() -> None:
    problems = [long_site(N, seed) for seed in (7, 8)]
    demands = [p.demand_w * (1 + 0.01 * math.sin(k)) for p in problems for k in range(20)]

    def walk(i: int) -> list[bytes]:
        balance = Balance(problems[i])
        own = demands[20 * i : 20 * i + 20]
        return [bytes(balance.p_w) for d in own if balance.solve(d) is not None]

    one_by_one = [walk(0), walk(1)]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(walk, range(2))) == one_by_one


# ------------------------------------------------------------------ other machines


@pytest.fixture
def any_width() -> Iterator[None]:
    yield
    use_lanes()


def test_narrow_and_wide_vectors_give_the_same_bits(any_width: None) -> None:
    """What a machine without wide vectors computes, to the bit: short, long, trees and tiers."""
    r = Random(9)
    problems = [*(random_problem(r) for _ in range(150)), long_site(N, 10), long_site(4096, 11)]

    def all_answers() -> list[Answer]:
        answers = []
        for problem in problems:
            balance = Balance(problem)
            for k in range(3):
                balance.solve(problem.demand_w * (1 + 0.01 * k))
                answers.append(balance.answer())
        return answers

    widest = use_lanes()
    answers = all_answers()
    widths = {use_lanes(most) for most in (2, 4)} - {widest}
    for width in widths:
        assert use_lanes(width) == width
        assert all_answers() == answers
    assert widths or widest == 2


# ------------------------------------------------------------------ another solver


def daqp_powers(problem: Problem) -> Array:
    """The same problem for a dense active-set solver, at its tightest."""
    (tier,) = problem.tiers
    n = len(tier.a)
    rows = [np.ones(n)]
    low, high = [problem.demand_w], [problem.demand_w]
    if problem.tree is not None:
        m = len(problem.tree.parent)
        for g in range(1, m):
            inside = np.zeros(n)
            for i, group in enumerate(problem.tree.group):
                while group not in (g, 0):
                    group = problem.tree.parent[group]
                inside[i] = group == g
            rows.append(inside)
            low.append(max(problem.tree.cap_lo_w[g], -1e30))
            high.append(min(problem.tree.cap_hi_w[g], 1e30))
    upper = np.concatenate([problem.hi_w, high])
    lower = np.concatenate([problem.lo_w, low])
    sense = np.zeros(len(upper), dtype=np.int32)
    sense[n] = 5  # the demand is an equality
    x, _, flag, _ = daqp.solve(
        np.diag(tier.a), np.array(tier.b), np.array(rows), upper, lower, sense,
        primal_tol=1e-12, dual_tol=1e-12,
    )  # fmt: skip
    assert flag == 1
    return np.asarray(x)


@pytest.mark.parametrize("n", [96, 200])
@pytest.mark.parametrize("groups", [1, 9])
def test_a_dense_active_set_solver_finds_the_same(n: int, groups: int) -> None:
    for seed in range(3):
        r = np.random.default_rng((n, groups, seed))
        a, b = 10 ** r.uniform(-1, 1, n), r.uniform(-3, 3, n)
        lo, hi = -r.uniform(0, 10, n), r.uniform(0, 10, n)
        problem = flat(a, b, lo, hi, float(0.2 * hi.sum()))
        if groups > 1:
            group = r.integers(0, groups, n)
            wish = np.bincount(group, np.asarray(solved(problem).p_w), groups)
            tight = r.random(groups) < 0.5
            parent = [-1, *[int(r.integers(0, g)) for g in range(1, groups)]]
            for g in range(groups - 1, 0, -1):
                wish[parent[g]] += wish[g]
            tree = Tree(
                group=[int(g) for g in group],
                parent=parent,
                cap_lo_w=[-math.inf, *np.where(tight, -math.inf, wish - 30)[1:]],
                cap_hi_w=[math.inf, *np.where(tight, wish - 5, math.inf)[1:]],
            )
            problem = Problem(
                tiers=(Tier(a, b),), lo_w=lo, hi_w=hi, demand_w=problem.demand_w, tree=tree
            )
        answer = solved(problem)
        verify(problem, answer)
        if answer.shortage_w or answer.surplus_w or any(answer.overload_w):
            continue  # it knows no shortage
        assert daqp_powers(problem) == pytest.approx(np.array(answer.p_w), abs=1e-9 * 10)
