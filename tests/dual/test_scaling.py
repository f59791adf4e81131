"""Counts to units, in integers that a chip keeps in a register."""

from dual_kit import SMALL_INT_MAX, Cfg, eq, every

from nansha_node import scaling
from nansha_node.protection import SENSOR_F, SENSOR_V
from nansha_wire import messages as m


def _small(value):
    assert -(1 << 30) <= value <= SMALL_INT_MAX, value
    return value


def test_every_product_of_a_scale_is_a_small_int():
    for cfg in every():
        for num, shift, offset in (cfg.SCALE_V, cfg.SCALE_I, cfg.SCALE_F, cfg.SCALE_X):
            assert 0 <= num < 1 << 14
            _small(65535 * num)
            _small(offset)
            _small((65535 * num >> shift) + offset)
    _small(65535 * ((1 << 14) - 1))


def test_scales_are_monotone_and_symmetric_in_current():
    for cfg in every():
        for scale in (cfg.SCALE_V, cfg.SCALE_I, cfg.SCALE_F):
            last = None
            for raw in range(0, 65536, 13):
                value = scaling.scale(raw, scale)
                assert last is None or value >= last
                last = value
        low = scaling.scale(0, cfg.SCALE_I)
        high = scaling.scale(65535, cfg.SCALE_I)
        assert abs(low + high) <= max(16, high // 500), cfg.ASSET
        assert abs(scaling.scale(32768, cfg.SCALE_I)) <= max(16, high // 500)


def test_what_a_node_can_measure_fits_its_telemetry():
    for cfg in every():
        for raw in (0, 65535):
            assert 0 <= scaling.scale(raw, cfg.SCALE_V) <= 0xFFFFFFFF
            assert 0 <= scaling.scale(raw, cfg.SCALE_F) <= 0xFFFF
            assert -0x8000 <= scaling.scale(raw, cfg.SCALE_X) <= 0x7FFF
            _small(scaling.scale(raw, cfg.SCALE_I))
    eq(m.FORMATS[m.TELEMETRY], "<IiIiHhiIIBBIHI")


def test_power_is_right_to_a_part_in_a_thousand_and_keeps_its_sign():
    for cfg in every():
        for v_mv in (0, 99, 110000, 219951, 220000, 300025):
            for i_ma in (0, 10, 999, 12345, 90909, 999999, 1000000, 3333333, 10000000):
                want = cfg.PHASES * v_mv * i_ma // 1000000
                for sign in (1, -1):
                    got = scaling.power_w(cfg, v_mv, sign * i_ma)
                    near = 8 + want // 500 + i_ma * 3 // 10000  # 0.1 V is what a product keeps
                    assert abs(got - sign * want) <= near, (v_mv, i_ma, got, want)


def test_no_big_int_in_power():
    # The two products of the code, at the ends of both branches: 300 V, 1 kA and 10 kA.
    _small(3 * (3000 * 99999))
    _small(3 * (3000 * 100000))


def test_share_is_exact_or_a_little_less_and_never_big():
    for total in (1, 7, 300, 20000, 60000, 1000000, 1073000, 16777216, 50000000):
        for whole in (1, 20, 480, 500, 1000, 5000, 65535):
            shift = 0
            while (total >> shift) >= (1 << 30) // whole:
                shift += 1
            for part in (0, 1, whole // 3, whole - 1, whole):
                if 0 <= part <= whole:
                    _small((total >> shift) * part)
                    got = scaling.share(total, part, whole)
                    want = total * part // whole
                    assert want - (2 << shift) < got <= want, (total, part, whole, got)
                    if shift == 0:
                        eq(got, want)
                    assert got <= total


def test_a_small_rig_gets_its_share_to_the_watt():
    eq(scaling.share(300, 1000, 1000), 300)  # a bench rig of 300 W is a microgrid as well
    eq(scaling.share(333, 480, 500), 319)


def test_duty_ends_and_zero():
    for cfg in every():
        if cfg.PIN_PWM is None:
            continue
        eq(scaling.duty_u16(cfg, cfg.MIN_W), scaling.LIVE_ZERO)
        eq(scaling.duty_u16(cfg, cfg.MAX_W), 65535)
        last = -1
        step = max(1, (cfg.MAX_W - cfg.MIN_W) // 500)
        for power_w in range(cfg.MIN_W, cfg.MAX_W + 1, step):
            duty = scaling.duty_u16(cfg, power_w)
            assert scaling.LIVE_ZERO <= duty <= 65535
            assert duty >= last
            last = duty


def test_duty_of_any_rating_is_a_duty_and_no_big_int():
    for rated in (1, 3, 300, 16383, 16384, 16385, 1000000, 50000000):
        for low in (-rated, 0):
            cfg = Cfg("battery", MIN_W=low, MAX_W=rated)
            shift = 0
            while (rated - low) >> shift >= 16384:
                shift += 1
            _small(((rated - low) >> shift) * 52428)
            for power_w in (low, low + 1, 0, rated - 1, rated):
                assert scaling.LIVE_ZERO <= scaling.duty_u16(cfg, power_w) <= 65535


def _fault(cfg, raw_v, raw_f):
    return scaling.inputs_from(cfg, raw_v, 32768, raw_f, 0, False, False).fault


def test_rails_and_contradictions():
    for cfg in every():
        live = 48000  # about 220 V
        eq(_fault(cfg, live, 32768), 0)
        eq(_fault(cfg, 0, 0), 0, "a dead bus is no fault")
        eq(_fault(cfg, scaling.RAIL_LOW, scaling.RAIL_LOW), 0)
        eq(_fault(cfg, 0, 32768), SENSOR_V)
        eq(_fault(cfg, scaling.RAIL_LOW, 32768), SENSOR_V)
        eq(_fault(cfg, scaling.RAIL_LOW + 1, 32768), 0)
        eq(_fault(cfg, scaling.RAIL_HIGH, 32768), SENSOR_V)
        eq(_fault(cfg, scaling.RAIL_HIGH - 1, 32768), 0)
        eq(_fault(cfg, live, scaling.RAIL_LOW), SENSOR_F)
        eq(_fault(cfg, live, scaling.RAIL_HIGH), SENSOR_F)
        eq(_fault(cfg, live, scaling.RAIL_LOW + 1), 0)
        eq(_fault(cfg, 65535, 0), SENSOR_V)


def test_a_frequency_at_its_rail_reads_as_none():
    cfg = Cfg("battery")
    eq(scaling.inputs_from(cfg, 0, 32768, 0, 0, False, False).f_mhz, 0)
    seen = scaling.inputs_from(cfg, 48056, 32768, 32768, 32768, True, True)
    assert 219000 < seen.v_mv < 221000
    assert 49990 <= seen.f_mhz <= 50010
    assert 495 <= seen.x <= 505
    eq((seen.alert, seen.flag, seen.fault), (True, True, 0))
