"""Islands: shedding and restoring by tier, black start, synchronising, contingencies, silence."""

from itertools import pairwise

import pytest
from host_kit import NOON, demo, image, loads, run, twins
from hypothesis import given, settings
from hypothesis import strategies as st

from nansha.dispatch import ControlState, Mode
from nansha.dispatch.tiers import ORDER, REST_MS, STAGGER_MS, Candidate, keep
from nansha.image import STALE_MS
from nansha.session import make_controller

SITE = demo()
AWAY = {"closed": False, "v_v": 0.0, "f_hz": 0.0}
BACK = {"closed": False, "v_v": 220.0, "f_hz": 50.0}
DEAD = {"v_v": 0.0, "f_hz": 0.0, "p_w": 0.0}
NIGHT = {"p_w": 0.0, "x": 0.0}


class Story:
    """Images one after another, with the controller's memory."""

    def __init__(self, site=SITE, t_ms=NOON):
        self.site, self.t_ms = site, t_ms
        self.controller, self.state = make_controller(site, False), ControlState()

    def look(self, after_ms=1000, **changed):
        self.t_ms += after_ms
        seen = image(self.site, self.t_ms, **changed)
        self.state, dispatch = self.controller.step(self.state, seen)
        return dispatch

    def loads_follow(self):
        """What the loads do after the last dispatch: open ones draw nothing."""
        return {
            load.id: {"closed": False, "p_w": 0.0}
            for load in loads(self.site)
            if load.id in self.state.shed
        }


def test_a_falling_battery_sheds_tier_by_tier_and_a_rising_one_restores():
    story = Story()
    seen = []
    for promille in [*range(600, 100, -10), *range(100, 700, 5)]:
        story.look(
            20_000, poi=AWAY, pv_roof=NIGHT, battery={"x": promille / 1000}, **story.loads_follow()
        )
        tiers = tuple(sorted({story.site.asset(load).tier for load in story.state.shed}))
        if not seen or seen[-1] != tiers:
            seen.append(tiers)
    assert seen == [
        (),
        ("interruptible",),
        ("interruptible", "priority"),
        ("interruptible",),
        (),
    ]


def test_restored_one_at_a_time_after_a_rest():
    site = twins()
    story = Story(site)
    low, away = {"x": 0.05}, {"poi": AWAY, "pv_roof": NIGHT, "pv_roof_2": NIGHT}
    story.look(**away, battery=low, battery_2=low)
    story.look(**away, battery=low, battery_2=low)
    shed_ms, before = story.t_ms, set(story.state.shed)
    assert len(before) == 4
    times = []
    for _ in range(200):
        story.look(**away, battery={"x": 0.8}, battery_2={"x": 0.8}, **story.loads_follow())
        back = before - set(story.state.shed)
        before = set(story.state.shed)
        times += [(story.t_ms, site.asset(load).tier) for load in back]
    assert [tier for _, tier in times] == ["priority"] * 2 + ["interruptible"] * 2
    assert times[0][0] - shed_ms >= REST_MS - 1000
    gaps = [b[0] - a[0] for a, b in pairwise(times)]
    assert all(gap >= STAGGER_MS for gap in gaps)


candidates = st.lists(
    st.builds(
        Candidate,
        asset=st.uuids().map(str),
        tier=st.sampled_from(ORDER),
        demand_w=st.integers(0, 20_000).map(float),
        shed_since_ms=st.sampled_from([-1, -1, 0, 50_000, 95_000]),
    ),
    max_size=8,
)


@settings(max_examples=300)
@given(
    candidates,
    st.integers(0, 80_000),
    st.integers(0, 40_000),
    st.none() | st.floats(0, 1),
    st.integers(0, 40_000),
    st.sampled_from([-1, 0, 90_000]),
)
def test_tiers(items, available, more, soc, free, restored):
    on, returning = keep(items, available, soc, free, 100_000, restored)
    richer, _ = keep(items, available + more, soc, free, 100_000, restored)
    assert on <= richer, "more power sheds nobody"
    names = {item.asset: item for item in items}
    off = [item for item in items if item.asset not in on]
    assert all(item.tier != "critical" for item in off)
    for item in off:
        for other in on:
            assert ORDER.index(names[other].tier) <= ORDER.index(item.tier)
    back = [names[a] for a in on if names[a].shed_since_ms >= 0 and names[a].tier != "critical"]
    assert len(back) <= 1 and returning == bool(back)
    for item in back:
        assert 100_000 - item.shed_since_ms >= REST_MS
        assert restored < 0 or 100_000 - restored >= STAGGER_MS
    beside = sum(names[a].demand_w for a in on if names[a].tier != "critical")
    critical = sum(item.demand_w for item in items if item.tier == "critical")
    assert not beside or critical + beside <= available


def test_a_resting_load_does_not_push_out_a_running_one():
    """The one that is off is the smaller by now; the other goes on running."""
    items = [
        Candidate("resting", "interruptible", 5_000.0, 95_000),
        Candidate("running", "interruptible", 6_000.0, -1),
    ]
    assert keep(items, 50_000, None, 0.0, 100_000, -1) == ({"running"}, False)


def test_soc_sheds_monotonically():
    items = [Candidate(t, t, 5_000.0, -1) for t in ORDER]
    sizes = [len(keep(items, 50_000, s / 100, 0.0, 0, -1)[0]) for s in range(101)]
    assert sizes == sorted(sizes) and sizes[0] == 1 and sizes[-1] == 3


# dead bus, black start, synchronising


def dead(**poi):
    others = {a.id: dict(DEAD, closed=False) for a in SITE.assets if a.role != "poi"}
    others["battery"]["x"] = 0.6
    return {"poi": {**AWAY, **poi}, **others}


def test_the_battery_wakes_a_dead_bus_only_without_the_grid():
    story = Story()
    dispatch = story.look(**dead())
    assert dispatch.mode is Mode.BLACK
    assert dispatch.of("battery").closed
    assert not dispatch.of("poi").closed
    assert not dispatch.of("load_priority").closed
    assert dispatch.of("load_critical").closed
    for _ in range(4):
        dispatch = story.look(**dead(v_v=220.0, f_hz=50.0))
        assert not dispatch.of("battery").closed
        assert dispatch.mode is Mode.BLACK and not dispatch.of("poi").closed
    for _ in range(3):
        dispatch = story.look(**dead(v_v=220.0, f_hz=50.0))
    assert dispatch.mode is Mode.SYNCHRONISING and dispatch.of("poi").closed
    assert not dispatch.of("battery").closed, "the grid alone wakes the bus"


@pytest.mark.parametrize("wait_s", [29, 30])
def test_reconnection_waits_for_half_a_minute_of_health(wait_s):
    story = Story()
    story.look(poi=AWAY)
    story.look(poi=BACK)
    for _ in range(wait_s):
        dispatch = story.look(poi=BACK)
    assert (dispatch.mode is Mode.SYNCHRONISING) == (wait_s >= 30)
    assert dispatch.of("poi").closed == (wait_s >= 30)


@pytest.mark.parametrize(
    "bad",
    [
        {"v_v": 197.0},
        {"v_v": 236.0},
        {"f_hz": 49.79},
        {"f_hz": 50.21},
        AWAY,
    ],
)
def test_one_bad_look_begins_the_delay_anew(bad):
    story = Story()
    for _ in range(25):
        story.look(poi=BACK)
    story.look(poi={**BACK, **bad})
    for _ in range(30):
        assert story.look(poi=BACK).mode is Mode.ISLANDED
    assert story.look(poi=BACK).mode is Mode.SYNCHRONISING


def test_a_silent_grid_is_not_a_healthy_one():
    """The breaker's node falls silent for a minute: what was not seen does not count."""
    story = Story()
    story.look(poi=BACK)
    for _ in range(60):
        assert story.look(poi=None).mode is Mode.ISLANDED
    for _ in range(29):
        assert story.look(poi=BACK).mode is Mode.ISLANDED


def test_a_silent_breaker_keeps_the_mode():
    story = Story()
    assert story.look(poi=None).mode is Mode.UNKNOWN
    assert story.look().mode is Mode.GRID_CONNECTED
    assert story.look(poi=None).mode is Mode.GRID_CONNECTED
    assert story.look(poi=AWAY).mode is Mode.ISLANDED
    assert story.look(poi={**BACK, "age_ms": STALE_MS + 1}).mode is Mode.ISLANDED


@pytest.mark.parametrize("away_ms", [31_000, 3_600_000, -7_200_000])
def test_a_host_that_was_away_does_not_take_its_own_silence_for_the_breakers(away_ms):
    """Back after half a minute, it decides before the first telemetry: nothing is shed for that."""
    story = Story()
    story.look()
    back = story.look(after_ms=away_ms, poi=None)
    assert back.mode is Mode.GRID_CONNECTED and not story.state.shed
    for _ in range(25):
        assert story.look(poi=None).mode is Mode.GRID_CONNECTED
    for _ in range(6):
        last = story.look(poi=None)
    assert last.mode is Mode.ISLANDED, "from now on the silence counts"


@pytest.mark.parametrize("gaps_ms", [(5_001,), (8_000, *(1000,) * 20), (-3_600_000, *(1000,) * 3)])
def test_a_host_that_is_often_away_still_counts_a_breakers_silence(gaps_ms):
    """Slow, or started again and again, or with a clock that is set back for ever."""
    story = Story()
    story.look()
    heard_ms = 0
    while heard_ms < 31_000 + 5_000 * len(gaps_ms):
        for gap_ms in gaps_ms:
            last = story.look(after_ms=gap_ms, poi=None)
            heard_ms += max(0, min(gap_ms, 5_000))
    assert last.mode is Mode.ISLANDED


def test_synchronising_keeps_the_battery_in_its_rating_and_ends_the_nudge():
    story = Story()
    for _ in range(60):
        dispatch = story.look(poi=BACK, battery={"x": 0.6, "f_hz": 49.5})
        assert abs(dispatch.of("battery").p_w) <= 40_000
        assert abs(story.state.nudge) <= 0.1
    assert story.state.nudge > 0, "too slow an island is driven faster"
    story.look()
    assert story.state.nudge == 0.0


# silence


def test_a_silent_battery_is_not_dispatched_and_its_power_not_twice():
    """It goes on discharging 5 kW: the others share what is left."""
    gone = {"age_ms": STALE_MS + 1, "p_w": 5_000.0, "p_set_w": 5_000.0}
    _, dispatch = run(SITE, image(SITE, NOON, battery=gone))
    assert "battery" not in [item.asset for item in dispatch.assets]
    assert dispatch.of("poi").p_w == 28_500 - 10_000 - 5_000


def test_the_twin_takes_over():
    site = twins()
    away = {"poi": AWAY, "pv_roof": NIGHT, "pv_roof_2": NIGHT}
    _, both = run(site, image(site, NOON, **away))
    _, one = run(site, image(site, NOON, battery=None, **away))
    total = both.of("battery").p_w + both.of("battery_2").p_w
    assert total > 0
    shed_w = sum(0.5 * load.rated_w for load in loads(site) if not one.of(load.id).closed)
    assert one.of("battery_2").p_w == pytest.approx(total - shed_w, abs=2)


def test_a_silent_load_is_still_fed():
    story = Story()
    story.look()
    dispatch = story.look(load_priority={"age_ms": STALE_MS + 1})
    assert dispatch.of("poi").p_w == story.look().of("poi").p_w


# contingencies


@pytest.mark.parametrize(
    ("soc", "rated", "armed"),
    [
        (0.9, 40_000, set()),
        (0.40, 40_000, {"load_interruptible"}),
        (0.20, 40_000, {"load_priority", "load_interruptible"}),
        (0.9, 20_000, {"load_interruptible"}),
        (0.9, 10_000, {"load_priority", "load_interruptible"}),
    ],
)
def test_armed_are_exactly_those_the_battery_could_not_carry(soc, rated, armed):
    """6 kW critical, 10 kW priority, 12.5 kW interruptible, no sun; 90 % of the rating counts."""
    assets = tuple(
        a.model_copy(update={"rated_w": float(rated)}) if a.role == "battery" else a
        for a in SITE.assets
    )
    site = SITE.model_copy(update={"assets": assets})
    _, dispatch = run(site, image(site, NOON, pv_roof=NIGHT, battery={"x": soc}))
    got = {item.asset for item in dispatch.assets if item.armed}
    assert got == armed | {"ev_charger"}
    assert all(i.armed_f_hz == pytest.approx(49.8) for i in dispatch.assets if i.armed)
    _, island = run(site, image(site, NOON, poi=AWAY, pv_roof=NIGHT, battery={"x": 0.9}))
    assert all(i.armed_f_hz == pytest.approx(49.6) for i in island.assets if i.armed)


def test_an_open_battery_carries_nobody():
    _, dispatch = run(SITE, image(SITE, NOON, battery={"x": 0.9, "closed": False}))
    assert dispatch.of("load_priority").armed and dispatch.of("load_interruptible").armed
    assert not dispatch.of("load_critical").armed or dispatch.of("load_critical").closed


def test_the_import_cap_sheds_rather_than_borrow_the_reserve():
    """30 kW of grid, twins at their reserve, no sun: loads go by tier, the cap holds."""
    site = twins()
    at_reserve = {"battery": {"x": 0.3}, "battery_2": {"x": 0.5}}
    dark = {"pv_roof": NIGHT, "pv_roof_2": NIGHT}
    state, dispatch = run(site, *[image(site, NOON + k, **at_reserve, **dark) for k in range(2)])
    assert dispatch.shortage_w == 0
    assert set(state.shed.values()) == {"import_cap"}
    assert dispatch.of("poi").p_w <= 30_000


def test_a_breaker_unseen_for_half_a_minute_is_taken_for_open():
    state = None
    for seconds in range(45):
        seen = image(SITE, NOON + seconds * 1000, **({} if seconds < 5 else {"poi": None}))
        state, dispatch = run(SITE, seen, state=state)
        assert dispatch.mode is (Mode.GRID_CONNECTED if seconds <= 34 else Mode.ISLANDED), seconds
        assert ("poi" in {item.asset for item in dispatch.assets}) == (seconds < 5)
