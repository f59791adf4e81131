"""The parts of the bench tier by themselves: codec, levels, clock, DAC."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from box_kit import Bench
from hypothesis import given
from hypothesis import strategies as st

from nansha.errors import NanshaError
from nansha.site import load_site
from nansha_hil.bench.client import ANSWER_US, Client
from nansha_hil.bench.clock import PERIOD_US, BoxClock
from nansha_hil.bench.file import BenchNode, Calibration
from nansha_hil.bench.levels import dac_code
from nansha_hil.bench.wires import Wires
from nansha_hil.chip.mcp4728 import Mcp4728
from nansha_iobox import dac
from nansha_iobox import messages as m
from nansha_wire.serial import pack

ROOT = Path(__file__).resolve().parents[2]
SITE = load_site(ROOT / "sites" / "nansha_campus.toml")
CODES = st.one_of(st.just(m.OFF), st.integers(0, 4095))
GOOD = (1000, 2000, m.OFF, 4095, m.SUPPLY | m.FLAG)


# frames


@given(st.lists(st.binary(max_size=300), max_size=6), st.booleans())
def test_no_bytes_crash_the_box_or_move_an_output(chunks, zeros):
    bench = Bench()
    bench.ask(m.SET, GOOD)
    for chunk in chunks:
        bench.line(chunk + b"\x00" * zeros)
        assert bench.outputs in ((GOOD[:4], GOOD[4]), ((m.OFF,) * 4, m.SUPPLY | m.ALERT))
    bench.line(b"\x00")
    bench.ask(m.SET, GOOD)
    assert bench.outputs == (GOOD[:4], GOOD[4]), "and it still obeys"


SETS = st.binary(min_size=11, max_size=11).map(lambda rest: bytes((m.VERSION, m.SET)) + rest)


@given(st.one_of(st.binary(max_size=64), SETS))
def test_no_frame_moves_an_output_but_a_valid_set(frame):
    """CRC and COBS are right here: what is in the frame is not."""
    bench = Bench()
    bench.ask(m.SET, GOOD)
    valid = False
    if len(frame) == 4 + 9 and frame[:2] == bytes((m.VERSION, m.SET)):
        *codes, lines = struct.unpack("<4HB", frame[4:])
        valid = lines <= 15 and all(code <= 4095 or code == 65535 for code in codes)
    bench.line(pack(frame))
    assert valid or bench.outputs == (GOOD[:4], GOOD[4])


@given(st.lists(st.binary(max_size=80), max_size=8), st.randoms(use_true_random=False))
def test_no_frame_crashes_the_rig(frames, luck):
    """Nor does a greeting that is answered late, or twice, or after the next one."""
    client = Client("here")
    now_us = 0.0
    client.hello(now_us)
    frames += [m.encode(m.STATE, s, (5, m.ANSWER, 1, 0, 0, s, *range(8))) for s in (1, 2, 3)]
    frames += [m.encode(m.IDENTITY, s, (5, 0, 1, 1, 1, 500)) for s in (1, 1, 2, 3)]
    luck.shuffle(frames)
    for frame in frames:
        now_us += 100.0
        if luck.random() < 0.4:
            client.hello(now_us)
        try:
            client.take(frame, now_us)
        except NanshaError as error:
            assert "\n" not in str(error)


@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=30))
def test_every_edge_is_told_once_unless_more_than_eight_wait(steps):
    """Edges come in bursts, answers get lost: the next one makes up for it, up to eight edges."""
    bench, client = Bench(greeted=False), Client("here")
    waiting: list[tuple[int, int]] = []
    wanted: list[tuple[int, int]] = []
    seen: list[tuple[float, int]] = []
    lost = 0

    def exchange(frame: bytes, deliver: bool = True) -> None:
        for answer in bench.line(pack(frame)):
            if deliver:
                raw = m.encode(answer.ident, answer.seq, answer.values)
                got = client.take(raw, float(bench.board.now_us))
                seen.extend((e.at_us, e.level) for e in got)

    exchange(client.hello(float(bench.board.now_us)))
    exchange(client.set(GOOD[:4], GOOD[4], float(bench.board.now_us)))
    for burst, deliver in [*steps, (0, True)]:
        for _ in range(burst):
            bench.board.now_us += 50
            bench.board.edge(1 - bench.board.level)
            waiting.append((bench.board.now_us, bench.board.level))
        client.busy(float(bench.board.now_us) + ANSWER_US + 1)
        exchange(client.set(GOOD[:4], GOOD[4], float(bench.board.now_us)), deliver)
        if deliver:
            lost += max(0, len(waiting) - m.EDGES)
            wanted += waiting[-m.EDGES :]
            waiting.clear()
    assert client.edges_lost == lost
    assert [level for _, level in seen] == [level for _, level in wanted]
    # Whoever sits in the test takes all answers half a turn late: the same for all of them.
    late_us = {
        round(at_us - real_us) for (at_us, _), (real_us, _) in zip(seen, wanted, strict=True)
    }
    assert len(late_us) <= 1 and all(abs(us) <= 20_000 for us in late_us)


def test_another_version_a_restart_and_a_refusal_are_said():
    client = Client("battery")
    client.hello(0.0)
    frame = bytearray(m.encode(m.IDENTITY, 1, (5, 0, 1, 1, 1, 500)))
    frame[0] = 9
    with pytest.raises(NanshaError, match="battery: the box speaks version 9, this rig 1; flash"):
        client.take(bytes(frame), 1.0)
    client.take(m.encode(m.IDENTITY, 1, (5, 0, 1, 1, 1, 500)), 1.0)
    with pytest.raises(NanshaError, match=r"started again by itself \(reset cause 3\)"):
        client.take(m.encode(m.IDENTITY, 2, (5, 0, 1, 3, 1, 500)), 2.0)
    with pytest.raises(NanshaError, match="refused"):
        client.take(m.encode(m.STATE, 2, (5, m.REFUSED, 1, 0, 0, 0, *[0] * 8)), 2.0)


def met(client: Client, now_us: float = 0.0, t_us: int = 5) -> Client:
    """A client whose greeting has been answered."""
    client.hello(now_us)
    client.take(m.encode(m.IDENTITY, 1, (t_us, 0, 1, 1, 1, 500)), now_us + 1.0)
    return client


def test_a_late_greeting_is_no_answer_to_the_next_one():
    client = Client("battery")
    client.hello(0.0)
    client.hello(500_000.0)
    client.take(m.encode(m.IDENTITY, 1, (5, 0, 1, 1, 1, 500)), 500_001.0)
    assert client.identity is None
    client.take(m.encode(m.IDENTITY, 2, (9, 0, 1, 1, 1, 500)), 500_002.0)
    assert client.identity is not None
    client.take(m.encode(m.IDENTITY, 1, (5, 0, 1, 1, 1, 500)), 500_003.0)  # a late one: nothing
    assert client.clock.error_us <= 1.0


def test_a_set_whose_number_a_hello_once_had_is_no_greeting():
    client = met(Client("battery"))
    for _ in range(1 << 16):
        client.set(GOOD[:4], GOOD[4], 10.0)
    with pytest.raises(NanshaError, match="started again by itself"):
        client.take(m.encode(m.IDENTITY, 1, (5, 0, 1, 3, 1, 500)), 20.0)


@given(st.integers(2_000_000, PERIOD_US - 2_000_000), st.integers(0, 400_000))
def test_the_clock_of_a_box_that_started_again_is_not_believed(ran_us, new_us):
    """Its count is that of a new boot too: none of its edges may reach the plant."""
    client = met(Client("battery"), 0.0, ran_us)
    word = new_us | 1 << m.LEVEL_BIT
    state = m.encode(m.STATE, 0, (new_us, m.RELAY | m.SAFE, 1, 0, 0, 1, word, *[0] * 7))
    with pytest.raises(NanshaError, match="the box has started again"):
        client.take(state, 50_000.0)


# DAC and levels


@given(st.tuples(CODES, CODES, CODES, CODES), st.tuples(CODES, CODES, CODES, CODES))
def test_the_model_of_the_dac_gives_what_the_bytes_say(first, codes):
    chip = Mcp4728(3.3)
    for given_codes in (first, codes):
        chip.begin()
        for byte in dac.multi_write(given_codes):
            chip.write(byte)
    for index, code in enumerate(codes):
        assert chip.volts(index) == (0.0 if code == m.OFF else code / 4096 * 3.3)
    chip.begin()
    assert dac.holds(bytes(chip.read() for _ in range(dac.READ_BYTES)), codes)


def test_read_back_sees_a_dac_that_forgets():
    chip, codes = Mcp4728(3.3), (1, 2, m.OFF, 4)
    for byte in dac.multi_write(codes):
        chip.write(byte)
    chip.begin()
    good = bytes(chip.read() for _ in range(24))
    assert dac.holds(good, codes) and not dac.holds(good[:-1], codes)
    for place in (1, 2, 7, 8, 13, 19, 20):
        bad = bytearray(good)
        bad[place] ^= 0x20
        assert not dac.holds(bytes(bad), codes), place


def test_model_of_the_dac_as_the_data_sheet_has_it():
    """Figures 5-7 and 7-5: fast write; 7-4: sequential write, reference and gain, EEPROM."""
    chip = Mcp4728(5.0)
    for byte in (0x0F, 0xFF, 0x07, 0xFF, 0x03, 0xFF, 0x01, 0xFF):
        chip.write(byte)
    assert [c.code for c in chip.channels] == [4095, 2047, 1023, 511]
    assert chip.volts(0) == pytest.approx(4095 / 4096 * 2.048), "fast write leaves the reference"
    chip.begin()
    for byte in (0x50, 0x08, 0x00, 0x0F, 0xFF, 0x98, 0x00, 0x9F, 0xFF):
        chip.write(byte)
    volts = [2.5, 5.0 * 4095 / 4096, 2.048, 4.096 * 4095 / 4096]
    assert [chip.volts(index) for index in range(4)] == pytest.approx(volts)
    chip.power_cycle()
    assert [chip.volts(index) for index in range(4)] == pytest.approx(volts), "from EEPROM"


@given(
    st.integers(0, 4095),
    st.floats(0.98, 1.02),
    st.floats(-20.0, 20.0),
    st.floats(2900.0, 3500.0),
)
def test_a_calibrated_dac_makes_the_reading_that_was_asked(step, gain, offset_mv, supply_mv):
    """Through a model of the DAC with just this error, to the nearest step of its own."""
    code, exact = dac_code(
        step << 4 | step >> 8, 3300.0, supply_mv, Calibration(gain=gain, offset_mv=offset_mv)
    )
    if step == 0:
        assert code == m.OFF
        return
    chip = Mcp4728(supply_mv / 1000, offset_mv / 1000, gain)
    for byte in dac.multi_write((code, m.OFF, m.OFF, m.OFF)):
        chip.write(byte)
    got = chip.volts(0) / 3.3 * 4096
    if exact and 0 < got < supply_mv / 3300 * 4096:
        assert abs(got - step) <= 0.5 * gain * supply_mv / 3300 + 1e-6
    elif not exact:
        assert code in (0, 4095)


def test_wires_go_where_the_file_says():
    spec = SITE.node_spec("battery")
    node = BenchNode(node_port="-", box_port="-", wires={"A": "x", "B": "f", "C": "i", "D": "v"})
    readings = {spec.adc_v: 100 << 4, spec.adc_i: 200 << 4, spec.adc_f: 300 << 4, spec.adc_x: 0}
    assert Wires(spec, node).codes(readings) == (m.OFF, 300, 200, 100)
    assert Wires(spec, node).lines(1 << spec.pin_alert) == m.SUPPLY | m.ALERT
    poi = SITE.node_spec("poi")
    wires = Wires(poi, BenchNode(node_port="-", box_port="-"))
    assert wires.lines(1 << poi.pin_flag | 1 << 30) == m.SUPPLY | m.FLAG
    assert wires.codes({poi.adc_v: 0xFFFF})[3] == m.OFF, "it has no fourth input"


# time


@given(
    st.integers(0, 1 << 30),
    st.floats(-50.0, 50.0),
    st.integers(0, PERIOD_US - 1),
)
def test_the_boxs_time_is_never_worse_than_told(seed, drift_ppm, begin):
    """A clock that drifts and wraps, answers late by anything: the bound holds all the same."""
    clock, luck = BoxClock(), random.Random(seed)

    def box_of(t_us: float) -> int:
        return int(begin + t_us * (1 + drift_ppm * 1e-6)) % PERIOD_US

    t_us = 0.0
    for _ in range(60):
        down, up = luck.expovariate(1 / 2000.0), luck.expovariate(1 / 2000.0)
        clock.sample(t_us, t_us + down + up, box_of(t_us + down))
        t_us += down + up
        edge_us = t_us - luck.uniform(0, 20_000)
        slack = 20_000 * 50e-6 + 1.0
        assert abs(clock.rig_us(box_of(edge_us)) - edge_us) <= clock.error_us + slack
        t_us += luck.choice((1e3, 1e5, 3e7))


def test_random_readings_pass_all_wires():
    """Every 12-bit reading, on an ideal DAC with the converter's own full scale: itself."""
    luck = random.Random(3)
    spec = SITE.node_spec("battery")
    wires = Wires(spec, BenchNode(node_port="-", box_port="-"))
    for _ in range(500):
        steps = [luck.randrange(1, 4096) for _ in range(4)]
        pins = (spec.adc_v, spec.adc_i, spec.adc_f, spec.adc_x)
        raw = {pin: s << 4 | s >> 8 for pin, s in zip(pins, steps, strict=True)}
        assert list(wires.codes(raw)) == steps
    assert wires.clipped == 0
