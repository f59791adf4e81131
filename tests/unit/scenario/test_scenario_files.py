"""Scenario files: what loads, what is said about those that do not, and what they do to a plant."""

import random
import re
import shlex
from pathlib import Path

import pytest

from nansha.site import load_site
from nansha_hil.plant import BusMode
from nansha_hil.scenario import ScenarioError, load_scenario
from nansha_hil.stage import Stage
from nansha_hil.verdicts import judge

ROOT = Path(__file__).resolve().parents[3]
SCENARIOS = sorted((ROOT / "scenarios").glob("*.toml"))
OWN = ["clear_day", "guangzhou_day", "outage_minute"]
SITE_FILE = ROOT / "sites" / "nansha_campus.toml"
SITE = load_site(SITE_FILE)
HEAD = """
[scenario]
name = "a"
title = "A"
site = "site.toml"
start = 2026-08-31T12:00:00
duration_s = 3600
[data]
file = "a.csv"
"""


def write(tmp_path, text, csv="time_s,poa_w_per_m2,load_w\n0,1,2\n86400,1,2\n"):
    (tmp_path / "a.csv").write_text(csv)
    path = tmp_path / "a.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", OWN)
def test_shipped_scenarios_load_and_build(name):
    scenario = load_scenario(ROOT / "scenarios" / f"{name}.toml")
    plant = scenario.build_plant(SITE)
    assert plant.mode is BusMode.GRID
    assert plant.demand_w("load_critical") > 3000.0
    assert scenario.limits
    times = [action.at_us for action in scenario.timeline()]
    assert times == sorted(times)


def staged(plant):
    return Stage(plant, {}, lambda: plant.now_us, random.Random(1))


def play(name, on_outage=None):
    """Run a scenario with nothing but a breaker that opens and closes as it must."""
    scenario = load_scenario(ROOT / "scenarios" / f"{name}.toml")
    plant = scenario.build_plant(SITE)
    stage = staged(plant)
    actions = scenario.timeline()
    while plant.now_us < scenario.duration_us:
        due = actions[0].at_us if actions else scenario.duration_us
        if plant.now_us >= due and actions:
            actions.pop(0).apply(stage)
            continue
        tick = plant.next_tick_us or due
        plant.advance(max(plant.now_us + 1, min(due, tick, plant.now_us + 60_000_000)))
        alert, in_step = plant.flags("poi")
        if plant.poi.closed and alert and not plant.poi.healthy:
            plant.actuate("poi", False)
            plant.actuate("ev_charger", False)
        elif not plant.poi.closed and in_step:
            plant.actuate("poi", True)
            plant.actuate("ev_charger", True)
    return scenario, plant


@pytest.mark.parametrize("name", OWN)
def test_limits_hold_when_the_breaker_does_its_work(name):
    scenario, plant = play(name)
    verdicts = judge(scenario.limits, {"plant": plant.accounts.summary()})
    assert [v for v in verdicts if v.outcome != "pass"] == []
    assert plant.mode is BusMode.GRID
    assert abs(plant.accounts.residual_wh) < 1e-6


def test_the_hot_day_has_its_events_in_peoples_words():
    texts = [a.text for a in load_scenario(ROOT / "scenarios/guangzhou_day.toml").timeline()]
    assert texts[0] == "car arrives at ev_charger, wants 30 kWh"
    assert "grid outage, 45 min" in texts and "grid is back" in texts
    assert "cloud front takes 75 % of the sun, 25 min" in texts


def test_outage_minute_starts_in_the_evening():
    scenario = load_scenario(ROOT / "scenarios/outage_minute.toml")
    assert scenario.start.hour == 18
    plant = scenario.build_plant(SITE)
    assert plant.available_w("pv_roof") < 1000.0
    assert scenario.timeline()[1].at_us == 60_000_000


def test_events_with_an_end_undo_themselves(tmp_path):
    text = HEAD + (
        '[data.columns]\nirradiance = "poa_w_per_m2"\n"load_critical" = "load_w"\n'
        '"load_priority" = "load_w"\n"load_interruptible" = "load_w"\n'
        '[[timeline]]\nat = "12:01:00"\nset = "demand"\nasset = "load_critical"\n'
        "factor = 3\nfor = 60\n"
        '[[timeline]]\nat = 12:03:00\nfault = "grid_frequency"\nfrequency_hz = 50.1\n'
        "for = 60\n"
        '[[timeline]]\nat = "12:05:00"\nfault = "grid_voltage"\nvoltage_pu = 0.95\nfor = 60\n'
    )
    scenario = load_scenario(write(tmp_path, text))
    plant = scenario.build_plant(SITE)
    stage = staged(plant)
    seen = []
    for action in scenario.timeline():
        plant.advance(action.at_us)
        action.apply(stage)
        plant.advance(action.at_us + 2_000_000)
        volts, _, hertz, _ = plant.sense("load_critical")
        seen.append((plant.demand_w("load_critical"), hertz, volts > 215.0))
    assert seen == [
        (6.0, 50.0, True),
        (2.0, 50.0, True),
        (2.0, 50.1, True),
        (2.0, 50.0, True),
        (2.0, 50.0, False),
        (2.0, 50.0, True),
    ]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[scenario]\nname = \n", ["not TOML", "line 2"]),
        ("", ["scenario: is missing", "data: is missing"]),
        (HEAD.replace("duration_s = 3600", "duration_s = -1"), ["scenario.duration_s: -1"]),
        (HEAD.replace("title", "titel"), ["scenario.title: is missing", "did you mean 'title'?"]),
        (HEAD.replace("[data]", "[date]"), ["date: is not a known field; did you mean 'data'?"]),
        (
            HEAD + '[[timeline]]\nat = "12:01:00"\nfault = "grid_outtage"\nfor = 5\n',
            ["timeline[1].fault: 'grid_outtage' is not known", "did you mean 'grid_outage'?"],
        ),
        (
            HEAD + '[[timeline]]\nat = "12:01:00"\n',
            ["timeline[1]: is none of fault, set, expect, measure"],
        ),
        (
            HEAD + '[[timeline]]\nat = "12:01:00"\nset = "cloud"\nfault = "disk_full"\n',
            ["timeline[1]: is fault and set at once"],
        ),
        (
            HEAD + '[[timeline]]\nat = { random = 3, from = "12:01:00", too = "12:02:00" }\n'
            'fault = "disk_full"\n',
            ["timeline[1].at.to: is missing", "timeline[1].at.too: is not a known field"],
        ),
        (
            HEAD + '[[timeline]]\nat = { random = 3, from = "12:01:00", to = "12:02:00", '
            'apart = "1 min" }\nfault = "disk_full"\n',
            ["timeline[1].at: 3 moments 1 min apart need more than 1 min"],
        ),
        (
            HEAD + '[[timeline]]\nat = "+5 s"\nafter = "outage"\nfault = "disk_full"\n',
            ["timeline[1].after: no line before it has the id 'outage'"],
        ),
        (
            HEAD + '[[timeline]]\nat = "12:01:00"\nexpect = "poi.closed"\n',
            ["timeline[1]: asks for nothing; give is, min or max"],
        ),
        (
            HEAD + '[[timeline]]\nat = "12:01:00"\nfault = "grid_outage"\nfor = "5 sec"\n',
            ["timeline[1].for: '5 sec' is not a duration", "100 ms"],
        ),
        (
            HEAD + '[[timeline]]\nat = "noon"\nfault = "grid_outage"\nfor = 5\n',
            ["timeline[1].at: 'noon' is not a time", "18:30:00"],
        ),
        (
            HEAD + '[[timeline]]\nat = "12:01:00"\nset = "cloud"\ndept = 0.5\nfor=9\n',
            ["timeline[1].depth: is missing", "timeline[1].dept", "did you mean 'depth'?"],
        ),
        (
            HEAD + '[[timeline]]\nat = "18:00:00"\nfault = "grid_outage"\nfor = 5\n',
            ["timeline[1].at: 18:00:00 lies outside 12:00:00 to 13:00:00"],
        ),
        (
            HEAD + '[[limits]]\nname = "x"\nmeasure = "a"\nwhy = "w"\n',
            ["limits[1]: has neither min nor max"],
        ),
        (
            HEAD + '[[limits]]\nname = "x"\nmeasure = "a"\nwhy = "w"\nmin = 2\nmax = 1\n',
            ["limits[1]: min 2 is above max 1"],
        ),
        (HEAD.replace("12:00:00", "12:00:00Z"), ["scenario.start: has a time zone"]),
        (HEAD.replace("a.csv", "b.csv"), ["data.file: cannot read", "b.csv"]),
        (
            HEAD + '[data.columns]\nirradiance = "sun"\n',
            ["no column 'sun'; it has: load_w, poa_w_per_m2"],
        ),
    ],
)
def test_each_bad_field_gets_one_clear_line(tmp_path, text, parts):
    path = write(tmp_path, text)
    with pytest.raises(ScenarioError) as error:
        load_scenario(path)
    message = str(error.value)
    for part in parts:
        assert part in message
    assert all(line.startswith(str(path)) for line in error.value.problems)
    assert all("\n" not in line for line in error.value.problems)
    assert "pydantic" not in message and "http" not in message


def test_a_bad_csv_is_told_with_its_line(tmp_path):
    with pytest.raises(ScenarioError, match=r"a\.csv:2: column load_w: 'x' is not a finite"):
        load_scenario(write(tmp_path, HEAD, "time_s,load_w\n0,x\n"))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[plant.batery]\nsoc_start = 0.5\n", "plant.batery: the site has no such asset; did you"),
        ("[plant.battery]\nsoc = 0.5\n", "plant.battery.soc: is not a known field; did you mean"),
        ('[plant.battery]\nsoc_start = "x"\n', "plant.battery.soc_start: 'x' is not a number"),
        ("[plant.battery]\nsoc_start = 2\n", "plant.battery: battery soc_start must lie in 0..1"),
        ("[plant.load_critical]\ntier = 3\n", "plant.load_critical.tier: 3 is not text"),
        ("[plant.pv_roof]\nstarts_closed = 1\n", "is not true or false"),
        (
            '[[timeline]]\nat = "12:10:00"\nset = "car"\nasset = "ev"\nenergy_wh = 1\n',
            "timeline[1].asset: 'ev' does not fit car; did you mean 'ev_charger'",
        ),
    ],
)
def test_bad_plant_parameters_are_told(tmp_path, text, part):
    scenario = load_scenario(write(tmp_path, HEAD + text))
    with pytest.raises(ScenarioError) as error:
        scenario.plant_spec(SITE)
    assert part in str(error.value)


FEEDER = "[feeder.yard]\nr_ohm = 0.1\n[feeder.shed]\nr_ohm = 0.2\nx_ohm = 0.05\n"


def test_a_feeder_hangs_where_the_scenario_says(tmp_path):
    text = HEAD + FEEDER + 'upstream = "yard"\n[plant.load_critical]\nat = "shed"\n'
    spec = load_scenario(write(tmp_path, text)).plant_spec(SITE)
    assert spec.lines["shed"].upstream == "yard" and spec.lines["shed"].x_ohm == 0.05
    assert spec.assets["load_critical"].at == "shed" and spec.assets["battery"].at == ""


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ('upstream = "barn"\n', "upstream 'barn' is no line"),
        ('[plant.load_critical]\nat = "barn"\n', "'barn' is no line"),
    ],
)
def test_a_feeder_that_leads_nowhere_is_told(tmp_path, more, part):
    scenario = load_scenario(write(tmp_path, HEAD + FEEDER + more))
    with pytest.raises(ScenarioError, match=re.escape(part)) as error:
        scenario.plant_spec(SITE)
    assert all(line.startswith(str(scenario.path)) for line in error.value.problems)


def test_a_cable_of_less_than_nothing_is_told(tmp_path):
    with pytest.raises(ScenarioError, match=r"feeder\.yard\.r_ohm: -1"):
        load_scenario(write(tmp_path, HEAD + "[feeder.yard]\nr_ohm = -1\n"))


def test_the_plant_is_what_the_site_says_unless_the_scenario_overrules(tmp_path):
    text = SITE_FILE.read_text().replace("nominal_v = 220.0", "nominal_v = 230.0")
    (tmp_path / "site.toml").write_text(text.replace("efficiency_charge = 0.96\n", ""))
    scenario = load_scenario(write(tmp_path, HEAD + "[plant.battery]\nrated_w = 7\n"))
    spec = scenario.plant_spec(load_site(scenario.site_path))
    battery = spec.assets["battery"]
    assert (battery.rated_w, battery.capacity_wh) == (7.0, 100_000.0)
    assert battery.charge_efficiency == 0.95, "the site's own default"
    assert spec.assets["ev_charger"].min_w == 4140.0
    assert (spec.bus.nominal_v, spec.poi) == (230.0, "poi")


def test_a_missing_demand_column_is_told(tmp_path):
    scenario = load_scenario(write(tmp_path, HEAD))
    with pytest.raises(ScenarioError, match=r"data\.columns: .*no column 'load_critical'"):
        scenario.build_plant(SITE)


def test_the_repeat_command_gives_the_same_scenario_again(tmp_path):
    path = write(
        tmp_path, HEAD + '[[timeline]]\nid = "bad"\nat = "12:01:00"\nfault = "disk_full"\n'
    )
    sets = [
        'timeline.bad.at={ random = 3, from = "+1 min", to = "+10 min", apart = "30 s" }',
        "scenario.seed=7",
        "scenario.tags=[\"a b\", 'c']",
        "timeline.bad.why=it's so",
    ]
    first = load_scenario(path, sets)
    words = shlex.split(first.repeat_command())
    again = load_scenario(words[3], words[5::2])
    assert words[4::2] == ["--set"] * 4
    assert again.lines == first.lines and len(first.lines[0][1]) == 3
    assert (again.seed, again.tags, again.changed) == (7, ("a b", "c"), first.changed)
