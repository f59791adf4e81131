"""What an answer means: stories with whole numbers, and properties against linear programs."""

import math
import re
from fractions import Fraction
from pathlib import Path

import pytest
from device_kit import INF, TIERS, Program, exact_cost, microgrids, power, solve
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nansha_core import Balance, ProblemError
from nansha_core.account import Account, account
from nansha_core.account_words import watts
from nansha_core.curve import linear
from nansha_core.devices import (
    ABSORB,
    COMFORT,
    PRICE,
    SERVE_CRITICAL,
    SERVE_INTERRUPTIBLE,
    SERVE_PRIORITY,
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


def story(devices: list[Device], groups: list[Group] | None = None) -> Account:
    microgrid = Microgrid(devices, groups or [])
    _, answer = solve(microgrid)
    return account(microgrid, answer)


def three_loads(group: str = "feeder") -> list[Device]:
    return [
        load("hospital", 4000, SERVE_CRITICAL, group=group),
        load("shop", 5000, SERVE_PRIORITY, group=group),
        load("heater", 6000, SERVE_INTERRUPTIBLE, group=group),
    ]


GRID = grid("grid", 50_000, 50_000, buy=0.6, sell=0.3)
BATTERY = battery("battery", 5000, 5000, charge_below=0.2, discharge_above=0.7)


# ------------------------------------------------------------------ stories


def test_a_feeder_at_its_cap() -> None:
    it = story([*three_loads(), GRID, BATTERY], [Group(name="feeder", cap_lo_w=-10_000)])
    assert it.tier(SERVE_CRITICAL).given_up == 0
    assert it.tier(SERVE_PRIORITY).given_up == 0
    (part,) = it.tier(SERVE_INTERRUPTIBLE).parts
    assert it.tier(SERVE_INTERRUPTIBLE).given_up == 5000
    assert (part.device, part.cost, part.off_w) == ("heater", 5000, -5000)
    assert (part.group, part.sum_w, part.cap_w) == ("feeder", -10_000, -10_000)
    assert it.lines() == [
        "serve critical: in full",
        "serve priority: in full",
        "serve interruptible: 5 kW unserved (heater 5 kW: feeder draws 10 kW, its cap)",
        "hospital: using 4 kW, all it asked for",
        "shop: using 5 kW, all it asked for",
        "heater: using 1 kW, what is left for it",
        "grid: importing 10 kW, makes the sum right",
        "battery: idle, between its prices",
    ]
    assert str(it) == "\n".join(it.lines())


def test_an_island_sheds_in_order() -> None:
    it = story([*three_loads("site"), battery("b", 0, 6500, charge_below=0, discharge_above=1)])
    assert [it.tier(t).given_up for t in (SERVE_CRITICAL, SERVE_PRIORITY, SERVE_INTERRUPTIBLE)] == [
        0, 2500, 6000,
    ]  # fmt: skip
    assert it.lines() == [
        "serve critical: in full",
        "serve priority: 2.5 kW unserved (shop 2.5 kW: 'serve critical' comes first)",
        "serve interruptible: 6 kW unserved (heater 6 kW: 'serve priority' comes first)",
        "hospital: using 4 kW, all it asked for",
        "shop: using 2.5 kW, what is left for it",
        "heater: off, shed",
        "b: discharging 6.5 kW, its most",
    ]


def test_where_nothing_comes_first_there_was_no_more() -> None:
    it = story([pv("roof", 3000), three_loads("site")[0]])
    assert (
        it.lines()[0] == "serve critical: 1 kW unserved (hospital 1 kW: site has no more to give)"
    )


def test_who_cannot_be_reached_does_not_come_first() -> None:
    """The lamp's feeder is full of export: what is behind it has room, but none for the shop."""
    lamp = load("lamp", 1000, SERVE_CRITICAL, group="feeder")
    spare = Device(name="spare", lo_w=0, hi_w=9000, costs={COMFORT: linear(1.0)}, group="feeder")
    feeder = Group(name="feeder", cap_hi_w=2000)
    it = story([lamp, spare, load("shop", 5000, SERVE_PRIORITY)], [feeder])
    assert it.device("spare").p_w == 3000
    (part,) = it.tier(SERVE_PRIORITY).parts
    assert (part.off_w, part.cause) == (-3000, "site has no more to give")


def test_surplus_behind_an_export_cap() -> None:
    house = load("house", 2000, SERVE_PRIORITY)
    it = story([pv("roof", 10_000), house, grid("grid", 5000, 3000, buy=0.6, sell=0.3), BATTERY])
    assert it.tier(ABSORB).given_up == 0  # the battery takes what the grid may not
    small = battery("battery", 1000, 0, charge_below=0.2, discharge_above=0.7)
    it = story([pv("roof", 10_000), house, grid("grid", 5000, 3000, buy=0.6, sell=0.3), small])
    (part,) = it.tier(ABSORB).parts
    assert (part.device, part.cost, part.off_w) == ("roof", 4000, 4000)
    assert (part.group, part.cap_w) == ("site", None)
    assert it.lines()[1] == "absorb renewables: 4 kW spilled (roof 4 kW: site can take no more)"
    assert it.device("grid").reason == "its export limit"


def test_surplus_behind_a_groups_export_cap() -> None:
    plant = [pv("roof", 10_000, group="plant"), load("house", 2000, SERVE_PRIORITY, group="plant")]
    it = story([*plant, GRID], [Group(name="plant", cap_hi_w=5000)])
    (part,) = it.tier(ABSORB).parts
    assert (part.device, part.cost, part.group, part.sum_w, part.cap_w) == (
        "roof", 3000, "plant", 5000, 5000,
    )  # fmt: skip
    assert "roof: feeding 7 kW, what can be taken" in it.lines()


def test_of_nested_caps_the_innermost_that_binds_is_named() -> None:
    def at(inner_w: float, outer_w: float) -> list[str]:
        groups = [
            Group(name="hall", cap_lo_w=-outer_w),
            Group(name="cabinet", parent="hall", cap_lo_w=-inner_w),
        ]
        cars = [charger(f"car {i}", 4000, serve=SERVE_PRIORITY, group="cabinet") for i in (1, 2)]
        it = story([*cars, load("lamp", 1000, SERVE_CRITICAL, group="hall"), GRID], groups)
        return [f"{x.device} {x.off_w:g} {x.group}" for x in it.tier(SERVE_PRIORITY).parts]

    assert at(6000, 9000) == ["car 1 -1000 cabinet", "car 2 -1000 cabinet"]
    assert at(8000, 5000) == ["car 1 -2000 hall", "car 2 -2000 hall"]
    assert at(4000, 5000) == ["car 1 -2000 cabinet", "car 2 -2000 cabinet"]
    assert at(8000, 9000) == []


def test_what_cannot_be_turned_down_is_an_overload() -> None:
    pump = Device(name="pump", lo_w=-12_000, hi_w=-12_000, group="feeder", kind="load")
    lamp = load("lamp", 1000, SERVE_PRIORITY, group="feeder")
    it = story([pump, lamp, GRID], [Group(name="feeder", cap_lo_w=-10_000)])
    assert [(g.name, g.overload_w) for g in it.overloads] == [("feeder", -2000)]
    assert it.lines()[:2] == [
        "feeder draws 12 kW but may draw 10 kW at most: 2 kW that nothing in it can mend",
        "serve priority: 1 kW unserved (lamp 1 kW: feeder draws 12 kW, may draw 10 kW at most)",
    ]
    assert it.device("pump").reason == "no choice"


def test_a_shortage_and_a_surplus() -> None:
    pump = Device(name="pump", lo_w=-3000, hi_w=-3000, kind="load")
    lamp = load("lamp", 500, SERVE_PRIORITY)
    it = story([pump, pv("roof", 2000), lamp])
    assert it.shortage_w == 1000
    assert it.lines()[:2] == [
        "site: short of 1 kW",
        "serve priority: 500 W unserved (lamp 500 W: site is short of 1 kW)",
    ]
    turbine = Device(name="turbine", lo_w=3000, hi_w=3000)
    it = story([turbine, pv("roof", 2000), lamp])
    assert it.surplus_w == 2500
    assert it.lines()[:3] == [
        "site: 2.5 kW too much",
        "serve priority: in full",
        "absorb renewables: 2 kW spilled (roof 2 kW: site has too much already)",
    ]


def test_ramps() -> None:
    slow = battery(
        "battery", 5000, 5000, charge_below=0.2, discharge_above=0.7, window=1.0,
        ramp=Ramp(-1000, 200, 200, 1.0),
    )  # fmt: skip
    late = load("pump", 2000, SERVE_PRIORITY, ramp=Ramp(-5000, 1000, 1000, 1.0))
    it = story([slow, late, GRID])
    assert [(d.name, d.p_w, d.ramped) for d in it.ramped] == [
        ("battery", -1200, "limited"),
        ("pump", -4000, "out of reach"),
    ]
    assert it.tier(WINDOW).given_up == 0  # of what it can reach, it has all
    assert it.lines()[2:4] == [
        "battery: charging 1.2 kW, as fast as it may",
        "pump: using 4 kW, on its way to using 2 kW, as fast as it may",
    ]


def test_a_car_at_the_very_price_charges_in_full() -> None:
    at = [charger("car", 4000, pays=0.6), GRID]
    assert story(at).device("car").p_w == -4000
    below = story([charger("car", 4000, pays=0.5), GRID])
    assert below.device("car").p_w == 0
    (part,) = below.tier(COMFORT).parts
    assert part.cause == "'price' comes first"


def test_money_is_not_in_watts() -> None:
    it = story([GRID, load("house", 1000, SERVE_PRIORITY)])
    tier = it.tier(PRICE)
    assert not tier.in_watts
    assert tier.given_up == 0.6 * 1000 + 0.3 * 50_000  # against exporting all it could
    assert str(tier) == "price: 15600 above the least cost"
    assert str(tier) not in it.lines()
    one = story([charger("car", 1000, pays=1.0), pv("roof", 2000)])  # a price, and 1 by chance
    assert not one.tier(PRICE).in_watts


def test_an_answer_to_another_problem_is_refused() -> None:
    one, other = Microgrid([GRID]), Microgrid([BATTERY, GRID])
    answer = Balance(one.problem()).answer()
    with pytest.raises(ProblemError, match="this microgrid has 4 rows"):
        account(other, answer)


# ------------------------------------------------------------------ properties


@given(microgrids(linear=True))
@settings(max_examples=120)
def test_what_each_tier_gives_up_is_what_linear_programs_say(microgrid: Microgrid) -> None:
    _, answer = solve(microgrid)
    it = account(microgrid, answer)
    for tier, least in zip(TIERS, Program(microgrid).least_costs(), strict=True):
        free = Fraction(0)  # whole kinks: the least is at a whole watt
        devices = [device for device in microgrid.devices if tier in device.costs]
        for device in devices:
            powers = range(int(device.lo_w), int(device.hi_w) + 1)
            free += min(exact_cost(device.costs[tier], Fraction(x)) for x in powers)
        if devices:
            assert it.tier(tier).given_up == pytest.approx(least - float(free), abs=1e-6)


@given(microgrids(zero=False), st.integers(-12, 12))
@settings(max_examples=200)
def test_an_account_adds_up(microgrid: Microgrid, demand: int) -> None:
    _, answer = solve(microgrid, float(demand))
    it = account(microgrid, answer)
    parents = {group.name: group.parent for group in microgrid.groups}
    for group in it.groups:
        inside = []
        for device in microgrid.devices:
            g = device.group
            while g not in (group.name, "site"):
                g = parents[g]
            if g == group.name or group.name == "site":
                inside.append(it.device(device.name).p_w)
        assert group.sum_w == pytest.approx(math.fsum(inside), abs=1e-12)
        over = group.overload_w
        assert group.cap_lo_w - 1e-9 <= group.sum_w - over <= group.cap_hi_w + 1e-9
    assert it.groups[0].sum_w == pytest.approx(demand - it.shortage_w + it.surplus_w, abs=1e-9)
    for tier in it.tiers:
        assert tier.given_up == math.fsum(part.cost for part in tier.parts)
        for part in tier.parts:
            device, cost = it.device(part.device), microgrid.device(part.device).costs[tier.name]
            best = device.p_w + part.off_w
            assert device.lo_w - 1e-9 <= best <= device.hi_w + 1e-9
            assert part.cost > 0
            assert cost.cost(best) + part.cost == pytest.approx(cost.cost(device.p_w), abs=1e-9)
    for line in it.lines():
        assert not re.search(r"(^|[^\w])[-−+]\s*\d", line), line
        assert line.strip() == line


@given(microgrids(), st.data())
@settings(max_examples=150)
def test_a_tier_comes_first_if_and_only_if_without_it_less_is_given_up(
    microgrid: Microgrid, data: st.DataObject
) -> None:
    """Oracle: the tier alone, all before it left out. All costs are 1, 0 or -1."""
    made = []
    for d in microgrid.devices:
        signs = data.draw(st.tuples(*[st.sampled_from((-1.0, 0.0, 1.0))] * len(TIERS)))
        costs = {tier: linear(b) for tier, b in zip(TIERS, signs, strict=True)}
        made.append(Device(name=d.name, lo_w=d.lo_w, hi_w=d.hi_w, group=d.group, costs=costs))
    it = Microgrid(made, microgrid.groups, TIERS)
    _, answer = solve(it)
    for tier in account(it, answer).tiers:
        if any(part.group != "site" for part in tier.parts):
            continue  # a cap is named, and who comes first behind it is not said
        only = [
            Device(
                name=d.name, lo_w=d.lo_w, hi_w=d.hi_w, group=d.group,
                costs={tier.name: d.costs[tier.name]},
            )
            for d in made
        ]  # fmt: skip
        alone = Microgrid(only, microgrid.groups, (tier.name,))
        _, answer = solve(alone)
        saved = tier.given_up - account(alone, answer).tier(tier.name).given_up
        comes_first = any("comes first" in part.cause for part in tier.parts)
        assert (saved > 1e-6) == comes_first
        assert saved > -1e-6


@given(microgrids(zero=False), st.integers(-12, 12))
@settings(max_examples=200)
def test_the_cap_that_is_named_stands_in_the_way(microgrid: Microgrid, demand: int) -> None:
    """It is the first one on the way to the site that is met, in the direction that is missed."""
    _, answer = solve(microgrid, float(demand))
    it = account(microgrid, answer)
    groups = {group.name: group for group in microgrid.groups}
    for part in (part for tier in it.tiers for part in tier.parts):
        met, g = "site", microgrid.device(part.device).group
        while g != "site" and met == "site":
            total = it.group(g).sum_w
            up, cap = part.off_w > 0, groups[g]
            if total >= cap.cap_hi_w - 1e-9 if up else total <= cap.cap_lo_w + 1e-9:
                met = g
            g = cap.parent
        assert part.group == met
        assert part.sum_w == it.group(met).sum_w
        assert (part.cap_w is None) == (met == "site")


@given(microgrids(linear=True))
@settings(max_examples=120)
def test_whom_no_cap_is_in_the_way_of_is_not_helped_by_wider_caps(microgrid: Microgrid) -> None:
    """If all who gave up in the first tier have a free way to the site, so have they without caps.

    Caps of groups that nobody of them is in may still hold others who could help: those stay.
    """
    _, answer = solve(microgrid)
    before = account(microgrid, answer)
    if not any("first" in device.costs for device in microgrid.devices):
        return
    parts = before.tier("first").parts
    if any(part.group != "site" for part in parts):
        return
    around = {(g, part.off_w > 0) for part in parts for g in microgrid.path(part.device)}
    groups = [
        Group(
            name=group.name,
            parent=group.parent,
            cap_lo_w=-INF if (g, False) in around else group.cap_lo_w,
            cap_hi_w=INF if (g, True) in around else group.cap_hi_w,
        )
        for g, group in enumerate(microgrid.groups, start=1)
    ]
    freed = Microgrid(microgrid.devices, groups, microgrid.tiers)
    _, answer = solve(freed)
    after = account(freed, answer)
    assert after.tier("first").given_up == pytest.approx(before.tier("first").given_up, abs=1e-9)


prices = st.floats(-1e6, 1e6)


@given(
    st.integers(0, 9000), st.integers(0, 9000), st.integers(0, 9000), st.integers(0, 9000),
    st.lists(prices, min_size=2, max_size=2).map(sorted),
    st.lists(prices, min_size=2, max_size=2).map(sorted),
    prices, st.integers(0, 12_000),
)  # fmt: skip
@example(4000, 2000, 0, 0, [1e6, 1e6], [-1e6, -1e6], 1e6, 9000)
@settings(max_examples=200)
def test_no_price_buys_anything_of_a_critical_load(
    critical: int, priority: int, sun: int, import_w: int,
    tariff: list[float], worth: list[float], pays: float, cap: int,
) -> None:  # fmt: skip
    sell, buy = tariff
    microgrid = Microgrid(
        [
            load("ward", critical, SERVE_CRITICAL, group="feeder"),
            load("shop", priority, SERVE_PRIORITY, group="feeder"),
            charger("car", 7000, pays=pays, group="feeder"),
            pv("roof", sun),
            battery("b", 3000, 2000, charge_below=worth[0], discharge_above=worth[1]),
            grid("grid", import_w, 5000, buy=buy, sell=sell),
            Device(name="mine", lo_w=-5000.0, hi_w=0.0, costs={PRICE: linear(1e6)}),
        ],
        [Group(name="feeder", cap_lo_w=-float(cap))],
    )
    _, answer = solve(microgrid)
    it = account(microgrid, answer)
    served = min(critical, cap, sun + 2000 + import_w)
    assert -power(microgrid, answer, "ward") == pytest.approx(served, abs=1e-9)
    assert it.tier(SERVE_CRITICAL).given_up == pytest.approx(critical - served, abs=1e-9)
    shop = min(priority, min(cap, sun + 2000 + import_w) - served)
    assert it.tier(SERVE_PRIORITY).given_up == pytest.approx(priority - shop, abs=1e-9)


# ------------------------------------------------------------------ words


@given(st.floats(-1e9, 1e9))
def test_a_power_in_words_is_the_power(p: float) -> None:
    text = watts(p)
    number, unit = text.split(" ")
    assert re.fullmatch(r"\d+(\.\d*[1-9])?", number)
    back = float(number) * {"W": 1.0, "kW": 1e3, "MW": 1e6}[unit]
    assert abs(back - abs(p)) <= max(0.05, 5.1e-4 * abs(p))
    assert float(number) < 1000 or unit == "MW"


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0, "0 W"), (-1200.0, "1.2 kW"), (850.0, "850 W"), (999.96, "1 kW"), (10_250.0, "10.25 kW"),
     (1e-13, "0 W"), (123_456.0, "123.5 kW"), (2.5e6, "2.5 MW"), (INF, "any power")],
)  # fmt: skip
def test_sensible_digits(p: float, text: str) -> None:
    assert watts(p) == text


def test_the_examples_in_the_docs_print_what_they_say(capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parents[3] / "docs" / "balance.md").read_text(encoding="utf-8")
    codes, said = (re.findall(rf"```{kind}\n(.*?)```", text, re.S) for kind in ("python", "text"))
    assert len(codes) == len(said) == 2
    for code, words in zip(codes, said, strict=True):
        exec(code, {})
        assert capsys.readouterr().out == words
