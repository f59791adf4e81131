"""Sites by hand, and faults met before: small, with whole numbers, and one for each idea."""

import math
from random import Random

import pytest
from core_kit import at, check, solved

from nansha_core import Answer, Balance, Hold, Problem, Reason, Tier, Tree, flat

INF = math.inf


def test_an_empty_site_states_shortage_and_surplus() -> None:
    empty = flat([], [], [], [])
    assert solved(empty) == Answer(
        p_w=(), reasons=(), prices=((0.0,), (0.0,)), holds=(Hold.free,), overload_w=(0.0,),
        residual_w=0.0, shortage_w=0.0, surplus_w=0.0,
    )  # fmt: skip
    assert solved(at(empty, 5.0)).shortage_w == 5.0
    assert solved(at(empty, -5.0)).surplus_w == 5.0


def test_one_row_follows_the_demand_within_its_range() -> None:
    site = flat([2.0], [1.0], [-10.0], [10.0])
    four = solved(at(site, 4.0))
    assert (four.p_w, four.price, four.reasons) == ((4.0,), 9.0, (Reason.interior,))
    short = solved(at(site, 12.5))
    assert (short.p_w, short.shortage_w, short.price) == ((10.0,), 2.5, 21.0)
    over = solved(at(site, -12.5))
    assert (over.p_w, over.surplus_w, over.price) == ((-10.0,), 2.5, -19.0)


def test_discharge_meets_a_load() -> None:
    # Bus injection: a fixed load draws 3 kW, the battery gives it.
    answer = solved(flat([1e-4, 0.0], [0.1, 0.0], [-5e3, -3e3], [5e3, -3e3]))
    assert answer.p_w == (3000.0, -3000.0)
    assert answer.reasons == (Reason.interior, Reason.fixed)


def test_rounding_is_not_a_shortage() -> None:
    answer = solved(flat([1.0] * 2, [0.0] * 2, [0.0] * 2, [0.1, 0.2], 0.30000000000000004))
    assert (answer.shortage_w, answer.p_w) == (0.0, (0.1, 0.2))


# ------------------------------------------------------------------ groups


FEEDERS = Tree(
    group=[1, 1, 2, 0],
    parent=[-1, 0, 0],
    cap_lo_w=[-INF, -INF, -2000.0],
    cap_hi_w=[INF, 5000.0, INF],
    names=["site", "roof", "charging"],
)


def test_a_feeder_caps_what_its_rows_give_together() -> None:
    # Two arrays of 4 kW behind 5 kW; the grid takes what the load leaves.
    site = Problem(
        tiers=(Tier([0.0, 0.0, 0.0, 1e-6], [-1.0, -1.0, 0.0, 0.2]),),
        lo_w=[0.0, 0.0, -1000.0, -9000.0],
        hi_w=[4000.0, 4000.0, -1000.0, 9000.0],
        tree=FEEDERS,
    )
    answer = solved(site)
    assert answer.p_w == (2500.0, 2500.0, -1000.0, -4000.0)  # the arrays share alike
    assert answer.holds == (Hold.free, Hold.at_upper, Hold.free)
    assert answer.prices[0][1] == -1.0  # a watt more behind the feeder is worth nothing
    check(site, answer)


def test_a_load_out_of_its_feeders_reach_is_told_as_overload() -> None:
    site = Problem(
        tiers=(Tier([0.0] * 4, [0.0, 0.0, 0.0, 0.3]),),
        lo_w=[0.0, 0.0, -3000.0, -9000.0],
        hi_w=[0.0, 0.0, -3000.0, 9000.0],
        tree=FEEDERS,
    )
    answer = solved(site)
    assert answer.overload_w == (0.0, 0.0, -1000.0)
    assert answer.p_w == (0.0, 0.0, -3000.0, 3000.0)
    check(site, answer)


def test_no_price_trades_a_critical_load_for_a_cent() -> None:
    # A shed watt of the first tier costs 1; the second tier would pay a million for it.
    for worth in (1.0, 1e6, 1e100):
        site = Problem(
            tiers=(Tier([0.0, 0.0, 0.0], [1.0, 0.0, 0.0]), Tier([0.0] * 3, [0.0, worth, 0.3])),
            lo_w=[-3000.0, -5000.0, 0.0],
            hi_w=[0.0, 0.0, 4000.0],
        )
        answer = solved(site)
        assert answer.p_w == (-3000.0, -1000.0, 4000.0)
        check(site, answer)


# ------------------------------------------------------------------ faults met before


def test_equal_slopes_on_two_passes_do_not_stop_the_search() -> None:
    # After the step from 0.5 W the slope is the same but belongs to another row.
    site = Balance(flat([1.0, 1.0], [0.0, 100.0], [0.0, 0.0], [1.0, 1000.0]))
    site.solve(0.5)
    assert tuple(site.p_w) == (0.5, 0.0)
    site.solve(500.0)
    assert tuple(site.p_w) == (1.0, 499.0)


def test_a_bracket_one_ulp_off_a_break_point_does_not_loop() -> None:
    r = Random(3)
    for _ in range(300):
        a, b, lo = r.uniform(1e-6, 1e-2), r.uniform(-1, 1), r.uniform(-5e3, 5e3)
        hi = lo + r.uniform(0, 5e3)
        site = Balance(flat([a, 1e-3], [b, 0.0], [lo, 0.0], [hi, 0.0]))
        for edge in (lo, hi):
            for target in (edge, math.nextafter(edge, -INF), math.nextafter(edge, INF)):
                site.solve(target)
                assert site.passes <= 14
                assert abs(site.p_w[0] - target) <= 4 * math.ulp(target)


def test_plateaus_of_zero_slope() -> None:
    # Nothing moves between the prices 0.1 and 0.9; the demand sits on the flat and around it.
    site = flat([0.0, 1e-6, 0.0], [0.1, 0.9, 5.0], [0.0] * 3, [1000.0] * 3)
    for demand in (1000.0, math.nextafter(1000.0, 0), math.nextafter(1000.0, 2e3), 999.0, 1001.0):
        check(at(site, demand), solved(at(site, demand)))
    on_it = solved(at(site, 1000.0))
    assert (on_it.p_w, on_it.price) == ((1000.0, 0.0, 0.0), 0.1)
    assert on_it.reasons == (Reason.at_upper, Reason.at_lower, Reason.at_lower)


def test_a_tie_is_shared_in_proportion_to_the_ranges() -> None:
    answer = solved(flat([0.0] * 3, [0.2] * 3, [0.0, -100.0, 5.0], [300.0, 0.0, 5.0], 105.0))
    assert answer.p_w == (150.0, -50.0, 5.0)
    assert answer.price == 0.2
    assert answer.prices[-1][0] == pytest.approx(0.5)
    assert answer.reasons == (Reason.tie, Reason.tie, Reason.fixed)


def test_a_tie_owns_the_whole_remainder() -> None:
    # A curved row stops exactly where the tie begins; no watt may be left without an owner.
    site = flat([1e-3, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0] * 3, [2e3, 1e3, 3e3])
    for demand in (500.0, math.nextafter(500.0, 1e9), 500.5, 2500.0, 4500.0, 4500.5):
        check(at(site, demand), solved(at(site, demand)))


def test_the_rounding_of_a_tie_stays_with_its_widest_row() -> None:
    # Given to the narrow one, the rounding of the wide one's share spoiled the proportion.
    site = flat([0.0, 0.0], [-0.1, -0.1], [-1000.0, -36799752.0], [0.0, 3191.0], 2000.0)
    exact = check(site, solved(site))
    narrow, wide = solved(site).p_w
    assert abs(narrow - float(exact.p_w[0])) <= 1e-12
    assert narrow + wide == 2000.0


def test_rounding_finds_an_owner_among_rows_just_at_a_bound() -> None:
    site = flat([0.0, 0.5], [0.3, -0.1], [0.0, -1000.0], [1e-12, 1000.0], 1000.0)
    check(site, solved(site))


@pytest.mark.parametrize("demand", [0.0, -5e-300, 1e-16])
def test_a_share_rounded_to_a_bound_still_owns_the_rounding(demand: float) -> None:
    site = flat([0.0, 0.5], [0.0, 0.0], [-1000.0, -1000.0], [2.220446049250313e-16, 1.0], demand)
    check(site, solved(site))


def test_neighbouring_prices_are_no_tie() -> None:
    above = math.nextafter(0.3, 1)
    answer = solved(flat([0.0, 0.0], [above, 0.3], [0.0, 0.0], [100.0, 100.0], 150.0))
    assert (answer.p_w, answer.price) == ((50.0, 100.0), above)


def test_nearly_linear_rows_are_placed_between_neighbouring_prices() -> None:
    # All of both ranges lies within one ulp of the price, yet the answer is unique.
    answer = solved(flat([1e-40, 3e-40], [0.1, 0.1], [0.0, 0.0], [100.0, 100.0], 80.0))
    assert answer.p_w == pytest.approx((60.0, 20.0), rel=1e-15)


@pytest.mark.parametrize("n", [16, 64])
def test_a_staircase_of_linear_rows_is_climbed_by_halves(n: int) -> None:
    site = Balance(flat([0.0] * n, [float(k) for k in range(n)], [0.0] * n, [10.0] * n))
    assert site.solve(10.0 * (n - 2) + 5.0) == n - 2
    assert site.passes <= 80


def test_a_group_that_a_tie_straddles_keeps_its_lower_cap() -> None:
    # The zone's tie is left without a watt: its rows close at the bottom, but not below the cap.
    site = Problem(
        tiers=(Tier([0.0] * 3, [0.0, -1.0, 0.0]), Tier([1.0, 0.0, 0.0], [0.0, 0.0, 1.0])),
        lo_w=[-2.0, -2.0, -1.0],
        hi_w=[0.0, 0.0, 0.0],
        demand_w=-2.0,
        tree=Tree(
            group=[2, 1, 1],
            parent=[-1, 0, 1],
            cap_lo_w=[-INF, -2.0, -1.0],
            cap_hi_w=[INF, -2.0, INF],
        ),
    )
    check(site, solved(site))


def test_a_row_inside_a_group_just_at_its_cap_tells_the_price() -> None:
    site = Problem(
        tiers=(Tier([1.0, 1.0, 1.0], [0.0, 1.0, 1.0]),),
        lo_w=[0.0, 0.0, 0.0],
        hi_w=[3.0, 1.0, 2.0],
        demand_w=12.0,
        tree=Tree(
            group=[2, 1, 0],
            parent=[-1, 0, 1],
            cap_lo_w=[-INF, -INF, -INF],
            cap_hi_w=[INF, 1.0, 1.0],
        ),
    )
    exact = check(site, solved(site))
    assert solved(site).holds == exact.holds


def test_a_group_at_the_end_of_its_reach_is_not_blamed_for_its_cap() -> None:
    # Its rows lie at their lowest anyway, which is where the cap begins: the outer price would do.
    site = Problem(
        tiers=(Tier([0.0] * 3, [1.0, 1.0, 1.0]),),
        lo_w=[0.0, 1.0, 0.0],
        hi_w=[2.0, 3.0, 2.0],
        demand_w=2.0,
        tree=Tree(group=[0, 1, 0], parent=[-1, 0], cap_lo_w=[-INF, -INF], cap_hi_w=[INF, 1.5]),
    )
    exact = check(site, solved(site))
    assert solved(site).holds == exact.holds


def test_a_cap_met_without_being_needed_still_says_the_price() -> None:
    # The group's row is inside its range, its sum just at the lower cap: by the rule the site's
    # price is that of the dearest watt delivered outside.
    site = Problem(
        tiers=(Tier([0.5, 0.0], [1.0, 2.0]),),
        lo_w=[2.0, 2.0],
        hi_w=[5.0, 4.0],
        demand_w=7.0,
        tree=Tree(group=[1, 0], parent=[-1, 0], cap_lo_w=[-INF, 3.0], cap_hi_w=[INF, 5.0]),
    )
    exact = check(site, solved(site))
    assert solved(site).prices[0] == tuple(map(float, exact.prices[0])) == (2.0, 2.5)
    assert solved(site).holds == exact.holds == (Hold.free, Hold.at_lower)
