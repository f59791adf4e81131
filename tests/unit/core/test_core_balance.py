"""The core against the exact oracle: powers, cost, words, whatever the data."""

import math
from fractions import Fraction
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nansha_core import Answer, Balance, Reason, verify
from nansha_core.reference import ExactAnswer, solve_exact

Problem = tuple[list[float], list[float], list[float], list[float], float]

MOST_PASSES = 150
TINY_W = 1e-6  # as in verify: smaller powers are what larger ones left when they cancelled


def check(problem: Problem, answer: Answer, exact: ExactAnswer | None = None) -> ExactAnswer:
    a, b, lo, hi, demand = problem
    if exact is None:
        exact = solve_exact(*problem)
    top = max([abs(float(p)) for p in exact.p_w] + [abs(demand), TINY_W])
    for i, (p, q) in enumerate(zip(answer.p_w, exact.p_w, strict=True)):
        # A shared tie is a fraction of a range, known to the rounding of that range.
        shared = 4e-16 * (abs(lo[i]) + abs(hi[i])) if a[i] == 0 else 0.0
        assert abs(Fraction(p) - q) <= 1e-9 * top + shared, f"device {i}: {p} against {float(q)}"
    assert abs(answer.shortage_w - float(exact.shortage_w)) <= 4e-15 * top
    assert abs(answer.surplus_w - float(exact.surplus_w)) <= 4e-15 * top
    assert abs(answer.residual_w) <= 8 * math.ulp(top)
    met = Fraction(demand) - Fraction(answer.shortage_w) + Fraction(answer.surplus_w)
    total = sum(map(Fraction, answer.p_w), Fraction(0))
    assert abs(total - met) <= 8 * math.ulp(top)
    terms = [
        (Fraction(a[i]) * Fraction(p) ** 2 / 2, Fraction(b[i]) * Fraction(p))
        for i, p in enumerate(answer.p_w)
    ]
    cost = sum((x + y for x, y in terms), Fraction(0))
    size = sum((abs(x) + abs(y) for x, y in terms), abs(exact.price) * Fraction(top))
    whole = sum((Fraction(a[i]) * Fraction(top) + abs(Fraction(b[i])) for i in range(len(a))), 0)
    assert abs(cost - exact.cost) <= Fraction(1e-12) * size + Fraction(1e-15) * whole * Fraction(
        top
    )
    assert answer.passes <= MOST_PASSES
    verify(*problem, answer)
    return exact


def random_problem(r: Random, most: int = 64) -> Problem:
    """A problem with the ties, plateaus, point ranges and near misses that hurt solvers."""
    kind = r.choice(["plain", "whole", "linear", "neighbours", "wide", "nearly linear"])
    devices = []
    for _ in range(r.choice([0, 1, 2, 3, 5, 8, 17, most])):
        a = 10 ** r.uniform(-6, 3)
        if kind == "nearly linear":
            a = 10 ** r.uniform(-100, 20)
        if kind == "linear" or r.random() < 0.3:
            a = 0.0
        b = r.choice([-0.1, 0.0, 0.1, 0.2, 0.3]) if r.random() < 0.6 else r.uniform(-500, 500)
        if kind == "neighbours":
            b = r.choice([math.nextafter(0.3, 0), 0.3, math.nextafter(0.3, 1)])
        size = 10 ** (r.uniform(-8, 8) if kind == "wide" else r.uniform(0, 6))
        lo = r.choice([0.0, -size, -size * r.random(), size * r.random()])
        hi = r.choice([lo, lo + size, lo + size * r.random(), math.nextafter(lo, math.inf)])
        if kind == "whole":
            lo, hi = float(round(lo)), float(round(hi))
        devices.append((a, b, lo, hi))
    a_, b_, lo_, hi_ = ([d[k] for d in devices] for k in range(4))
    least, most_ = math.fsum(lo_), math.fsum(hi_)
    corner = math.fsum(r.choice(pair) for pair in zip(lo_, hi_, strict=True))
    demand = r.choice(
        [
            *[least + (most_ - least) * r.random()] * 6,
            *[least, most_, corner, math.nextafter(corner, r.choice([-math.inf, math.inf]))],
            *[0.0, least - 1.0, most_ + 1.0, math.nextafter(most_, math.inf)],
        ]
    )
    return a_, b_, lo_, hi_, demand


@st.composite
def small_problems(draw: st.DrawFn) -> Problem:
    cost = st.sampled_from([0.0, 0.5, 1.0]) | st.floats(1e-9, 1e6)
    price = st.sampled_from([-0.1, 0.0, 0.3]) | st.floats(-1e6, 1e6)
    bound = st.sampled_from([-1000.0, 0.0, 1000.0]) | st.floats(-1e9, 1e9)
    devices = draw(st.lists(st.tuples(cost, price, bound, bound), max_size=8))
    lo = [min(d[2:]) for d in devices]
    hi = [max(d[2:]) for d in devices]
    demand = draw(bound | st.just(math.fsum(lo)) | st.just(math.fsum(hi)))
    return [d[0] for d in devices], [d[1] for d in devices], lo, hi, demand


@settings(max_examples=200, deadline=None)
@given(problem=small_problems())
def test_small_problems_match_the_oracle(problem: Problem) -> None:
    check(problem, Balance(*problem[:4]).solve(problem[4]))


@pytest.mark.parametrize("seed", range(8))
def test_random_problems_match_the_oracle(seed: int) -> None:
    r = Random(seed)
    for _ in range(25):
        problem = random_problem(r)
        check(problem, Balance(*problem[:4]).solve(problem[4]))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1000, 1100))
def test_random_problems_match_the_oracle_at_length(seed: int) -> None:
    r = Random(seed)
    for _ in range(300):
        problem = random_problem(r)
        check(problem, Balance(*problem[:4]).solve(problem[4]))


@pytest.mark.parametrize("seed", range(6))
def test_warm_start_equals_cold(seed: int) -> None:
    r = Random(seed)
    for _ in range(8):
        a, b, lo, hi, demand = random_problem(r, most=24)
        warm = Balance(a, b, lo, hi)
        span = math.fsum(hi) - math.fsum(lo)
        for _ in range(6):
            demand += span * r.uniform(-0.3, 0.3)
            hot, cold = warm.solve(demand), Balance(a, b, lo, hi).solve(demand)
            exact = check((a, b, lo, hi, demand), hot)
            check((a, b, lo, hi, demand), cold, exact)
            if hot.reasons == cold.reasons:
                assert hot.price == pytest.approx(cold.price, rel=1e-12, abs=1e-300)


def test_the_same_session_gives_the_same_bits() -> None:
    def session() -> list[Answer]:
        r = Random(5)
        site = Balance(*random_problem(r)[:4])
        return [site.solve(r.uniform(-1e4, 1e4)) for _ in range(20)]

    assert session() == session()


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_devices_does_not_matter(seed: int) -> None:
    r = Random(seed)
    for _ in range(10):
        a, b, lo, hi, demand = random_problem(r, most=24)
        order = r.sample(range(len(a)), len(a))
        shuffled = Balance(*([x[k] for k in order] for x in (a, b, lo, hi))).solve(demand)
        exact = solve_exact(a, b, lo, hi, demand)
        back = [0.0] * len(a)
        for place, k in enumerate(order):
            back[k] = shuffled.p_w[place]
        top = max([abs(float(p)) for p in exact.p_w] + [abs(demand), TINY_W])
        slack = 1e-9 * top + 1e-15 * max([abs(x) for x in lo + hi], default=0.0)
        assert all(abs(p - q) <= slack for p, q in zip(back, exact.p_w, strict=True))


@settings(max_examples=60, deadline=None)
@given(problem=small_problems(), demands=st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9)))
def test_more_demand_never_lowers_a_device(problem: Problem, demands: tuple[float, float]) -> None:
    assume(demands[0] != demands[1])
    site = Balance(*problem[:4])
    low, high = (site.solve(d) for d in sorted(demands))
    slack = 1e-12 * max([abs(x) for x in problem[2] + problem[3]], default=0.0)
    assert all(p <= q + slack for p, q in zip(low.p_w, high.p_w, strict=True))


# ------------------------------------------------------------------ by hand


def test_an_empty_site_states_shortage_and_surplus() -> None:
    site = Balance([], [], [], [])
    assert site.solve() == Answer((), 0.0)
    assert (site.solve(5.0).shortage_w, site.solve(-5.0).surplus_w) == (5.0, 5.0)


def test_one_device_follows_the_demand_within_its_range() -> None:
    site = Balance([2.0], [1.0], [-10.0], [10.0])
    assert (site.solve(4.0).p_w, site.solve(4.0).price) == ((4.0,), 9.0)
    assert site.solve(4.0).reasons == (Reason.interior,)
    short = site.solve(12.5)
    assert (short.p_w, short.shortage_w, short.price) == ((10.0,), 2.5, 21.0)
    over = site.solve(-12.5)
    assert (over.p_w, over.surplus_w, over.price) == ((-10.0,), 2.5, -19.0)


def test_discharge_meets_a_load() -> None:
    # Bus injection: a fixed load draws 3 kW, the battery gives it.
    answer = Balance([1e-4, 0.0], [0.1, 0.0], [-5e3, -3e3], [5e3, -3e3]).solve()
    assert answer.p_w == (3000.0, -3000.0)
    assert answer.reasons == (Reason.interior, Reason.fixed)


def test_rounding_is_not_a_shortage() -> None:
    answer = Balance([1.0] * 2, [0.0] * 2, [0.0] * 2, [0.1, 0.2]).solve(0.30000000000000004)
    assert (answer.shortage_w, answer.p_w) == (0.0, (0.1, 0.2))


# ------------------------------------------------------------------ bugs met before


def test_equal_slopes_on_two_passes_do_not_stop_the_search() -> None:
    # After the step from 0.5 W the slope is the same but belongs to another device.
    site = Balance([1.0, 1.0], [0.0, 100.0], [0.0, 0.0], [1.0, 1000.0])
    assert site.solve(0.5).p_w == (0.5, 0.0)
    assert site.solve(500.0).p_w == (1.0, 499.0)


def test_a_bracket_one_ulp_off_a_break_point_does_not_loop() -> None:
    r = Random(3)
    for _ in range(300):
        a, b, lo = r.uniform(1e-6, 1e-2), r.uniform(-1, 1), r.uniform(-5e3, 5e3)
        hi = lo + r.uniform(0, 5e3)
        site = Balance([a, 1e-3], [b, 0.0], [lo, 0.0], [hi, 0.0])
        for edge in (lo, hi):
            for target in (edge, math.nextafter(edge, -math.inf), math.nextafter(edge, math.inf)):
                answer = site.solve(target)
                assert answer.passes <= 12
                assert abs(answer.p_w[0] - target) <= 4 * math.ulp(target)


def test_plateaus_of_zero_slope() -> None:
    # Nothing moves between the prices 0.1 and 0.9; the demand sits on the flat and around it.
    problem = [0.0, 1e-6, 0.0], [0.1, 0.9, 5.0], [0.0, 0.0, 0.0], [1000.0, 1000.0, 1000.0]
    site = Balance(*problem)
    for demand in (1000.0, math.nextafter(1000.0, 0), math.nextafter(1000.0, 2e3), 999.0, 1001.0):
        check((*problem, demand), site.solve(demand))
    flat = site.solve(1000.0)
    assert (flat.p_w, flat.price) == ((1000.0, 0.0, 0.0), 0.1)
    assert flat.reasons == (Reason.at_upper, Reason.at_lower, Reason.at_lower)


def test_a_tie_is_shared_in_proportion_to_the_ranges() -> None:
    answer = Balance([0.0] * 3, [0.2] * 3, [0.0, -100.0, 5.0], [300.0, 0.0, 5.0]).solve(105.0)
    assert answer.p_w == (150.0, -50.0, 5.0)
    assert answer.price == 0.2
    assert answer.reasons == (Reason.tie, Reason.tie, Reason.fixed)


def test_a_tie_owns_the_whole_remainder() -> None:
    # A curved device stops exactly where the tie begins; no watt may be left without an owner.
    problem = [1e-3, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 0.0], [2e3, 1e3, 3e3]
    site = Balance(*problem)
    for demand in (500.0, math.nextafter(500.0, 1e9), 500.5, 2500.0, 4500.0, 4500.5):
        check((*problem, demand), site.solve(demand))


def test_the_rounding_of_a_tie_stays_with_its_widest_device() -> None:
    # Given to the narrow one, the rounding of the wide one's share spoiled the proportion.
    problem = [0.0, 0.0], [-0.1, -0.1], [-1000.0, -36799752.0], [0.0, 3191.0]
    narrow, wide = Balance(*problem).solve(2000.0).p_w
    part = solve_exact(*problem, 2000.0).p_w
    assert abs(narrow - part[0]) <= 1e-12
    assert narrow + wide == 2000.0


def test_rounding_finds_an_owner_among_devices_just_at_a_bound() -> None:
    problem = [0.0, 0.5], [0.3, -0.1], [0.0, -1000.0], [1e-12, 1000.0]
    check((*problem, 1000.0), Balance(*problem).solve(1000.0))


@pytest.mark.parametrize("demand", [0.0, -5e-300, 1e-16])
def test_a_share_rounded_to_a_bound_still_owns_the_rounding(demand: float) -> None:
    problem = [0.0, 0.5], [0.0, 0.0], [-1000.0, -1000.0], [2.220446049250313e-16, 1.0]
    check((*problem, demand), Balance(*problem).solve(demand))


def test_neighbouring_prices_are_no_tie() -> None:
    above = math.nextafter(0.3, 1)
    answer = Balance([0.0, 0.0], [above, 0.3], [0.0, 0.0], [100.0, 100.0]).solve(150.0)
    assert answer.p_w == (50.0, 100.0)
    assert answer.price == above


def test_nearly_linear_devices_are_placed_between_neighbouring_prices() -> None:
    # All of both ranges lies within one ulp of the price, yet the answer is unique.
    answer = Balance([1e-40, 3e-40], [0.1, 0.1], [0.0, 0.0], [100.0, 100.0]).solve(80.0)
    assert answer.p_w == pytest.approx((60.0, 20.0), rel=1e-15)


@pytest.mark.parametrize("n", [16, 64])
def test_a_staircase_of_linear_devices_is_climbed_by_halves(n: int) -> None:
    site = Balance([0.0] * n, [float(k) for k in range(n)], [0.0] * n, [10.0] * n)
    answer = site.solve(10.0 * (n - 2) + 5.0)
    assert answer.price == n - 2
    assert answer.passes <= 80
