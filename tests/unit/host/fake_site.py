"""A whole site in memory: the real firmware's loop on fake boards, a session, and a bad line."""

from types import SimpleNamespace

from host_kit import NOON, SECRET

from nansha.session import Session
from nansha_node.app import App
from nansha_node.state import Inputs
from nansha_wire import codes, frames
from nansha_wire import messages as m
from nansha_wire.auth import Key, node_key

TURN_MS = 100


class Board:
    """A board without pins, and the wire to it: what `App` wants of hardware and link."""

    reset_cause = 1
    up = True
    session = 0

    def __init__(self, cfg):
        self.cfg = cfg
        self.now_ms = 0
        self.inbox = []
        self.outbox = []
        self.power_w, self.closed = 0, False
        self.plugged = True

    def ticks_ms(self):
        return self.now_ms & 0x3FFFFFFF

    def read(self):
        draws = self.power_w if self.closed else 0
        if self.cfg.ROLE == "load":
            draws = self.cfg.MIN_W // 2 if self.closed else 0
        i_ma = draws * 1000 // (self.cfg.PHASES * 220)
        x = {"battery": 600, "pv": 300}.get(self.cfg.ROLE, 0)
        return Inputs(220_000, i_ma, 50_000, x, False, self.plugged, 0)

    def alerted(self):
        return False

    def write(self, closed, power_w):
        self.closed, self.power_w = closed, power_w

    def feed(self):
        pass

    def wait(self, ms):
        pass

    def receive(self, now_ms):
        got, self.inbox = self.inbox, []
        return got

    def send(self, frame):
        self.outbox.append(frame)

    def due_ms(self, now_ms):
        return 1 << 29


class Firmware(App):
    """The node's loop; memory is not what these tests are about."""

    def _collect(self):
        pass


class FakeSite:
    """Nodes and session on one virtual clock. `line(way, frame)` gives the delays of its copies."""

    def __init__(self, site, line=lambda way, frame: (0,), historian=None, **session):
        self.site, self.line = site, line
        self.t_ms = NOON
        self.notices = []
        self.boards, self.nodes, self.boot_ms = {}, {}, {}
        self.boots = 100
        self.flying = []
        self.accepted = {}
        self.refused = []
        self.sent = []
        self.lapses = []
        self.urgent = False
        for asset in site.assets:
            self.boot(asset.id)
        self.start(historian, **session)
        self.cycle_ms = self.t_ms + 500

    def start(self, historian=None, **session):
        """The host's side begins, or begins again."""
        self.session = Session(
            self.site,
            SECRET,
            historian,
            now_ms=self.t_ms,
            notice=self.notices.append,
            **session,
        )

    def boot(self, asset):
        """Power on, or a reset."""
        text = self.site.board_py(asset, "serial")
        names = {}
        exec(text, names)
        cfg = SimpleNamespace(**{k: v for k, v in names.items() if not k.startswith("_")})
        board = Board(cfg)
        self.boots += 1
        self.boards[asset] = board
        self.boot_ms[asset] = self.t_ms
        key = Key(node_key(SECRET, cfg.NODE_ID))
        self.nodes[asset] = Firmware(cfg, board, board, key, self.boots, True)
        self.accepted[asset] = 0

    def run(self, seconds):
        """Let time pass."""
        end_ms = self.t_ms + seconds * 1000
        while self.t_ms < end_ms:
            self.turn()

    def turn(self):
        """A tenth of a second."""
        self.t_ms += TURN_MS
        self._carry()
        for asset, node in self.nodes.items():
            board = self.boards[asset]
            board.now_ms = self.t_ms - self.boot_ms[asset]
            commands = {}
            for data in board.inbox:
                frame = frames.decode(data)
                commands[frame.body.counter] = frame
            node.turn()
            assert board.cfg.MIN_W <= node.state.p_set_w <= board.cfg.MAX_W
            for data in board.outbox:
                self._watch(asset, board, frames.decode(data), commands)
                self._send("up", asset, data)
            board.outbox = []
        if self.urgent or self.t_ms >= self.cycle_ms:
            self.urgent = False
            if self.t_ms >= self.cycle_ms:
                self.cycle_ms += 1000
            by_node = {a.node: a.id for a in self.site.assets}
            for out in self.session.cycle(self.t_ms):
                self.sent.append((self.t_ms, by_node[out.node], out.frame))
                self._send("down", by_node[out.node], out.frame)
            self.session.flush(self.t_ms)

    def _watch(self, asset, board, frame, commands):
        """What a node says it did, against the rules."""
        if frame.ident == m.ACK and frame.body.result == codes.ACCEPTED:
            counter = frame.body.counter
            assert counter > self.accepted[asset], "a repeated command was obeyed"
            self.accepted[asset] = counter
            age_ms = board.now_ms - commands[counter].body.seen_ms
            assert 0 <= age_ms <= 5000, "a late command was obeyed"
        elif frame.ident == m.ACK:
            self.refused.append((asset, codes.RESULTS[frame.body.result]))
        elif frame.ident == m.EVENT and frame.body.code == codes.EV_LEASE_LOST:
            self.lapses.append((self.t_ms, asset))

    def _send(self, way, asset, data):
        for delay_ms in self.line(way, data):
            self.flying.append((self.t_ms + delay_ms, way, asset, data))

    def _carry(self):
        due = [item for item in self.flying if item[0] <= self.t_ms]
        self.flying = [item for item in self.flying if item[0] > self.t_ms]
        for _, way, asset, data in due:
            if way == "up":
                self.urgent = self.session.receive(self.t_ms, data) or self.urgent
            else:
                self.boards[asset].inbox.append(data)

    def leased(self):
        """Assets whose node obeys the host."""
        return {name for name, node in self.nodes.items() if node.state.lease_left_ms > 0}
