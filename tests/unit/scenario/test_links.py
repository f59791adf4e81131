"""Links between nodes and host: what is late one way only, and what somebody can play again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nansha_hil.net import Link, LinkProfile
from nansha_hil.scenario.faults import FAULTS
from nansha_hil.scenario.faults_link import LinkLate
from nansha_wire.serial import pack

DOWN, UP = False, True
FRAME = pack(b"a frame")
TIMES = st.lists(st.integers(0, 10**9), max_size=30).map(sorted)


def late(way):
    return LinkLate.model_validate(
        {"fault": "link_late", "at": "+1 s", "latency": "6 s", "way": way}
    )


@given(now_us=st.integers(0, 10**12))
def test_late_on_the_way_down_leaves_the_way_up_alone(now_us):
    link = Link("battery", late("down").worse(LinkProfile()), seed=1)
    assert link.carry(now_us, FRAME, UP) == [(now_us, FRAME)]
    assert link.carry(now_us, FRAME, DOWN) == [(now_us + 6_000_000, FRAME)]


def test_late_both_ways_is_late_both_ways():
    link = Link("battery", late("both").worse(LinkProfile()), seed=1)
    assert [link.carry(0, FRAME, way) for way in (UP, DOWN)] == [[(6_000_000, FRAME)]] * 2


@given(times=TIMES, since_us=st.integers(0, 10**9), until_us=st.integers(0, 10**9))
def test_what_is_recorded_lies_between_the_two_moments(times, since_us, until_us):
    link = Link("battery", LinkProfile(), seed=1)
    for t_us in times:
        link.carry(t_us, str(t_us).encode(), DOWN)
    played = [int(data) for data in link.recorded(DOWN, since_us, until_us)]
    assert played == [t_us for t_us in times if since_us <= t_us <= until_us]
    assert link.recorded(UP) == []


@pytest.mark.parametrize("older_than", ["60 s", "61 s"])
def test_a_replay_of_nothing_is_a_mistake(older_than):
    line = {"fault": "link_replay", "at": "+1 s", "recorded": "60 s", "older_than": older_than}
    with pytest.raises(ValueError, match="leaves nothing of recorded 1 min; make it shorter"):
        FAULTS["link_replay"].model_validate(line)
