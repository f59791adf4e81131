"""What each role does by itself, with nobody to ask, and what it makes of a lease."""

from dual_kit import SMALL_INT_MAX, Cfg, Node, arm, eq, healthy, lease

from nansha_node import protection
from nansha_node.roles import battery, ev_charger, load, poi, pv
from nansha_wire import codes


def _leased(cfg, p_w, closed):
    node = Node(cfg)
    node.look(healthy(cfg))
    lease(cfg, node.state, p_w, closed, 60000)
    return node.state


def _alone(cfg):
    return Node(cfg).state


# pv


def test_pv_without_a_lease_keeps_to_its_fallback():
    for fallback_w in (0, 5000, 60000):
        cfg = Cfg("pv_roof", FALLBACK_W=fallback_w)
        eq(pv(cfg, _alone(cfg), healthy(cfg)), (True, fallback_w, codes.FALLBACK))


def test_pv_obeys_its_lease():
    cfg = Cfg("pv_roof")
    eq(pv(cfg, _leased(cfg, 7000, 1), healthy(cfg)), (True, 7000, codes.SETPOINT))
    eq(pv(cfg, _leased(cfg, 7000, 0), healthy(cfg)), (False, 0, codes.OPEN))


def test_open_by_the_hosts_word_is_called_so_in_every_role():
    for asset, role in (("pv_roof", pv), ("battery", battery), ("ev_charger", ev_charger)):
        cfg = Cfg(asset)
        for changed in ({}, {"f_mhz": cfg.F_NOM_MHZ + 1100}, {"x": 0}, {"x": 1000}):
            for power_w in (0, cfg.MIN_W or cfg.MAX_W):
                got = role(cfg, _leased(cfg, power_w, 0), healthy(cfg, **changed))
                eq(got, (False, 0, codes.OPEN), (asset, changed))
    cfg = Cfg("ev_charger")
    eq(ev_charger(cfg, _leased(cfg, 0, 1), healthy(cfg)), (False, 0, codes.OPEN))
    node = Node(Cfg("battery")).ready()
    lease(node.cfg, node.state, 5000, 0, 60000)
    node.look(healthy(node.cfg))
    eq((node.out.closed, node.out.reason), (False, codes.OPEN))
    assert (codes.EV_OPENED, codes.OPEN) in node.out.events


def test_frequency_watt_is_monotone_with_its_two_ends():
    cfg = Cfg("pv_roof")
    for state in (_alone(cfg), _leased(cfg, cfg.RATED_W, 1)):
        last_w = cfg.RATED_W
        for f_mhz in range(cfg.FW_START_MHZ - 300, cfg.FW_STOP_MHZ + 300):
            closed, limit_w, reason = pv(cfg, state, healthy(cfg, f_mhz=f_mhz))
            assert closed and 0 <= limit_w <= last_w, f_mhz
            if f_mhz <= cfg.FW_START_MHZ:
                eq(limit_w, cfg.RATED_W, f_mhz)
                assert reason != codes.FREQUENCY
            elif f_mhz >= cfg.FW_STOP_MHZ:
                eq((limit_w, reason), (0, codes.FREQUENCY), f_mhz)
            last_w = limit_w
    middle = (cfg.FW_START_MHZ + cfg.FW_STOP_MHZ) // 2
    eq(pv(cfg, _alone(cfg), healthy(cfg, f_mhz=middle))[1], cfg.RATED_W // 2)


def test_frequency_watt_never_raises_a_limit():
    cfg = Cfg("pv_roof")
    state = _leased(cfg, 1000, 1)
    for f_mhz in range(cfg.FW_START_MHZ, cfg.FW_STOP_MHZ, 10):
        assert pv(cfg, state, healthy(cfg, f_mhz=f_mhz))[1] <= 1000


def test_frequency_watt_of_any_rating_stays_within_it():
    for rated_w in (1, 300, 5000, 1000001, 50000000):
        cfg = Cfg("pv_roof", RATED_W=rated_w, MAX_W=rated_w, FALLBACK_W=rated_w)
        first_w = pv(cfg, _alone(cfg), healthy(cfg, f_mhz=cfg.FW_START_MHZ + 1))[1]
        assert rated_w * 99 // 100 - 1 <= first_w <= rated_w, (rated_w, first_w)


# battery


def test_droop_signs_ends_and_dead_band():
    cfg = Cfg("battery")
    state = _alone(cfg)
    last_w = cfg.MAX_W
    for f_mhz in range(cfg.F_NOM_MHZ - 700, cfg.F_NOM_MHZ + 701):
        closed, power_w, reason = battery(cfg, state, healthy(cfg, f_mhz=f_mhz))
        off_mhz = f_mhz - cfg.F_NOM_MHZ
        assert closed and cfg.MIN_W <= power_w <= last_w, f_mhz
        eq(reason, codes.FALLBACK)
        if abs(off_mhz) <= cfg.DROOP_DEADBAND_MHZ:
            eq(power_w, 0, f_mhz)
        elif off_mhz < 0:
            assert power_w > 0, f_mhz  # low frequency: help
        else:
            assert power_w < 0, f_mhz
        if abs(off_mhz) >= cfg.DROOP_MHZ:
            eq(abs(power_w), cfg.RATED_W)
        else:
            other_w = battery(cfg, state, healthy(cfg, f_mhz=cfg.F_NOM_MHZ - off_mhz))[1]
            eq(power_w, -other_w, f_mhz)
        last_w = power_w


def test_droop_stays_within_bounds_that_differ():
    cfg = Cfg("battery", MIN_W=-5000, MAX_W=10000)
    state = _alone(cfg)
    eq(battery(cfg, state, healthy(cfg, f_mhz=cfg.F_NOM_MHZ - 500))[1], 10000)
    eq(battery(cfg, state, healthy(cfg, f_mhz=cfg.F_NOM_MHZ + 500))[1], -5000)


def test_no_droop_on_a_dead_bus():
    cfg = Cfg("battery")
    dead = healthy(cfg, v_mv=protection.DEAD_BUS_MV - 1, f_mhz=0)
    eq(battery(cfg, _alone(cfg), dead)[1], 0)


def test_the_window_of_charge_binds_lease_and_droop():
    cfg = Cfg("battery")
    low_f = {"f_mhz": cfg.F_NOM_MHZ - 200}
    high_f = {"f_mhz": cfg.F_NOM_MHZ + 200}
    for x, discharge, charge in (
        (0, False, True),
        (cfg.SOC_MIN_PM, False, True),
        (cfg.SOC_MIN_PM + 1, True, True),
        (cfg.SOC_MAX_PM - 1, True, True),
        (cfg.SOC_MAX_PM, True, False),
        (1000, True, False),
    ):
        for state, changed, wanted in (
            (_leased(cfg, 9000, 1), {}, discharge),
            (_leased(cfg, -9000, 1), {}, charge),
            (_alone(cfg), low_f, discharge),
            (_alone(cfg), high_f, charge),
        ):
            closed, power_w, reason = battery(cfg, state, healthy(cfg, x=x, **changed))
            assert closed
            eq(power_w != 0, wanted, (x, changed))
            eq(reason == codes.SOC, not wanted, (x, changed))


# load


def test_load_alone_is_fed():
    for asset in ("load_critical", "load_priority", "load_interruptible"):
        cfg = Cfg(asset)
        eq(load(cfg, _alone(cfg), healthy(cfg)), (True, 0, codes.FALLBACK))
        eq(load(cfg, _leased(cfg, cfg.MIN_W, 1), healthy(cfg)), (True, cfg.MIN_W, codes.SETPOINT))
        eq(load(cfg, _leased(cfg, 0, 0), healthy(cfg)), (False, 0, codes.OPEN))


def test_tiers_shed_in_their_order_and_come_back_after_their_time():
    order = [Cfg(a).UF_MHZ for a in ("load_critical", "load_priority", "load_interruptible")]
    assert order == sorted(order) and len(set(order)) == 3, order
    for asset in ("load_critical", "load_priority", "load_interruptible"):
        cfg = Cfg(asset)
        node = Node(cfg).ready()
        node.hold(1000, f_mhz=cfg.UF_MHZ)
        assert node.out.closed, asset  # at the threshold, not below it
        low = healthy(cfg, f_mhz=cfg.UF_MHZ - 1)
        node.look(low)
        node.look(low, cfg.UF_DELAY_MS - 1)
        assert node.out.closed, asset
        node.look(low, 1)
        eq((node.out.closed, node.out.reason), (False, codes.SHED), asset)
        # A moment below the restoring frequency starts the time anew.
        node.look(healthy(cfg), 10)
        node.look(healthy(cfg), cfg.RESTORE_DELAY_MS - 20)
        eq(node.state.shed, codes.SHED, asset)
        node.look(healthy(cfg, f_mhz=cfg.RESTORE_MHZ - 1), 1)
        node.look(healthy(cfg), cfg.RESTORE_DELAY_MS - 1)
        eq(node.state.shed, codes.SHED, asset)
        node.look(healthy(cfg), 1)
        eq(node.state.shed, 0, asset)


def test_a_dip_shorter_than_the_delay_sheds_nothing():
    cfg = Cfg("load_interruptible")
    node = Node(cfg).ready()
    for _ in range(20):
        node.look(healthy(cfg, f_mhz=cfg.UF_MHZ - 500))
        node.look(healthy(cfg, f_mhz=cfg.UF_MHZ - 500), cfg.UF_DELAY_MS - 1)
        node.look(healthy(cfg), 10)
        assert node.out.closed


def test_a_dead_bus_or_a_blind_look_restores_nothing():
    cfg = Cfg("load_interruptible")
    for blank in (
        {"v_mv": 0, "f_mhz": 0},
        {"fault": protection.SENSOR_F},
    ):
        node = Node(cfg).ready()
        node.hold(300, f_mhz=cfg.UF_MHZ - 1)
        eq(node.state.shed, codes.SHED)
        node.hold(cfg.RESTORE_DELAY_MS - 1000, 1000)
        for _ in range(30):
            node.look(healthy(cfg, **blank))
        eq(node.state.restore_ms, 0, "the time before does not count")
        node.look(healthy(cfg), 10)
        node.look(healthy(cfg), cfg.RESTORE_DELAY_MS - 100)
        eq(node.state.shed, codes.SHED)


def test_a_low_before_a_blind_look_does_not_count_after_it():
    cfg = Cfg("load_priority")
    node = Node(cfg).ready()
    low = {"f_mhz": cfg.UF_MHZ - 1}
    node.look(healthy(cfg, **low))
    node.look(healthy(cfg, **low), cfg.UF_DELAY_MS - 1)
    for _ in range(3):
        node.look(healthy(cfg, fault=protection.SENSOR_F), 100)
    node.look(healthy(cfg, **low), 60000)
    assert node.out.closed
    node.look(healthy(cfg, **low), cfg.UF_DELAY_MS)
    eq(node.out.reason, codes.SHED)


def test_a_blind_frequency_sheds_nothing():
    cfg = Cfg("load_interruptible")
    node = Node(cfg).ready()
    for _ in range(100):  # the reading is 0 mHz, far below every threshold
        node.look(healthy(cfg, f_mhz=0, fault=protection.SENSOR_F))
        assert node.out.closed, node.out.reason


def test_under_frequency_beats_a_lease():
    cfg = Cfg("load_interruptible")
    node = Node(cfg).ready()
    lease(cfg, node.state, cfg.MIN_W, 1, 60000)
    node.hold(300, f_mhz=cfg.UF_MHZ - 1)
    eq((node.out.closed, node.out.reason), (False, codes.SHED))


# the armed contingency


def test_armed_sheds_at_its_exact_delay_and_only_while_valid():
    for asset in ("load_critical", "load_priority", "load_interruptible", "ev_charger"):
        cfg = Cfg(asset)
        low = {"f_mhz": 49850}
        for delay_ms in (0, 40, 250):
            node = Node(cfg).ready()
            arm(cfg, node.state, 49900, delay_ms, 5000)
            node.look(healthy(cfg, f_mhz=49900))
            assert node.out.closed
            node.look(healthy(cfg, **low))
            if delay_ms:
                node.look(healthy(cfg, **low), delay_ms - 1)
                assert node.out.closed, (asset, delay_ms)
                node.look(healthy(cfg, **low), 1)
            eq((node.out.closed, node.out.reason), (False, codes.ARMED), (asset, delay_ms))
        node = Node(cfg).ready()
        arm(cfg, node.state, 49900, 100, 5000)
        node.look(healthy(cfg), 5000)
        eq(node.state.armed_left_ms, 0)
        node.hold(1000, **low)
        assert node.out.closed, asset


def test_armed_can_be_taken_back():
    cfg = Cfg("load_critical")
    node = Node(cfg).ready()
    arm(cfg, node.state, 49900, 100, 60000)
    arm(cfg, node.state, 49900, 100, 60000, armed=0)
    node.hold(500, f_mhz=49000)
    assert node.out.closed


_DEAD = {"v_mv": 0, "f_mhz": 0}


def test_armed_fires_on_a_bus_that_collapses():
    for asset in ("load_critical", "load_priority", "load_interruptible"):
        cfg = Cfg(asset)
        for delay_ms in (0, 20, 120):
            for first in ({}, {"v_mv": protection.DEAD_BUS_MV}):  # at once, or through a sag
                node = Node(cfg).ready()
                arm(cfg, node.state, 49800, delay_ms, 60000)
                node.look(healthy(cfg, **(first or _DEAD)))
                if delay_ms:
                    node.look(healthy(cfg, **_DEAD), delay_ms - 1)
                    assert node.out.closed, (asset, delay_ms)
                    node.look(healthy(cfg, **_DEAD), 1)
                eq((node.out.closed, node.out.reason), (False, codes.ARMED), (asset, delay_ms))
            # It comes back as after any shed: frequency and voltage for the whole delay.
            for _ in range(20):
                node.look(healthy(cfg, **_DEAD), 1000)
            node.look(healthy(cfg))
            node.look(healthy(cfg), cfg.RESTORE_DELAY_MS - 11)
            eq(node.state.shed, codes.ARMED)
            node.look(healthy(cfg), 1)
            eq(node.state.shed, 0)


def test_a_bus_that_was_dead_before_sheds_nobody():
    for asset in ("load_critical", "load_interruptible"):
        cfg = Cfg(asset, TRIPS=(("oc", 999999, 1000),))
        for booted_dead in (True, False):
            node = Node(cfg)
            if not booted_dead:
                node.ready()
            node.hold(500, **_DEAD)
            arm(cfg, node.state, 49900, 0, 60000)
            node.hold(5000, **_DEAD)
            eq((node.state.shed, node.state.armed_for_ms), (0, -1), (asset, booted_dead))
        # A collapse that ends before the delay has fired nothing, and the next starts anew.
        node = Node(cfg).ready()
        arm(cfg, node.state, 49900, 100, 60000)
        for _ in range(5):
            node.look(healthy(cfg, **_DEAD))
            node.look(healthy(cfg, **_DEAD), 99)
            node.look(healthy(cfg), 10)
            assert node.out.closed, asset


def test_a_voltage_wire_that_comes_off_fires_nothing():
    cfg = Cfg("load_critical")
    for delay_ms in (0, 20, 120):
        node = Node(cfg).ready()
        arm(cfg, node.state, 49900, delay_ms, 60000)
        for _ in range(100):
            node.look(healthy(cfg, v_mv=0, fault=protection.SENSOR_V))
        eq((node.out.closed, node.state.shed), (True, 0), delay_ms)


def test_armed_fires_on_the_sag_that_makes_an_island():
    for asset in ("load_critical", "load_priority", "load_interruptible", "ev_charger"):
        cfg = Cfg(asset)
        half_mv = cfg.V_NOM_MV // 2
        for v_mv, fires in ((half_mv, False), (half_mv - 1, True)):
            node = Node(cfg).ready()
            arm(cfg, node.state, 49800, 20, 60000)
            node.look(healthy(cfg, v_mv=v_mv))
            node.look(healthy(cfg, v_mv=v_mv), 19)
            assert node.out.closed, asset
            node.look(healthy(cfg, v_mv=v_mv), 1)
            eq(node.out.closed, not fires, (asset, v_mv))
        node = Node(cfg).ready()
        node.look(healthy(cfg, v_mv=half_mv - 1))
        node.look(healthy(cfg, v_mv=half_mv - 1), 40)
        assert node.out.closed, "not armed: a sag alone sheds nobody"


def test_armed_ends_at_its_millisecond_across_the_wrap():
    cfg = Cfg("load_priority")
    node = Node(cfg).ready()
    node.t_ms = node.state.t_ms = SMALL_INT_MAX - 100
    arm(cfg, node.state, 49900, 100, 1000)
    node.look(healthy(cfg), 999)
    eq(node.state.armed_left_ms, 1)
    node.look(healthy(cfg), 1)
    eq(node.state.armed_left_ms, 0)


# ev_charger


def test_ev_charges_with_a_car_only():
    cfg = Cfg("ev_charger")
    gone = healthy(cfg, flag=False)
    eq(ev_charger(cfg, _leased(cfg, -11000, 1), gone), (False, 0, codes.UNPLUGGED))
    eq(ev_charger(cfg, _alone(cfg), gone), (False, 0, codes.UNPLUGGED))
    eq(ev_charger(cfg, _leased(cfg, -11000, 1), healthy(cfg)), (True, -11000, codes.SETPOINT))
    eq(ev_charger(cfg, _leased(cfg, -11000, 0), healthy(cfg))[:2], (False, 0))
    eq(ev_charger(cfg, _leased(cfg, 0, 1), healthy(cfg))[:2], (False, 0))


def test_ev_falls_back_to_its_least_or_to_a_pause():
    cfg = Cfg("ev_charger")
    want = (True, -cfg.EV_MIN_W, codes.FALLBACK)
    eq(ev_charger(cfg, _alone(cfg), healthy(cfg)), want)
    cfg.FALLBACK_W = 0
    eq(ev_charger(cfg, _alone(cfg), healthy(cfg)), (False, 0, codes.FALLBACK))


# poi


def test_poi_closes_in_synchronism_only():
    cfg = Cfg("poi")
    state = _leased(cfg, 0, 1)
    eq(poi(cfg, state, healthy(cfg, flag=False)), (False, 0, codes.SYNC))
    eq(poi(cfg, state, healthy(cfg)), (True, 0, codes.SETPOINT))
    state.closed = True
    eq(poi(cfg, state, healthy(cfg, flag=False)), (True, 0, codes.SETPOINT))
    eq(poi(cfg, _leased(cfg, 0, 0), healthy(cfg)), (False, 0, codes.OPEN))


def test_poi_alone_stays_and_comes_back_after_its_time():
    cfg = Cfg("poi")
    state = _alone(cfg)
    state.closed = True
    eq(poi(cfg, state, healthy(cfg)), (True, 0, codes.FALLBACK))
    for long_ms in (cfg.AUTO_RECONNECT_MS, 86400000):  # up to a day can be asked for
        cfg.AUTO_RECONNECT_MS = long_ms
        node = Node(cfg)
        node.look(healthy(cfg))
        for _ in range(long_ms // 100000 - 1):
            node.look(healthy(cfg), 100000)
        node.look(healthy(cfg), 100000 - 1)
        assert not node.out.closed, long_ms
        node.look(healthy(cfg, flag=False), 1)
        eq((node.out.closed, node.out.reason), (False, codes.SYNC))
        node.look(healthy(cfg), 1)
        eq((node.out.closed, node.out.reason), (True, codes.FALLBACK), long_ms)


def test_poi_with_zero_never_comes_back_by_itself():
    cfg = Cfg("poi", AUTO_RECONNECT_MS=0)
    node = Node(cfg)
    for _ in range(2000):
        node.look(healthy(cfg), 600000)
        assert not node.out.closed
    lease(cfg, node.state, 0, 1, 60000)
    node.look(healthy(cfg))
    assert node.out.closed
    node.look(healthy(cfg), 60001)  # closed and without a lease: it stays
    assert node.out.closed and node.out.reason == codes.FALLBACK


def test_poi_long_health_is_measured_without_a_gap():
    cfg = Cfg("poi")
    node = Node(cfg)
    node.hold(cfg.AUTO_RECONNECT_MS - 1000, 1000)
    node.look(healthy(cfg, v_mv=cfg.V_OK_MV[1] + 1), 10)
    node.hold(cfg.AUTO_RECONNECT_MS - 1000, 1000)
    assert not node.out.closed
    node.hold(3000, 1000)
    assert node.out.closed
