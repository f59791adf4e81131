"""The step as a whole: the order of authority, the relay's times, black start, and the cadence."""

from dual_kit import SMALL_INT_MAX, Cfg, Node, arm, eq, every, fresh, healthy, lease

from nansha_node.control import MOVING_MHZ, OC_MS, OC_TRIPS, step
from nansha_wire import codes


def _trip(node):
    """Overcurrent until the relay opens; voltage and frequency stay healthy."""
    kind, threshold, delay_ms = node.cfg.TRIPS[-1]
    eq(kind, "oc")
    over = healthy(node.cfg, i_ma=threshold + 1)
    node.look(over, 1)
    node.look(over, delay_ms)
    assert node.state.trip >= 0 and not node.out.closed
    return node


def test_boot_leaves_what_a_dead_coil_leaves():
    for cfg in every():
        state = fresh(cfg)
        eq(state.closed, cfg.CONTACT_NC == 1)
        state, out = step(cfg, state, healthy(cfg), 123)
        eq((out.closed, out.power_w), (cfg.CONTACT_NC == 1, 0))
        eq(state.relay_ops, 0)


def test_nothing_closes_before_the_bus_was_healthy_for_the_whole_time():
    for cfg in every():
        if cfg.CONTACT_NC:
            continue
        node = Node(cfg)
        node.look(healthy(cfg))
        if cfg.ROLE == "poi":
            lease(cfg, node.state, 0, 1, 60000)
        node.look(healthy(cfg), cfg.RECONNECT_MS - 1)
        eq((node.out.closed, node.out.reason), (False, codes.RECONNECT), cfg.ASSET)
        node.look(healthy(cfg), 1)
        assert node.out.closed, cfg.ASSET


def test_a_trip_beats_the_minimum_on_time():
    for cfg in every():
        cfg.RELAY_MIN_ON_MS = 500000
        if cfg.CONTACT_NC:
            node = Node(cfg)
            node.look(healthy(cfg))
        else:
            node = Node(cfg)
            node.hold(cfg.RECONNECT_MS + 1000, 1000)
            if cfg.ROLE == "poi":
                lease(cfg, node.state, 0, 1, 60000)
                node.look(healthy(cfg))
            assert node.out.closed, cfg.ASSET
            assert node.state.relay_left_ms > 400000
        _trip(node)
        eq(node.out.reason, codes.TRIP)


def test_a_command_waits_for_the_minimum_times_and_without_power():
    for asset, power_w in (("pv_roof", 30000), ("battery", 20000), ("load_priority", -9000)):
        cfg = Cfg(asset, RELAY_MIN_ON_MS=5000, RELAY_MIN_OFF_MS=7000)
        node = Node(cfg)
        node.look(healthy(cfg))
        node.look(healthy(cfg), cfg.RECONNECT_MS)
        assert node.out.closed
        lease(cfg, node.state, power_w, 0, 60000)
        node.look(healthy(cfg), 4999)
        eq((node.out.closed, node.out.reason, node.out.power_w), (True, codes.HOLD, 0), asset)
        node.look(healthy(cfg), 1)
        eq(node.out.closed, False, asset)
        lease(cfg, node.state, power_w, 1, 60000)
        node.look(healthy(cfg), 6999)
        eq((node.out.closed, node.out.reason, node.out.power_w), (False, codes.HOLD, 0), asset)
        node.look(healthy(cfg), 1)
        eq((node.out.closed, node.out.power_w), (True, power_w), asset)


def test_shed_armed_and_a_pulled_plug_beat_the_minimum_on_time():
    for asset in ("load_critical", "load_priority", "load_interruptible"):
        cfg = Cfg(asset, RELAY_MIN_ON_MS=500000)
        node = Node(cfg)
        node.look(healthy(cfg))
        node.look(healthy(cfg), cfg.RECONNECT_MS)
        node.hold(cfg.UF_DELAY_MS + 100, f_mhz=cfg.UF_MHZ - 1)
        eq((node.out.closed, node.out.reason), (False, codes.SHED), asset)
    cfg = Cfg("ev_charger", RELAY_MIN_ON_MS=500000)
    for change in ("armed", "unplugged"):
        node = Node(cfg)
        node.look(healthy(cfg))
        node.look(healthy(cfg), cfg.RECONNECT_MS)
        assert node.out.closed
        if change == "armed":
            arm(cfg, node.state, 49900, 0, 5000)
            node.look(healthy(cfg, f_mhz=49800))
            eq((node.out.closed, node.out.reason), (False, codes.ARMED))
        else:  # no voltage on a socket that a hand may touch
            node.look(healthy(cfg, flag=False))
            eq((node.out.closed, node.out.reason), (False, codes.UNPLUGGED))


def test_the_minimum_off_time_holds_after_a_trip():
    cfg = Cfg("load_interruptible")
    node = _trip(Node(cfg).ready())
    node.look(healthy(cfg))
    node.look(healthy(cfg), cfg.RELAY_MIN_OFF_MS - 11)
    eq((node.state.trip, node.out.closed, node.out.reason), (-1, False, codes.HOLD))
    node.look(healthy(cfg), 1)
    assert node.out.closed


def test_nothing_closes_against_a_trip():
    for cfg in every():
        node = _trip(Node(cfg).ready())
        over = healthy(cfg, i_ma=cfg.TRIPS[-1][1] + 1)
        lease(cfg, node.state, 0, 1, 60000)
        for _ in range(200):
            node.look(over, 1000)
            eq((node.out.closed, node.out.power_w), (False, 0), cfg.ASSET)


def test_relay_moves_are_counted_and_told():
    cfg = Cfg("battery")
    node = Node(cfg).ready()
    eq(node.state.relay_ops, 1)
    assert (codes.EV_CLOSED, codes.FALLBACK) in node.events
    _trip(node)
    eq(node.state.relay_ops, 2)
    assert (codes.EV_OPENED, codes.TRIP) in node.out.events


# black start


def _dead(cfg, **changed):
    return healthy(cfg, v_mv=0, f_mhz=0, **changed)


def _dead_battery():
    """A battery that has tripped on a dead bus, as every one of them has."""
    cfg = Cfg("battery")
    node = Node(cfg)
    for _ in range(300):
        node.look(_dead(cfg))
    eq(cfg.TRIPS[node.state.trip][0], "uv")
    assert not node.out.closed
    return cfg, node


def test_black_start_with_the_hosts_word():
    cfg, node = _dead_battery()
    lease(cfg, node.state, 0, 1, 60000)
    node.look(_dead(cfg))
    eq((node.out.closed, node.state.trip), (True, -1))
    # The voltage has the element's own delay to come up, from the closing on.
    delay_ms = min(trip[2] for trip in cfg.TRIPS if trip[0] == "uv")
    node.look(_dead(cfg), 10)
    node.look(_dead(cfg), delay_ms - 1)
    assert node.out.closed
    for _ in range(500):
        node.look(healthy(cfg))
        assert node.out.closed


def test_a_black_start_onto_a_short_circuit_trips_again():
    cfg, node = _dead_battery()
    lease(cfg, node.state, 0, 1, 60000)
    node.look(_dead(cfg))
    assert node.out.closed
    over = _dead(cfg, i_ma=cfg.TRIPS[-1][1] + 1)
    node.look(over)
    node.look(over, cfg.TRIPS[-1][2])
    assert not node.out.closed
    for _ in range(100):
        node.look(over)  # while the current flows, whatever feeds it, nothing closes
        assert not node.out.closed


def test_over_current_is_not_cleared_by_a_black_start():
    cfg, node = _dead_battery()
    lease(cfg, node.state, 0, 1, 60000)
    node.look(_dead(cfg))
    over = _dead(cfg, i_ma=cfg.TRIPS[-1][1] + 1)
    node.look(over)
    node.look(over, cfg.TRIPS[-1][2])
    ops = node.state.relay_ops
    for _ in range(3600):  # no current any more, for the relay is open; the host goes on asking
        lease(cfg, node.state, 0, 1, 60000)
        node.look(_dead(cfg), 1000)
        eq((node.out.closed, node.out.reason), (False, codes.TRIP))
    eq(node.state.relay_ops, ops)
    node.hold(2 * cfg.RECONNECT_MS, 1000)  # a bus that others keep alive is another matter
    assert node.out.closed


def _short(node):
    """A short circuit behind the relay: it pulls the voltage down while the relay is closed."""
    cfg = node.cfg
    over = {"i_ma": -cfg.TRIPS[-1][1] - 1, "v_mv": 30000}
    if cfg.ROLE != "load":
        over["v_mv"] = cfg.V_NOM_MV
    if node.state.closed:
        return healthy(cfg, **over)
    return healthy(cfg)


def test_a_short_circuit_is_not_closed_upon_for_ever():
    for cfg in every():
        node = Node(cfg).ready()
        ops = node.state.relay_ops
        for turn in range(60000):
            if turn % 100 == 0:
                lease(cfg, node.state, 0 if not cfg.EV_MIN_W else cfg.MIN_W, 1, 60000)
            node.look(_short(node), 100)
        eq((node.out.closed, node.out.reason), (False, codes.TRIP), cfg.ASSET)
        eq(node.state.relay_ops - ops, 3, cfg.ASSET)  # open, one attempt, open for good
        eq([e[0] for e in node.events].count(codes.EV_TRIP), OC_TRIPS, cfg.ASSET)


def test_after_over_current_the_whole_delay_is_waited():
    # The bus was healthy all the while: only the time since the trip counts.
    for cfg in every():
        index = [kind for kind, _, _ in cfg.TRIPS].index("oc")
        node = Node(cfg).ready()
        over = healthy(cfg, i_ma=-cfg.TRIPS[index][1] - 1)
        node.look(over)
        node.look(over, cfg.TRIPS[index][2])
        eq((node.out.closed, node.out.reason), (False, codes.TRIP), cfg.ASSET)
        waited_ms = 0
        while waited_ms + 100 < cfg.RECONNECT_MS:
            if waited_ms % 10000 == 0:
                lease(cfg, node.state, 0 if not cfg.EV_MIN_W else cfg.MIN_W, 1, 60000)
            node.look(healthy(cfg), 100)
            waited_ms += 100
            assert not node.out.closed, (cfg.ASSET, waited_ms)


def test_over_current_that_comes_after_under_voltage_counts_too():
    cfg = Cfg("load_critical")  # both elements wait for 10 s; the voltage is first by a look
    node = Node(cfg).ready()
    for _ in range(OC_TRIPS):
        node.look(healthy(cfg, v_mv=30000))
        node.hold(10000, 10, v_mv=30000, i_ma=-cfg.TRIPS[-1][1] - 1)
        eq(cfg.TRIPS[node.state.trip][0], "uv")
        node.hold(60000, 1000)
    eq((node.out.closed, node.out.reason), (False, codes.TRIP))


def test_over_current_is_forgotten_after_ten_minutes_of_service():
    for service_ms, locked in ((OC_MS - 1, True), (OC_MS, False)):
        for cfg in every():
            node = _trip(Node(cfg).ready())
            delay_ms = cfg.TRIPS[-1][2]
            while not node.out.closed:  # the time until then does not count
                lease(cfg, node.state, cfg.MIN_W if cfg.EV_MIN_W else 0, 1, 60000)
                node.look(healthy(cfg), 10000)
            eq(node.state.oc_left_ms, OC_MS, cfg.ASSET)
            node.look(healthy(cfg), service_ms - delay_ms - 1)
            over = healthy(cfg, i_ma=cfg.TRIPS[-1][1] + 1)
            node.look(over, 1)
            node.look(over, delay_ms)
            assert node.state.trip >= 0
            eq(node.state.oc_trips, 2 if locked else 1, (cfg.ASSET, service_ms))
            node.hold(400000, 1000)
            eq(node.state.trip >= 0, locked, cfg.ASSET)


def test_other_trips_lock_nobody_out():
    for cfg in every():
        if cfg.TRIPS[0][0] != "uv":
            continue
        node = Node(cfg).ready()
        for _ in range(6):
            node.hold(12000, 1000, v_mv=30000)
            assert node.state.trip >= 0, cfg.ASSET
            node.hold(cfg.RECONNECT_MS + 2000, 1000)
        eq((node.state.trip, node.state.oc_trips), (-1, 0), cfg.ASSET)


def test_a_bus_that_does_not_come_up_opens_again():
    cfg, node = _dead_battery()
    lease(cfg, node.state, 0, 1, 60000)
    node.look(_dead(cfg))
    node.look(_dead(cfg))
    delay_ms = min(trip[2] for trip in cfg.TRIPS if trip[0] == "uv")
    node.look(_dead(cfg), delay_ms)
    assert not node.out.closed


def test_no_black_start_without_the_hosts_word_or_blind_or_by_another_role():
    cfg, node = _dead_battery()
    for _ in range(300):
        node.look(_dead(cfg), 1000)
        assert not node.out.closed
    lease(cfg, node.state, 0, 0, 60000)
    node.look(_dead(cfg))
    assert not node.out.closed and node.state.trip >= 0
    cfg, node = _dead_battery()
    lease(cfg, node.state, 0, 1, 60000)
    for _ in range(20):
        node.look(_dead(cfg, fault=1), 1000)
        assert not node.out.closed or node.state.doubt_ms < 100
    for asset in ("pv_roof", "ev_charger", "load_priority", "load_interruptible", "poi"):
        cfg = Cfg(asset)
        node = Node(cfg)
        for _ in range(60):
            node.look(_dead(cfg), 1000)
        lease(cfg, node.state, 0, 1, 60000)
        for _ in range(50):
            node.look(_dead(cfg), 1000)
            assert not node.out.closed, asset


# cadence


def test_fast_from_the_first_sign_and_calm_again_after_the_hold():
    for cfg in every():
        threshold = cfg.TRIPS[-1][1]
        for sign in (
            {"alert": True},
            {"f_mhz": cfg.F_NOM_MHZ + MOVING_MHZ + 1},
            {"i_ma": threshold + 1},
        ):
            node = Node(cfg).ready()
            node.hold(4000, 1000)
            eq(node.out.period_ms, cfg.CALM_MS, cfg.ASSET)
            node.look(healthy(cfg, **sign), 10)
            eq(node.out.period_ms, cfg.FAST_MS, (cfg.ASSET, sign))
            node.look(healthy(cfg), 10)
            node.look(healthy(cfg), cfg.FAST_HOLD_MS - 11)
            eq(node.out.period_ms, cfg.FAST_MS)
            node.look(healthy(cfg), 11)
            eq(node.out.period_ms, cfg.CALM_MS, (cfg.ASSET, sign))


def test_the_alarm_of_a_dead_bus_is_no_news():
    cfg = Cfg("pv_roof")
    node = Node(cfg)
    for _ in range(10):
        node.look(_dead(cfg, alert=True), 1000)
    eq(node.out.period_ms, cfg.CALM_MS)


def test_a_year_in_big_gaps_leaves_small_ints():
    for cfg in every():
        node = Node(cfg)
        for turn in range(800):
            dead = turn % 200 > 100
            node.look(_dead(cfg) if dead else healthy(cfg, f_mhz=51000), 599999)
            for name in dir(node.state):
                value = getattr(node.state, name)
                for number in value if isinstance(value, list) else (value,):
                    if isinstance(number, int):
                        assert -(1 << 30) <= number <= SMALL_INT_MAX, (cfg.ASSET, name, number)
