"""What holds for every dispatch, whatever the image: bounds, balance, caps, contacts."""

import copy
import json
from fractions import Fraction

import pytest
from host_kit import demo, image, journeys, loads, local_ms, run, twins, would_refuse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nansha.dispatch import LEASE_MS, ControlState, Mode
from nansha.dispatch.offers import Offers, Tier, pv_available_w
from nansha.dispatch.solve import Balancer, as_problem
from nansha.image import STALE_MS
from nansha.session import make_controller
from nansha_core.reference import solve_exact

SITES = {"demo": demo(), "twins": twins()}
CONNECTED = (Mode.GRID_CONNECTED, Mode.UNKNOWN)
ANY = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow],
)


def steps(site, images):
    """Each image with the state after it and its dispatch."""
    controller = make_controller(site, False)
    state = ControlState()
    for item in images:
        state, dispatch = controller.step(state, item)
        yield item, state, dispatch


def fixed_w(site, item):
    """Power of what is silent and still holds the lease that it had."""
    return sum(
        s.p_w
        for a in site.assets
        if a.role in ("pv", "battery", "ev_charger")
        and (s := item.samples.get(a.id)) is not None
        and STALE_MS < s.age_ms <= LEASE_MS
    )


def demand_w(site, state):
    """What the loads that are on draw, as far as anybody knows."""
    return sum(
        state.demand_w.get(a.id, 0.6 * a.rated_w) for a in loads(site) if a.id not in state.shed
    )


@pytest.mark.parametrize("name", SITES)
@ANY
@given(data=st.data())
def test_no_node_would_refuse(name, data):
    site = SITES[name]
    for _, _, dispatch in steps(site, data.draw(journeys(site, wild=data.draw(st.booleans())))):
        for item in dispatch.assets:
            assert would_refuse(site, item) is None, item
            assert not item.armed or 40 < item.armed_f_hz < site.info.nominal_hz


@pytest.mark.parametrize("name", SITES)
@ANY
@given(data=st.data())
def test_only_what_was_just_heard_is_told_anything(name, data):
    site = SITES[name]
    for item, _, dispatch in steps(site, data.draw(journeys(site, wild=True))):
        told = [a.asset for a in dispatch.assets]
        fresh = [a.id for a in site.assets if a.id in item.samples and item.fresh(a.id)]
        assert told == fresh
        assert len(set(told)) == len(told)


@pytest.mark.parametrize("name", SITES)
@ANY
@given(data=st.data())
def test_it_balances_with_a_sun_that_can_be(name, data):
    """PV setpoints are limits: what the rest leaves to PV must lie between 0 and available."""
    site = SITES[name]
    for item, state, dispatch in steps(site, data.draw(journeys(site))):
        if dispatch.mode is Mode.SYNCHRONISING:
            continue  # the nudge unbalances it on purpose
        told = {a.asset: a.p_w for a in dispatch.assets}
        rest = sum(
            told.get(a.id, 0) for a in site.assets if a.role in ("battery", "ev_charger", "poi")
        )
        if item.fresh(site.poi.id) is None:
            continue  # nobody is told the import, yet it is part of the balance
        sun_w = (
            demand_w(site, state)
            - fixed_w(site, item)
            - dispatch.shortage_w
            + dispatch.surplus_w
            - rest
        )
        most_w = sum(
            pv_available_w(a, s)
            for a in site.assets
            if a.role == "pv" and (s := item.fresh(a.id)) is not None
        )
        slack_w = 0.5 * len(site.assets) + 1e-6
        assert -slack_w <= sun_w <= most_w + slack_w
        assert abs(dispatch.residual_w) <= 1e-6
        assert not (dispatch.shortage_w and dispatch.surplus_w)


@pytest.mark.parametrize("name", SITES)
@ANY
@given(data=st.data())
def test_caps_of_the_grid_hold(name, data):
    """A shortage is physically more import: with loads left to shed there must be none."""
    site = SITES[name]
    shedable = [a.id for a in loads(site) if a.tier != "critical"]
    for item, state, dispatch in steps(site, data.draw(journeys(site))):
        for told in dispatch.assets:
            if told.asset == site.poi.id:
                assert -site.poi.export_limit_w <= told.p_w <= site.poi.import_limit_w
                if dispatch.mode not in CONNECTED:
                    assert told.p_w == 0
        if dispatch.mode in CONNECTED and fixed_w(site, item) == 0:
            on = [name for name in shedable if name not in state.shed]
            assert dispatch.shortage_w <= 1e-6 or not on, (dispatch.shortage_w, on)


@pytest.mark.parametrize("name", SITES)
@ANY
@given(data=st.data())
def test_storage_stays_in_its_window(name, data):
    site = SITES[name]
    for item, _, dispatch in steps(site, data.draw(journeys(site))):
        if dispatch.mode is Mode.SYNCHRONISING:
            continue
        for told in dispatch.assets:
            asset = site.asset(told.asset)
            if asset.role != "battery":
                continue
            soc = item.samples[asset.id].x
            floor = asset.soc_min
            if dispatch.mode in CONNECTED:
                floor = max(floor, asset.soc_reserve)
            assert told.p_w <= 0 or soc > floor
            assert told.p_w >= 0 or soc < asset.soc_max
            if not item.samples[asset.id].closed:
                assert told.p_w == 0


@pytest.mark.parametrize("name", SITES)
@ANY
@given(data=st.data())
def test_contacts(name, data):
    site = SITES[name]
    order = ("critical", "priority", "interruptible")
    before = None
    for item, state, dispatch in steps(
        site, data.draw(journeys(site, wild=data.draw(st.booleans())))
    ):
        off = [site.asset(load).tier for load in state.shed]
        on = [a.tier for a in loads(site) if a.id not in state.shed]
        assert "critical" not in off
        # Strictly by tier: everything that is on matters at least as much as anything that is off.
        assert not off or max(map(order.index, on)) <= min(map(order.index, off))
        if before is not None:
            back = before - set(state.shed)
            assert len(back) <= 1
            assert not back or state.restored_ms == item.t_ms
        before = set(state.shed)
        for told in dispatch.assets:
            asset = site.asset(told.asset)
            if asset.role == "load":
                assert told.closed == (asset.id not in state.shed)
                assert told.closed or told.p_w == 0
            if asset.role == "ev_charger":
                assert told.closed == (told.p_w < 0)
                assert not told.closed or item.samples[asset.id].input
            if asset.role == "pv":
                assert told.closed and not told.armed
            if asset.role == "poi":
                assert told.closed == (dispatch.mode in (Mode.GRID_CONNECTED, Mode.SYNCHRONISING))
                assert not told.armed
            if asset.role == "battery":
                # A dead bus is woken by one source only, and never while the breaker may be closed.
                seen = item.samples[asset.id]
                poi = item.fresh(site.poi.id)
                parted = poi is not None and not poi.closed
                healthy = state.grid_ok_since_ms >= 0
                if seen.v_v > 110:
                    assert told.closed
                elif seen.closed:
                    assert told.closed != (parted and healthy)
                else:
                    assert told.closed == (parted and not healthy and seen.x > asset.soc_min)


@pytest.mark.parametrize("name", SITES)
@ANY
@given(data=st.data())
def test_the_sun_is_free_while_the_grid_takes_it(name, data):
    """Grid-connected, the limit is the rating unless everything that takes power is full."""
    site = SITES[name]
    for item, state, dispatch in steps(site, data.draw(journeys(site))):
        if dispatch.mode not in CONNECTED:
            continue
        available_w = sum(
            pv_available_w(a, s)
            for a in site.assets
            if a.role == "pv" and (s := item.fresh(a.id)) is not None
        )
        room_w = demand_w(site, state) - fixed_w(site, item) + site.poi.export_limit_w
        for told in dispatch.assets:
            asset = site.asset(told.asset)
            if asset.role == "pv" and available_w < room_w - 1:
                assert (told.p_w, told.reason) == (round(asset.rated_w), "unconstrained")
            if asset.role == "pv" and told.p_w < round(asset.rated_w):
                assert told.reason == "export_cap"


@ANY
@given(data=st.data())
def test_an_island_never_asks_for_sun_that_nothing_takes(data):
    site = SITES["twins"]
    for item, state, dispatch in steps(site, data.draw(journeys(site))):
        if dispatch.mode in CONNECTED:
            continue
        limits = sum(a.p_w for a in dispatch.assets if site.asset(a.asset).role == "pv")
        room_w = demand_w(site, state) - fixed_w(site, item)
        for told in dispatch.assets:
            asset = site.asset(told.asset)
            if asset.role == "battery" and item.samples[asset.id].closed:
                share = (asset.soc_max - item.samples[asset.id].x) / 0.02
                room_w += asset.rated_w * min(1.0, max(0.0, share))
            if asset.role == "ev_charger":
                room_w -= told.p_w
        assert limits <= max(0.0, room_w) + 2


@pytest.mark.parametrize("name", SITES)
@ANY
@given(data=st.data())
def test_a_step_is_a_function(name, data):
    """Same state and image, same decision to the bit; the state given in is left as it was."""
    site = SITES[name]
    images = data.draw(journeys(site))
    first, second = make_controller(site, False), make_controller(site, False)
    state = ControlState()
    for item in images:
        text = state.to_json()
        after, dispatch = first.step(state, item)
        assert state.to_json() == text
        other, again = second.step(ControlState.from_json(text), item)
        assert (again, other.to_json()) == (dispatch, after.to_json())
        assert ControlState.from_json(after.to_json()) == after
        state = after
    json.loads(state.to_json())


@ANY
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c", "d"]),
            st.integers(-50_000, 0),
            st.integers(0, 50_000),
            st.sampled_from([-5.0, -1.0, 0.2556, 0.453, 0.6725, 1.0, 1.1433, 1e6]),
            st.sampled_from(Tier),
        ),
        min_size=1,
        max_size=8,
    ),
    demands=st.lists(st.integers(-120_000, 120_000), min_size=1, max_size=3),
)
def test_the_balancer_against_exact_fractions(rows, demands):
    """Powers per asset, shortage and surplus as rational arithmetic finds them, object reused."""
    balancer = Balancer()
    for demand in demands:
        offers = Offers()
        for asset, low, high, cost, tier in rows:
            offers.add(asset, low, high, cost, "low", "high", tier)
        got = balancer.solve(offers, demand)
        exact = solve_exact(as_problem(offers, demand))
        want = dict.fromkeys((row[0] for row in rows), Fraction(0))
        for row, power in zip(rows, exact.p_w, strict=True):
            want[row[0]] += power
        for asset, power in want.items():
            assert abs(Fraction(got.p_w[asset]) - power) <= Fraction(1, 10**6)
        assert abs(got.shortage_w - float(exact.shortage_w)) < 1e-6
        assert abs(got.surplus_w - float(exact.surplus_w)) < 1e-6
        assert got.price == pytest.approx(float(exact.prices[-2][0]), abs=1e-12)
        assert abs(got.residual_w) < 1e-6


@pytest.mark.parametrize("price", [-1e6, -1.0, 0.0, 0.5, 1e6])
def test_no_price_buys_what_an_earlier_tier_wants(price):
    """Sun before money, and a car that has to leave before the sun."""
    offers = Offers()
    offers.add("pv", 0, 5000, -1.0, "", "", Tier.renewables)
    offers.add("car", -3000, 0, 1.0, "", "", Tier.departure)
    offers.add("grid", -4000, 4000, price, "", "")
    offers.add("battery", -1000, 1000, -price, "", "")
    assert Balancer().solve(offers, 0).p_w["pv"] == 5000
    assert Balancer().solve(offers, 0).p_w["car"] == -3000
    assert Balancer().solve(offers, 7000).p_w["car"] == -3000
    assert Balancer().solve(offers, 9000).p_w["car"] == -1000  # all that is left for it


def test_swapped_signs_drive_nothing():
    """Each meter in turn wired the wrong way round: bounds hold, the grid meter is not used."""
    site = SITES["demo"]
    right = image(
        site,
        local_ms(2024, 4, 10, 12),
        poi={"p_w": 8_000.0},
        battery={"p_w": -9_000.0, "p_set_w": -9_000.0},
        ev_charger={"p_w": -7_000.0, "p_set_w": -7_000.0, "input": True, "closed": True},
    )
    _, usual = run(site, right)
    for asset in site.assets:
        swapped = copy.copy(dict(right.samples))
        old = swapped[asset.id]
        new = {name: getattr(old, name) for name in old.__slots__} | {"p_w": -old.p_w}
        item = image(
            site, right.t_ms, **{n: _fields(s) for n, s in swapped.items()} | {asset.id: new}
        )
        state, dispatch = run(site, *[_later(item, k) for k in range(20)])
        assert all(would_refuse(site, a) is None for a in dispatch.assets)
        assert not state.shed
        charger = dispatch.of("ev_charger")
        assert -site.asset("ev_charger").rated_w <= charger.p_w <= 0
        if asset.role in ("poi", "battery"):
            assert dispatch.assets == usual.assets  # nothing is closed on these two meters
        assert all(wh >= 0 for wh in state.ev_wh.values())


def _fields(s):
    return {name: getattr(s, name) for name in s.__slots__}


def _later(item, seconds):
    return type(item)(item.t_ms + 1000 * seconds, item.samples)
