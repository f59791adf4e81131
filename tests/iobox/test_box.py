"""The box's decisions, under CPython and on the MicroPython VM alike."""

from box_kit import Bench
from dual_kit import Lcg, eq

from nansha_iobox import dac
from nansha_iobox import messages as m
from nansha_iobox.box import SILENCE_MS, Box, gone_us
from nansha_iobox.edges import Edges
from nansha_iobox.program import WAIT_MS
from nansha_wire.serial import pack

OFF = (m.OFF,) * 4
GOOD = (1000, 2000, m.OFF, 4095, m.SUPPLY | m.FLAG)
WRAP = 1 << 30


def test_off_with_supply_until_the_first_set():
    bench = Bench(greeted=False)
    eq(bench.board.applied, [(OFF, m.SUPPLY | m.ALERT)])
    bench.board.now_us += 10**7
    eq(bench.line(b""), [])
    eq(len(bench.board.applied), 1, "nothing said, nothing changed")


def test_obeys_nobody_who_has_not_said_hello():
    bench = Bench(greeted=False)
    (answer,) = bench.ask(m.SET, GOOD)
    eq((answer.ident, answer.seq), (m.IDENTITY, 1))
    eq(bench.outputs, (OFF, m.SUPPLY | m.ALERT))
    bench.ask(m.HELLO)
    (answer,) = bench.ask(m.SET, GOOD)
    eq((answer.ident, answer.seq), (m.STATE, 3))
    eq(bench.outputs, (GOOD[:4], GOOD[4]))


def test_every_valid_set_is_what_is_set():
    bench, luck = Bench(), Lcg(1)
    for _ in range(200):
        codes = tuple(m.OFF if luck.below(5) == 0 else luck.bits(12) for _ in range(4))
        lines = luck.bits(4)
        (answer,) = bench.ask(m.SET, codes + (lines,))  # noqa: RUF005  not on the VM
        assert answer.values[1] & m.ANSWER and not answer.values[1] & (m.SAFE | m.REFUSED)
        if lines & m.SUPPLY:
            eq(bench.outputs, (codes, lines))
        else:
            eq(bench.outputs, (OFF, lines & m.RESET), "nothing feeds a node without supply")


def test_a_set_that_asks_for_what_is_not_there_is_refused_whole():
    bench = Bench()
    bench.ask(m.SET, GOOD)
    for place, value in ((0, 4096), (1, 0xFFFE), (3, 0x8000), (4, 16), (4, 255)):
        values = list(GOOD)
        values[place] = value
        (answer,) = bench.ask(m.SET, tuple(values))
        assert answer.values[1] & m.REFUSED, (place, value)
        eq(bench.outputs, (GOOD[:4], GOOD[4]))
    (answer,) = bench.ask(m.SET, GOOD)
    assert not answer.values[1] & m.REFUSED


def test_a_frame_of_another_size_is_none():
    bench = Bench()
    bench.ask(m.SET, GOOD)
    frame = m.encode(m.SET, 9, (1, 2, 3, 4, m.SUPPLY))
    for wrong in (frame[:-1], frame + b"\x00", frame + frame, frame[:4], frame[:3], b""):
        eq(bench.line(pack(wrong)), [])
        eq(bench.outputs, (GOOD[:4], GOOD[4]))
    for ident in (0, m.IDENTITY, m.STATE, 99):
        eq(bench.line(pack(bytes((m.VERSION, ident)) + frame[2:])), [])
    eq(bench.outputs, (GOOD[:4], GOOD[4]))


def test_another_version_is_told_who_is_here_and_changes_nothing():
    bench = Bench()
    bench.ask(m.SET, GOOD)
    for version in (0, 2, 255):
        frame = bytearray(m.encode(m.SET, 77, (0, 0, 0, 0, 0)))
        frame[0] = version
        (answer,) = bench.line(pack(bytes(frame)))
        eq((answer.ident, answer.seq, answer.version), (m.IDENTITY, 77, m.VERSION))
        eq(bench.outputs, (GOOD[:4], GOOD[4]))


def test_silence_comes_on_time_whatever_the_clock_says():
    limit = SILENCE_MS * 1000
    for begin in (0, 5, WRAP // 2 - 1, WRAP // 2, WRAP - limit, WRAP - 1):
        box = Box()
        box.hear(m.Message(m.VERSION, m.HELLO, 1, ()), begin)
        box.hear(m.Message(m.VERSION, m.SET, 2, GOOD), begin)
        assert not box.look((begin + limit - 1) % WRAP, m.DAC_OK)
        eq(box.codes, GOOD[:4])
        assert box.look((begin + limit) % WRAP, m.DAC_OK)
        eq((box.codes, box.silences, box.safe), (OFF, 1, True))
        assert not box.look((begin + 2 * limit) % WRAP, m.DAC_OK), "once"
        box.hear(m.Message(m.VERSION, m.SET, 3, GOOD), (begin + 3 * limit) % WRAP)
        eq((box.codes, box.safe, box.silences), (GOOD[:4], False, 1))


def test_silence_leaves_the_supply_and_lets_reset_go():
    for lines in range(16):
        box = Box()
        box.hear(m.Message(m.VERSION, m.HELLO, 1, ()), 0)
        values = GOOD[:4] + (lines,)  # noqa: RUF005  not on the VM
        box.hear(m.Message(m.VERSION, m.SET, 2, values), 0)
        assert box.look(SILENCE_MS * 1000, m.DAC_OK)
        eq(box.lines & m.SUPPLY, lines & m.SUPPLY)
        eq(bool(box.lines & m.ALERT), bool(lines & m.SUPPLY), "the node is to look at once")
        eq(box.lines & (m.FLAG | m.RESET), 0, "a node that is held in reset protects nothing")


def test_a_silent_rig_is_told_when_it_is_back():
    bench = Bench()
    bench.ask(m.SET, GOOD)
    for _ in range(SILENCE_MS // WAIT_MS + 1):
        bench.line(b"")
    eq(bench.outputs, (OFF, m.SUPPLY | m.ALERT))
    (answer,) = bench.ask(m.SET, GOOD)
    eq(answer.values[4], 1, "silences")
    eq(bench.outputs, (GOOD[:4], GOOD[4]))


def test_only_a_valid_set_puts_the_silence_off():
    for nuisance in ((m.SET, (4096,) + GOOD[1:]), (m.HELLO, ())):  # noqa: RUF005  not on the VM
        bench = Bench()
        bench.ask(m.SET, GOOD)
        heard_us = bench.board.now_us
        while not bench.program.box.safe:
            bench.ask(*nuisance)
            assert bench.board.now_us - heard_us <= SILENCE_MS * 1000 + WAIT_MS * 1000, nuisance
        eq((bench.outputs, bench.program.box.silences), ((OFF, m.SUPPLY | m.ALERT), 1))


def test_a_dac_that_dies_before_the_silence_keeps_the_node_in_reset_till_it_hears():
    for greeted_before in (False, True):
        bench = Bench()
        board = bench.board
        bench.ask(m.SET, GOOD)
        board.dac = m.DAC_NONE
        while not bench.program.box.safe:
            bench.line(b"")
        bench.line(b"")
        for _ in range(5):
            written = len(board.applied)
            bench.line(b"")
            eq(bench.outputs, (OFF, m.SUPPLY | m.ALERT | m.RESET))
            eq((len(board.applied), board.holds), (written + 1, GOOD[:4]), "each turn, in vain")
        board.dac = m.DAC_OK
        if greeted_before:
            bench.ask(m.HELLO)  # it tries the DAC too
        bench.line(b"")
        eq(board.holds, OFF)
        bench.line(b"")
        eq(bench.outputs, (OFF, m.SUPPLY | m.ALERT), "it is let go")
        written = len(board.applied)
        bench.line(b"")
        eq(len(board.applied), written, "and left alone")
        bench.ask(m.SET, GOOD)
        eq((bench.outputs, board.holds), ((GOOD[:4], GOOD[4]), GOOD[:4]))


def test_a_box_that_boots_without_its_dac_keeps_the_node_in_reset():
    """It may have started again in the middle of a run: what the DAC holds is not known."""
    bench = Bench(greeted=False)
    bench.board.dac = m.DAC_NONE
    bench.ask(m.HELLO)
    bench.line(b"")
    eq(bench.outputs, (OFF, m.SUPPLY | m.ALERT | m.RESET))


def test_no_bytes_move_an_output_unless_a_whole_frame_says_so():
    bench, luck = Bench(), Lcg(7)
    bench.ask(m.SET, GOOD)
    good = pack(m.encode(m.SET, 9, (1, 2, 3, 4, m.SUPPLY)))
    for turn in range(1500):
        kind = turn % 4
        data = bytearray(good)
        if kind == 0:
            data = bytearray(luck.data(luck.below(60)))
        elif kind == 1:  # one bit changed; a zero or its neighbours may only cut the frame
            place = 1 + luck.below(len(good) - 2)
            data[place] ^= 1 << luck.below(8)
        elif kind == 2:
            data = bytearray(good[: luck.below(len(good) - 1)])
        else:  # a run of up to 32 bits changed: a CRC-32 finds every one
            place = 1 + luck.below(len(good) - 6)
            data[place] ^= 1 + luck.below(255)
            data[place + 3] ^= luck.below(256)
        bench.line(bytes(data) + b"\x00")
        if not bench.program.box.safe:
            bench.board.now_us = bench.program.box._heard_us  # no silence in this test
        eq(bench.outputs, (GOOD[:4], GOOD[4]), f"turn {turn}: {bytes(data)!r}")
    bench.line(good)
    eq(bench.outputs, ((1, 2, 3, 4), m.SUPPLY))


def test_edges_are_told_newest_first_and_across_wraps():
    edges, told = Edges(), []
    edges.count = 65530
    for index in range(40):
        at_us = (WRAP - 20 + index) % WRAP
        edges.note(at_us, index % 2)
        told.insert(0, at_us | index % 2 << 30)
        count, words = edges.newest()
        eq(count, (65530 + index + 1) & 0xFFFF)
        eq(words[: len(told)], tuple(told[:8]))


def test_noting_an_edge_allocates_nothing():
    try:
        from micropython import heap_lock, heap_unlock
    except ImportError:
        return  # CPython cannot tell
    edges = Edges()
    edges.count = 65530
    refused = 0
    heap_lock()
    try:
        edges.note(0x3FFFFFFF, 1)
        edges.note(5, 0)
        try:
            bytearray(10)  # that the lock holds at all
        except MemoryError:
            refused = 1
    finally:
        heap_unlock()
    eq((edges.count, refused), (65532, 1))


def test_an_edge_is_told_without_a_question():
    bench = Bench()
    bench.board.edge(1)
    at_us = bench.board.now_us
    (state,) = bench.line(b"")
    eq(state.values[1] & (m.RELAY | m.ANSWER), m.RELAY)
    eq(state.values[5:7], (1, at_us | 1 << 30))


def test_a_dac_that_does_not_answer_is_told():
    bench = Bench()
    bench.board.dac = m.DAC_NONE
    (answer,) = bench.ask(m.SET, GOOD)
    eq(answer.values[2], m.DAC_NONE)


def test_dac_bytes_are_those_of_the_data_sheet():
    # Figure 5-8: 01000 and channel; VREF 0, PD, gain 0 and the upper bits; the lower bits.
    eq(
        dac.multi_write((0xFFF, 0x7FF, 0, m.OFF)),
        bytes((0x40, 0x0F, 0xFF, 0x42, 0x07, 0xFF, 0x44, 0x00, 0x00, 0x46, 0x20, 0x00)),
    )


def test_gone_us_is_right_across_the_wrap():
    luck = Lcg(3)
    for _ in range(300):
        then, gone = luck.bits(30), luck.bits(28)
        eq(gone_us((then + gone) % WRAP, then), gone)


def test_every_turn_feeds_the_watchdog():
    bench = Bench()
    before = bench.board.feeds
    bench.line(b"\x00\x05garbage\x00")
    eq(bench.board.feeds, before + 1)
