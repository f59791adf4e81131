"""A long random life of one node, the same under every interpreter: what the walks are made of."""

from dual_kit import BOOT, KEY, Cfg, Inputs, Lcg, eq, fresh

from nansha_node.commands import handle
from nansha_node.control import OC_TRIPS, step
from nansha_node.protection import SENSOR_F, SENSOR_V
from nansha_wire import codes, frames
from nansha_wire import messages as m

_DT = (1, 2, 10, 10, 10, 10, 10, 10, 10, 50, 99, 100, 1000, 1000, 5000, 60000, 300000)
_V = (0, 15000, 30000, 98999, 99000, 109999, 150000, 187000, 193599, 200000, 220000, 220000, 220000)
_V_HIGH = (235400, 235401, 242001, 253001, 264001, 275001, 299999)
_F = (0, 45000, 47499, 48000, 48999, 49400, 49501, 49799, 49980, 50000, 50000, 50020, 50021)
_F_HIGH = (50199, 50201, 50500, 50700, 51199, 51501, 54999)
_X = (0, 50, 100, 101, 500, 500, 949, 950, 1000)


_BEFORE = ("closed", "relay_left_ms", "oc_trips", "short")


class Walk:
    """Draws inputs and commands from one generator and steps a node through them.

    A scene (voltage, frequency, faults, car, dt) holds for a random while, so that timers run out;
    single looks are disturbed as well. A node that over-current has locked out is reset some time.
    """

    def __init__(self, asset, seed):
        self.cfg = Cfg(asset)
        self.rnd = Lcg(seed)
        self.state = fresh(self.cfg)
        self.t_ms = self.rnd.bits(30)
        self.left = 0
        self.scene = None
        self.counter = 0
        self.inputs = None
        self.before = {}
        self.dt_ms = 0
        self.out = None
        self.result = -1  # of the command before this step; -1: there was none

    def _scene(self):
        rnd, cfg = self.rnd, self.cfg
        self.left = 1 + rnd.below(40)
        if self.state.oc_trips >= OC_TRIPS and rnd.bits(2):
            self.state = fresh(cfg)
        calm = rnd.bits(2)
        v_mv = cfg.V_NOM_MV if calm else rnd.pick(_V + _V_HIGH)
        f_mhz = cfg.F_NOM_MHZ if calm and rnd.bits(1) else rnd.pick(_F + _F_HIGH)
        limit = cfg.TRIPS[-1][1]
        i_ma = rnd.pick((0, 0, 0, limit, -limit)) + rnd.below(200) - 100
        fault = 0 if rnd.bits(3) else rnd.pick((SENSOR_V, SENSOR_F))
        dt_ms = 10 if rnd.bits(1) else rnd.pick(_DT)
        self.scene = (v_mv, i_ma, f_mhz, rnd.pick(_X), fault, rnd.bits(2) > 0, dt_ms)

    def _command(self):
        rnd, cfg, state = self.rnd, self.cfg, self.state
        self.counter += 1
        seen = (self.t_ms - rnd.below(6000)) & 0x3FFFFFFF
        kind = rnd.below(8)
        if kind < 5:
            span = cfg.MAX_W - cfg.MIN_W
            p_w = cfg.MIN_W + rnd.below(span // 50 + 1) * 50 + rnd.pick((0, 0, 0, -400))
            lease = rnd.pick((0, 2000, 5000, 60000, 60001))
            ident, values = m.SETPOINT, (self.counter, seen, p_w, rnd.pick((0, 1, 1, 1, 2)), lease)
        elif kind < 7:
            valid = rnd.pick((0, 5000, 60000, 70000))
            values = (self.counter, seen, rnd.bits(1), rnd.pick(_F), rnd.below(300), valid)
            ident = m.CONTINGENCY
        else:
            ident, values = m.TIME, (self.counter, seen, self.counter, rnd.below(100))
        boot = BOOT if rnd.bits(4) else BOOT + 1
        data = frames.encode_command(ident, cfg.NODE_ID, 1, 0, values, KEY, boot)
        if not rnd.bits(4):
            at = rnd.below(len(data))
            data = data[:at] + bytes((data[at] ^ 1 << rnd.below(8),)) + data[at + 1 :]
        try:
            frame = frames.decode(data)
        except frames.FrameError:
            return -1
        result = handle(cfg, state, frame, KEY, self.t_ms)[1]
        return -1 if result is None else result

    def advance(self):
        """One random step; what it saw and did is in `inputs`, `result` and `out`."""
        if self.left == 0:
            self._scene()
        self.before = {name: getattr(self.state, name) for name in _BEFORE}
        self.left -= 1
        rnd = self.rnd
        v_mv, i_ma, f_mhz, x, fault, flag, dt_ms = self.scene
        noise = rnd.bits(8)
        if noise < 3:
            f_mhz = rnd.pick(_F)
        elif noise < 6:
            v_mv = rnd.pick(_V)
        elif noise < 9:
            dt_ms = rnd.pick(_DT)
        self.result = self._command() if noise > 230 else -1
        self.dt_ms = dt_ms
        self.t_ms = (self.t_ms + dt_ms) & 0x3FFFFFFF
        self.inputs = Inputs(v_mv, i_ma, f_mhz, x, noise == 100, flag, fault)
        self.state, self.out = step(self.cfg, self.state, self.inputs, self.t_ms)
        return self.out

    def line(self):
        """What the node decided, as bytes for a hash."""
        out, state = self.out, self.state
        values = [int(out.closed), out.power_w, out.period_ms, out.reason, self.result]
        values += [state.lease_left_ms, state.armed_left_ms, state.trip, state.shed]
        values += [state.relay_ops, state.healthy_ms, state.restore_ms, state.counter]
        for code, value in out.events:
            values += [code, value]
        return repr(values).encode()


def check(walk):
    """What must hold after every step, whatever came in."""
    cfg, state, out, inputs = walk.cfg, walk.state, walk.out, walk.inputs
    before = walk.before
    where = (cfg.ASSET, walk.t_ms)
    opened = before["closed"] and not out.closed
    eq(out.closed, state.closed, where)
    if state.trip >= 0:
        eq((out.closed, out.power_w, out.reason), (False, 0, codes.TRIP), where)
    if not out.closed:
        eq(out.power_w, 0, where)
    assert cfg.MIN_W <= out.power_w <= cfg.MAX_W, where
    assert out.period_ms in (cfg.FAST_MS, cfg.CALM_MS), where
    if inputs.fault:
        eq(out.power_w, 0, where)
        assert cfg.ROLE == "load" or not out.closed, where
        assert cfg.ROLE != "load" or not (out.closed and not before["closed"]), where
    if out.closed and not before["closed"]:
        dead = inputs.v_mv < 20000
        assert state.healthy_ms >= cfg.RECONNECT_MS or (dead and cfg.ROLE == "battery"), where
        assert before["oc_trips"] < OC_TRIPS, where
        if dead:
            assert not before["short"], where
            assert state.lease_left_ms > 0 and state.want_closed, where
        assert cfg.ROLE != "poi" or inputs.flag, where
        assert before["relay_left_ms"] <= walk.dt_ms, where
    if opened and out.reason not in (4, 12, 6, 7, 10):  # trip, sensor, shed, armed, unplugged
        assert before["relay_left_ms"] <= walk.dt_ms, where
    if cfg.TIER == "critical" and opened:
        # Its own trip, its own step, what the host armed or said: nothing else.
        assert out.reason in (codes.TRIP, codes.SHED, codes.ARMED, codes.OPEN), where
        assert out.reason != codes.OPEN or (state.lease_left_ms and not state.want_closed), where
    if cfg.ROLE == "battery":
        assert not (out.power_w > 0 and inputs.x <= cfg.SOC_MIN_PM), where
        assert not (out.power_w < 0 and inputs.x >= cfg.SOC_MAX_PM), where
    if cfg.ROLE == "pv" and inputs.f_mhz >= cfg.FW_STOP_MHZ:
        eq(out.power_w, 0, where)
    if cfg.ROLE == "ev_charger":
        assert out.power_w == 0 or -out.power_w >= cfg.EV_MIN_W, where
        assert inputs.flag or not out.closed, where
    if cfg.ROLE in ("load", "ev_charger") and state.shed:
        assert not out.closed or inputs.fault, where
    eq(state.had_lease, state.lease_left_ms > 0, where)
    assert 0 <= state.lease_left_ms <= 60000 and 0 <= state.armed_left_ms <= 60000, where
    for held in state.violated_ms:
        assert -1 <= held <= 1 << 29, where


def checked(asset, seed, steps):
    """Walk and check."""
    walk = Walk(asset, seed)
    for _ in range(steps):
        walk.advance()
        check(walk)
    return walk
