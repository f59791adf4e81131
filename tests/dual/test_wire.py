"""Frames, messages, tags, lines and ticks: what goes over the wire and what must not come in."""

import hashlib
import struct

from dual_kit import BOOT, KEY, Lcg, eq, raises

from nansha_wire import frames, serial, ticks
from nansha_wire import messages as m
from nansha_wire.auth import TAG_BYTES, Key, node_key

# The values of a C type: what a field of that letter can hold.
_RANGES = {
    "B": (0, 0xFF),
    "H": (0, 0xFFFF),
    "h": (-0x8000, 0x7FFF),
    "I": (0, 0xFFFFFFFF),
    "i": (-0x80000000, 0x7FFFFFFF),
    "Q": (0, 0xFFFFFFFFFFFFFFFF),
}


def _values(ident, side):
    return tuple(_RANGES[letter][side] for letter in m.FORMATS[ident][1:])


def _encoded(ident, values, t_ms=5):
    if ident in m.COMMANDS:
        return frames.encode_command(ident, 3, 9, t_ms, values, KEY, BOOT)
    return frames.encode(ident, 3, 9, t_ms, values)


def test_sizes_are_those_of_the_page():
    sizes = {2: 44, 3: 9, 4: 21, 16: 17, 17: 17, 18: 20}
    eq(m.SIZES, sizes)
    eq(frames.HEADER_BYTES, 10)
    for ident in m.SIZES:
        room = m.MAX_FRAME - frames.HEADER_BYTES - TAG_BYTES
        assert m.SIZES[ident] <= room, ident


def test_the_table_is_one_row_an_id_with_a_letter_a_field():
    idents = [row[0] for row in m.TABLE]
    eq(len(set(idents)), len(idents))
    for ident, _, way, fmt, fields in m.TABLE:
        eq(way, m.DOWN if ident in m.COMMANDS else m.UP)
        if fmt is not None:
            eq(fmt[0], "<")
            eq(len(fmt) - 1, len(fields))


def test_extremes_come_back():
    for ident in m.FORMATS:
        for side in (0, 1):
            values = _values(ident, side)
            data = _encoded(ident, values, 0xFFFFFFFF if side else 0)
            frame = frames.decode(data)
            eq(tuple(frame.body), values, ident)
            eq((frame.ident, frame.node, frame.seq), (ident, 3, 9))
            eq(frame.t_ms, 0xFFFFFFFF if side else 0)
            if ident in m.COMMANDS:
                assert frame.vouched(KEY, BOOT)
                eq(frame.signed + frame.tag, data)


def test_sequence_wraps_at_16_bits():
    frame = frames.decode(frames.encode(m.ACK, 65535, 0x12345, 0, (1, 2, -3)))
    eq((frame.seq, frame.node), (0x2345, 65535))


def test_identity_comes_back_and_is_bounded():
    facts = {"site": "s" * 32, "asset": "a" * 32, "role": "ev_charger", "board": "esp32s3_devkitc"}
    facts.update({"fw": "10.20.30", "boot_id": 0x3FFFFFFF, "reset": 5})
    data = frames.encode_identity(65535, 65535, 0x3FFFFFFF, facts)  # the longest names there are
    eq(frames.decode(data).body, facts)
    facts["site"] = "s" * 200
    raises(frames.FrameError, frames.encode_identity, 1, 1, 1, facts)


def test_every_cut_and_every_growth_is_a_frame_error():
    for ident in m.FORMATS:
        data = _encoded(ident, _values(ident, 1))
        for size in range(len(data)):
            raises(frames.FrameError, frames.decode, data[:size])
        for more in (1, 2, TAG_BYTES, 250):
            raises(frames.FrameError, frames.decode, data + bytes(more))


def test_unknown_versions_and_messages_are_frame_errors():
    data = _encoded(m.SETPOINT, _values(m.SETPOINT, 0))
    for byte in range(256):
        if byte != m.VERSION:
            raises(frames.FrameError, frames.decode, bytes((byte,)) + data[1:])
        # A contingency is as long as a setpoint: there the tag tells them apart.
        if byte not in (m.IDENTITY, m.SETPOINT, m.CONTINGENCY):
            raises(frames.FrameError, frames.decode, data[:1] + bytes((byte,)) + data[2:])


def test_identity_with_any_text_is_a_frame_or_a_frame_error():
    head = struct.pack(frames.HEADER, m.VERSION, m.IDENTITY, 1, 1, 1)
    texts = [
        b"",
        b"{",
        b"[]",
        b"1",
        b"nul",
        b"\xff\xfe",
        b"[" * 230,
        b'{"a":' * 46,
        b"1e999999",
        b"-",
    ]
    texts += [
        b'"\\u12"',
        b'"\\ud800"',
        b"{[]:1}",
        b"{{}:1}",
        b'{"a"}',
        b'{"a":}',
        b"\xef\xbb\xbf{}",
    ]
    texts += [b"{" * 230, b"9" * 230, b'"' + b"\\" * 200, b"{}" + b" " * 300, b'{"a":1,}', b"\x00"]
    rnd = Lcg(11)
    letters = b'{}[]":,\\u0123456789.eE+-truefalsn \n\x00\xff\xc3'
    for turn in range(4000):
        if turn < len(texts):
            text = texts[turn]
        else:
            text = bytes(letters[rnd.below(len(letters))] for _ in range(rnd.below(30)))
        for whole in (text, b'{"a":' + text + b"}"):
            try:
                body = frames.decode(head + whole).body
            except frames.FrameError:
                continue
            assert isinstance(body, dict), whole


def test_noise_is_a_frame_or_a_frame_error():
    rnd = Lcg(12)
    for _ in range(4000):
        data = rnd.data(rnd.below(70))
        if rnd.bits(1):  # past the first hurdle
            data = bytes((m.VERSION, rnd.pick((1, 2, 3, 4, 16, 17, 18)))) + data
        try:
            assert frames.decode(data).ident == data[1]
        except frames.FrameError:
            continue


# HMAC-SHA256, RFC 4231. A key of at least 16 bytes is asked for here, so cases 1, 3 and 4 (20, 20
# and 25 bytes), 6 and 7 (131 bytes); case 2 has 4 bytes and case 5 is the cut to 128 bits.
_RFC4231 = (
    (
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ),
    (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
    (
        bytes(range(1, 26)),
        b"\xcd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        b"\xaa" * 131,
        b"This is a test using a larger than block-size key and a larger than block-size data. "
        b"The key needs to be hashed before being used by the HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
)


def test_hmac_vectors():
    for secret, data, want in _RFC4231:
        eq("".join(f"{b:02x}" for b in Key(secret).digest(data)), want)
    # Case 5 shows the cut: the first 16 bytes of the digest, under a key of 20 bytes.
    cut = Key(b"\x0c" * 20).digest(b"Test With Truncation")[:16]
    eq("".join(f"{b:02x}" for b in cut), "a3b6167473100ee06e0c796c2955552b")


def test_short_keys_are_refused():
    raises(ValueError, Key, b"x" * 15)


def test_the_tag_covers_every_bit_and_the_boot():
    data = bytes(range(35))
    tag = KEY.tag(BOOT, data)
    eq(len(tag), TAG_BYTES)
    assert KEY.vouches(BOOT, data, tag)
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit >> 3] ^= 1 << (bit & 7)
        assert not KEY.vouches(BOOT, bytes(changed), tag), bit
    for bit in range(8 * TAG_BYTES):
        changed = bytearray(tag)
        changed[bit >> 3] ^= 1 << (bit & 7)
        assert not KEY.vouches(BOOT, data, bytes(changed)), bit
    for bit in range(32):
        assert not KEY.vouches(BOOT ^ 1 << bit, data, tag), bit
    for size in range(TAG_BYTES):
        assert not KEY.vouches(BOOT, data, tag[:size]), size
    assert not KEY.vouches(BOOT, data, tag + b"\x00")
    assert not Key(b"another key of 32 bytes or so...").vouches(BOOT, data, tag)


def test_the_tag_is_the_head_of_the_hmac_of_boot_and_frame():
    data = b"frame"
    eq(KEY.tag(258, data), KEY.digest(b"\x02\x01\x00\x00" + data)[:8])


def test_node_keys_differ_and_depend_on_the_site():
    keys = [node_key(b"s" * 32, n) for n in (1, 2, 255, 256, 65534)]
    keys.append(node_key(b"t" * 32, 1))
    eq(len(set(keys)), len(keys))
    eq([len(k) for k in keys], [32] * len(keys))
    eq(keys[0], Key(b"s" * 32).digest(b"nansha node\x01\x00"))


def test_lines_come_back_whatever_the_bytes():
    rnd = Lcg(13)
    deframer = serial.Deframer()
    for size in range(2, m.MAX_FRAME + 1):
        for frame in (bytes(size), b"\xff" * size, rnd.data(size), rnd.data(size - 1) + b"\x00"):
            line = serial.pack(frame)
            eq(line.count(b"\x00"), 2, size)
            eq(deframer.feed(line), [frame], size)
    eq(deframer.bad, 0)
    raises(ValueError, serial.pack, bytes(m.MAX_FRAME + 1))


def test_lines_come_back_in_any_pieces():
    rnd = Lcg(14)
    sent = [rnd.data(1 + rnd.below(60)) for _ in range(40)]
    stream = b"".join(serial.pack(frame) for frame in sent)
    for most in (1, 2, 7, 64, 1024):
        deframer = serial.Deframer()
        got = []
        at = 0
        while at < len(stream):
            piece = 1 + rnd.below(most)
            got += deframer.feed(stream[at : at + piece])
            at += piece
        eq(got, sent, most)
        eq(deframer.bad, 0)


def test_any_single_damage_costs_that_line_only():
    rnd = Lcg(15)
    frame = rnd.data(35)
    after = rnd.data(20)
    line = serial.pack(frame)
    for at in range(len(line)):
        for byte in (line[at] ^ 1, line[at] ^ 0x80, 0, 0xFF):
            deframer = serial.Deframer()
            damaged = line[:at] + bytes((byte,)) + line[at + 1 :]
            got = deframer.feed(damaged + serial.pack(after))
            assert got[-1:] == [after], (at, byte)
            assert got[:-1] in ([], [frame]), (at, byte)
            if byte != line[at] and 0 < at < len(line) - 1:
                eq(got, [after], (at, byte))


def test_noise_before_a_line_does_not_eat_it():
    rnd = Lcg(16)
    deframer = serial.Deframer()
    for size in range(600):
        frame = rnd.data(30)
        got = deframer.feed(rnd.data(size % 300) + serial.pack(frame))
        assert got and got[-1] == frame, size


def test_a_line_too_long_is_dropped_whole_and_memory_is_bounded():
    rnd = Lcg(17)
    frame = rnd.data(30)
    for piece in (1, 100, 245, 246, 1000):
        deframer = serial.Deframer()
        for _ in range(3000 // piece):
            eq(deframer.feed(b"\x01" * piece), [])
            assert len(deframer._held) <= m.MAX_FRAME + 5, piece
        # What follows in the same line is lost with it, the next line is not.
        line = serial.pack(frame)
        eq(deframer.feed(line[1:] + line), [frame], piece)
        eq(deframer.bad, 1, piece)


def test_a_line_of_the_longest_frame_still_passes_byte_by_byte():
    frame = b"\x07" * m.MAX_FRAME
    deframer = serial.Deframer()
    got = []
    for byte in serial.pack(frame):
        got += deframer.feed(bytes((byte,)))
    eq(got, [frame])


def test_unpack_of_noise_is_none_or_right():
    rnd = Lcg(18)
    for _ in range(3000):
        line = bytes(1 + rnd.below(255) for _ in range(rnd.below(300)))
        eq(serial.unpack(line), None)  # a CRC-32 by chance: once in four thousand million


def test_ticks_across_the_wrap():
    period = ticks.PERIOD_MS
    eq(period, 1 << 30)
    for base in (0, 1, 5, period // 2, period - 5, period - 1):
        for delta in (0, 1, -1, 10, -10, 600000, -600000, period // 2 - 1, -period // 2):
            eq(ticks.diff_ms((base + delta) % period, base), delta, base)
    eq(ticks.diff_ms(period // 2, 0), -period // 2)
    eq(ticks.diff_ms(0xFFFFFFFF, 0), -1)  # a wire's 32 bits fold onto the clock's 30


def test_sha256_is_the_one():
    got = hashlib.sha256(b"abc").digest()
    eq(got[:4], b"\xba\x78\x16\xbf")
