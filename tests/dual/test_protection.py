"""Each element trips after its delay, not a millisecond earlier, and forgets when all is well."""

from dual_kit import Cfg, Node, eq, every, fresh, healthy

from nansha_node import protection
from nansha_node.control import DOUBT_MS, step
from nansha_wire import codes

FIELD = {"uv": "v_mv", "ov": "v_mv", "uf": "f_mhz", "of": "f_mhz", "oc": "i_ma"}


def _beyond(kind, threshold, by=1):
    """Inputs' field and value just past a threshold."""
    return {FIELD[kind]: threshold - by if kind in ("uv", "uf") else threshold + by}


def _only(cfg, index):
    """`cfg` with one element only, so that no other one hides its time."""
    cfg.TRIPS = (cfg.TRIPS[index],)
    cfg.UF_MHZ = 0  # the tier's own step would be first
    return cfg


def _elements():
    for cfg in every():
        for index in range(len(cfg.TRIPS)):
            yield Cfg(cfg.ASSET), index


def test_profiles_have_elements():
    for cfg in every():
        kinds = [kind for kind, _, _ in cfg.TRIPS]
        assert "oc" in kinds and "uv" in kinds and "ov" in kinds, cfg.ASSET


def test_each_element_at_its_threshold_is_silent_and_beyond_it_is_not():
    for cfg, index in _elements():
        kind, threshold, _ = cfg.TRIPS[index]
        at = healthy(cfg, **_beyond(kind, threshold, 0))
        past = healthy(cfg, **_beyond(kind, threshold, 1))
        assert not protection.violates(kind, threshold, at), (cfg.ASSET, kind)
        assert protection.violates(kind, threshold, past), (cfg.ASSET, kind)
        if kind == "oc":
            at.i_ma, past.i_ma = -at.i_ma, -past.i_ma
            assert not protection.violates(kind, threshold, at)
            assert protection.violates(kind, threshold, past)


def test_each_element_trips_at_its_exact_delay():
    for cfg, index in _elements():
        kind, threshold, delay_ms = cfg.TRIPS[index]
        _only(cfg, index)
        state = fresh(cfg)
        state.closed = True
        step(cfg, state, healthy(cfg), 0)
        # The first look that sees it starts the time; one ms before the end nothing yet.
        for t_ms, tripped in ((10, False), (10 + delay_ms - 1, False), (10 + delay_ms, True)):
            if t_ms == 9 + delay_ms and t_ms <= 10:
                continue
            state, out = step(cfg, state, healthy(cfg, **_beyond(kind, threshold)), t_ms)
            eq(state.trip >= 0, tripped, (cfg.ASSET, kind, delay_ms, t_ms))
        assert not out.closed
        eq((out.power_w, out.reason), (0, codes.TRIP))
        assert (codes.EV_TRIP, 0) in out.events
        assert (codes.EV_OPENED, codes.TRIP) in out.events


def test_the_time_starts_anew_when_the_violation_ends():
    for cfg, index in _elements():
        kind, threshold, delay_ms = cfg.TRIPS[index]
        _only(cfg, index)
        node = Node(cfg)
        node.look(healthy(cfg))
        past = _beyond(kind, threshold)
        for _ in range(4):
            node.look(healthy(cfg, **past))
            node.look(healthy(cfg, **past), delay_ms - 1)
            eq(node.state.trip, -1, (cfg.ASSET, kind))
            node.look(healthy(cfg), 1)
            eq(node.state.violated_ms, [-1])


def test_timed_out_names_the_first_of_several():
    cfg = Cfg("poi")
    held = [-1] * len(cfg.TRIPS)
    dead = healthy(cfg, v_mv=0, f_mhz=0)
    eq(protection.timed_out(cfg.TRIPS, held, dead, 0), -1)
    eq(protection.timed_out(cfg.TRIPS, held, dead, 2000), 0)
    eq(held[:2], [2000, 2000])


def test_an_element_is_silent_on_its_faulty_sensor():
    low = {"v_mv": 30000, "i_ma": 9000000, "f_mhz": 45000}
    for kind, threshold in (("uv", 99000), ("uf", 47500), ("oc", 1000)):
        for bits, silent in (
            (protection.SENSOR_V, ("uv", "ov", "uf", "of")),
            (protection.SENSOR_F, ("uf", "of")),
        ):
            inputs = healthy(Cfg("battery"), **low)
            assert protection.violates(kind, threshold, inputs)
            inputs.fault = bits
            eq(protection.violates(kind, threshold, inputs), kind not in silent, (kind, bits))
    high = healthy(Cfg("battery"), v_mv=290000, f_mhz=55000)
    assert protection.violates("ov", 242000, high) and protection.violates("of", 51500, high)
    high.fault = protection.SENSOR_V
    assert not protection.violates("ov", 242000, high)
    high.fault = protection.SENSOR_F
    assert not protection.violates("of", 51500, high)


def test_frequency_is_silent_on_a_dead_bus_and_voltage_is_not():
    cfg = Cfg("battery")
    dead = healthy(cfg, v_mv=protection.DEAD_BUS_MV - 1, f_mhz=0)
    assert not protection.violates("uf", 47500, dead)
    assert protection.violates("uv", 99000, dead)
    dead.f_mhz = 60000
    assert not protection.violates("of", 51500, dead)
    live = healthy(cfg, v_mv=protection.DEAD_BUS_MV, f_mhz=0)
    assert protection.violates("uf", 47500, live)


def test_timers():
    eq(protection.run_timer(-1, True, 50), 0)
    eq(protection.run_timer(0, True, 50), 50)
    eq(protection.run_timer(70, False, 50), -1)
    held = 0
    for _ in range(2000):
        held = protection.run_timer(held, True, 600000)
        assert held <= 1 << 29  # a bus dead for months asks for no big integers
    eq(held, 1 << 29)


def test_health_is_the_window_with_its_edges():
    for cfg in every():
        for v_mv, f_mhz, ok in (
            (cfg.V_OK_MV[0], cfg.F_OK_MHZ[0], True),
            (cfg.V_OK_MV[1], cfg.F_OK_MHZ[1], True),
            (cfg.V_OK_MV[0] - 1, cfg.F_NOM_MHZ, False),
            (cfg.V_OK_MV[1] + 1, cfg.F_NOM_MHZ, False),
            (cfg.V_NOM_MV, cfg.F_OK_MHZ[0] - 1, False),
            (cfg.V_NOM_MV, cfg.F_OK_MHZ[1] + 1, False),
        ):
            eq(protection.healthy(cfg, healthy(cfg, v_mv=v_mv, f_mhz=f_mhz)), ok, cfg.ASSET)


def test_a_trip_ends_after_the_whole_healthy_time():
    for cfg in every():
        node = Node(cfg).ready()
        kind, threshold, delay_ms = cfg.TRIPS[-1]
        node.look(healthy(cfg, **_beyond(kind, threshold)))
        node.look(healthy(cfg, **_beyond(kind, threshold)), delay_ms)
        assert node.state.trip >= 0 and not node.out.closed
        # Overcurrent leaves voltage and frequency healthy; a dip starts the time anew.
        node.look(healthy(cfg, v_mv=cfg.V_OK_MV[0] - 1))
        node.look(healthy(cfg))
        node.look(healthy(cfg), cfg.RECONNECT_MS - 1)
        assert node.state.trip >= 0, cfg.ASSET
        node.look(healthy(cfg), 1)
        eq(node.state.trip, -1, cfg.ASSET)
        assert (codes.EV_TRIP_CLEARED, 0) in node.out.events


def test_a_doubt_becomes_a_fault_at_its_exact_time():
    for cfg in every():
        node = Node(cfg).ready()
        blind = healthy(cfg, f_mhz=cfg.F_NOM_MHZ, fault=protection.SENSOR_F)
        node.look(blind)
        blind.fault = protection.SENSOR_F
        node.look(blind, DOUBT_MS - 1)
        eq((node.state.sensor, node.out.closed), (0, True), cfg.ASSET)
        blind.fault = protection.SENSOR_F
        node.look(blind, 1)
        eq(node.state.sensor, protection.SENSOR_F)
        assert (codes.EV_SENSOR, protection.SENSOR_F) in node.out.events
        # Blind: a load keeps its relay, everything else opens at once.
        eq(node.out.closed, cfg.ROLE == "load", cfg.ASSET)
        eq((node.out.power_w, node.out.reason), (0, codes.SENSOR))
        node.look(healthy(cfg))
        eq(node.state.sensor, 0)


def test_a_blind_node_does_not_close_and_a_blind_load_does_not_move():
    for cfg in every():
        node = Node(cfg)
        for _ in range(1200):
            node.look(healthy(cfg, fault=protection.SENSOR_V), 1000)
        eq(node.out.closed, cfg.ROLE == "load" and cfg.CONTACT_NC == 1, cfg.ASSET)


def test_a_blind_time_is_no_healthy_time():
    for asset in ("pv_roof", "battery", "ev_charger", "load_priority"):
        cfg = Cfg(asset)
        node = Node(cfg)
        for _ in range(2 * cfg.RECONNECT_MS // 1000):
            node.look(healthy(cfg, fault=protection.SENSOR_F), 1000)
        node.look(healthy(cfg))
        node.look(healthy(cfg), cfg.RECONNECT_MS - 1)
        assert not node.out.closed, asset
        node.look(healthy(cfg), 1)
        assert node.out.closed, asset


def test_a_doubt_does_not_close_a_relay():
    cfg = Cfg("pv_roof")
    node = Node(cfg)
    node.hold(cfg.RECONNECT_MS - 1000, 1000)
    for _ in range(50):  # faults that come and go: never long, never healthy enough
        node.look(healthy(cfg, fault=protection.SENSOR_V), 60)
        node.look(healthy(cfg), 60)
    assert node.out.closed  # the readings count as they are until the doubt has lasted
