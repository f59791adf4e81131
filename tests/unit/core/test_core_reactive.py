"""Active and reactive balance in turn, against a cone solver."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nansha_core.circle import First, Inverter, Limit, within
from nansha_core.errors import ProblemError
from nansha_core.problem import Problem, Tier, Tree, flat
from nansha_core.reactive import PowerAnswer, dispatch

INF = math.inf
Asked = tuple[list[Inverter], Problem, Problem]


@st.composite
def sites(draw: st.DrawFn, one_sided: bool) -> Asked:
    """Inverters with strictly convex costs on two feeders; `one_sided` never takes power."""
    n = draw(st.integers(1, 6))
    powers = st.integers(0, 100).map(float)
    found, p_lo, p_hi = [], [], []
    for _ in range(n):
        s_va = float(draw(st.integers(10, 100)))
        factor = st.sampled_from((None, 0.8, 0.95))
        rating = st.sampled_from((INF, 0.44 * s_va, 0.25 * s_va))
        over, under = draw(rating), draw(rating)
        pf_over, pf_under = draw(factor), draw(factor)
        found.append(
            Inverter(s_va=s_va, pf_over=pf_over, pf_under=pf_under,
                     q_over_var=over, q_under_var=under)
        )  # fmt: skip
        p_hi.append(draw(powers))
        p_lo.append(0.0 if one_sided or draw(st.booleans()) else -draw(powers))
    cap_p, cap_q = draw(powers), draw(powers)
    group = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    costs = st.lists(st.integers(1, 9).map(float), min_size=n, max_size=n)
    prices = draw(st.lists(st.integers(-9, 9).map(float), min_size=n, max_size=n))

    def problem(a: list[float], b: list[float], lo: Any, hi: Any, demand: float, cap: float) -> Any:
        tree = Tree(group=group, parent=[-1, 0], cap_lo_w=[-INF, -cap], cap_hi_w=[INF, cap])
        return Problem(tiers=(Tier(a, b),), lo_w=lo, hi_w=hi, demand_w=demand, tree=tree)

    wish = draw(powers)
    active = problem(draw(costs), prices, p_lo, p_hi, draw(st.integers(-99, 299)) * 1.0, cap_p)
    reactive = problem(draw(costs), [0.0] * n, [-wish] * n, [wish] * n,
                       draw(st.integers(-150, 150)) * 1.0, cap_q)  # fmt: skip
    return found, active, reactive


def check(asked: Asked, answer: PowerAnswer, first: First) -> None:
    """What holds whoever comes first."""
    inverters, active, reactive = asked
    pairs = zip(answer.active.p_w, answer.reactive.p_w, inverters, strict=True)
    assert all(within(p, q, inverter) for p, q, inverter in pairs)
    for problem, half in ((active, answer.active), (reactive, answer.reactive)):
        left = problem.demand_w - half.shortage_w + half.surplus_w
        assert math.fsum(half.p_w) == pytest.approx(left, abs=1e-9)
    second = answer.reactive if first == "p" else answer.active
    for limit, x, low, high in zip(
        answer.limits,
        second.p_w,
        (reactive if first == "p" else active).lo_w,
        (reactive if first == "p" else active).hi_w,
        strict=True,
    ):
        if limit is Limit.none:
            assert low < x < high


@given(sites(one_sided=False))
def test_p_first(asked: Asked) -> None:
    inverters, active, reactive = asked
    answer = dispatch(inverters, active, reactive, "p")
    check(asked, answer, "p")
    alone = dispatch(inverters, active, replace(reactive, demand_w=0.0), "p")
    assert alone.active == answer.active  # Q takes nothing from P


@given(sites(one_sided=True))
def test_q_first(asked: Asked) -> None:
    inverters, active, reactive = asked
    answer = dispatch(inverters, active, reactive, "q")
    check(asked, answer, "q")
    alone = dispatch(inverters, replace(active, demand_w=0.0), reactive, "q")
    assert alone.reactive == answer.reactive


def cone_solution(
    inverters: list[Inverter], problem: Problem, other: tuple[float, ...], total: float, var: bool
) -> Any:
    """Least cost of the second power `x`, beside the first, as a second-order cone program."""
    clarabel = pytest.importorskip("clarabel")
    np = pytest.importorskip("numpy")
    sparse = pytest.importorskip("scipy.sparse")
    n = len(inverters)
    assert problem.tree is not None
    inside = [1.0 if g == 1 else 0.0 for g in problem.tree.group]
    rows: list[list[float]] = [[1.0] * n]
    right: list[float] = [total]
    low, high = problem.tree.cap_lo_w[1], problem.tree.cap_hi_w[1]
    rows += [inside, [-x for x in inside]]
    right += [high, -low]

    def unit(i: int, by: float) -> list[float]:
        return [by if k == i else 0.0 for k in range(n)]

    for i, inverter in enumerate(inverters):
        rows += [unit(i, 1.0), unit(i, -1.0)]
        up, down = problem.hi_w[i], -problem.lo_w[i]
        if var:
            up, down = min(up, inverter.q_over_var), min(down, inverter.q_under_var)
            for factor, over in ((inverter.pf_over, True), (inverter.pf_under, False)):
                if factor is not None:
                    most = abs(other[i]) * math.tan(math.acos(factor))
                    up, down = (min(up, most), down) if over else (up, min(down, most))
        else:
            factor = inverter.pf_over if other[i] > 0 else inverter.pf_under
            if factor is not None and other[i]:
                down = min(down, -abs(other[i]) / math.tan(math.acos(factor)))
        right += [up, down]
    round_ones = []
    for i, inverter in enumerate(inverters):
        # At its tip a cone is no place for an interior point: an error e there lets in sqrt(e).
        if abs(other[i]) > 0.999 * inverter.s_va:
            most = math.sqrt(inverter.s_va**2 - other[i] ** 2)
            rows += [unit(i, 1.0), unit(i, -1.0)]
            right += [most, most]
        else:
            round_ones.append(i)
    linear = len(rows) - 1
    for i in round_ones:  # (S, x, other) in the cone
        rows += [unit(i, 0.0), unit(i, -1.0), unit(i, 0.0)]
        right += [inverters[i].s_va, 0.0, other[i]]
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(linear)]
    cones += [clarabel.SecondOrderConeT(3)] * len(round_ones)
    options = clarabel.DefaultSettings()
    options.verbose = False
    quadratic = sparse.csc_matrix(np.diag(np.asarray(problem.tiers[0].a)))
    return clarabel.DefaultSolver(
        quadratic, np.asarray(problem.tiers[0].b), sparse.csc_matrix(np.asarray(rows)),
        np.asarray(right), cones, options
    ).solve()  # fmt: skip


def cost(problem: Problem, x: Any) -> float:
    tier = problem.tiers[0]
    return math.fsum(a / 2 * p * p + b * p for a, b, p in zip(tier.a, tier.b, x, strict=True))


@settings(max_examples=60)
@given(st.data(), st.sampled_from(("p", "q")))
def test_a_cone_solver_finds_the_same(data: st.DataObject, first: First) -> None:
    asked = data.draw(sites(one_sided=first == "q"))
    inverters, active, reactive = asked
    answer = dispatch(inverters, active, reactive, first)
    one, two = answer.active, answer.reactive
    problem, second, other = (reactive, two, one) if first == "p" else (active, one, two)
    total = math.fsum(second.p_w)
    if any(second.overload_w):
        return  # caps that cannot be kept: the cone program has no answer
    got = cone_solution(inverters, problem, other.p_w, total, first == "p")
    if "Solved" not in str(got.status):
        return  # a feasible set without an inside is beyond an interior-point method
    least = got.obj_val
    scale = 1.0 + cost(replace(problem, tiers=(Tier(problem.tiers[0].a, [0.0] * len(inverters)),)),
                       second.p_w)  # fmt: skip
    assert cost(problem, second.p_w) == pytest.approx(least, abs=2e-5 * scale)


def test_losses_are_least_by_resistance() -> None:
    inverters = [Inverter(s_va=100.0)] * 2
    active = flat([1.0, 1.0], [0.0, 0.0], [0.0, 0.0], [100.0, 100.0], 60.0)
    reactive = flat([1.0, 2.0], [0.0, 0.0], [-100.0] * 2, [100.0] * 2, 30.0)
    answer = dispatch(inverters, active, reactive)
    assert answer.reactive.p_w == pytest.approx((20.0, 10.0))
    assert answer.limits == (Limit.none, Limit.none)


def test_who_comes_first_gets_the_circle() -> None:
    inverters = [Inverter(s_va=5.0)]
    active = flat([1.0], [0.0], [0.0], [9.0], 4.0)
    reactive = flat([1.0], [0.0], [-9.0], [9.0], 9.0)
    answer = dispatch(inverters, active, reactive, "p")
    assert (answer.active.p_w, answer.reactive.p_w) == ((4.0,), (3.0,))
    assert answer.reactive.shortage_w == 6.0
    assert answer.limits == (Limit.circle,)
    answer = dispatch(inverters, active, reactive, "q")
    assert (answer.active.p_w, answer.reactive.p_w) == ((0.0,), (5.0,))


def test_a_power_factor_is_named() -> None:
    inverters = [Inverter(s_va=10.0, pf_over=0.8)]
    active = flat([1.0], [0.0], [0.0], [4.0], 4.0)
    reactive = flat([1.0], [0.0], [-9.0], [9.0], 9.0)
    answer = dispatch(inverters, active, reactive, "p")
    assert answer.reactive.p_w == pytest.approx((3.0,))
    assert answer.limits == (Limit.power_factor,)
    answer = dispatch(
        inverters, replace(active, demand_w=0.0), replace(reactive, demand_w=1.5), "q"
    )
    assert answer.active.p_w == pytest.approx((2.0,))
    assert answer.limits == (Limit.power_factor,)


FINE = flat([1.0, 1.0], [0.0, 0.0], [-1.0, -1.0], [1.0, 1.0], 0.0, names=("pv", "battery"))
TWO = [Inverter(s_va=1.0), Inverter(s_va=1.0)]


@pytest.mark.parametrize(
    ("inverters", "active", "reactive", "first", "index"),
    [
        (TWO[:1], FINE, FINE, "p", None),
        ([TWO[0], Inverter(s_va=0.0)], FINE, FINE, "p", 1),
        ([Inverter(s_va=1.0, pf_over=1.5), TWO[0]], FINE, FINE, "p", 0),
        (TWO, replace(FINE, lo_w=[0.0]), FINE, "p", None),
        (TWO, replace(FINE, lo_w=[0.0, math.nan]), FINE, "p", 1),
        (TWO, FINE, replace(FINE, hi_w=[INF, 1.0]), "p", 0),
        (TWO, FINE, replace(FINE, lo_w=[0.0, 2.0]), "p", 1),
        (TWO, replace(FINE, lo_w=[0.0, 2.0], hi_w=[0.0, 3.0]), FINE, "p", 1),
        (TWO, FINE, replace(FINE, lo_w=[2.0, 0.0], hi_w=[3.0, 0.0]), "q", 0),
        (TWO, FINE, replace(FINE, lo_w=[0.0, -3.0], hi_w=[0.0, -2.0]), "q", 1),
        ([TWO[0], Inverter(s_va=1.0, pf_under=0.9)], FINE, FINE, "q", 1),
        (TWO, FINE, FINE, "x", None),
    ],
)
def test_what_is_no_problem_is_refused(
    inverters: list[Inverter], active: Problem, reactive: Problem, first: Any, index: int | None
) -> None:
    with pytest.raises(ProblemError) as caught:
        dispatch(inverters, active, reactive, first)
    assert caught.value.index == index
    if index is not None:
        assert f"device {index} ({('pv', 'battery')[index]})" in str(caught.value)


def test_more_reactive_demand_never_takes_less() -> None:
    inverters = [Inverter(s_va=50.0, pf_over=0.9), Inverter(s_va=30.0, q_over_var=10.0)]
    active = flat([1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [40.0, 40.0], 50.0)
    reactive = flat([1.0, 3.0], [0.0, 0.0], [-99.0] * 2, [99.0] * 2, 0.0)
    sums = [
        math.fsum(dispatch(inverters, active, replace(reactive, demand_w=q * 1.0)).reactive.p_w)
        for q in range(0, 60, 3)
    ]
    assert all(low <= high for low, high in pairwise(sums))
