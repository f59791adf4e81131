"""What the dual tests share. Standard library only: it runs under CPython and MicroPython."""

from nansha_node.commands import handle
from nansha_node.control import step
from nansha_node.state import Inputs, State
from nansha_wire import frames
from nansha_wire import messages as m
from nansha_wire.auth import Key

ASSETS = (
    "poi",
    "pv_roof",
    "battery",
    "load_critical",
    "load_priority",
    "load_interruptible",
    "ev_charger",
)
BOOT = 77
KEY = Key(b"0123456789abcdef0123456789abcdef")
SMALL_INT_MAX = (1 << 30) - 1


_HERE = __file__.rsplit("/", 1)[0] if "/" in __file__ else "."
_texts = {}


def _constants(asset):
    """What the generated board.py of `asset` defines; kept as text, so that no tool rewrites it."""
    if asset not in _texts:
        with open(_HERE + "/dual_boards/" + asset + ".txt") as f:
            _texts[asset] = {}
            exec(f.read(), _texts[asset])
    return _texts[asset]


class Cfg:
    """A generated board.py as an object whose constants a test may change."""

    def __init__(self, asset, **changed):
        constants = _constants(asset)
        for name in constants:
            if not name.startswith("_"):
                setattr(self, name, constants[name])
        for name in changed:
            setattr(self, name, changed[name])


def every():
    """The configuration of each node of the demo site."""
    return [Cfg(asset) for asset in ASSETS]


def eq(got, want, why=""):
    """Like `assert got == want`, with the values in the message under both interpreters."""
    if got != want:
        raise AssertionError(f"{why}: got {got!r}, not {want!r}")


def raises(kind, call, *args):
    """Call and expect `kind`; give the exception back."""
    try:
        call(*args)
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} from {args!r}")


def healthy(cfg, **changed):
    """A look at a healthy bus in the middle of every window."""
    values = {"v_mv": cfg.V_NOM_MV, "i_ma": 0, "f_mhz": cfg.F_NOM_MHZ, "x": 500, "flag": True}
    values.update(changed)
    return Inputs(**values)


def fresh(cfg):
    """A state as after boot, with the boot number of these tests."""
    state = State(cfg)
    state.boot_id = BOOT
    return state


def snapshot(state):
    """Every attribute of a state, by value."""
    return sorted(
        (name, tuple(value) if isinstance(value, list) else value)
        for name, value in [(n, getattr(state, n)) for n in dir(state) if not n.startswith("__")]
    )


def command(cfg, ident, values, at_ms=0, key=KEY, boot=BOOT, node=None, seq=1):
    """The bytes of a signed command."""
    return frames.encode_command(
        ident, cfg.NODE_ID if node is None else node, seq, at_ms, values, key, boot
    )


def give(cfg, state, data, now_ms, key=KEY):
    """Decode and handle; the result code."""
    got, result = handle(cfg, state, frames.decode(data), key, now_ms)
    assert got is state
    return result


def lease(cfg, state, p_w, closed, lease_ms, now_ms=None):
    """Give a lease by a real command; ACCEPTED or the test ends here."""
    now_ms = state.t_ms if now_ms is None else now_ms
    values = (state.counter + 1, now_ms, p_w, closed, lease_ms)
    eq(give(cfg, state, command(cfg, m.SETPOINT, values), now_ms), 0, "lease")


def arm(cfg, state, f_mhz, delay_ms, valid_ms, armed=1):
    """Arm a contingency by a real command."""
    values = (state.counter + 1, state.t_ms, armed, f_mhz, delay_ms, valid_ms)
    eq(give(cfg, state, command(cfg, m.CONTINGENCY, values), state.t_ms), 0, "arm")


class Node:
    """A state with its clock: looks again every `every_ms` for as long as asked."""

    def __init__(self, cfg, t_ms=0):
        self.cfg = cfg
        self.state = fresh(cfg)
        self.t_ms = t_ms
        self.out = None
        self.events = []

    def look(self, inputs, after_ms=10):
        """One step, `after_ms` after the last."""
        if self.out is not None:
            self.t_ms = (self.t_ms + after_ms) & SMALL_INT_MAX
        self.state, self.out = step(self.cfg, self.state, inputs, self.t_ms)
        self.events += self.out.events
        return self.out

    def hold(self, ms, every_ms=10, **changed):
        """Look at the same terminals for `ms`."""
        for _ in range(ms // every_ms):
            self.look(healthy(self.cfg, **changed), every_ms)
        return self.out

    def ready(self, p_w=0, lease_ms=60000):
        """Closed on a healthy bus, with every timer run out; poi gets the host's word."""
        self.hold(max(self.cfg.RECONNECT_MS, self.cfg.RELAY_MIN_OFF_MS) + 2000, 1000)
        if p_w or self.cfg.ROLE in ("poi",):
            lease(self.cfg, self.state, p_w, 1, lease_ms)
        self.look(healthy(self.cfg))
        assert self.out.closed, (self.cfg.ASSET, self.out.reason)
        self.hold(self.cfg.RELAY_MIN_ON_MS + 2000, 1000)
        return self


class Lcg:
    """Numbers that look random and are the same under every interpreter (Numerical Recipes)."""

    def __init__(self, seed):
        self._x = seed & 0xFFFFFFFF

    def bits(self, count):
        """The upper bits, the lower ones are poor."""
        self._x = (self._x * 1664525 + 1013904223) & 0xFFFFFFFF
        return self._x >> (32 - count)

    def below(self, limit):
        """0 … limit - 1, for a limit well below 2**24."""
        return self.bits(24) % limit

    def pick(self, things):
        """One of `things`."""
        return things[self.below(len(things))]

    def data(self, size):
        """`size` bytes."""
        return bytes(self.bits(8) for _ in range(size))


class FakeHardware:
    """A board without pins. Its clock moves by what the node waits, and by `lag_ms` a read."""

    reset_cause = 1

    def __init__(self, cfg, t_ms=1000):
        self.cfg = cfg
        self.now_ms = t_ms
        self.inputs = lambda: healthy(cfg)
        self.alert = False
        self.feeds = 0
        self.watching = False
        self.waits = []
        self.written = (None, None)
        self.writes = []
        self.resets = 0
        self.pauses = []
        self.watched = []
        self.max_wait_ms = 1 << 30

    def ticks_ms(self):
        return self.now_ms & SMALL_INT_MAX

    def read(self):
        return self.inputs()

    def alerted(self):
        was, self.alert = self.alert, False
        return was

    def write(self, closed, power_w):
        self.written = (closed, power_w)

    def start_watchdog(self):
        self.watching = True

    def feed(self):
        self.feeds += 1

    def wait(self, ms):
        assert ms >= 0, ms
        self.last_wait_ms = ms
        self.now_ms += max(1, min(ms, self.max_wait_ms))

    def pause(self, seconds):
        self.pauses.append((seconds, self.written, self.feeds))

    def reset(self):
        self.resets += 1

    def watch(self, stream, writable=False):
        if stream not in self.watched:
            self.watched.append(stream)

    def unwatch(self, stream):
        self.watched = [s for s in self.watched if s is not stream]


class FakeLink:
    """A link in memory: `inbox` goes in, `sent` came out."""

    def __init__(self):
        self.up = True
        self.session = 0
        self.inbox = []
        self.sent = []

    def receive(self, now_ms):
        got, self.inbox = self.inbox, []
        return got

    def send(self, frame):
        self.sent.append(frames.decode(frame))

    def due_ms(self, now_ms):
        return 1 << 29

    def take(self, ident=None):
        """What was sent since the last question."""
        got, self.sent = self.sent, []
        return [f for f in got if ident is None or f.ident == ident]
