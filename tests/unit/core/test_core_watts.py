"""Whole watts against exact fractions, a linear program, and a chip's 31 bits."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nansha_core import watts
from nansha_core.answer import Hold, Reason
from nansha_core.errors import CertificateError
from nansha_core.problem import Problem, Tier, Tree
from nansha_core.reference import solve_exact
from nansha_core.watts import WattAnswer, Watts
from nansha_core.watts_check import check
from nansha_core.watts_problem import LIMIT_W, MOST, WattTree

Asked = tuple[list[int], list[int], list[int], int, WattTree]


@st.composite
def problems(draw: st.DrawFn, most_rows: int = 8) -> Asked:
    """Rows, ranks, demand and a tree, of any size that the limits allow."""
    n, m = draw(st.integers(1, most_rows)), draw(st.integers(1, 5))
    most_w = draw(st.sampled_from((3, 50, 10_000, 10**6, LIMIT_W // (3 * most_rows))))
    powers = st.integers(-most_w, most_w)
    lo_w = draw(st.lists(powers, min_size=n, max_size=n))
    hi_w = [low + draw(st.integers(0, most_w)) for low in lo_w]
    rank = draw(st.lists(st.integers(-1, 1), min_size=n, max_size=n))
    # Groups lead inwards along a random order, so that a number says nothing about depth.
    order = [0, *draw(st.permutations(range(1, m)))]
    parent = [-1] * m
    for k in range(1, m):
        parent[order[k]] = order[draw(st.integers(0, k - 1))]
    cap_lo_w: list[int | None] = [None] * m
    cap_hi_w: list[int | None] = [None] * m
    for g in range(1, m):
        low, high = sorted(draw(st.tuples(powers, powers)))
        cap_lo_w[g] = draw(st.sampled_from((low, None)))
        cap_hi_w[g] = draw(st.sampled_from((high, None)))
    group = draw(st.lists(st.integers(0, m - 1), min_size=n, max_size=n))
    demand_w = draw(st.integers(-n * most_w, n * most_w))
    return lo_w, hi_w, rank, demand_w, WattTree(group, parent, cap_lo_w, cap_hi_w)


def solved(asked: Asked) -> Any:
    lo_w, hi_w, rank, demand_w, tree = asked
    answer = Watts(lo_w, hi_w, rank, tree).solve(demand_w)
    check(lo_w, hi_w, rank, demand_w, answer, tree)
    return answer


def in_floats(asked: Asked) -> Problem:
    lo_w, hi_w, rank, demand_w, tree = asked
    return Problem(
        tiers=(Tier([0.0] * len(lo_w), [float(r) for r in rank]),),
        lo_w=lo_w,
        hi_w=hi_w,
        demand_w=demand_w,
        tree=Tree(
            group=tree.group,
            parent=tree.parent,
            cap_lo_w=[-math.inf if cap is None else cap for cap in tree.cap_lo_w],
            cap_hi_w=[math.inf if cap is None else cap for cap in tree.cap_hi_w],
        ),
    )


def test_numbers_are_those_of_the_float_core() -> None:
    for name in ("AT_UPPER", "AT_LOWER", "FIXED", "TIE"):
        assert getattr(watts, name) == Reason[name.lower()]
    for name in ("FREE", "AT_UPPER", "AT_LOWER", "FIXED"):
        assert getattr(watts, name) == Hold[name.lower()]


@given(problems())
def test_the_exact_balance_rounded_to_whole_watts(asked: Asked) -> None:
    answer, exact = solved(asked), solve_exact(in_floats(asked))
    for p, x in zip(answer.p_w, exact.p_w, strict=True):
        assert math.floor(x) <= p <= math.ceil(x)
    assert answer.overload_w == list(exact.overload_w)
    assert (answer.shortage_w, answer.surplus_w) == (exact.shortage_w, exact.surplus_w)
    rank = asked[2]
    for level in set(rank):
        whole = sum(p for p, r in zip(answer.p_w, rank, strict=True) if r == level)
        assert whole == sum(x for x, r in zip(exact.p_w, rank, strict=True) if r == level)


@given(problems(), st.data())
def test_any_other_powers_are_refused(asked: Asked, data: st.DataObject) -> None:
    answer = solved(asked)
    lo_w, hi_w, rank, demand_w, tree = asked
    n = len(lo_w)
    p_w = list(answer.p_w)
    for _ in range(data.draw(st.integers(1, 3))):
        i, j = data.draw(st.integers(0, n - 1)), data.draw(st.integers(0, n - 1))
        move_w = data.draw(st.integers(1, 3))
        p_w[i] += move_w
        p_w[j] -= move_w
    if p_w == answer.p_w:
        return
    reasons = [
        Reason.fixed if low == high
        else Reason.at_upper if p == high
        else Reason.at_lower if p == low
        else Reason.tie
        for low, high, p in zip(lo_w, hi_w, p_w, strict=True)
    ]  # fmt: skip
    with pytest.raises(CertificateError):
        check(lo_w, hi_w, rank, demand_w, answer._replace(p_w=p_w, reasons=reasons), tree)


@given(problems())
def test_no_linear_program_is_cheaper(asked: Asked) -> None:
    """Costs by rank; whole caps and bounds give a program with whole corners."""
    highspy = pytest.importorskip("highspy")
    answer = solved(asked)
    lo_w, hi_w, rank, demand_w, tree = asked
    if any(answer.overload_w):
        return  # a linear program has no answer then
    lp = highspy.Highs()
    lp.silent()
    rows = [lp.addVariable(lb=lo, ub=hi) for lo, hi in zip(lo_w, hi_w, strict=True)]
    for g in range(len(tree.parent)):
        inside = []
        for i, at in enumerate(tree.group):
            while at not in (g, -1):
                at = tree.parent[at]
            if at == g:
                inside.append(rows[i])
        low, high = tree.cap_lo_w[g], tree.cap_hi_w[g]
        if g == 0:
            low = high = demand_w - answer.shortage_w + answer.surplus_w
        if inside and low is not None:
            lp.addConstr(sum(inside) >= low)
        if inside and high is not None:
            lp.addConstr(sum(inside) <= high)
    cost = [1.0 if r == 0 else 100.0 if r > 0 else 0.01 for r in rank]
    lp.minimize(sum(c * x for c, x in zip(cost, rows, strict=True)))
    assert lp.getModelStatus() == highspy.HighsModelStatus.kOptimal
    ours = sum(c * p for c, p in zip(cost, answer.p_w, strict=True))
    scale = sum(c * max(-lo, hi) for c, lo, hi in zip(cost, lo_w, hi_w, strict=True))
    assert ours <= lp.getInfo().objective_function_value + 1e-7 * scale + 1e-6


class Small(int):
    """A whole number of a 32-bit chip: no sum, product or shift may leave 31 bits."""

    def _kept(self, value: Any) -> Any:
        if value is NotImplemented or isinstance(value, bool):
            return value
        assert -MOST - 1 <= value <= MOST, value
        return Small(value)


def _kept(name: str) -> Any:
    plain = getattr(int, name)
    return lambda self, *others: self._kept(plain(self, *others))


for _name in ("add", "radd", "sub", "rsub", "mul", "rmul", "lshift", "rlshift", "floordiv",
              "rfloordiv", "mod", "rmod", "rshift", "or", "ror", "and", "rand"):  # fmt: skip
    setattr(Small, f"__{_name}__", _kept(f"__{_name}__"))
for _name in ("neg", "abs"):
    setattr(Small, f"__{_name}__", _kept(f"__{_name}__"))


def small(values: list[int | None]) -> list[Any]:
    return [None if x is None else Small(x) for x in values]


@given(problems(), st.sampled_from((-LIMIT_W, None, LIMIT_W)))
def test_31_bits_are_enough(asked: Asked, demand_w: int | None) -> None:
    lo_w, hi_w, rank, usual_w, tree = asked
    rows = [small([*values]) for values in (lo_w, hi_w, rank)]
    wanted_w = Small(usual_w if demand_w is None else demand_w)
    chip_tree = WattTree(tree.group, tree.parent, small(tree.cap_lo_w), small(tree.cap_hi_w))
    answer = Watts(*rows, chip_tree).solve(wanted_w)
    chip = WattAnswer(*(small(x) if isinstance(x, list) else Small(x) for x in answer))
    check(*rows, wanted_w, chip, chip_tree)


def test_a_small_number_notices() -> None:
    with pytest.raises(AssertionError):
        Small(1 << 16) * 16385
    with pytest.raises(AssertionError):
        3 + Small(MOST)
    assert type(Small(5) * 2) is Small and type(sum([Small(1)])) is Small
