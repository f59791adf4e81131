"""The session against the real firmware, on good lines and bad ones."""

import json
import random
import struct

import pytest
from fake_site import FakeSite
from host_kit import NOON, SECRET, demo
from hypothesis import given, settings
from hypothesis import strategies as st

from nansha import session as session_module
from nansha.dispatch import solve
from nansha.errors import NanshaError
from nansha.historian import Historian
from nansha.image import STALE_MS
from nansha.session import Session
from nansha_core import CertificateError
from nansha_wire import codes, frames
from nansha_wire import messages as m

SITE = demo()
ALL = {a.id for a in SITE.assets}


def test_leases_never_lapse_while_frames_flow():
    world = FakeSite(SITE)
    world.run(5)
    assert world.leased() == ALL
    for _ in range(90):
        world.run(1)
        assert world.leased() == ALL
    assert not world.lapses and not world.refused and not world.notices
    assert world.session.bad_frames == 0
    per_node_s = len(world.sent) / 95 / len(ALL)
    assert per_node_s < 0.8, "calm means few commands"


@pytest.mark.parametrize("nth", [2, 3])
def test_one_lost_command_costs_no_lease(nth):
    """Of each node's setpoints every second or third is lost."""
    counts = {}

    def line(way, frame):
        if way == "up" or frame[1] != m.SETPOINT:
            return (0,)
        node = frame[2]
        counts[node] = counts.get(node, 0) + 1
        return () if counts[node] % nth == 0 else (0,)

    world = FakeSite(SITE, line)
    world.run(10)
    world.lapses.clear()
    world.run(50)
    assert not world.lapses


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(0, 40),
    st.integers(0, 40),
    st.sampled_from([0, 300, 3000, 7000]),
)
def test_a_bad_line_never_breaks_a_rule(seed, lose, repeat, late_ms):
    """Bounds, repeats and lateness are checked at every turn by the site itself."""
    dice = random.Random(seed)

    def line(way, frame):
        copies = (dice.randrange(100) >= lose) + (dice.randrange(100) < repeat)
        return tuple(dice.randrange(late_ms + 1) for _ in range(copies))

    world = FakeSite(SITE, line)
    world.run(15)
    dice.random()
    world.boot("battery")
    world.run(10)
    world.line = lambda way, frame: (0,)
    world.run(12)
    assert world.leased() == ALL, "a line that is good again is enough"
    assert world.session.bad_frames == 0


def test_a_node_that_reboots_is_commanded_again_at_once():
    world = FakeSite(SITE)
    world.run(20)
    for asset in sorted(ALL):
        world.boot(asset)
        world.run(2)
        assert asset in world.leased(), asset
    results = {result for _, result in world.refused}
    assert results <= {"forged"}, "at most what was on its way when the node went down"


def test_no_command_answers_the_clock_of_an_earlier_boot():
    """The boot event is heard, its cycle comes before the first telemetry."""
    world = FakeSite(SITE)
    world.run(10)
    event = frames.encode(m.EVENT, 3, 1, 5, (9999, 1, 1, 5, codes.EV_BOOT, 1))
    assert world.session.receive(world.t_ms, event)
    assert not [out for out in world.session.cycle(world.t_ms) if out.node == 3]


def telemetry(node=3, seq=1, t_ms=1000, **changed):
    values = dict.fromkeys(m.Telemetry._fields, 0)
    values.update(boot_id=7, v_mv=220_000, f_mhz=50_000, x=500, flags=codes.FLAG_CLOSED)
    values.update(changed)
    return frames.encode(m.TELEMETRY, node, seq, t_ms, m.Telemetry(**values))


def fresh_session(**more):
    return Session(SITE, SECRET, now_ms=NOON, **more)


def sent_to(session, node, t_ms):
    return [frames.decode(o.frame) for o in session.cycle(t_ms) if o.node == node]


def test_overtaken_and_repeated_telemetry_tells_nothing():
    session = fresh_session()
    session.receive(NOON, telemetry(t_ms=5000, p_w=100))
    session.receive(NOON + 10, telemetry(t_ms=4000, p_w=-7777))
    session.receive(NOON + 3000, telemetry(t_ms=5000, p_w=100))
    session.cycle(NOON + STALE_MS)
    sample = session.image_of("battery")
    assert (sample.p_w, sample.age_ms) == (100, STALE_MS)
    assert session.peer("battery").seen_ms == 5000
    session.cycle(NOON + STALE_MS + 1)
    assert not session.image_of("battery").fresh, "repeats do not keep a dead node alive"


def test_a_wrapped_clock_goes_on():
    session = fresh_session()
    session.receive(NOON, telemetry(t_ms=(1 << 30) - 10))
    session.receive(NOON + 1000, telemetry(t_ms=990, p_w=5))
    assert session.peer("battery").seen_ms == 990
    week = NOON + 8 * 86_400_000
    session.receive(week, telemetry(t_ms=100, p_w=6))
    assert session.peer("battery").arrived_ms == week, "after long silence any clock is believed"


def test_silent_nodes_are_told_nothing():
    session = fresh_session()
    assert session.cycle(NOON) == []
    session.receive(NOON, telemetry())
    assert sent_to(session, 3, NOON + STALE_MS)
    assert session.cycle(NOON + STALE_MS + 1) == []


def test_a_stranger_gets_no_commands_until_it_is_gone():
    said = []
    session = fresh_session(notice=said.append)
    facts = {"site": SITE.id, "asset": "pv_roof", "role": "pv"}
    session.receive(NOON, frames.encode_identity(3, 1, 0, facts))
    session.receive(NOON, telemetry())
    assert session.cycle(NOON) == []
    assert len(said) == 1 and "pv_roof" in said[0] and "nansha board SITE battery" in said[0]
    assert "\n" not in said[0]
    facts["asset"] = "battery"
    session.receive(NOON, frames.encode_identity(3, 2, 0, facts))
    assert sent_to(session, 3, NOON)


@given(st.binary(max_size=240))
def test_bad_frames_are_counted_and_never_raised(data):
    session = fresh_session()
    session.receive(NOON, data)
    try:
        frame = frames.decode(data)
        known = frame.node in range(1, 8) and frame.ident not in m.COMMANDS
    except frames.FrameError:
        known = False
    assert session.bad_frames == (not known)


def test_a_command_that_comes_up_and_an_unknown_node_are_bad():
    session = fresh_session()
    world = FakeSite(SITE)
    world.run(3)
    session.receive(NOON, world.sent[0][2])
    session.receive(NOON, telemetry(node=99))
    assert session.bad_frames == 2


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 7),
            st.integers(0, 2**32 - 1),
            st.binary(min_size=struct.calcsize(m.FORMATS[m.TELEMETRY])),
        ),
        max_size=7,
    )
)
def test_whatever_a_node_says_the_next_cycle_runs(said):
    """Any bits in any telemetry, counters at their end included."""
    session = fresh_session()
    size = struct.calcsize(m.FORMATS[m.TELEMETRY])
    for node, t_ms, body in said:
        head = struct.pack(frames.HEADER, m.VERSION, m.TELEMETRY, node, 0, t_ms)
        session.receive(NOON, head + body[:size])
    for k in range(3):
        session.cycle(NOON + 1000 * k)


def test_a_counter_at_its_end_stops_commands_to_that_node_only():
    session = fresh_session()
    session.receive(NOON, telemetry(counter=2**32 - 1))
    session.receive(NOON, telemetry(node=4))
    for k in range(5):
        assert {out.node for out in session.cycle(NOON + k)} <= {4}


def test_events_are_confirmed_until_the_node_forgets_them():
    world = FakeSite(SITE)
    world.run(20)
    for asset, node in world.nodes.items():
        assert node.outbox.waiting() == 0, asset
        assert world.session.peer(asset).events_seen >= 1
    world.boards["ev_charger"].plugged = False
    world.run(70)
    assert all(node.outbox.waiting() == 0 for node in world.nodes.values())


def test_lost_confirmations_keep_events_and_none_is_recorded_twice(tmp_path):
    history = Historian(tmp_path / "s.sqlite")
    world = FakeSite(SITE, historian=history)
    times = [m.TIME]
    world.line = lambda way, f: () if way == "down" and f[1] in times else (0, 50)
    world.run(15)
    assert all(node.outbox.waiting() for node in world.nodes.values())
    times.clear()
    world.run(70)
    assert all(node.outbox.waiting() == 0 for node in world.nodes.values())
    history.flush()
    rows = list(history.rows("SELECT asset, boot_id, number FROM events WHERE number NOT NULL"))
    assert len(rows) == len(set(rows)) >= len(ALL)
    history.close()


def test_a_wrong_answer_is_never_sent(monkeypatch):
    said = []
    session = fresh_session(notice=said.append)
    session.receive(NOON, telemetry())
    session.receive(NOON, telemetry(node=5, p_w=-9000))
    state = session.state.to_json()

    def refuse(*args, **kwargs):
        raise CertificateError("the powers miss the demand", None, None)

    with monkeypatch.context() as patch:
        patch.setattr(solve, "verify", refuse)
        assert session.cycle(NOON) == []
        assert session.cycle(NOON + 1000) == []
    assert session.refused_certificates == 2 and session.dispatch is None
    assert len(said) == 2 and "not sent" in said[0]
    assert session.state.to_json() == state, "a cycle that was not is not remembered"
    assert session.cycle(NOON + 2000)


def test_power_is_taken_before_it_is_given():
    world = FakeSite(SITE)
    world.run(10)
    for _ in range(40):
        begin = len(world.sent)
        world.run(1)
        sheds = [world.session.dispatch.of(asset).sheds for _, asset, _ in world.sent[begin:]]
        assert sheds == sorted(sheds, reverse=True) or len(set(sheds)) == 1


def test_the_host_comes_back_where_it_was(tmp_path):
    path = tmp_path / "s.sqlite"
    world = FakeSite(SITE, historian=Historian(path))
    world.run(20)
    state = world.session.state.to_json()
    counters = {a: world.session.peer(a).counter for a in ALL}
    assert world.session.flush(NOON)
    world.session.historian.abandon()  # it crashed
    history = Historian(path)
    world.start(history)
    assert world.session.state.to_json() == state
    world.refused.clear()
    world.run(9)
    assert not world.refused and not world.lapses
    assert world.leased() == ALL
    for asset, before in counters.items():
        assert world.session.peer(asset).counter > before
    history.flush()
    assert [row[0] for row in history.rows("SELECT run FROM runs")] == [1, 2]
    history.close()


def test_the_record_of_another_site_is_not_resumed(tmp_path):
    history = Historian(tmp_path / "s.sqlite")
    fresh_session(historian=history)
    info = SITE.info.model_copy(update={"id": "elsewhere"})
    other = SITE.model_copy(update={"info": info})
    with pytest.raises(NanshaError, match="of nansha_campus, not of elsewhere"):
        Session(other, SECRET, history, now_ms=NOON)
    history.close()


def test_the_digest_moves_with_every_figure():
    world = FakeSite(SITE)
    world.run(5)
    dispatch = world.session.dispatch
    seen = {session_module.digest(dispatch)}
    for name in ("t_ms", "price", "residual_w", "shortage_w", "surplus_w"):
        changed = {n: getattr(dispatch, n) for n in dispatch.__slots__}
        changed[name] += 1
        seen.add(session_module.digest(type(dispatch)(**changed)))
    assert len(seen) == 6
    json.dumps(world.session.state.to_json())
