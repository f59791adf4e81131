"""The loop around the decisions: what it says, when, and when it lets the watchdog bite."""

from dual_kit import (
    BOOT,
    KEY,
    SMALL_INT_MAX,
    Cfg,
    FakeHardware,
    FakeLink,
    command,
    eq,
    every,
    healthy,
    raises,
)

from nansha_node.alive import Alive
from nansha_node.app import FAST_TELEMETRY_MS, RESEND_MS, App
from nansha_node.outbox import CAPACITY, Outbox
from nansha_wire import codes, frames
from nansha_wire import messages as m

DAY_MS = 86400000


def _app(asset="battery", t_ms=1000, flash_ok=True):
    cfg = Cfg(asset)
    hw, link = FakeHardware(cfg, t_ms), FakeLink()
    return App(cfg, hw, link, KEY, BOOT, flash_ok), hw, link


def _run(app, hw, ms):
    end = hw.now_ms + ms
    while hw.now_ms < end:
        app.turn()


def _tell(app, hw, link, ident, values):
    """Send a command that answers this very moment."""
    values = (app.state.counter + 1, hw.ticks_ms()) + values  # noqa: RUF005  MicroPython
    link.inbox.append(command(app.cfg, ident, values))
    app.turn()


def test_first_words_are_the_identity_and_the_boot():
    for cfg in every():
        app, hw, link = _app(cfg.ASSET)
        app.turn()
        first = link.take()
        eq([f.ident for f in first], [m.IDENTITY, m.EVENT, m.TELEMETRY], cfg.ASSET)
        facts = first[0].body
        eq((facts["site"], facts["asset"], facts["role"]), (cfg.SITE, cfg.ASSET, cfg.ROLE))
        eq((facts["boot_id"], facts["reset"]), (BOOT, 1))
        eq((first[1].body.code, first[1].body.value), (codes.EV_BOOT, 1))
        eq([f.seq for f in first], [1, 2, 3])
        assert hw.feeds == 1


def test_identity_once_a_session():
    app, hw, link = _app()
    _run(app, hw, 60000)
    eq(len(link.take(m.IDENTITY)), 1)
    link.session = 7
    _run(app, hw, 60000)
    eq(len(link.take(m.IDENTITY)), 1)
    link.up = False
    _run(app, hw, 60000)
    eq(link.take(), [])
    link.up = True  # the same session: nobody new listens
    _run(app, hw, 60000)
    eq(link.take(m.IDENTITY), [])


def test_calm_telemetry_comes_on_its_grid():
    app, hw, link = _app()
    _run(app, hw, 10000)
    link.take()
    _run(app, hw, 60000)
    times = [f.t_ms for f in link.take(m.TELEMETRY)]
    eq(len(times), 60000 // app.cfg.TELEMETRY_MS)
    eq([t % app.cfg.TELEMETRY_MS for t in times], [0] * len(times))


def test_the_first_sign_is_told_at_once_and_then_often():
    app, hw, link = _app()
    _run(app, hw, 20000)
    hw.now_ms += 137
    link.take()
    hw.alert = True
    app.turn()
    first = link.take(m.TELEMETRY)
    eq(len(first), 1)
    eq(first[0].body.flags & (codes.FLAG_ALERT | codes.FLAG_FAST), 4 | 64)
    _run(app, hw, 1000)
    assert len(link.take(m.TELEMETRY)) >= 1000 // FAST_TELEMETRY_MS - 1


def test_a_command_acts_in_the_turn_it_came_in_and_is_acknowledged():
    app, hw, link = _app()
    _run(app, hw, 20000)
    hw.max_wait_ms = 333
    app.turn()
    assert hw.now_ms % app.cfg.CALM_MS, "between two looks"
    link.take()
    _tell(app, hw, link, m.SETPOINT, (-7000, 1, 5000))
    eq(hw.written, (True, -7000))
    acks = link.take(m.ACK)
    eq([tuple(f.body) for f in acks], [(1, codes.ACCEPTED, -7000)])
    bad = command(app.cfg, m.SETPOINT, (9, hw.ticks_ms(), 999999, 1, 5000))
    link.inbox += [bad, b"noise", bad[:-1], b"", bad[:-1] + b"\x00"]
    app.turn()
    results = [f.body.result for f in link.take(m.ACK)]
    eq(results, [codes.OUT_OF_BOUNDS, codes.FORGED])
    eq(hw.written, (True, -7000))


def test_a_command_of_another_node_is_not_answered():
    app, hw, link = _app()
    _run(app, hw, 5000)
    link.take()
    link.inbox.append(command(app.cfg, m.SETPOINT, (1, hw.ticks_ms(), 0, 1, 5000), node=999))
    link.inbox.append(frames.encode(m.ACK, app.cfg.NODE_ID, 1, 1, (1, 0, 0)))
    app.turn()
    eq(link.take(m.ACK), [])


def test_events_go_out_again_until_they_are_confirmed():
    app, hw, link = _app(flash_ok=False)
    _run(app, hw, 4 * RESEND_MS)
    numbers = [f.body.number for f in link.take(m.EVENT)]
    assert numbers.count(1) >= 4 and numbers.count(2) >= 4, numbers
    _tell(app, hw, link, m.TIME, (1000, 1))
    link.take()
    _run(app, hw, 2 * RESEND_MS)
    numbers = [f.body.number for f in link.take(m.EVENT)]
    assert 1 not in numbers and 2 in numbers, numbers
    _tell(app, hw, link, m.TIME, (1000, 2 + 50))
    link.take()
    _run(app, hw, 3 * RESEND_MS)
    numbers = [f.body.number for f in link.take(m.EVENT)]
    eq(numbers, [])
    eq(app.outbox.waiting(), 0)


def test_events_of_a_time_without_a_link_arrive_with_it():
    app, hw, link = _app()
    link.up = False
    _run(app, hw, 30000)
    link.up, link.session = True, 1
    app.turn()
    said = link.take()
    eq(said[0].ident, m.IDENTITY)
    codes_seen = [f.body.code for f in said if f.ident == m.EVENT]
    assert codes.EV_BOOT in codes_seen and codes.EV_CLOSED in codes_seen


def test_the_outbox_is_bounded_and_counts_what_it_drops():
    app, hw, link = _app()
    link.up = False
    for n in range(CAPACITY + 10):
        app.outbox.add(n, codes.EV_TRIP, n)
    eq((app.outbox.waiting(), app.outbox.dropped), (CAPACITY, 11))
    link.up = True
    app.turn()
    said = link.take()
    events = [f.body.value for f in said if f.ident == m.EVENT]
    eq(events, list(range(10, CAPACITY + 10)))  # the newest stay, oldest first
    eq(said[-1].body.dropped, 11)
    app.outbox.dropped = 1 << 20
    _run(app, hw, 1000)
    eq(link.take(m.TELEMETRY)[-1].body.dropped, 0xFFFF)


def test_outbox_alone():
    box = Outbox(5)
    box.add(1, 2, 3)
    box.add(4, 5, 6)
    eq(box.unsent(), [(5, 1, 1, 1, 2, 3), (5, 2, 1, 4, 5, 6)])
    eq(box.unsent(), [])
    box.add(7, 8, 9)
    eq([event[1] for event in box.unsent()], [3])
    box.again()
    eq([event[1] for event in box.unsent()], [1, 2, 3])
    box.held(2)
    box.again()
    eq([event[1] for event in box.unsent()], [3])
    box.held(0)
    eq(box.waiting(), 1)


def test_a_link_that_was_away_for_a_week_finds_telemetry_at_once():
    # Longer than half the clock's period: a time noted before would look like the future.
    for days in (1, 7, 11, 13):
        app, hw, link = _app()
        _run(app, hw, 5000)
        link.up = False
        hw.max_wait_ms = 1000
        app.turn()
        hw.now_ms += days * DAY_MS
        app.turn()
        link.up, link.session = True, link.session + 1
        link.take()
        _run(app, hw, 5000)
        assert len(link.take(m.TELEMETRY)) >= 4, days


def test_an_event_after_a_quiet_week_is_repeated_too():
    for days in (1, 7, 11, 13):
        app, hw, link = _app()
        _run(app, hw, 20000)
        _tell(app, hw, link, m.TIME, (1, 1000))
        eq(app.outbox.waiting(), 0)
        for _ in range(days):  # day by day, so that the loop itself is alive
            hw.now_ms += DAY_MS
            app.turn()
            link.take()
        app.outbox.held(1 << 30)
        app.outbox.add(hw.ticks_ms(), codes.EV_TRIP, 0)
        link.take()
        _run(app, hw, 10000)
        assert len(link.take(m.EVENT)) >= 4, days


def test_the_loop_runs_across_the_wrap_of_its_clock():
    app, hw, link = _app(t_ms=SMALL_INT_MAX - 30000)
    _run(app, hw, 25000)
    link.take()
    hw.feeds = 0
    _run(app, hw, 60000)
    assert len(link.take(m.TELEMETRY)) >= 58
    assert hw.feeds >= 58
    assert hw.last_wait_ms <= app.cfg.CALM_MS


def test_the_watchdog_is_fed_while_all_report_and_not_when_one_is_silent():
    for silent in ("control", "link", "telemetry"):
        app, hw, _ = _app()
        _run(app, hw, 5000)
        fed = hw.feeds
        report = app.alive.report
        app.alive.report = lambda name, now, report=report, silent=silent: (
            None if name == silent else report(name, now)
        )
        _run(app, hw, 3 * app.cfg.CALM_MS - 1500)
        assert hw.feeds > fed
        _run(app, hw, 2000)
        fed = hw.feeds
        _run(app, hw, 20000)
        eq(hw.feeds, fed, silent)


def test_a_due_time_gone_wrong_bites():
    """The loop goes round, but no step is taken any more, or no telemetry is said."""
    for name in ("control_ms", "telemetry_ms"):
        app, hw, _ = _app()
        _run(app, hw, 20000)
        setattr(app, name, hw.now_ms + DAY_MS)
        hw.max_wait_ms = 100
        _run(app, hw, 5000)
        fed = hw.feeds
        _run(app, hw, 20000)
        eq(hw.feeds, fed, name)


def test_a_node_without_a_link_is_well():
    app, hw, link = _app()
    link.up = False
    _run(app, hw, 60000)
    assert hw.feeds >= 60


def test_outputs_that_were_not_written_are_no_report():
    app, hw, _ = _app()
    app.turn()
    seen = app.alive._seen_ms["control"]
    hw.now_ms += 5000
    _break(hw, "write")
    raises(ZeroDivisionError, app.turn)
    eq(app.alive._seen_ms["control"], seen)
    eq(app.alive._seen_ms["link"], hw.now_ms)


def test_a_refused_command_is_told_once_a_result_until_one_is_accepted():
    app, hw, link = _app()
    _run(app, hw, 5000)
    for _ in range(2):
        app.outbox.held(1 << 29)
        link.take()
        for _ in range(8):
            count = app.state.counter
            big = (count + 1, hw.ticks_ms(), 999999, 1, 5000)
            old = (count + 1, (hw.ticks_ms() - 9000) & SMALL_INT_MAX, 0, 1, 5000)
            bad = command(app.cfg, m.SETPOINT, big)
            link.inbox += [bad, bad[:-1] + b"\x00", command(app.cfg, m.SETPOINT, old)]
            link.inbox.append(frames.encode(m.ACK, app.cfg.NODE_ID, 1, 1, (1, 0, 0)))  # an echo
            app.turn()
        link.take()
        app.outbox.again()
        app.turn()
        told = [f.body for f in link.take(m.EVENT) if f.body.code == codes.EV_REFUSED]
        eq([body.value for body in told], [codes.OUT_OF_BOUNDS, codes.FORGED, codes.LATE])
        _tell(app, hw, link, m.SETPOINT, (0, 1, 5000))


def test_a_link_that_delivers_twice_makes_no_events():
    app, hw, link = _app()
    _run(app, hw, 20000)
    app.outbox.held(1 << 29)
    for _ in range(8):
        data = command(app.cfg, m.SETPOINT, (app.state.counter + 1, hw.ticks_ms(), 0, 1, 5000))
        link.inbox += [data, data]
        app.turn()
        eq([f.body.result for f in link.take(m.ACK)], [codes.ACCEPTED, codes.REPEATED])
    eq([event[3] for event in app.outbox._events], [codes.EV_LEASE_GAINED])


def test_alive():
    alive = Alive({"a": 100, "b": 200}, SMALL_INT_MAX - 50)
    assert alive.all_well(49)  # across the wrap
    assert not alive.all_well(50)
    alive.report("a", 50)
    assert alive.all_well(149)
    assert not alive.all_well(150)


def test_a_slow_loop_still_bites():
    """A board whose every turn takes longer than the limit is not well, whatever it reports."""
    app, hw, _ = _app()
    limit = 3 * app.cfg.CALM_MS
    seen = hw.read

    def slow():
        hw.now_ms += limit + 1
        return seen()

    app.turn()
    hw.read = slow
    app.turn()
    fed = hw.feeds
    eq(app.alive.all_well(hw.ticks_ms()), False)
    assert hw.feeds <= fed


def test_what_fails_in_the_loop_comes_out_of_it():
    """The shell hides nothing: boot.main makes the outputs safe and starts again."""
    for name in ("read", "write", "wait", "feed"):
        app, hw, _ = _app()
        app.turn()
        _break(hw, name)
        hw.now_ms += 1000
        try:
            app.turn()
        except ZeroDivisionError:
            continue
        raise AssertionError(name)
    app, _, link = _app()
    _break(link, "send")
    try:
        app.turn()
    except ZeroDivisionError:
        return
    raise AssertionError("send")


def _break(thing, name):
    def broken(*args):
        return 1 // 0

    setattr(thing, name, broken)


def test_a_value_too_big_is_not_sent_or_does_not_stop_the_node():
    app, hw, _ = _app()
    app.turn()
    hw.inputs = lambda: healthy(app.cfg, x=70000, f_mhz=99999)
    _run(app, hw, 5000)
    assert hw.feeds > 4


def test_telemetry_says_what_the_node_does():
    app, hw, link = _app()
    _run(app, hw, 20000)
    _tell(app, hw, link, m.SETPOINT, (5000, 1, 5000))
    _tell(app, hw, link, m.CONTINGENCY, (1, 49000, 100, 5000))
    hw.inputs = lambda: healthy(app.cfg, i_ma=7600, x=321)
    link.take()
    _run(app, hw, 1000)
    body = link.take(m.TELEMETRY)[-1].body
    eq((body.p_set_w, body.x, body.i_ma, body.counter), (5000, 321, 7600, 2))
    eq(body.p_w, 3 * 220 * 76 // 10)
    want = codes.FLAG_CLOSED | codes.FLAG_LEASE | codes.FLAG_ARMED | codes.FLAG_INPUT
    eq(body.flags & want, want)
    eq(body.boot_id, BOOT)
    assert 0 < body.lease_left_ms <= 5000


def test_a_node_without_a_host_keeps_its_waits_within_its_period():
    for cfg in every():
        app, hw, link = _app(cfg.ASSET)
        link.up = False
        for _ in range(300):
            app.turn()
            assert 0 <= hw.last_wait_ms <= cfg.CALM_MS
