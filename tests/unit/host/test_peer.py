"""Events are confirmed only when complete; a lost command is sent again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nansha.peer import ARRIVED_MS, Peer
from nansha_wire.auth import Key


def peer() -> Peer:
    return Peer("battery", 3, Key(b"k" * 16), 50, True)


@given(st.data(), st.integers(1, 40), st.integers(0, 30))
def test_no_event_is_lost_on_a_bad_line(data, count, confirmed_before):
    """A node resends everything unconfirmed; the line loses what it likes."""
    first = confirmed_before + 1
    waiting = list(range(first, first + count))
    host, held = peer(), set()
    for turn in range(60):
        oldest = waiting[0]
        for number in waiting:
            if turn > 20 or data.draw(st.booleans()):
                held.add(number)
                host.hold_event(number, oldest)
        # What is confirmed is forgotten by the node, so the host must hold it.
        assert set(range(first, host.events_seen + 1)) <= held
        waiting = [n for n in waiting if n > host.events_seen]
        if not waiting:
            break
    assert not waiting


def test_a_gap_is_not_confirmed():
    host = peer()
    host.hold_event(1, 1)
    host.hold_event(3, 1)
    assert host.events_seen == 1
    host.hold_event(2, 1)
    assert host.events_seen == 3


def test_a_host_in_the_middle_begins_where_the_node_does():
    host = peer()
    host.hold_event(8, 7)  # 7 was lost on the way
    assert host.events_seen == 6
    host.hold_event(7, 7)
    assert host.events_seen == 8


def test_a_command_that_did_not_arrive_is_sent_again():
    host = peer()
    host.setpoint = object()
    host.counter, host.sent_ms = 5, 1000
    host.missed(4, 1000 + ARRIVED_MS - 1)
    assert host.setpoint is not None, "it may still be on its way"
    host.missed(5, 1000 + ARRIVED_MS)
    assert host.setpoint is not None, "it has arrived"
    host.missed(4, 1000 + ARRIVED_MS)
    assert host.setpoint is None
