"""What goes in: refused by name before anything changes, and what comes out never changes."""

import pickle
from array import array
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from core_kit import solved

from nansha_core import (
    Balance,
    Batch,
    CertificateError,
    Problem,
    ProblemError,
    Reason,
    Tier,
    Tree,
    flat,
)

NAN, INF = float("nan"), float("inf")

FLAT = flat([1.0, 0.0], [0.0, 0.5], [-10.0, 0.0], [10.0, 5.0], names=("battery", "pv"))
TREE = replace(
    FLAT,
    tree=Tree(
        group=[1, 2],
        parent=[-1, 0, 1],
        cap_lo_w=[-INF, -4.0, -INF],
        cap_hi_w=[INF, INF, 3.0],
        names=("site", "feeder", "roof"),
    ),
)


@pytest.fixture(params=[FLAT, TREE], ids=["flat", "tree"])
def site(request: pytest.FixtureRequest) -> Balance:
    return Balance(request.param)


Call = Callable[[Balance], object]

BAD: list[tuple[str, int | None, Call]] = [
    ("a", 1, lambda s: s.set_costs([1.0, -1e-9], [0.0, 0.0])),
    ("a", 0, lambda s: s.set_costs([NAN, 1.0], [0.0, 0.0])),
    ("a", 0, lambda s: s.set_costs([INF, 1.0], [0.0, 0.0])),
    ("a", 0, lambda s: s.set_costs([1e-101, 1.0], [0.0, 0.0])),
    ("b", 1, lambda s: s.set_costs([1.0, 1.0], [0.0, -INF])),
    ("b", 1, lambda s: s.set_costs([1.0, 1.0], [0.0, "x"])),  # type: ignore[list-item]
    ("b", None, lambda s: s.set_costs([1.0, 1.0], [0.0])),
    ("a", None, lambda s: s.set_costs(3.0, [0.0, 0.0])),  # type: ignore[arg-type]
    ("tier", None, lambda s: s.set_costs([1.0, 1.0], [0.0, 0.0], 1)),
    ("tier", None, lambda s: s.set_costs([1.0, 1.0], [0.0, 0.0], -1)),
    ("lo_w", 0, lambda s: s.set_bounds([2.0, 0.0], [1.0, 1.0])),
    ("lo_w", 1, lambda s: s.set_bounds(array("d", [0.0, NAN]), [1.0, 1.0])),
    ("hi_w", 1, lambda s: s.set_bounds([0.0, 0.0], array("d", [1.0, INF]))),
    ("hi_w", None, lambda s: s.set_bounds([0.0, 0.0], [1.0, 1.0, 1.0])),
    ("hi_w", 0, lambda s: s.set_bounds([0.0, 0.0], [1e101, 1.0])),
    ("lo_w", 1, lambda s: s.set_device(1, 0.0, 0.0, 2.0, 1.0)),
    ("a", 1, lambda s: s.set_device(1, -1.0, 0.0, 0.0, 1.0)),
    ("b", 0, lambda s: s.set_device(0, 1.0, NAN, 0.0, 1.0)),
    ("i", None, lambda s: s.set_device(2, 1.0, 0.0, 0.0, 1.0)),
    ("i", None, lambda s: s.set_device(-1, 1.0, 0.0, 0.0, 1.0)),
    ("i", None, lambda s: s.power_w(2)),
    ("i", None, lambda s: s.power_w("x")),  # type: ignore[arg-type]
    ("demand_w", None, lambda s: s.solve(NAN)),
    ("demand_w", None, lambda s: s.solve(-INF)),
    ("demand_w", None, lambda s: s.solve("5")),  # type: ignore[arg-type]
    ("demand_w", None, lambda s: s.price(1e101)),
]


@pytest.mark.parametrize(("field", "index", "call"), BAD)
def test_bad_input_is_named_and_changes_nothing(
    site: Balance, field: str, index: int | None, call: Call
) -> None:
    site.solve(3.0)
    before, answer = site.devices, site.answer()
    with pytest.raises(ProblemError) as caught:
        call(site)
    assert (caught.value.field, caught.value.index) == (field, index)
    assert caught.value.mend in str(caught.value)
    if index is not None:
        assert f"device {index} ({('battery', 'pv')[index]})" in str(caught.value)
    assert site.devices == before
    assert site.answer() == answer
    site.solve(3.0)
    assert site.answer().p_w == answer.p_w


BAD_CAPS: list[tuple[str, int | None, list[float], list[float]]] = [
    ("cap_lo_w", 1, [-INF, 5.0, -INF], [INF, 4.0, 3.0]),
    ("cap_lo_w", 2, [-INF, -4.0, NAN], [INF, INF, 3.0]),
    ("cap_hi_w", 1, [-INF, -4.0, -INF], [INF, NAN, 3.0]),
    ("cap_lo_w", 1, [-INF, INF, -INF], [INF, INF, 3.0]),
    ("cap_hi_w", 2, [-INF, -4.0, -INF], [INF, INF, -INF]),
    ("cap_hi_w", 0, [-INF, -4.0, -INF], [9.0, INF, 3.0]),
    ("cap_hi_w", None, [-INF, -4.0, -INF], [INF, INF]),
]


@pytest.mark.parametrize(("field", "index", "lo", "hi"), BAD_CAPS)
def test_bad_caps_name_the_group(
    field: str, index: int | None, lo: list[float], hi: list[float]
) -> None:
    site = Balance(TREE)
    answer = site.answer()
    with pytest.raises(ProblemError) as caught:
        site.set_caps(lo, hi)
    assert (caught.value.field, caught.value.index) == (field, index)
    if index is not None:
        assert f"group {index} ({('site', 'feeder', 'roof')[index]})" in str(caught.value)
    site.solve(0.0)
    assert site.answer() == answer


def tree(**changed: Any) -> Problem:
    assert TREE.tree is not None
    return replace(TREE, tree=replace(TREE.tree, **changed))


BAD_PROBLEMS: list[tuple[str, Callable[[], object]]] = [
    (r"device 0: lo_w = 2\.0: lower it to hi_w = 1\.0", lambda: flat([1.0], [0.0], [2.0], [1.0])),
    (r"names = 2 names: give 1, one per device",
     lambda: flat([1.0], [0.0], [0.0], [1.0], names=("x", "y"))),
    (r"tiers = 0 tiers: give at least one", lambda: replace(FLAT, tiers=())),
    (r"b = 1 values: give 2", lambda: replace(FLAT, tiers=(Tier([1.0, 1.0], [0.0]),))),
    (r"hi_w = 1 values: give 2", lambda: replace(FLAT, hi_w=[1.0])),
    (r"demand_w = nan: give a finite number", lambda: replace(FLAT, demand_w=NAN)),
    (r"group 1 \(feeder\): tree.parent = 2: its parents go round in a circle",
     lambda: tree(parent=[-1, 2, 1])),
    (r"group 2 \(roof\): tree.parent = 2: its parents go round", lambda: tree(parent=[-1, 0, 2])),
    (r"group 0 \(site\): tree.parent = 1: the site is the root", lambda: tree(parent=[1, 0, 1])),
    (r"group 2 \(roof\): tree.parent = 3: give a group from 0 to 2",
     lambda: tree(parent=[-1, 0, 3])),
    (r"group 1 \(feeder\): tree.parent = 0.5: give the number of a group",
     lambda: tree(parent=[-1, 0.5, 0])),
    (r"device 1 \(pv\): tree.group = 3: give a group from 0 to 2", lambda: tree(group=[1, 3])),
    (r"device 0 \(battery\): tree.group = x: give a group", lambda: tree(group=["x", 1])),
    (r"tree.group = 1 values: give 2", lambda: tree(group=[1])),
    (r"tree.names = 1 names: give 3", lambda: tree(names=["site"])),
    (r"tree.parent = 0 groups: give at least the site", lambda: tree(parent=[], names=None)),
    (r"cap_lo_w = 2 values: give 3", lambda: tree(cap_lo_w=[-INF, 0.0])),
]  # fmt: skip


@pytest.mark.parametrize(("words", "make"), BAD_PROBLEMS)
def test_a_bad_problem_makes_no_balance(words: str, make: Callable[[], Problem]) -> None:
    with pytest.raises(ProblemError, match=words):
        Balance(make())


def test_anything_but_a_problem_is_refused() -> None:
    with pytest.raises(ProblemError, match=r"problem = list: give a nansha_core\.Problem"):
        Balance([1.0])  # type: ignore[arg-type]


def test_groups_go_deep_but_not_without_end() -> None:
    def chain(depth: int) -> Problem:
        m = depth + 1
        deep = Tree(
            group=[depth, depth],
            parent=list(range(-1, depth)),
            cap_lo_w=[-INF] * m,
            cap_hi_w=[INF, *[4.0] * depth],
        )
        return replace(FLAT, tree=deep, demand_w=9.0)

    assert solved(chain(200)).shortage_w == 5.0
    with pytest.raises(ProblemError, match="groups go 200 deep"):
        Balance(chain(201))


def test_lists_tuples_and_buffers_read_alike() -> None:
    def build(kind: Callable[[list[float]], object]) -> Balance:
        a, b, lo, hi = (kind(x) for x in ([1.0, 0.0], [0.0, 0.5], [-10.0, 0.0], [10.0, 5.0]))
        return Balance(flat(a, b, lo, hi))  # type: ignore[arg-type]

    kinds: list[Callable[[list[float]], object]] = [
        list,
        tuple,
        lambda x: array("d", x),
        lambda x: array("f", x),
        np.array,
        lambda x: np.array([x, x]).T[:, 0],  # not contiguous
        lambda x: np.array(x, dtype=np.float32),
    ]
    assert len({build(kind).devices for kind in kinds}) == 1


def test_updates_are_seen_by_the_next_solve() -> None:
    site = Balance(FLAT)
    site.solve(12.0)
    assert tuple(site.p_w) == (7.0, 5.0)
    site.set_device(0, 1.0, 0.0, -10.0, 6.0)
    site.solve(12.0)
    assert (tuple(site.p_w), site.answer().shortage_w) == ((6.0, 5.0), 1.0)
    site.set_bounds([0.0, 0.0], [8.0, 8.0])
    site.solve(12.0)
    assert tuple(site.p_w) == (4.0, 8.0)
    site.set_costs([0.0, 0.0], [1.0, 2.0])
    site.solve(12.0)
    assert tuple(site.p_w) == (8.0, 4.0)
    assert (len(site), site.names, site.tier_names) == (2, ("battery", "pv"), ("price",))
    tree_site = Balance(TREE)
    tree_site.solve(8.0)
    assert tuple(tree_site.p_w) == (5.0, 3.0)
    tree_site.set_caps([-INF, -INF, -INF], [INF, 6.0, 2.0])
    tree_site.solve(8.0)
    assert (tuple(tree_site.p_w), tree_site.answer().shortage_w) == ((4.0, 2.0), 2.0)


def test_a_balance_knows_its_problems_own_demand() -> None:
    site = Balance(replace(FLAT, demand_w=12.0))
    assert site.power_w(0) == 7.0
    assert tuple(site.p_w) == (7.0, 5.0)


def test_an_answer_never_changes_and_a_view_does() -> None:
    site = Balance(FLAT)
    site.solve(3.0)
    first, view = site.answer(), site.p_w
    kept = first.p_w
    site.solve(-4.0)
    assert first.p_w == kept
    assert tuple(view) == site.answer().p_w != kept
    assert view.readonly and view.format == "d" and view.shape == (2,)
    assert np.shares_memory(np.asarray(view), np.asarray(site.p_w))
    with pytest.raises(TypeError):
        view[0] = 1.0
    with pytest.raises(AttributeError):
        first.residual_w = 0.0  # type: ignore[misc]
    with pytest.raises(TypeError, match="built once"):
        site.__init__(FLAT)  # type: ignore[misc]


def test_answers_and_errors_survive_pickling() -> None:
    answer = solved(TREE)
    assert pickle.loads(pickle.dumps(answer)) == answer
    assert hash(pickle.loads(pickle.dumps(answer))) == hash(answer)
    assert Reason.interior in answer.reasons
    errors = (ProblemError("a", 1.0, "mend", 2, "x"), CertificateError("wrong", 2, "x", "group"))
    for error in errors:
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), again.index, again.what) == (str(error), 2, error.what)


# ------------------------------------------------------------------ many sites


def test_a_batch_is_its_sites_one_by_one() -> None:
    problems = [FLAT, TREE, replace(FLAT, lo_w=[-3.0, 1.0])]
    batch = Batch(problems)
    for demands in ([1.0, -2.0, 7.0], (0.0, 9.0, -9.0), np.array([3.0, 3.0, 3.0])):
        prices = batch.solve(demands)
        for i, (problem, demand) in enumerate(zip(problems, demands, strict=True)):
            alone = Balance(problem)
            assert alone.solve(demand) == prices[i]
            assert alone.answer() == batch[i].answer()
    assert len(batch) == 3
    with pytest.raises(TypeError):
        batch.prices[0] = 1.0


def test_a_batch_names_the_site_that_is_wrong() -> None:
    with pytest.raises(ProblemError) as caught:
        Batch([FLAT, replace(FLAT, hi_w=[NAN, 1.0])])
    assert caught.value.__notes__ == ["in site 1 of the batch"]
    batch = Batch([FLAT, FLAT])
    before = list(batch.solve([1.0, 2.0]))
    for bad, words in (
        ([1.0], "demand_w = 1 values: give 2, one per site"),
        ([1.0, NAN], "site 1: demand_w = nan"),
        ([1.0, "x"], "site 1: demand_w = x: give a real number"),
    ):
        with pytest.raises(ProblemError, match=words):
            batch.solve(bad)  # type: ignore[arg-type]
    assert list(batch.prices) == before
    assert list(Batch([]).solve([])) == []
