"""Dispatch by the hour: tariff, storage, cars. Figures reckoned by hand from the tariff."""

import random
from datetime import timedelta
from itertools import pairwise

import pytest
from host_kit import EVENING, NOON, PEAK, SHARP, VALLEY, demo, image, local_ms, run, twins
from hypothesis import example, given
from hypothesis import strategies as st

from nansha.dispatch import ControlState, Mode
from nansha.dispatch.prices import Prices
from nansha.dispatch.value import WEAR_CNY_PER_KWH, worth
from nansha.session import make_controller
from nansha.tariff import load_tariff

SITE = demo()
TARIFF = load_tariff("guangzhou_industrial_lt1kv")
NIGHT = {"p_w": 0.0, "x": 0.0}


def told(t_ms, site=SITE, **changed):
    return run(site, image(site, t_ms, **changed))[1]


def test_charges_in_the_valley_and_only_from_the_grid():
    dispatch = told(VALLEY, pv_roof=NIGHT)
    assert dispatch.of("battery").p_w == -40_000
    assert dispatch.of("poi").p_w == 40_000 + 28_500
    assert dispatch.mode is Mode.GRID_CONNECTED
    assert dispatch.price == pytest.approx(0.2556)


@pytest.mark.parametrize("t_ms", [PEAK, SHARP, EVENING])
def test_discharges_in_dear_hours_but_sells_none_of_it(t_ms):
    """28.5 kW of loads, 10 kW of sun: the battery gives the rest and the grid nothing."""
    dispatch = told(t_ms)
    assert dispatch.of("battery").p_w == 18_500
    assert dispatch.of("poi").p_w == 0


def test_the_sun_is_stored_before_it_is_sold():
    dispatch = told(NOON, pv_roof={"p_w": 50_000.0})
    assert dispatch.of("battery").p_w <= -21_500
    assert dispatch.of("poi").p_w >= 0 or dispatch.of("battery").p_w == -40_000


def test_the_reserve_is_for_the_island():
    for soc, power in ((0.30, 0), (0.31, 18_500), (0.29, 0)):
        got = told(PEAK, battery={"x": soc}).of("battery").p_w
        assert got == power if power == 0 else 0 < got <= power
    island = {"closed": False, "v_v": 0.0, "f_hz": 0.0}
    assert told(PEAK, poi=island, battery={"x": 0.28}).of("battery").p_w > 0


def test_the_window_fades_and_never_flips():
    before = None
    for promille in range(0, 1001, 5):
        power = told(PEAK, pv_roof=NIGHT, battery={"x": promille / 1000}).of("battery").p_w
        assert before is None or power >= before
        before = power
    before = None
    for promille in range(0, 1001, 5):
        power = told(VALLEY, battery={"x": promille / 1000}).of("battery").p_w
        assert before is None or power >= before
        before = power
    assert before == 0


@given(st.integers(0, 365 * 96), st.floats(0, 1), st.integers(0, 60_000), st.integers(0, 25_000))
def test_never_buys_to_sell(quarter, soc, sun, load):
    t_ms = local_ms(2024, 1, 1) + quarter * 900_000
    dispatch = told(
        t_ms,
        pv_roof={"p_w": float(sun)},
        battery={"x": soc},
        load_interruptible={"p_w": -float(load)},
    )
    poi, battery = dispatch.of("poi").p_w, dispatch.of("battery").p_w
    assert not (poi < -1 and battery > 1), "stored energy is sold below its worth"
    surplus = sun - 16_000 - load
    assert not (poi > 1 and surplus > 40_001), "power is bought beside a surplus"


@given(st.lists(st.floats(0.05, 3, allow_nan=False), min_size=1, max_size=97), st.floats(0.5, 1))
def test_thresholds_of_any_prices(prices, efficiency):
    got = worth(prices, efficiency)
    assert got.charge_below < got.discharge_above
    assert got.discharge_above >= min(prices) / efficiency + WEAR_CNY_PER_KWH - 1e-9
    dearest = max(prices)
    assert got.charge_below <= dearest * efficiency - WEAR_CNY_PER_KWH + 1e-9


@given(
    st.lists(st.integers(5, 300).map(lambda fen: fen / 100), min_size=2, max_size=12),
    st.floats(0.7, 1),
    st.integers(1, 4),
)
def test_no_round_trip_at_a_loss(day, efficiency, hours):
    """A battery smaller than any hour trades on the thresholds; the same prices every day."""
    day = [price for price in day for _ in range(hours)]
    kept = None
    for now in range(4 * len(day)):
        ahead = [day[(now + k) % len(day)] for k in range(len(day))]
        got, price = worth(ahead, efficiency), ahead[0]
        if kept is None and price < got.charge_below:
            kept = price
        elif kept is not None and price > got.discharge_above:
            wear = WEAR_CNY_PER_KWH * efficiency
            assert price * efficiency - kept - wear >= -0.003 * max(day), (kept, price)
            kept = None


def test_prices_of_a_year_are_the_tariffs():
    prices = Prices(TARIFF, "Asia/Shanghai", False)
    pick = random.Random(5)
    for _ in range(60):
        t_ms = local_ms(2024, 1, 1) + pick.randrange(366 * 86_400_000)
        at = prices.local(t_ms).replace(tzinfo=None)
        ahead = prices.ahead(t_ms)
        assert prices.buy(t_ms) == ahead[0] == TARIFF.price_cny_per_kwh(at)
        quarter = at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)
        for k in (1, 37, 95):
            assert ahead[k] == TARIFF.price_cny_per_kwh(quarter + timedelta(minutes=15 * k))
        assert prices.sell(t_ms) == pytest.approx(0.453)


# cars


def charge(site, start, end, step_s=20, want_wh=None, base=None, charger="ev_charger"):
    """A car at the charger from `start` to `end`; energy by the minute, contact changes, powers."""
    controller, state = make_controller(site, False), ControlState()
    power, wh, log, moves, closed = 0.0, 0.0, [], 0, False
    for t_ms in range(start, end, step_s * 1000):
        changed = {
            "battery": {"x": 0.30},
            "pv_roof": NIGHT,
            charger: {"p_w": power, "p_set_w": power, "closed": closed, "input": True},
        }
        state, dispatch = controller.step(state, image(site, t_ms, **{**(base or {}), **changed}))
        item = dispatch.of(charger)
        moves += item.closed != closed
        power, closed = float(item.p_w), item.closed
        wh += -power * step_s / 3600
        log.append((t_ms, item.p_w))
    return wh, log, moves


@pytest.mark.parametrize("begin", [(9, 0), (11, 30), (14, 0), (16, 0), (16, 30)])
def test_a_car_leaves_full(begin):
    start, leaves = local_ms(2024, 4, 10, *begin), local_ms(2024, 4, 10, 18, 0)
    wh, _, moves = charge(SITE, start, leaves)
    assert wh >= 0.995 * 30_000
    assert moves <= 8


def morning(departure):
    """The demo with cars that leave early."""
    charger = SITE.asset("ev_charger").model_copy(update={"departure": departure})
    assets = tuple(charger if a.id == charger.id else a for a in SITE.assets)
    return SITE.model_copy(update={"assets": assets})


def test_cheap_hours_are_waited_for():
    site = morning("08:00")
    wh, log, moves = charge(site, local_ms(2024, 4, 10, 20), local_ms(2024, 4, 11, 8), 30)
    midnight = local_ms(2024, 4, 11)
    assert all(power == 0 for t_ms, power in log if t_ms < midnight)
    assert wh == pytest.approx(30_000, rel=0.02)
    assert moves == 2, "one stretch at full power"
    assert {power for _, power in log} == {0, -22_000}


def test_urgency_does_not_chatter():
    """Cheap, dear and flat hours until departure: the power moves a few times, not each minute."""
    start, leaves = local_ms(2024, 7, 10, 9), local_ms(2024, 7, 10, 14)
    wh, log, moves = charge(morning("14:00"), start, leaves, 5)
    assert wh >= 0.995 * 30_000
    steps = sum(a[1] != b[1] for a, b in pairwise(log))
    assert moves <= 4 and steps <= 8


def test_no_car_no_power():
    for t_ms in (VALLEY, NOON, PEAK):
        item = told(t_ms).of("ev_charger")
        assert (item.p_w, item.closed) == (0, False)
    state = ControlState(ev_wh={"ev_charger": 12_345.0})
    state, _ = run(SITE, image(SITE, NOON), state=state)
    assert state.ev_wh["ev_charger"] == 0, "the next car begins at nothing"


@pytest.mark.parametrize(
    ("room", "want"), [(1_000, 0), (2_000, 0), (2_100, -4_140), (5_000, -5_000)]
)
def test_the_gap_closes_from_its_better_side(room, want):
    """In an island with a full battery the car gets the surplus, or nothing, or 6 A."""
    dispatch = told(
        NOON,
        poi={"closed": False, "v_v": 0.0, "f_hz": 0.0},
        pv_roof={"p_w": 28_500.0 + room},
        battery={"x": 0.95},
        ev_charger={"input": True},
    )
    assert dispatch.of("ev_charger").p_w == want


def test_the_gap_never_breaks_the_import_cap():
    """3 kW are left of the cap for a car in a hurry: it gets none, rather than 4.14 kW."""
    site = SITE.model_copy(
        update={
            "assets": tuple(
                a.model_copy(update={"import_limit_w": 31_500.0}) if a.role == "poi" else a
                for a in SITE.assets
            )
        }
    )
    dispatch = told(
        local_ms(2024, 4, 10, 17, 0),
        site,
        pv_roof=NIGHT,
        battery={"x": 0.3},
        ev_charger={"input": True},
    )
    assert dispatch.shortage_w == 0
    assert dispatch.of("ev_charger").p_w == 0
    assert dispatch.of("poi").p_w == 28_500


@example(7_500, 0.95, True)
@given(st.integers(0, 30_000), st.floats(0, 1), st.booleans())
def test_two_chargers_share_outside_their_gaps(sun, soc, island):
    """Settling one charger moves power to the other: both must end outside their gaps."""
    site = twins()
    car = {"input": True}
    away = {"closed": False, "v_v": 0.0, "f_hz": 0.0}
    dispatch = told(
        NOON,
        site,
        poi=away if island else {},
        pv_roof={"p_w": float(sun)},
        pv_roof_2=NIGHT,
        battery={"x": 0.95},
        battery_2={"x": soc},
        load_critical={"p_w": 0.0},
        load_critical_2={"p_w": 0.0},
        load_priority={"p_w": 0.0},
        load_priority_2={"p_w": 0.0},
        load_interruptible={"p_w": 0.0},
        load_interruptible_2={"p_w": 0.0},
        ev_charger=car,
        ev_charger_2=car,
    )
    for name in ("ev_charger", "ev_charger_2"):
        power = -dispatch.of(name).p_w
        assert power == 0 or 4_140 <= power <= site.asset(name).rated_w
