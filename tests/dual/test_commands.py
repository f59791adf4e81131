"""A command is obeyed when all of it is right; otherwise not one attribute of the state changes."""

from dual_kit import (
    BOOT,
    Cfg,
    Lcg,
    Node,
    command,
    eq,
    every,
    fresh,
    give,
    healthy,
    lease,
    snapshot,
)

from nansha_node.commands import MAX_AGE_MS, MAX_LEASE_MS
from nansha_wire import codes, frames
from nansha_wire import messages as m
from nansha_wire.auth import Key
from nansha_wire.ticks import PERIOD_MS

NOW = 100000


def _ready(cfg):
    state = fresh(cfg)
    state.t_ms = NOW
    state.counter = 10
    state.begun = True
    return state


def _power(cfg):
    """A power that the node would obey."""
    return cfg.MIN_W if cfg.MIN_W else cfg.MAX_W


def _good(cfg):
    """The right values of each kind of command."""
    return (
        (m.SETPOINT, (11, NOW - 100, _power(cfg), 1, 5000)),
        (m.CONTINGENCY, (11, NOW - 100, 1, 49000, 100, 5000)),
        (m.TIME, (11, NOW - 100, 1234567890123, 3)),
    )


def _refused(cfg, data, want, now_ms=NOW, state=None):
    state = _ready(cfg) if state is None else state
    before = snapshot(state)
    eq(give(cfg, state, data, now_ms), want, cfg.ASSET)
    eq(snapshot(state), before, "a refused command changes nothing")


def test_right_commands_are_obeyed():
    for cfg in every():
        for ident, values in _good(cfg):
            state = _ready(cfg)
            eq(give(cfg, state, command(cfg, ident, values), NOW), codes.ACCEPTED)
            eq(state.counter, 11)
            if ident == m.SETPOINT:
                eq((state.lease_left_ms, state.p_set_w), (4900, _power(cfg)))
                assert state.want_closed
            elif ident == m.CONTINGENCY:
                got = (state.armed_left_ms, state.armed_f_mhz, state.armed_delay_ms)
                eq(got, (4900, 49000, 100))
            else:
                eq(state.events_seen, 3)


def test_forged():
    for cfg in every():
        for ident, values in _good(cfg):
            data = command(cfg, ident, values)
            # Every bit for two nodes, every 7th for the others: a chip is slow at SHA-256.
            stride = 1 if cfg.ROLE in ("battery", "ev_charger") else 7
            for bit in range(
                16, 8 * len(data), stride
            ):  # version and id: a frame error, or another frame
                if 16 <= bit < 32:
                    continue  # the node's number: not for us
                changed = bytearray(data)
                changed[bit >> 3] ^= 1 << (bit & 7)
                _refused(cfg, bytes(changed), codes.FORGED)
            _refused(cfg, command(cfg, ident, values, key=Key(b"x" * 32)), codes.FORGED)
            _refused(cfg, data[:-8] + bytes(8), codes.FORGED)


def test_a_setpoint_does_not_pass_as_a_contingency():
    cfg = Cfg("battery")
    data = command(cfg, m.SETPOINT, (11, NOW, 0, 1, 5000))
    _refused(cfg, data[:1] + bytes((m.CONTINGENCY,)) + data[2:], codes.FORGED)


def test_other_boots():
    for cfg in every():
        for ident, values in _good(cfg):
            for boot in (BOOT - 1, BOOT + 1, 0, 0x3FFFFFFF):
                _refused(cfg, command(cfg, ident, values, boot=boot), codes.FORGED)


def test_other_nodes():
    for cfg in every():
        for ident, values in _good(cfg):
            for node in (cfg.NODE_ID + 1, 0, 65535, cfg.NODE_ID ^ 0x100):
                _refused(cfg, command(cfg, ident, values, node=node), None)


def test_repeated():
    for cfg in every():
        for ident, values in _good(cfg):
            for counter in (0, 9, 10):
                old = (counter,) + values[1:]  # noqa: RUF005  MicroPython unpacks no tuple in a tuple
                _refused(cfg, command(cfg, ident, old), codes.REPEATED)
            state = _ready(cfg)
            data = command(cfg, ident, values)
            eq(give(cfg, state, data, NOW), codes.ACCEPTED)
            for _ in range(3):
                _refused(cfg, data, codes.REPEATED, state=state)


def test_late_and_from_the_future():
    for cfg in every():
        for ident, values in _good(cfg):
            for age_ms in (MAX_AGE_MS + 1, 60000, PERIOD_MS // 2 - 1, -1, -1000, -PERIOD_MS // 2):
                seen = (NOW - age_ms) % PERIOD_MS
                changed = list(values)
                changed[1] = seen
                _refused(cfg, command(cfg, ident, tuple(changed)), codes.LATE)
            edge = list(values)
            edge[1] = NOW - MAX_AGE_MS
            if ident != m.TIME:
                edge[-1] = MAX_AGE_MS + 1
            eq(give(cfg, _ready(cfg), command(cfg, ident, tuple(edge)), NOW), codes.ACCEPTED)


def test_a_lease_that_has_lapsed_on_the_way_is_late():
    for cfg in every():
        for length in (0, 99, 100):
            values = (11, NOW - 100, 0, 1, length)
            _refused(cfg, command(cfg, m.SETPOINT, values), codes.LATE)
            values = (11, NOW - 100, 1, 49000, 0, length)
            _refused(cfg, command(cfg, m.CONTINGENCY, values), codes.LATE)


def test_age_across_the_wrap_of_the_clock():
    cfg = Cfg("battery")
    state = _ready(cfg)
    data = command(cfg, m.SETPOINT, (11, PERIOD_MS - 60, 1000, 1, 5000))
    eq(give(cfg, state, data, 40), codes.ACCEPTED)
    eq(state.lease_left_ms, 4900)
    _refused(cfg, command(cfg, m.SETPOINT, (11, 40, 0, 1, 5000)), codes.LATE, PERIOD_MS - 60)


def test_out_of_bounds():
    for cfg in every():
        for power_w in (cfg.MIN_W - 1, cfg.MAX_W + 1, -0x80000000, 0x7FFFFFFF):
            values = (11, NOW, power_w, 1, 5000)
            _refused(cfg, command(cfg, m.SETPOINT, values), codes.OUT_OF_BOUNDS)
        for closed in (2, 255):
            values = (11, NOW, 0, closed, 5000)
            _refused(cfg, command(cfg, m.SETPOINT, values), codes.OUT_OF_BOUNDS)
        for length in (MAX_LEASE_MS + 1, 0xFFFFFFFF):
            values = (11, NOW, 0, 1, length)
            _refused(cfg, command(cfg, m.SETPOINT, values), codes.OUT_OF_BOUNDS)
            values = (11, NOW, 1, 49000, 0, length)
            _refused(cfg, command(cfg, m.CONTINGENCY, values), codes.OUT_OF_BOUNDS)
        for armed in (2, 255):
            values = (11, NOW, armed, 49000, 0, 5000)
            _refused(cfg, command(cfg, m.CONTINGENCY, values), codes.OUT_OF_BOUNDS)


def test_bounds_themselves_and_the_longest_lease_are_obeyed():
    for cfg in every():
        for power_w in (cfg.MIN_W, cfg.MAX_W, 0):
            state = _ready(cfg)
            values = (11, NOW, power_w, 0, MAX_LEASE_MS)
            eq(give(cfg, state, command(cfg, m.SETPOINT, values), NOW), codes.ACCEPTED)
            eq((state.p_set_w, state.lease_left_ms, state.want_closed), (power_w, 60000, False))


def test_the_gap_between_nothing_and_six_amperes():
    cfg = Cfg("ev_charger")
    for power_w in (-1, -cfg.EV_MIN_W + 1):
        values = (11, NOW, power_w, 1, 5000)
        _refused(cfg, command(cfg, m.SETPOINT, values), codes.OUT_OF_BOUNDS)
    for power_w in (0, -cfg.EV_MIN_W):
        values = (11, NOW, power_w, 1, 5000)
        eq(give(cfg, _ready(cfg), command(cfg, m.SETPOINT, values), NOW), codes.ACCEPTED)


def test_messages_that_are_no_commands():
    for cfg in every():
        state = _ready(cfg)
        before = snapshot(state)
        for data in (
            frames.encode(m.ACK, cfg.NODE_ID, 1, NOW, (11, 0, 0)),
            frames.encode(m.TELEMETRY, cfg.NODE_ID, 1, NOW, (0,) * 14),
            frames.encode(m.EVENT, cfg.NODE_ID, 1, NOW, (0,) * 6),
            frames.encode_identity(cfg.NODE_ID, 1, NOW, {"site": "x"}),
        ):
            eq(give(cfg, state, data, NOW), codes.UNKNOWN)
        eq(snapshot(state), before)


def test_the_last_counter_leaves_nothing_above_it():
    cfg = Cfg("battery")
    state = _ready(cfg)
    data = command(cfg, m.SETPOINT, (0xFFFFFFFF, NOW, 0, 1, 5000))
    eq(give(cfg, state, data, NOW), codes.ACCEPTED)
    _refused(cfg, data, codes.REPEATED, state=state)


def test_reordered_commands_obey_the_newest_only():
    cfg = Cfg("battery")
    state = _ready(cfg)
    datas = [command(cfg, m.SETPOINT, (11 + n, NOW, n, 1, 5000)) for n in range(4)]
    got = [give(cfg, state, datas[n], NOW) for n in (1, 0, 3, 2)]
    ok, old = codes.ACCEPTED, codes.REPEATED
    eq(got, [ok, old, ok, old])
    eq(state.p_set_w, 3)


def test_a_lease_ends_at_its_millisecond():
    for start in (0, 5000, PERIOD_MS - 700, PERIOD_MS - 1):
        for cfg in every():
            node = Node(cfg, start)
            node.look(healthy(cfg))
            lease(cfg, node.state, 0, 1, 1000)
            node.look(healthy(cfg), 0)
            assert (codes.EV_LEASE_GAINED, 1) in node.out.events
            node.look(healthy(cfg), 999)
            eq((node.state.lease_left_ms, node.state.had_lease), (1, True), (cfg.ASSET, start))
            node.look(healthy(cfg), 1)
            eq((node.state.lease_left_ms, node.state.had_lease), (0, False), (cfg.ASSET, start))
            assert (codes.EV_LEASE_LOST, 1) in node.out.events
            node.look(healthy(cfg), 1)
            assert (codes.EV_LEASE_LOST, 1) not in node.out.events


def test_what_is_left_ends_when_the_command_says_whenever_it_came():
    """In calm and in fast, at any moment between two looks and of any age."""
    rnd = Lcg(41)
    for turn in range(300):
        cfg = Cfg(rnd.pick(("pv_roof", "battery", "load_critical", "ev_charger", "poi")))
        node = Node(cfg, rnd.bits(30))
        fast = turn % 2 == 1
        node.look(healthy(cfg))
        node.look(healthy(cfg), 5000)
        node.look(healthy(cfg, alert=fast), 1000)
        eq(node.out.period_ms, cfg.FAST_MS if fast else cfg.CALM_MS)
        period_ms = node.out.period_ms
        between_ms = rnd.below(period_ms + 1)
        now_ms = (node.t_ms + between_ms) % PERIOD_MS
        age_ms = rnd.below(MAX_AGE_MS)
        seen_ms = (now_ms - age_ms) % PERIOD_MS
        length = age_ms + 1 + rnd.below(MAX_LEASE_MS - age_ms)
        values = (1, seen_ms, 0, 1, length)
        eq(give(cfg, node.state, command(cfg, m.SETPOINT, values), now_ms), codes.ACCEPTED)
        values = (2, seen_ms, 1, 49000, 0, length)
        eq(give(cfg, node.state, command(cfg, m.CONTINGENCY, values), now_ms), codes.ACCEPTED)
        node.look(healthy(cfg), between_ms)
        left_ms = length - age_ms
        while True:
            eq((node.state.lease_left_ms, node.state.armed_left_ms), (left_ms, left_ms))
            eq(node.state.had_lease, left_ms > 0)
            if not left_ms:
                break
            pace_ms = min(left_ms, rnd.pick((1, 10, period_ms, 20 * period_ms)))
            pace_ms = max(pace_ms, left_ms // 50)
            node.look(healthy(cfg), pace_ms)
            left_ms -= pace_ms


def test_the_first_command_before_the_first_look_gets_no_more_than_it_says():
    cfg = Cfg("battery")
    state = fresh(cfg)
    eq(give(cfg, state, command(cfg, m.SETPOINT, (1, NOW, 0, 1, 5000)), NOW), codes.ACCEPTED)
    eq(state.lease_left_ms, 5000)
    for off_ms in (600001, -1):
        state = _ready(cfg)
        at_ms = NOW + off_ms
        data = command(cfg, m.SETPOINT, (11, at_ms, 0, 1, 5000))
        eq(give(cfg, state, data, at_ms), codes.ACCEPTED)
        eq(state.lease_left_ms, 5000, off_ms)


def test_a_clock_gone_wrong_ends_every_lease():
    for jump in (-1, -5000, PERIOD_MS // 2, 600001):
        cfg = Cfg("battery")
        node = Node(cfg, 10000)
        node.look(healthy(cfg))
        lease(cfg, node.state, 100, 1, MAX_LEASE_MS)
        node.look(healthy(cfg), jump)
        eq(node.state.lease_left_ms, 0, jump)


def test_a_key_of_another_node_opens_nothing():
    cfg = Cfg("battery")
    state = _ready(cfg)
    before = snapshot(state)
    data = command(cfg, m.SETPOINT, (11, NOW, 0, 1, 5000))
    eq(give(cfg, state, data, NOW, Key(b"y" * 32)), codes.FORGED)
    eq(snapshot(state), before)
