"""Devices become rows and come back: pieces, convexity, ramps, against solvers not written here."""

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from device_kit import (
    INF,
    TIERS,
    Program,
    curves,
    devices,
    exact_cost,
    microgrids,
    power,
    solve,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nansha_core import ProblemError
from nansha_core.curve import Curve, kinked, linear, piecewise, quadratic
from nansha_core.devices import (
    ABSORB,
    PRICE,
    SERVE_CRITICAL,
    SERVE_PRIORITY,
    STANDARD_TIERS,
    WINDOW,
    Device,
    Ramp,
    battery,
    charger,
    grid,
    load,
    pv,
)
from nansha_core.microgrid import Group, Microgrid

watts = st.integers(-20, 20).map(float)
finite = st.floats(-1e6, 1e6)


# ------------------------------------------------------------------ curves


@given(curves(convex=False), finite, finite)
def test_a_change_of_cost_is_the_integral_of_the_marginal_cost(
    curve: Curve, p: float, q: float
) -> None:
    p_, q_ = Fraction(p), Fraction(q)
    true = exact_cost(curve, q_) - exact_cost(curve, p_)
    size = sum(
        a * (p * p + q * q) + abs(b) * (abs(p) + abs(q))
        for a, b in zip(curve.a, curve.b, strict=True)
    )
    assert abs(Fraction(curve.change(p, q)) - true) <= Fraction(1e-14) * Fraction(size)
    assert curve.cost(0.0) == 0.0


@given(curves(), watts, watts)
def test_one_of_the_corners_is_the_cheapest(curve: Curve, p: float, q: float) -> None:
    lo, hi = min(p, q), max(p, q)
    corners = curve.corners(lo, hi)
    assert all(lo <= x <= hi for x in corners)
    least = min(map(curve.cost, corners))
    steps = [lo + (hi - lo) * k / 64 for k in range(65)]
    assert all(least <= curve.cost(x) + 1e-9 for x in steps)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: quadratic(-1.0), "a = -1.0: give 0 or more"),
        (lambda: linear(math.nan), "b = nan: give a finite number"),
        (lambda: piecewise([1, 1], [(0, 0)] * 3), "kinks_w = 1 before 1: give them in rising"),
        (lambda: piecewise([1], [(0, 0)]), "a = 1 values: 1 kinks make 2 pieces"),
    ],
)
def test_wrong_curves(wrong: object, words: str) -> None:
    with pytest.raises(ProblemError, match=words.replace("[", r"\[")):
        wrong()  # type: ignore[operator]


# ------------------------------------------------------------------ pieces


@given(devices())
def test_the_rows_of_a_device_reach_what_it_reaches(device: Device) -> None:
    microgrid = Microgrid([device], tiers=TIERS)
    problem = microgrid.problem()
    assert microgrid.rows("it") == range(len(problem.lo_w))
    assert math.fsum(problem.lo_w) == device.lo_w
    assert math.fsum(problem.hi_w) == device.hi_w
    assert all(math.copysign(1.0, x) > 0 for x in (*problem.lo_w, *problem.hi_w) if x == 0)


@given(devices(), st.integers(-9, 9), st.integers(0, 18))
def test_bounds_move_and_rows_stay(device: Device, lo: int, width: int) -> None:
    """So a Balance can be kept, and only its bounds set."""
    moved = Device(
        name="it", lo_w=float(lo), hi_w=float(lo + width), costs=device.costs, group=device.group
    )
    before, after = (Microgrid([d], tiers=TIERS).problem() for d in (device, moved))
    assert before.tiers == after.tiers
    assert before.names == after.names
    assert before.tree == after.tree


@given(microgrids(zero=False), st.integers(-12, 12))
def test_pieces_fill_in_order_and_cost_what_the_curve_costs(
    microgrid: Microgrid, demand: int
) -> None:
    problem, answer = solve(microgrid, float(demand))
    for device in microgrid.devices:
        rows = microgrid.rows(device.name)
        for i, j in pairwise(rows):
            straight = all(t.a[i] == t.a[j] == 0 and t.b[i] == t.b[j] for t in problem.tiers)
            begun = answer.p_w[j] - problem.lo_w[j]
            left = problem.hi_w[i] - answer.p_w[i]
            assert straight or min(begun, left) <= 1e-12
        p = sum(map(Fraction, (answer.p_w[i] for i in rows)), Fraction(0))
        for tier in problem.tiers:
            terms = []
            for i in rows:
                q = Fraction(answer.p_w[i])
                terms += [Fraction(tier.a[i]) * q * q / 2, Fraction(tier.b[i]) * q]
            curve = device.costs.get(tier.name, Curve())
            size = sum(map(abs, terms), Fraction(1e-3))
            assert abs(sum(terms) - exact_cost(curve, p)) <= Fraction(1e-12) * size


def test_a_battery_is_its_charge_and_its_discharge() -> None:
    it = battery("battery", 5000, 4000, charge_below=0.2, discharge_above=0.6, window=1.0)
    problem = Microgrid([it]).problem()
    assert problem.names == ("battery/1", "battery/2")
    assert (problem.lo_w, problem.hi_w) == ((-5000.0, 0.0), (0.0, 4000.0))
    assert problem.tiers[STANDARD_TIERS.index(PRICE)].b == (0.2, 0.6)
    assert problem.tiers[STANDARD_TIERS.index(WINDOW)].b == (1.0, 1.0)


def test_pieces_are_cut_at_the_kinks_of_all_tiers() -> None:
    costs = {
        "first": piecewise([1000], [(0.5, 0.0), (0.5, 100.0)]),
        "second": piecewise([-500, 2000], [(0, 1), (0, 2), (1, 3)]),
    }
    it = Device(name="it", lo_w=-3000.0, hi_w=3000.0, costs=costs)
    problem = Microgrid([it], tiers=("first", "second")).problem()
    assert problem.lo_w == (-2500.0, -500.0, 0.0, 0.0)
    assert problem.hi_w == (0.0, 1000.0, 1000.0, 1000.0)
    assert problem.tiers[0].a == (0.5, 0.5, 0.5, 0.5)
    assert problem.tiers[0].b == (-250.0, 0.0, 600.0, 1100.0)
    assert problem.tiers[1].a == (0.0, 0.0, 0.0, 1.0)
    assert problem.tiers[1].b == (1.0, 2.0, 2.0, 2003.0)


# ------------------------------------------------------------------ convexity


@given(devices(convex=False), st.permutations(TIERS))
@settings(max_examples=300)
def test_exactly_the_convex_are_accepted(device: Device, tiers: list[str]) -> None:
    """Against the definition: nowhere may the mean of two powers cost more than their mean cost.

    Read tier by tier, the first that differs counts.
    """
    near = Fraction(1, 10**6)
    convex = True
    for x in map(Fraction, {x for curve in device.costs.values() for x in curve.kinks_w}):
        for tier in tiers:
            if tier in device.costs:
                cost = device.costs[tier]
                bend = exact_cost(cost, x - near) + exact_cost(cost, x + near)
                bend -= 2 * exact_cost(cost, x)
                if bend:
                    convex = convex and bend > 0
                    break
    try:
        Microgrid([device], tiers=tiers)
    except ProblemError as error:
        assert not convex
        assert error.index == 0
        assert error.name == "it"
    else:
        assert convex


def test_selling_dearer_than_buying_is_refused_in_words() -> None:
    good = grid("line", 5000, 5000, buy=0.5, sell=0.5)
    bad = grid("grid", 5000, 5000, buy=0.3, sell=0.5)
    with pytest.raises(ProblemError) as caught:
        Microgrid([good, bad])
    assert str(caught.value) == (
        "device 1 (grid): cost in tier 'price' at the kink 0 W = 0.5 below, 0.3 above: selling "
        "would bring more than buying costs, so to do both at once would be an endless money loop. "
        "Sell no dearer than you buy (charge no dearer than you discharge), or let a switch do one "
        "at a time: nansha_core.switch.one_way"
    )


def test_a_fall_is_found_outside_the_bounds_and_to_the_last_bit() -> None:
    a, x = 1 / 3, 1234.5
    top = a * x  # rounded: the exact products differ from it, one way or the other
    for b, above in ((0.0, math.nextafter(top, 0)), (0.0, math.nextafter(top, INF))):
        it = Device(
            name="it", lo_w=0.0, hi_w=1.0, costs={PRICE: piecewise([x], [(a, b), (0.0, above)])}
        )
        if Fraction(above) < Fraction(a) * Fraction(x):
            with pytest.raises(ProblemError, match=r"device 0 \(it\).*'price'.*1234\.5 W"):
                Microgrid([it])
        else:
            Microgrid([it])


# ------------------------------------------------------------------ ramps

ramps = st.builds(
    Ramp,
    last_w=finite,
    up_w_per_s=st.floats(0, 1e5) | st.just(INF),
    down_w_per_s=st.floats(0, 1e5) | st.just(INF),
    dt_s=st.floats(1e-3, 100),
)


@given(ramps, finite, finite)
def test_a_ramp_leaves_what_is_in_reach_and_allowed(ramp: Ramp, p: float, q: float) -> None:
    lo, hi = min(p, q), max(p, q)
    least, most = ramp.reach_w
    left, right = ramp.narrow(lo, hi)
    assert least <= left <= right <= most
    if max(lo, least) <= min(hi, most):
        assert (left, right) == (max(lo, least), min(hi, most))
        assert not ramp.misses(lo, hi)
    else:
        assert ramp.misses(lo, hi)
        assert left == right

        def gap(x: float) -> float:
            return max(lo - x, x - hi)

        ends = [x for x in (least, most, ramp.last_w) if math.isfinite(x)]
        assert gap(left) == min(map(gap, ends)) > 0


@given(ramps, finite, finite)
def test_cycle_after_cycle_the_bounds_are_reached(ramp: Ramp, p: float, q: float) -> None:
    lo, hi = min(p, q), max(p, q)
    rate = ramp.up_w_per_s if ramp.last_w < lo else ramp.down_w_per_s
    away = max(lo - ramp.last_w, ramp.last_w - hi, 0.0)
    assume(away <= 50 * rate * ramp.dt_s)
    last, cycles = ramp.last_w, 0
    while not lo <= last <= hi:
        step = Ramp(last, ramp.up_w_per_s, ramp.down_w_per_s, ramp.dt_s)
        left, right = step.narrow(lo, hi)
        last = left if last < lo else right
        cycles += 1
        assert cycles <= 52


def test_no_ramp_narrows_nothing() -> None:
    assert Ramp(0.0, INF, INF, 1.0).narrow(-3.0, 5.0) == (-3.0, 5.0)


@pytest.mark.parametrize("wrong", [(math.nan, 1, 1, 1), (0, -1, 1, 1), (0, 1, -1, 1), (0, 1, 1, 0)])
def test_wrong_ramps(wrong: tuple[float, float, float, float]) -> None:
    with pytest.raises(ProblemError):
        Ramp(*wrong)


@given(devices(), watts, st.integers(0, 5), st.integers(0, 5))
def test_a_ramped_device_ends_within_its_narrowed_bounds(
    device: Device, last: float, up: int, down: int
) -> None:
    ramp = Ramp(last, float(up), float(down), 1.0)
    it = Device(name="it", lo_w=device.lo_w, hi_w=device.hi_w, costs=device.costs, ramp=ramp)
    slack = Device(name="slack", lo_w=-100.0, hi_w=100.0)
    microgrid = Microgrid([it, slack], tiers=TIERS)
    _, answer = solve(microgrid)
    lo, hi = ramp.narrow(device.lo_w, device.hi_w)
    assert lo - 1e-12 <= power(microgrid, answer, "it") <= hi + 1e-12


# ------------------------------------------------------------------ names


def test_names_that_are_not_there() -> None:
    house = load("house", 1000, SERVE_CRITICAL, group="feeder")
    feeder = Group(name="feeder")
    with pytest.raises(ProblemError, match=r"\(house\): costs = 'serve critcal'.*'serve critical'"):
        Microgrid([load("house", 1000, "serve critcal")])
    with pytest.raises(ProblemError, match=r"\(house\): group.*did you mean 'feeders'\?"):
        Microgrid([house], [Group(name="feeders")])
    with pytest.raises(ProblemError, match=r"group 1 \(feeder\): parent = 'sit'.*mean 'site'"):
        Microgrid([house], [Group(name="feeder", parent="sit")])
    with pytest.raises(ProblemError, match="did you mean 'house'"):
        Microgrid([house], [feeder]).rows("hous")
    with pytest.raises(ProblemError, match="there are 'house'"):
        Microgrid([house], [feeder]).rows("zzz")


def test_names_that_are_there_twice() -> None:
    house = load("house", 1000, SERVE_CRITICAL)
    with pytest.raises(ProblemError, match=r"device 1 \(house\).*device 0 has that name too"):
        Microgrid([house, house])
    with pytest.raises(ProblemError, match=r"group 2 \(a\).*group 1 has that name too"):
        Microgrid([house], [Group(name="a"), Group(name="a")])
    with pytest.raises(ProblemError, match=r"group 1 \(site\)"):
        Microgrid([house], [Group(name="site")])
    with pytest.raises(ProblemError, match="tier 0 has that name too"):
        Microgrid([house], tiers=[SERVE_CRITICAL, SERVE_CRITICAL])


def test_groups_that_go_round_and_caps_that_cross() -> None:
    round_ = [Group(name="a", parent="b"), Group(name="b", parent="a")]
    with pytest.raises(ProblemError, match="go round in a circle"):
        Microgrid([], round_)
    with pytest.raises(ProblemError, match=r"group 1 \(a\): cap_lo_w"):
        Microgrid([], [Group(name="a", cap_lo_w=1.0, cap_hi_w=0.0)])


def test_sizes_are_not_signed() -> None:
    for wrong in (
        lambda: load("it", -1, SERVE_PRIORITY),
        lambda: pv("it", -1),
        lambda: grid("it", 1, -1, buy=1, sell=0),
        lambda: battery("it", -1, 1, charge_below=0, discharge_above=1),
        lambda: charger("it", math.nan),
    ):
        with pytest.raises(ProblemError, match=r"it\.\w+_w = .*the sign is put in for you"):
            wrong()


def test_the_usual_devices_keep_the_sign_of_the_bus() -> None:
    it = Microgrid(
        [
            load("load", 10, SERVE_PRIORITY),
            pv("pv", 10),
            charger("charger", 10, pays=0.4),
            grid("grid", 20, 10, buy=0.5, sell=0.3),
        ]
    )
    bounds = [(device.lo_w, device.hi_w) for device in it.devices]
    assert bounds == [(-10.0, 0.0), (0.0, 10.0), (-10.0, 0.0), (-10.0, 20.0)]
    nothing = Microgrid([load("load", 0, SERVE_PRIORITY)]).problem()
    assert math.copysign(1.0, nothing.lo_w[0]) > 0  # no -0.0 that a log would show
    assert it.device("load").costs == {SERVE_PRIORITY: linear(1.0)}
    assert it.device("pv").costs == {ABSORB: linear(-1.0)}
    assert it.device("grid").costs == {PRICE: kinked(0.3, 0.5)}


# ------------------------------------------------------------------ oracles


@given(microgrids(linear=True))
@settings(max_examples=120)
def test_tiers_cost_what_sequential_linear_programs_say(microgrid: Microgrid) -> None:
    _, answer = solve(microgrid)
    for tier, least in zip(TIERS, Program(microgrid).least_costs(), strict=True):
        cost = math.fsum(
            device.costs[tier].cost(power(microgrid, answer, device.name))
            for device in microgrid.devices
            if tier in device.costs
        )
        assert cost == pytest.approx(least, abs=1e-6)


@given(microgrids(linear=True), st.data())
@settings(max_examples=120)
def test_a_curved_tier_costs_what_a_quadratic_program_says(
    microgrid: Microgrid, data: st.DataObject
) -> None:
    """The first tier's curves get an a of their own each, the same in all their pieces."""
    bent = []
    for device in microgrid.devices:
        curve = device.costs.get("first", linear(0.0))
        a = data.draw(st.sampled_from((0.0, 0.5, 1.0)))
        curve = Curve((a,) * len(curve.b), curve.b, curve.kinks_w)
        bent.append(
            Device(
                name=device.name, lo_w=device.lo_w, hi_w=device.hi_w, group=device.group,
                costs={"first": curve},
            )
        )  # fmt: skip
    microgrid = Microgrid(bent, microgrid.groups, ("first",))
    _, answer = solve(microgrid)
    cost = math.fsum(d.costs["first"].cost(power(microgrid, answer, d.name)) for d in bent)
    assert cost == pytest.approx(Program(microgrid).least_quadratic(0), abs=1e-5)
