"""The core against the exact oracle: powers, sums, prices, words, whatever the data."""

import math
from dataclasses import replace
from random import Random

import pytest
from core_kit import ERROR, at, check, solved, top_w
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from problems import flat_problem, random_problem, tree_problem

from nansha_core import Answer, Balance, Problem, Tree, flat
from nansha_core.reference import solve_exact


@st.composite
def small_sites(draw: st.DrawFn) -> Problem:
    cost = st.sampled_from([0.0, 0.5, 1.0]) | st.floats(1e-9, 1e6)
    price = st.sampled_from([-0.1, 0.0, 0.3]) | st.floats(-1e6, 1e6)
    bound = st.sampled_from([-1000.0, 0.0, 1000.0]) | st.floats(-1e9, 1e9)
    rows = draw(st.lists(st.tuples(cost, price, bound, bound), max_size=8))
    lo = [min(d[2:]) for d in rows]
    hi = [max(d[2:]) for d in rows]
    demand = draw(bound | st.just(math.fsum(lo)) | st.just(math.fsum(hi)))
    return flat([d[0] for d in rows], [d[1] for d in rows], lo, hi, demand)


@settings(max_examples=200, deadline=None)
@given(problem=small_sites())
def test_small_sites_match_the_oracle(problem: Problem) -> None:
    check(problem, solved(problem))


@pytest.mark.parametrize("seed", range(12))
def test_random_flat_sites_match_the_oracle(seed: int) -> None:
    r = Random(seed)
    for _ in range(25):
        problem = flat_problem(r)
        check(problem, solved(problem))


@pytest.mark.parametrize("seed", range(24))
def test_random_trees_and_tiers_match_the_oracle(seed: int) -> None:
    r = Random(seed)
    for _ in range(25):
        problem = random_problem(r, most=24)
        check(problem, solved(problem))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1000, 1160))
def test_random_problems_match_the_oracle_at_length(seed: int) -> None:
    """32 000 problems up to N = 64, half of them flat, half with trees and tiers."""
    r = Random(seed)
    for _ in range(200):
        problem = random_problem(r, most=64)
        check(problem, solved(problem))


@pytest.mark.parametrize("seed", range(16))
def test_a_warm_start_finds_what_a_cold_one_finds(seed: int) -> None:
    r = Random(seed)
    for _ in range(4):
        problem = random_problem(r, most=32)
        kept = Balance(problem)
        lo, hi = list(problem.lo_w), list(problem.hi_w)
        span = math.fsum(hi) - math.fsum(lo)
        demand = problem.demand_w
        for _ in range(10):
            demand += r.choice((0.0, 0.01, 0.1, 0.5)) * span * r.uniform(-1, 1)
            if lo and r.random() < 0.3:
                i = r.randrange(len(lo))
                hi[i] = lo[i] + (hi[i] - lo[i]) * r.random()
                first = problem.tiers[0]
                kept.set_device(i, first.a[i], first.b[i], lo[i], hi[i])
            elif r.random() < 0.2:
                kept.set_bounds(lo, hi)
            kept.solve(demand)
            now = replace(problem, lo_w=lo, hi_w=hi, demand_w=demand)
            warm, cold = kept.answer(), solved(now)
            check(now, warm)
            top = max([abs(p) for p in cold.p_w] + [abs(demand), 1e-6])
            shared = 1e-15 * max([abs(x) for x in lo + hi], default=0.0)
            for p, q in zip(warm.p_w, cold.p_w, strict=True):
                assert abs(p - q) <= 1e-12 * top + shared


def test_the_same_session_gives_the_same_bits() -> None:
    def session() -> list[Answer]:
        r = Random(5)
        answers = []
        for _ in range(20):
            problem = random_problem(r)
            site = Balance(problem)
            for _ in range(4):
                site.solve(problem.demand_w * r.uniform(0.9, 1.1))
                answers.append(site.answer())
        return answers

    assert session() == session()


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    r = Random(seed)
    for _ in range(10):
        problem = flat_problem(r, most=24)
        (tier,) = problem.tiers
        order = r.sample(range(len(tier.a)), len(tier.a))
        columns = (tier.a, tier.b, problem.lo_w, problem.hi_w)
        shuffled = solved(flat(*([x[k] for k in order] for x in columns), problem.demand_w))
        exact = solve_exact(problem)
        top = top_w(problem, exact)
        wide = max([abs(x) for x in (*problem.lo_w, *problem.hi_w)], default=0.0)
        for place, k in enumerate(order):
            assert abs(shuffled.p_w[place] - float(exact.p_w[k])) <= ERROR * top + 1e-15 * wide


@settings(max_examples=60, deadline=None)
@given(problem=small_sites(), demands=st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9)))
def test_more_demand_never_lowers_a_row(problem: Problem, demands: tuple[float, float]) -> None:
    assume(demands[0] != demands[1])
    low, high = (solved(at(problem, d)) for d in sorted(demands))
    slack = 1e-12 * max([abs(x) for x in (*problem.lo_w, *problem.hi_w)], default=0.0)
    assert all(p <= q + slack for p, q in zip(low.p_w, high.p_w, strict=True))


@pytest.mark.parametrize("seed", range(6))
def test_a_tree_that_caps_nothing_is_a_flat_site(seed: int) -> None:
    """The same rows in the same groups, all caps open: the same powers and one price."""
    r = Random(seed)
    for _ in range(20):
        problem = tree_problem(r, most=24)
        if problem.tree is None:
            continue
        m = len(problem.tree.parent)
        open_tree = Tree(
            group=problem.tree.group,
            parent=problem.tree.parent,
            cap_lo_w=[-math.inf] * m,
            cap_hi_w=[math.inf] * m,
        )
        inside, outside = (
            solved(replace(problem, tree=open_tree)),
            solved(replace(problem, tree=None)),
        )
        top = max([abs(p) for p in outside.p_w] + [abs(problem.demand_w), 1e-6])
        for p, q in zip(inside.p_w, outside.p_w, strict=True):
            assert abs(p - q) <= 1e-12 * top
        assert all(len(set(of_tier)) == 1 for of_tier in inside.prices)
