"""Faults that an attack found: each was wrong, or crashed, before it was mended."""

import math
import threading
from array import array
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from core_kit import check, solved

from nansha_core import (
    Answer,
    Balance,
    Batch,
    CertificateError,
    Hold,
    Problem,
    ProblemError,
    Reason,
    Tier,
    Tree,
    flat,
    verify,
)

INF = math.inf
LONG = 32768
"""Rows from which a Balance has windows."""


# ------------------------------------------------------------------ long sites


def few_prices() -> Balance:
    """Costs that repeat: few rows bend near a price, and many at once."""
    steps = [(i % 21 - 10) / 10 for i in range(LONG)]
    return Balance(flat([1.0] * LONG, steps, [-5.0] * LONG, [5.0] * LONG))


def total(site: Balance) -> float:
    return math.fsum(site.power_w(i) for i in range(LONG))


def test_a_window_is_never_wider_than_what_it_was_made_from() -> None:
    site = few_prices()
    site.price(0.0)
    assert site.price(150e3) == pytest.approx(few_prices().solve(150e3), rel=1e-12)
    assert total(site) == pytest.approx(150e3, rel=1e-12)
    site = few_prices()
    site.price(0.0)
    site.set_device(20, 0.0, 0.3, -5.0, 5.0)
    site.price(0.0)
    assert total(site) == pytest.approx(0.0, abs=1e-6)


def test_a_device_changes_after_a_solve_at_the_edge() -> None:
    def site() -> Balance:
        return Balance(flat([1.0] * LONG, [0.0] * LONG, [0.0] * LONG, [10.0] * LONG))

    above = site()
    above.solve(1e9)
    above.set_device(0, 1.0, 0.0, 5.0, 10.0)
    above.solve(0.0)
    assert above.answer().surplus_w == 5.0
    below = site()
    below.solve(-1e9)
    below.set_device(0, 1.0, 0.0, 0.0, 5.0)
    below.solve(1e9)
    assert below.answer().shortage_w == 1e9 - (10.0 * LONG - 5.0)
    slanted = Balance(
        flat([1.0] * LONG, [i * 1e-5 for i in range(LONG)], [-10.0] * LONG, [10.0] * LONG)
    )
    slanted.price(0.0)
    slanted.price(0.0)
    slanted.solve(1e9)
    slanted.set_device(0, 1.0, 0.0, -5.0, 5.0)
    slanted.price(0.0)
    assert total(slanted) == pytest.approx(0.0, abs=1e-6)


def test_a_bound_that_was_huge_once_hides_no_shortage() -> None:
    site = Balance(flat([1.0] * LONG, [0.0] * LONG, [0.0] * LONG, [10.0] * LONG))
    site.solve(1e5)
    site.set_device(0, 1.0, 0.0, 0.0, 1e100)
    site.set_device(0, 1.0, 0.0, 0.0, 10.0)
    site.solve(1e6)
    assert site.answer().shortage_w == 1e6 - 10.0 * LONG


# ------------------------------------------------------------------ prices, huge and tiny numbers


def test_a_price_is_not_that_of_the_solve_before() -> None:
    site = Problem(
        tiers=[Tier([0.0, 1.0], [2.0, 2.0])],
        lo_w=[-1.0, -1.0],
        hi_w=[0.0, 2.0],
        demand_w=-1.0,
        tree=Tree(group=[0, 1], parent=[-1, 0], cap_lo_w=[-INF, -INF], cap_hi_w=[INF, 0.0]),
    )
    check(site, solved(site))
    kept = Balance(site)
    kept.solve(-1.5)
    kept.solve(-1.0)
    assert kept.answer() == solved(site)


INFINITE_GRIDS = [
    Problem(  # a grid without bounds behind a feeder of 10 kW, demand 20 kW
        tiers=[Tier([0.0, 0.0], [0.5, 0.0])], lo_w=[-1e100, 0.0], hi_w=[1e100, 0.0], demand_w=2e4,
        tree=Tree(group=[1, 0], parent=[-1, 0], cap_lo_w=[-INF, -1e4], cap_hi_w=[INF, 1e4]),
    ),
    Problem(  # half a milliwatt too much in one group, a grid of 1e12 W in another
        tiers=[Tier([0.0, 0.0], [0.5, 0.0])], lo_w=[-1e12, -5000.0], hi_w=[1e12, -3000.0005],
        tree=Tree(group=[1, 2], parent=[-1, 0, 0], cap_lo_w=[-INF, -INF, -3000.0],
                  cap_hi_w=[INF] * 3),
    ),
    flat([0.0, 0.5], [0.0, 0.0], [-1e100, 0.0], [0.0, 40.0], 2.0),
    Problem(  # a cap of some microwatts on a tie of 1e13 W
        tiers=[Tier([0.0, 1.0], [0.0, 0.0])], lo_w=[-1e13, 0.0], hi_w=[0.0, 1.0],
        tree=Tree(group=[1, 0], parent=[-1, 0], cap_lo_w=[-INF, -INF], cap_hi_w=[INF, -8e-6]),
    ),
    flat([0.0, 0.0], [0.0, 5e-324], [0.0, 0.0], [1.0, 2.0], 2.0),
]  # fmt: skip


@pytest.mark.parametrize("problem", INFINITE_GRIDS)
def test_a_huge_bound_hides_nothing_small(problem: Problem) -> None:
    check(problem, solved(problem))


def test_a_share_of_nothing_makes_no_hold() -> None:
    site = Problem(
        tiers=[Tier([0.0] * 5, [0.0] * 5)],
        lo_w=[
            -5.081290609830923, -141.32924638124146, 59.16153785661067, 8531.54896041327,
            2660.4469852414522,
        ],
        hi_w=[0.0, 0.0, 70.0, 17486.55863313566, 3000.0],
        tree=Tree(group=[2, 2, 2, 2, 1], parent=[-1, 0, 1], cap_lo_w=[-INF] * 3,
                  cap_hi_w=[INF, 11104.746946520263, INF]),
    )  # fmt: skip
    verify(site, solved(site))


# ------------------------------------------------------------------ the checker


def claim(p_w: Any, **changed: Any) -> Answer:
    """An answer of two rows in one group, as somebody might make it up."""
    parts: dict[str, Any] = {
        "p_w": p_w, "reasons": (Reason.at_lower, Reason.at_upper), "prices": ((1.0,), (0.0,)),
        "holds": (Hold.free,), "overload_w": (0.0,), "residual_w": 0.0, "shortage_w": 0.0,
        "surplus_w": 0.0,
    }  # fmt: skip
    return Answer(**(parts | changed))


def test_a_demand_beyond_all_powers_loosens_nothing() -> None:
    feeder = Problem(
        tiers=[Tier([0.0, 0.0], [0.5, 0.6])],
        lo_w=[0.0, 0.0],
        hi_w=[1e4, 1e4],
        demand_w=1e17,
        tree=Tree(group=[1, 1], parent=[-1, 0], cap_lo_w=[-INF] * 2, cap_hi_w=[INF, 5000.0]),
    )
    wrong = claim(
        (1e4, 1e4), reasons=(Reason.at_upper,) * 2, prices=((0.6, 0.6), (0.0, 0.0)),
        holds=(Hold.free,) * 2, overload_w=(0.0, 0.0), residual_w=2e4, shortage_w=1e17,
    )  # fmt: skip
    with pytest.raises(CertificateError, match=r"sum 20000\.0 W is outside"):
        verify(feeder, wrong)
    verify(feeder, solved(feeder))


@pytest.mark.parametrize(
    ("a", "b", "more"), [(1e-15, 1.0, 2.0**-52), (1e-6, 1e6, 1e-9), (1e-9, 0.7, 1e-13)]
)
def test_nearly_linear_rows_may_not_swap(a: float, b: float, more: float) -> None:
    site = flat([a, a], [b, b + more], [0.0, 0.0], [1000.0, 1000.0], 1000.0)
    verify(site, solved(site))
    other = claim((0.0, 1000.0), prices=((b + more / 2,), (0.0,)))
    with pytest.raises(CertificateError):
        verify(site, other)


@pytest.mark.parametrize("p_w", [("x", 5.0), None, (10**400, 1.0), [0.0, 5.0], (0, 5.0)])
def test_what_is_no_answer_is_refused_as_one(p_w: Any) -> None:
    site = flat([0.0, 0.0], [1.0, 0.5], [0.0, 0.0], [5.0, 5.0], 5.0)
    with pytest.raises(CertificateError):
        verify(site, claim(p_w))


def test_powers_cannot_change_between_the_check_and_the_sending() -> None:
    class Shifty(tuple[float, ...]):
        def __iter__(self) -> Iterator[float]:
            return iter((0.0, 5.0))

    site = flat([0.0, 0.0], [1.0, 0.5], [0.0, 0.0], [5.0, 5.0], 5.0)
    with pytest.raises(CertificateError, match="what is checked must be what is sent"):
        verify(site, claim(Shifty((5.0, 5.0))))


@pytest.mark.parametrize("tolerance", [-1.0, 1e-3, 1e300, math.nan])
def test_a_tolerance_that_certifies_anything_is_refused(tolerance: float) -> None:
    site = flat([0.0], [0.0], [0.0], [1.0])
    with pytest.raises(ValueError, match="tolerance"):
        verify(site, solved(site), tolerance=tolerance)


# ------------------------------------------------------------------ objects


def test_nothing_may_be_asked_of_what_was_not_built() -> None:
    empty = Balance.__new__(Balance)
    broken = Balance.__new__(Balance)
    with pytest.raises(ProblemError):
        broken.__init__(flat([math.nan], [0.0], [0.0], [1.0]))  # type: ignore[misc]
    for site in (empty, broken):
        assert len(site) == 0
        for ask in (
            lambda s: s.solve(0.0), lambda s: s.price(0.0), lambda s: s.answer(), lambda s: s.p_w,
            lambda s: s.power_w(0), lambda s: s.devices, lambda s: s.set_bounds([0.0], [1.0]),
            lambda s: s.set_costs([0.0], [1.0]), lambda s: s.set_caps([0.0], [1.0]),
            lambda s: s.set_device(0, 0.0, 0.0, 0.0, 1.0), memoryview,
        ):  # fmt: skip
            with pytest.raises(RuntimeError, match="was not built"):
                ask(site)


class Liar(list[Any]):
    """Says it has so many items; gives what it has."""

    def __init__(self, items: Any, says: int) -> None:
        super().__init__(items)
        self.says = says

    def __len__(self) -> int:
        return self.says


class LyingArray(array):  # type: ignore[type-arg]
    """Says that its buffer is longer than it is."""

    def __len__(self) -> int:
        return 4096


@pytest.mark.parametrize(
    "groups", [Liar([0] * 100_000, 2), Liar([0], 2), Liar([0], 50_000)], ids=["more", "less", "far"]
)
def test_groups_that_lie_about_their_number_are_refused(groups: Liar) -> None:
    tree = Tree(group=groups, parent=[-1, 0], cap_lo_w=[-INF] * 2, cap_hi_w=[INF] * 2)
    with pytest.raises(ProblemError, match=r"tree\.group"):
        Balance(replace(flat([0.0] * 2, [0.0] * 2, [0.0] * 2, [1.0] * 2), tree=tree))


def test_a_buffer_that_lies_about_its_length_is_not_read_past() -> None:
    n = 4096
    site = Balance(flat([0.0] * n, [0.0] * n, [0.0] * n, [1.0] * n))
    with pytest.raises(ProblemError):
        site.set_bounds(LyingArray("d", [0.0] * 8), [1.0] * n)


@pytest.mark.parametrize("tier", [0.5, None, "0", 1 << 40, -1, 1])
def test_a_tier_that_is_none_is_refused_by_name(tier: Any) -> None:
    site = Balance(flat([0.0], [0.0], [0.0], [1.0]))
    with pytest.raises(ProblemError, match="tier"):
        site.set_costs([0.0], [1.0], tier)


def test_what_is_read_after_a_change_is_of_the_changed_site() -> None:
    site = Balance(flat([1.0, 1.0], [0.0, 0.0], [0.0, 0.0], [10.0, 10.0], 10.0))
    site.solve(10.0)
    site.set_bounds([0.0, 0.0], [5.0, 4.0])
    now = flat([1.0, 1.0], [0.0, 0.0], [0.0, 0.0], [5.0, 4.0], 10.0)
    assert site.answer() == solved(now)
    site.set_device(1, 1.0, 0.0, 0.0, 5.0)
    assert (site.power_w(1), tuple(site.p_w)) == (5.0, (5.0, 5.0))


def test_the_buffer_of_a_tree_is_its_powers() -> None:
    tree = Tree(group=[1, 0, 1], parent=[-1, 0], cap_lo_w=[-INF] * 2, cap_hi_w=[INF, 3.0])
    site = Balance(replace(flat([1.0] * 3, [0.0] * 3, [0.0] * 3, [9.0] * 3, 9.0), tree=tree))
    assert tuple(memoryview(site)) == (1.5, 6.0, 1.5)
    site.solve(6.0)
    assert np.asarray(site).tolist() == [1.5, 3.0, 1.5]


def test_a_site_of_a_batch_is_not_touched_while_the_batch_solves() -> None:
    problem = flat([1.0] * 4000, [0.0] * 4000, [-1.0] * 4000, [1.0] * 4000)
    batch = Batch([problem] * 200)
    refused: list[str] = []
    unexpected: list[str] = []
    done = threading.Event()

    def meddle() -> None:
        while not done.is_set():
            try:
                batch[199].power_w(0)
            except RuntimeError as busy:
                refused.append(str(busy))
            except Exception as other:  # pragma: no cover
                unexpected.append(repr(other))

    batch.solve([0.0] * 200)  # from here on reading a power solves nothing
    other = threading.Thread(target=meddle, daemon=True)
    other.start()
    try:
        for k in range(60):
            batch.solve([float(k)] * 200)
    finally:
        done.set()
        other.join()
    assert not unexpected
    assert all("another thread" in words for words in refused)
    for i in (0, 199):
        assert math.fsum(batch[i].p_w) == pytest.approx(59.0, rel=1e-12)


def test_memory_is_given_back() -> None:
    """Building and dropping sites again and again takes no more memory than a few of them."""
    import resource

    def build() -> None:
        site = Balance(flat([1.0] * 5000, [0.0] * 5000, [0.0] * 5000, [1.0] * 5000, 10.0))
        site.answer()

    for _ in range(20):
        build()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(300):
        build()
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 40_000  # 300 of them take 170 MB
