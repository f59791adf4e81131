"""What a session knows of one node beyond its measurements: boot, counters, what was sent and
when."""

from __future__ import annotations

from dataclasses import dataclass, field

from nansha.dispatch import AssetDispatch
from nansha_wire.auth import Key
from nansha_wire.ticks import diff_ms

RENEW_MS = 4_000
"""A lease is renewed after less than half of it: one lost message costs nothing."""
ARRIVED_MS = 1_500
"""A command that the node's telemetry does not show after so long has not arrived."""
CONTINGENCY_MS = 60_000
CONTINGENCY_DELAY_MS = 20
"""Two looks of a fast node: one reading alone sheds nobody."""
CONTINGENCY_RENEW_MS = 20_000
TIME_MS = 60_000
QUIET_MS = 60_000
LAST_COUNTER = 0xFFFFFFFF - 3
"""A node that says it has come so far cannot be commanded: one cycle's counters would not fit."""
REORDERED_MS = 1 << 28
"""For so long after a telemetry the node's clock tells what is older, right across its wrap."""


@dataclass(slots=True)
class Peer:
    """One node."""

    asset: str
    node: int
    key: Key
    deadband_w: int
    """A setpoint that moves less waits for the lease's renewal."""
    power_matters: bool
    """False where only the contact is commanded."""
    boot_id: int = -1
    seen_ms: int = -1
    """Node clock of the last telemetry."""
    arrived_ms: int = -1
    """Host time of it."""
    counter: int = 0
    seq: int = 0
    leased: bool = False
    stranger: str | None = None
    """Who the node says it is, when it is not who the site expects."""
    events_seen: int = 0
    """This boot's events have come in up to this number."""
    events_kept: int = 0
    """They are on disk up to this number: what a node may forget."""
    events_ahead: set[int] = field(default_factory=set)
    """Numbers that came before one in front of them."""
    owes_time: bool = True
    setpoint: AssetDispatch | None = None
    setpoint_ms: int = -1
    sent_ms: int = -1
    """Host time of the last command of any kind."""
    contingency: tuple[bool, float] | None = None
    contingency_ms: int = -1
    time_ms: int = -1
    told_ms: dict[str, int] = field(default_factory=dict)
    """When each kind of refusal came last: the operator is told of a new one, not of each."""
    results: dict[str, int] = field(default_factory=dict)
    """How often the node answered with each result."""

    def rebooted(self, boot_id: int) -> None:
        """A new boot: nothing that was sent or heard holds any more, its clock least of all."""
        self.boot_id = boot_id
        self.arrived_ms = -1
        self.counter = 0
        self.events_seen = 0
        self.events_kept = 0
        self.events_ahead.clear()
        self.owes_time = True
        self.setpoint = None
        self.contingency = None

    def hold_event(self, number: int, oldest: int) -> None:
        """Note an event. Only what is complete and on disk is confirmed: the node forgets it then.

        Before `oldest` there is nothing to wait for: it was confirmed, or the node had no room.
        """
        self.events_ahead.add(number)
        self.events_seen = max(self.events_seen, oldest - 1)
        while self.events_seen + 1 in self.events_ahead:
            self.events_seen += 1
        self.events_ahead = {n for n in self.events_ahead if n > self.events_seen}
        self.owes_time = self.owes_time or number <= self.events_kept  # it did not hear us

    def news(self, refusal: str, now_ms: int) -> bool:
        """Whether a refusal is worth a word: the first, or the first after a quiet minute."""
        last_ms = self.told_ms.get(refusal)
        self.told_ms[refusal] = now_ms
        return last_ms is None or now_ms - last_ms > QUIET_MS

    def kept(self) -> None:
        """Everything that came in is on disk: the node may be told."""
        if self.events_kept != self.events_seen:
            self.events_kept = self.events_seen
            self.owes_time = True

    def missed(self, counter: int, now_ms: int) -> None:
        """A telemetry tells the last command that arrived: send again what did not."""
        if counter < self.counter and now_ms - self.sent_ms >= ARRIVED_MS:
            self.setpoint = None
            self.contingency = None

    def outdated(self, boot_id: int, node_ms: int, now_ms: int) -> bool:
        """Whether a telemetry is a repeat, or a later one has overtaken it."""
        if boot_id != self.boot_id or self.arrived_ms < 0:
            return False
        if now_ms - self.arrived_ms >= REORDERED_MS:
            return False
        return diff_ms(node_ms, self.seen_ms) <= 0

    def wants_setpoint(self, item: AssetDispatch, now_ms: int) -> bool:
        """Whether the setpoint has to go out now: changed, lapsed or due for renewal."""
        last = self.setpoint
        if last is None or last.closed != item.closed or not self.leased:
            return True
        if self.power_matters and last.p_w != item.p_w:
            ends = item.p_w == 0 or last.p_w == 0
            if ends or abs(last.p_w - item.p_w) >= self.deadband_w:
                return True
        return now_ms - self.setpoint_ms >= RENEW_MS

    def wants_contingency(self, item: AssetDispatch, now_ms: int) -> bool:
        """Whether the armed contingency has to go out now."""
        if self.contingency != (item.armed, item.armed_f_hz):
            return True
        return item.armed and now_ms - self.contingency_ms >= CONTINGENCY_RENEW_MS

    def wants_time(self, now_ms: int) -> bool:
        """Whether the node is owed the time, or word that its events are held."""
        return self.owes_time or now_ms - self.time_ms >= TIME_MS
