"""The checker passes what is right and nothing else."""

import math
import pickle
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from mutants import mutants
from problems import fitting, flat_problem, random_problem, rounded, tree_problem

from nansha_core.answer import Answer, Hold, Reason
from nansha_core.errors import CertificateError
from nansha_core.problem import Problem, Tier, Tree, flat
from nansha_core.reference import solve_exact
from nansha_core.verify import verify

INF = float("inf")


def solved(problem: Problem) -> Answer:
    return rounded(problem, solve_exact(problem))


def rejects(problem: Problem, answer: Answer, match: str | None = None) -> None:
    with pytest.raises(CertificateError, match=match):
        verify(problem, answer)


# ------------------------------------------------------------------ what is right


def accept(r: Random, count: int, most: int) -> None:
    for _ in range(count):
        problem = random_problem(r, most)
        certificate = verify(problem, solved(problem))
        digits = 1e-15 * abs(problem.demand_w)  # a demand beyond all powers has no more
        assert abs(certificate.residual_w) <= 1e-13 * certificate.largest_w + digits


@pytest.mark.parametrize("seed", range(5))
def test_right_answers_are_certified(seed: int) -> None:
    accept(Random(seed), 250, 17)


@pytest.mark.parametrize("seed", range(3))
def test_right_answers_to_flat_problems_of_many_tiers_are_certified(seed: int) -> None:
    # Nearly linear rows in a tier that is not the last: their prices round to their neighbours'.
    r = Random(seed)
    for _ in range(150):
        problem = flat_problem(r, 17, tiers=r.choice((2, 3)))
        verify(problem, solved(problem))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1000, 1020))
def test_right_answers_are_certified_at_length(seed: int) -> None:
    accept(Random(seed), 1500, 64)


def unsteady(problem: Problem, answer: Answer, r: Random) -> Answer:
    """Each power inside its range a few ulps of the largest off, as a solver in floats has them."""
    top = max(map(abs, (*answer.p_w, problem.demand_w, 1e-6)))
    p_w = []
    for p, lo, hi in zip(answer.p_w, problem.lo_w, problem.hi_w, strict=True):
        x = p + r.uniform(-4, 4) * math.ulp(top)
        p_w.append(x if lo < p < hi and lo < x < hi else p)
    residual = math.fsum((*p_w, -problem.demand_w, answer.shortage_w, -answer.surplus_w))
    return replace(
        answer,
        p_w=tuple(p_w),
        reasons=fitting(problem, tuple(p_w)),
        prices=tuple(unsteady_prices(problem, answer, k, r) for k in range(len(answer.prices))),
        residual_w=residual,
    )


def unsteady_prices(problem: Problem, answer: Answer, k: int, r: Random) -> tuple[float, ...]:
    """Prices an ulp or two off, but for those that are a linear row's b: they are known exactly."""
    if k == len(problem.tiers):
        return answer.prices[k]
    tier = problem.tiers[k]
    exact = {b for a, b in zip(tier.a, tier.b, strict=True) if a == 0}
    off = {
        x: x if x in exact else x * (1 + r.uniform(-4e-16, 4e-16)) for x in sorted(answer.prices[k])
    }
    return tuple(off[x] for x in answer.prices[k])


@pytest.mark.parametrize("seed", range(4))
def test_rounding_like_a_solver_s_is_no_fault(seed: int) -> None:
    r = Random(seed)
    for _ in range(150):
        problem = random_problem(r, 17)
        verify(problem, unsteady(problem, solved(problem), r))


# ------------------------------------------------------------------ what is wrong


def seen(r: Random, most: int) -> Iterator[tuple[str, Problem, Answer]]:
    while True:
        problem = random_problem(r, most)
        answer = solved(problem)
        verify(problem, answer)
        yield from mutants(problem, answer, r)


def hunt(r: Random, count: int, most: int) -> set[str]:
    kinds = set()
    for _, (what, problem, answer) in zip(range(count), seen(r, most), strict=False):
        kinds.add(what)
        try:
            verify(problem, answer)
        except CertificateError:
            continue
        pytest.fail(f"{what} was accepted:\n{problem}\n{answer}")
    return kinds


@pytest.mark.parametrize("seed", range(4))
def test_wrong_answers_are_rejected(seed: int) -> None:
    assert len(hunt(Random(seed), 12_000, 9)) >= 45  # kinds of mutants


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 120))
def test_a_million_wrong_answers_are_rejected(seed: int) -> None:
    hunt(Random(seed), 50_000, 17)


def test_neighbouring_prices_are_no_tie() -> None:
    above = math.nextafter(0.3, 1)
    problem = flat((0.0, 0.0), (above, 0.3), (0.0, 0.0), (100.0, 100.0), 150.0)
    right = solved(problem)
    assert right.p_w == (50.0, 100.0)
    shared = replace(right, p_w=(75.0, 75.0), reasons=(Reason.tie, Reason.tie))
    rejects(problem, shared)
    other = replace(
        right, p_w=(100.0, 50.0), reasons=(Reason.at_upper, Reason.tie), prices=((0.3,), (0.5,))
    )
    rejects(problem, other)


def test_a_price_one_ulp_off_does_not_hide_a_lower_tier() -> None:
    # By the first tier either may give; by the second it has to be row 0.
    problem = Problem(
        tiers=(Tier((0.0, 0.0), (0.3, 0.3)), Tier((0.0, 0.0), (1.0, 2.0))),
        lo_w=(0.0, 0.0),
        hi_w=(100.0, 100.0),
        demand_w=100.0,
    )
    right = solved(problem)
    verify(problem, right)
    assert right.p_w == (100.0, 0.0)
    swapped = replace(right, p_w=(0.0, 100.0), reasons=(Reason.at_lower, Reason.at_upper))
    for price in (0.3, math.nextafter(0.3, 0), math.nextafter(0.3, 1)):
        for second in (0.0, 1.0, 2.0):
            for share in (0.0, 0.5, 1.0):
                rejects(problem, replace(swapped, prices=((price,), (second,), (share,))))


def test_nearly_linear_rows_are_told_apart() -> None:
    # To a double all prices are 0.1; still the third part of the range is due to the second row.
    problem = flat((1e-40, 3e-40), (0.1, 0.1), (0.0, 0.0), (100.0, 100.0), 80.0)
    right = solved(problem)
    assert right.p_w == pytest.approx((60.0, 20.0), rel=1e-15)
    verify(problem, right)
    rejects(problem, replace(right, p_w=(50.0, 30.0)))


# ------------------------------------------------------------------ by hand


def capped() -> Problem:
    """A cheap feeder held back by its cap, a dear row at the site."""
    return Problem(
        tiers=(Tier((1.0, 1.0), (0.0, 10.0)),),
        lo_w=(0.0, 0.0),
        hi_w=(100.0, 100.0),
        demand_w=50.0,
        tree=Tree(
            group=(1, 0),
            parent=(-1, 0),
            cap_lo_w=(-INF, -INF),
            cap_hi_w=(INF, 20.0),
            names=("site", "feeder"),
        ),
        names=("pv", "genset"),
    )


def test_the_device_or_the_group_is_named() -> None:
    problem = capped()
    right = solved(problem)
    rejects(
        problem, replace(right, p_w=(20.0, 1e6)), r"device 1 \(genset\): p_w = 1000000.0 is out"
    )
    rejects(problem, replace(right, p_w=(25.0, 25.0)), r"group 1 \(feeder\): sum 25.0 W is outside")
    rejects(problem, replace(right, holds=(Hold.free, Hold.free)), r"group 1 \(feeder\): hold")


def test_a_cap_that_holds_nothing_back_must_not_be_blamed() -> None:
    # 10 W is all of the cheap row and all the cap allows; the dear row would not start at 3.
    problem = Problem(
        tiers=(Tier((0.0, 0.0, 0.0), (1.0, 5.0, 3.0)),),
        lo_w=(0.0, 0.0, 0.0),
        hi_w=(10.0, 10.0, 10.0),
        demand_w=15.0,
        tree=Tree(group=(1, 1, 0), parent=(-1, 0), cap_lo_w=(-INF, -INF), cap_hi_w=(INF, 10.0)),
    )
    right = solved(problem)
    assert (right.holds[1], right.prices[0]) == (Hold.free, (3.0, 3.0))
    blamed = replace(right, holds=(Hold.free, Hold.at_upper), prices=((3.0, 1.0), right.prices[1]))
    rejects(problem, blamed, "the price 3.0 outside would do")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"parent": (-1, 1)}, "no way to the site"),
        ({"parent": (0, 0)}, "must have -1"),
        ({"parent": (-1, 7)}, "none of 0..1"),
        ({"group": (1, 2)}, "none of 0..1"),
        ({"group": (1,)}, "group has 1 items"),
        ({"cap_hi_w": (100.0, 20.0)}, "not a problem"),
        ({"cap_hi_w": (INF, float("nan"))}, "not a problem"),
        ({"cap_lo_w": (-INF, 30.0)}, "not a problem"),
        ({"cap_lo_w": (-INF,)}, "cap_lo_w has 1 items"),
    ],
)
def test_what_is_no_tree_is_noticed(change: dict[str, tuple[float, ...]], match: str) -> None:
    problem = capped()
    assert problem.tree is not None
    tree = replace(problem.tree, names=None, **change)  # type: ignore[arg-type]
    rejects(replace(problem, tree=tree), solved(problem), match)


def test_a_problem_without_a_tier_is_noticed() -> None:
    problem = capped()
    rejects(replace(problem, tiers=()), solved(problem), "no tier")


def test_numbers_too_large_to_compare_are_noticed() -> None:
    problem = flat((1e300,), (0.0,), (0.0,), (1e300,), 1e299)
    p_w = (1e299,)
    answer = replace(solved(flat((1.0,), (0.0,), (0.0,), (1e300,), 1e299)), p_w=p_w)
    rejects(problem, answer, "too large")


def test_an_error_survives_pickling() -> None:
    error = CertificateError("wrong", 3, "feeder", "group")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.what, copy.index) == ("group 3 (feeder): wrong", "group", 3)


def test_a_tie_under_a_cap_is_shared_outside_it() -> None:
    problem = Problem(
        tiers=(Tier((0.0,) * 3, (1.0,) * 3),),
        lo_w=(0.0,) * 3,
        hi_w=(100.0,) * 3,
        demand_w=150.0,
        tree=Tree(group=(1, 0, 0), parent=(-1, 0), cap_lo_w=(-INF, -INF), cap_hi_w=(INF, 30.0)),
    )
    right = solved(problem)
    verify(problem, right)
    rejects(problem, replace(right, p_w=(30.0, 50.0, 70.0)), "its share of the tie")
    equal = replace(right, p_w=(50.0, 50.0, 50.0), prices=((1.0, 1.0), (0.5, 0.5)))
    rejects(problem, equal, "outside")


def test_a_deep_tree_is_certified() -> None:
    r = Random(7)
    for _ in range(20):
        problem = tree_problem(r, 64)
        verify(problem, solved(problem))
