"""Any bytes at all: a frame or a FrameError, no change of state, no good neighbour lost."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nansha_node import mqtt
from nansha_node.commands import handle
from nansha_node.state import State
from nansha_wire import codes, frames, serial
from nansha_wire import messages as m
from nansha_wire.auth import Key

KEY = Key(b"0123456789abcdef0123456789abcdef")
BOOT = 77
NOW = 100_000
# Only what a command's way in asks for; the whole board is in tests/dual.
CFG = SimpleNamespace(
    NODE_ID=3, MIN_W=-40_000, MAX_W=40_000, EV_MIN_W=0, CONTACT_NC=0, TRIPS=(("uv", 99_000, 160),)
)
_LETTERS = {
    "B": (0, 0xFF),
    "H": (0, 0xFFFF),
    "h": (-0x8000, 0x7FFF),
    "I": (0, 0xFFFFFFFF),
    "i": (-0x80000000, 0x7FFFFFFF),
    "Q": (0, 0xFFFFFFFFFFFFFFFF),
}


def fresh() -> State:
    """A node that has obeyed ten commands."""
    state = State(CFG)
    state.boot_id, state.counter, state.t_ms, state.begun = BOOT, 10, NOW, True
    return state


def snapshot(state: State) -> dict[str, Any]:
    """Every attribute, by value."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in vars(state).items()}


def setpoint(counter: int = 11, p_w: int = 1000) -> bytes:
    """A command that a fresh node obeys."""
    values = (counter, NOW - 20, p_w, 1, 5000)
    return frames.encode_command(m.SETPOINT, CFG.NODE_ID, 1, NOW, values, KEY, BOOT)


def hear(state: State, data: bytes) -> int | None:
    """What the node makes of bytes; None where it says nothing."""
    try:
        frame = frames.decode(data)
    except frames.FrameError:
        return None
    result: int | None = handle(CFG, state, frame, KEY, NOW)[1]
    return result


@st.composite
def messages(draw: st.DrawFn) -> tuple[int, tuple[int, ...]]:
    """A message of the table with any values its letters can hold."""
    ident = draw(st.sampled_from(sorted(m.FORMATS)))
    values = tuple(draw(st.integers(*_LETTERS[letter])) for letter in m.FORMATS[ident][1:])
    return ident, values


def encoded(message: tuple[int, tuple[int, ...]], t_ms: int = 0) -> bytes:
    """A message as a frame."""
    ident, values = message
    if ident in m.COMMANDS:
        return frames.encode_command(ident, 3, 1, t_ms, values, KEY, BOOT)
    return frames.encode(ident, 3, 1, t_ms, values)


noise = st.binary(max_size=300)
headed = st.builds(
    lambda ident, rest: bytes((m.VERSION, ident)) + rest,
    st.sampled_from((1, 2, 3, 4, 16, 17, 18)),
    st.binary(max_size=260),
)
jsonish = st.builds(
    lambda text: b"\x01\x01" + bytes(8) + text.encode("utf-8", "surrogatepass"),
    st.text(st.sampled_from('{}[]":,\\ud8001e+-.truefalsn \n\x00é\U0001f600'), max_size=220),
)


@given(st.one_of(noise, headed, jsonish))
@settings(max_examples=250, deadline=None)
def test_any_bytes_are_a_frame_or_a_frame_error(data: bytes) -> None:
    try:
        frame = frames.decode(data)
    except frames.FrameError:
        return
    assert isinstance(frame, frames.Frame)
    if frame.ident == m.IDENTITY:
        assert isinstance(frame.body, dict)
    else:
        assert frame.signed + frame.tag == data


@given(messages(), st.integers(0, 0xFFFFFFFF))
@settings(max_examples=120, deadline=None)
def test_any_message_comes_back(message: tuple[int, tuple[int, ...]], t_ms: int) -> None:
    frame = frames.decode(encoded(message, t_ms))
    assert (frame.ident, tuple(frame.body), frame.t_ms) == (*message, t_ms)


@given(st.one_of(noise, headed))
@settings(max_examples=120, deadline=None)
def test_any_bytes_change_no_state(data: bytes) -> None:
    state = fresh()
    before = snapshot(state)
    assert hear(state, data) in (None, codes.FORGED, codes.UNKNOWN)
    assert snapshot(state) == before


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A signed command after flips, cuts, doublings, swaps, or spliced with another."""
    first, second = setpoint(), setpoint(12, -7000)
    data = bytearray(first)
    for _ in range(draw(st.integers(1, 4))):
        way = draw(st.integers(0, 5))
        at = draw(st.integers(0, max(0, len(data) - 1)))
        to = draw(st.integers(at, len(data)))
        if way == 0 and data:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif way == 1:
            del data[at:to]
        elif way == 2:
            data[at:at] = data[at:to]
        elif way == 3 and to < len(data):
            data[at], data[to] = data[to], data[at]
        elif way == 4:
            data[at:] = second[at:]
        else:
            data[at:at] = draw(st.binary(max_size=8))
    return bytes(data)


@given(mutated())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_mutation_of_a_command_is_obeyed(data: bytes) -> None:
    if data in (setpoint(), setpoint(12, -7000)):
        return  # byte for byte a command that was given
    state = fresh()
    before = snapshot(state)
    assert hear(state, data) != codes.ACCEPTED
    assert snapshot(state) == before


@given(st.permutations(range(11, 19)), st.data())
@settings(max_examples=40, deadline=None)
def test_in_any_order_and_however_often_the_newest_counts(
    order: list[int], data: st.DataObject
) -> None:
    state = fresh()
    highest = 10
    for counter in order + data.draw(st.lists(st.sampled_from(order), max_size=8)):
        before = snapshot(state)
        result = hear(state, setpoint(counter, counter))
        if counter > highest:
            highest = counter
            assert result == codes.ACCEPTED
            assert state.p_set_w == counter
        else:
            assert result == codes.REPEATED
            assert snapshot(state) == before


@given(st.lists(st.tuples(messages(), st.binary(max_size=40)), max_size=8), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_frames_between_noise_are_all_found(
    parts: list[tuple[tuple[int, tuple[int, ...]], bytes]], data: st.DataObject
) -> None:
    sent = [encoded(message) for message, _ in parts]
    stream = b"".join(
        rubbish + serial.pack(frame) for frame, (_, rubbish) in zip(sent, parts, strict=True)
    )
    deframer = serial.Deframer()
    got: list[bytes] = []
    at = 0
    while at < len(stream):
        piece = data.draw(st.integers(1, 400))
        got += deframer.feed(stream[at : at + piece])
        at += piece
    assert got == sent  # noise that is a line with a right CRC does not come by chance


@given(st.lists(messages(), min_size=3, max_size=6), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_damage_costs_only_the_lines_it_touches(
    parts: list[tuple[int, tuple[int, ...]]], data: st.DataObject
) -> None:
    sent = [encoded(message) for message in parts]
    lines = [bytearray(serial.pack(frame)) for frame in sent]
    hurt = data.draw(st.integers(0, len(lines) - 1))
    at = data.draw(st.integers(1, len(lines[hurt]) - 2))  # inside: its own zeros stay
    lines[hurt][at] ^= data.draw(st.integers(1, 255))
    got = serial.Deframer().feed(b"".join(lines))
    assert got == sent[:hurt] + sent[hurt + 1 :]


@given(st.lists(st.binary(max_size=600), max_size=12))
@settings(max_examples=60, deadline=None)
def test_the_deframer_holds_one_line_at_most(pieces: list[bytes]) -> None:
    deframer = serial.Deframer()
    for piece in pieces:
        for frame in deframer.feed(piece):
            assert len(frame) <= m.MAX_FRAME
        assert len(deframer._held) <= m.MAX_FRAME + 5


@given(st.lists(st.binary(max_size=200), max_size=8))
@settings(max_examples=60, deadline=None)
def test_the_mqtt_reader_gives_packets_or_its_own_error(pieces: list[bytes]) -> None:
    reader = mqtt.Reader()
    try:
        for piece in pieces:
            for kind, flags, body in reader.feed(piece):
                if kind == mqtt.PUBLISH:
                    mqtt.payload(flags, body)
    except mqtt.MqttError:
        return


@given(st.lists(st.binary(max_size=150), max_size=8), st.integers(1, 64))
@settings(max_examples=40, deadline=None)
def test_mqtt_packets_come_back_in_any_pieces(bodies: list[bytes], piece: int) -> None:
    stream = b"".join(mqtt.publish("nansha/a/1/down", body) for body in bodies)
    reader = mqtt.Reader()
    got = []
    for at in range(0, len(stream), piece):
        got += [
            mqtt.payload(flags, body) for _, flags, body in reader.feed(stream[at : at + piece])
        ]
    assert got == bodies


def _hunt(count: int, seed: int) -> None:
    """Send `count` mutated commands through line, frame and node; none may be obeyed.

    Three stages, so that damage gets past the first: on the line (COBS and CRC judge), on the frame
    (a new line round it: the tag judges), and on the node's number of an otherwise right frame.
    """
    rnd = random.Random(seed)
    getrandbits, randrange = rnd.getrandbits, rnd.randrange
    pool = [
        setpoint(counter, p_w) for counter in (11, 12, 500, 2**31) for p_w in (-40_000, 0, 9000)
    ]
    pool += [
        frames.encode_command(m.CONTINGENCY, 3, 1, NOW, (11, NOW, 1, 50_000, 0, 60_000), KEY, BOOT),
        frames.encode_command(m.TIME, 3, 1, NOW, (11, NOW, 5, 9), KEY, BOOT),
        frames.encode_command(m.SETPOINT, 3, 1, NOW, (11, NOW, 5, 1, 5000), KEY, BOOT - 1),
    ]
    right = frozenset(pool[:-1])
    deframer = serial.Deframer()
    state = fresh()
    before = snapshot(state)
    chunk: list[bytes] = []
    reached = 0
    for number in range(count):
        data = bytearray(pool[randrange(len(pool))])
        on_line = number & 1
        if on_line:
            data = bytearray(serial.pack(bytes(data)))
        for _ in range(1 + getrandbits(2)):
            way = getrandbits(3)
            at = randrange(len(data)) if data else 0
            if way < 4 and data:
                data[at] ^= 1 << getrandbits(3)
            elif way == 4 and data:
                data[at] = getrandbits(8)
            elif way == 5:
                data[at:] = pool[randrange(len(pool))][at:]
            elif way == 6 and on_line:
                del data[at : at + 1 + getrandbits(2)]
            else:
                other = pool[randrange(len(pool))]
                data[: at + 1] = other[: at + 1]
        chunk.append(bytes(data) if on_line else serial.pack(bytes(data)[: m.MAX_FRAME]))
        if len(chunk) == 500 or number == count - 1:
            for line in deframer.feed(b"".join(chunk)):
                if line in right:
                    continue  # healed or untouched: byte for byte a command that was given
                reached += 1
                assert hear(state, line) != codes.ACCEPTED, line.hex()
            chunk.clear()
    assert snapshot(state) == before
    assert reached > count // 10, "the hunt must get past the line"
    assert deframer.bad > count // 10


def test_twenty_thousand_mutated_commands_move_nothing() -> None:
    _hunt(20_000, 1)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_million_mutated_commands_move_nothing() -> None:
    for seed in range(10):
        _hunt(100_000, 100 + seed)
