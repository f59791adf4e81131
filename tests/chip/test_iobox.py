"""The I/O box's image on the emulated chip, and a node's chip wired to it, in lock-step."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from nansha_iobox import messages as m
from nansha_iobox import pins
from nansha_iobox.box import SILENCE_MS
from nansha_wire.serial import Deframer, pack

ROOT = Path(__file__).resolve().parents[2]
STAMP_ERROR_US = 40
"""An edge's time may be so late: the interrupt, on top of whatever the core does."""
SUPPLY_V = 3.3
BARE = 'board = "rp2040_bare"\nlink = { kind = "serial"'


def chip_with(image: bytes, files: dict[str, bytes]):
    """A powered chip with a firmware image and a file system."""
    from nansha_hil.chip import flash
    from nansha_hil.chip.rp2040 import Chip

    memory = bytearray(b"\xff" * flash.SIZE)
    memory[: len(image)] = image
    memory[flash.FS_START :] = flash.pack(files)
    return Chip(bytes(memory))


class BoxChip:
    """The box on a chip, its DAC, and who talks to it. `dac` None: nothing on the bus."""

    def __init__(self, image: bytes, dac=None) -> None:
        from nansha_hil.chip.i2c import Bus

        self.chip = chip_with(image, {})
        Bus(self.chip, pins.I2C_ID, {0x60: dac} if dac is not None else {})
        self._deframer = Deframer()
        self._seq = 0
        self.heard: list[m.Message] = []
        self.chip.run_for_us(60_000)

    def say(self, ident: int, values: tuple = ()) -> int:
        """Put a message on its line; its sequence number."""
        self._seq += 1
        self.chip.uarts[0].receive(pack(m.encode(ident, self._seq, values)))
        return self._seq

    def listen(self) -> None:
        """Take what it has said."""
        sent = self.chip.uarts[0].sent
        data = bytes(byte for _, byte in sent)
        sent.clear()
        self.heard += [m.decode(frame) for frame in self._deframer.feed(data)]

    def ask(self, ident: int, values: tuple = ()) -> m.Message:
        """Say it and run until it is answered."""
        seq = self.say(ident, values)
        for _ in range(200):
            self.chip.run_for_us(250)
            self.listen()
            for message in self.heard:
                if message.seq == seq and (
                    message.ident == m.IDENTITY or message.values[1] & m.ANSWER
                ):
                    return message
        raise AssertionError("no answer within 50 ms")


@pytest.fixture(scope="module")
def image(firmware) -> bytes:
    from nansha_hil.chip.build import IOBOX, build

    if firmware.frozen is None:
        pytest.skip("the image is given, not built")
    return build(manifest=IOBOX).image()


@pytest.fixture
def dac():
    from nansha_hil.chip.mcp4728 import Mcp4728

    return Mcp4728(SUPPLY_V)


@pytest.fixture
def box(image, dac) -> BoxChip:
    return BoxChip(image, dac)


def test_codes_come_out_of_the_dac_and_lines_out_of_the_pins(box, dac):
    assert all(dac.volts(index) == 0.0 for index in range(4)), "off from the start"
    assert box.ask(m.HELLO).values[4] == m.DAC_OK
    chip, luck = box.chip, random.Random(5)
    for _ in range(12):
        codes = tuple(luck.choice((0, 4095, m.OFF, luck.randrange(4096))) for _ in range(4))
        lines = luck.randrange(8) | m.SUPPLY
        state = box.ask(m.SET, (*codes, lines))
        assert state.values[2] == m.DAC_OK
        volts = [0.0 if code == m.OFF else code / 4096 * SUPPLY_V for code in codes]
        assert [dac.volts(index) for index in range(4)] == pytest.approx(volts, abs=1e-12)
        assert chip.level(pins.ALERT) == bool(lines & m.ALERT)
        assert chip.level(pins.FLAG) == bool(lines & m.FLAG)
        assert chip.level(pins.SUPPLY) == 1
        assert chip.level(pins.RESET) == (0 if lines & m.RESET else None), "never driven high"
    box.ask(m.SET, (1, 2, 3, 4, m.ALERT))
    assert chip.level(pins.SUPPLY) == 0
    assert all(dac.volts(index) == 0.0 for index in range(4)), "nothing feeds a dead node"


def test_edges_have_their_times_whatever_the_core_does(box):
    # Some fall into the reading of a frame, some into the writing of the DAC, some into sleep.
    box.ask(m.HELLO)
    luck = random.Random(11)
    true_us, level = [], False
    for turn in range(40):
        if turn % 2:
            box.say(m.SET, (turn, 2 * turn, 3 * turn, 4 * turn, m.SUPPLY))
        box.chip.run_for_us(luck.uniform(300, 9000))
        level = not level
        box.chip.set_input(pins.RELAY, level)
        true_us.append((box.chip.now_ns / 1000, int(level)))
        if turn % 4 == 3:
            box.chip.run_for_us(15_000)
            box.listen()
    told: dict[int, tuple[int, int]] = {}
    for message in box.heard:
        if message.ident == m.STATE:
            count, words = message.values[5], message.values[6:]
            for back, word in enumerate(words[:count]):
                told[count - back] = (word & 0x3FFFFFFF, word >> 30)
    assert sorted(told) == list(range(1, 41))
    for number, (at_us, level) in enumerate(true_us, start=1):
        assert told[number][1] == level
        assert 0 <= told[number][0] - at_us + 1 <= STAMP_ERROR_US, number


def test_a_dac_that_is_not_there_or_lost_its_supply(image, box, dac):
    lonely = BoxChip(image)
    assert lonely.ask(m.HELLO).values[4] == m.DAC_NONE and lonely.chip.level(pins.RESET) == 0
    assert lonely.ask(m.SET, (1, 2, 3, 4, m.SUPPLY)).values[2] == m.DAC_NONE
    box.ask(m.HELLO)
    codes = (100, 200, 300, 400)
    box.ask(m.SET, (*codes, m.SUPPLY))
    dac.power_cycle()
    assert dac.channels[1].internal and dac.volts(1) == 0.0
    box.ask(m.SET, (*codes, m.SUPPLY))
    assert dac.volts(1) == pytest.approx(200 / 4096 * SUPPLY_V)


def test_silence_of_the_rig(box, dac):
    box.ask(m.HELLO)
    box.ask(m.SET, (1000, 1000, 1000, 1000, m.SUPPLY | m.FLAG | m.RESET))
    answered_us = box.chip.now_ns / 1000
    while dac.volts(0):
        box.chip.run_for_us(1000)
        assert box.chip.now_ns / 1000 - answered_us < 2e6, "still driving"
    # Heard up to 8 ms before it was answered, seen at the latest at the end of a wait of 20 ms.
    assert SILENCE_MS - 10 <= box.chip.now_ns / 1e6 - answered_us / 1000 <= SILENCE_MS + 25
    assert box.chip.level(pins.SUPPLY) == 1 and box.chip.level(pins.RESET) is None
    assert box.chip.level(pins.ALERT) == 1 and box.chip.level(pins.FLAG) == 0
    box.chip.run_for_us(3_000_000)
    assert box.chip.resets == 0, "its watchdog is fed while it waits"
    state = box.ask(m.SET, (1000, 1000, 1000, 1000, m.SUPPLY))
    assert state.values[4] == 1 and not state.values[1] & m.SAFE
    assert dac.volts(0) > 0


def test_a_box_that_hangs_starts_again_and_says_so(box):
    box.ask(m.HELLO)
    box.ask(m.SET, (1000, 1000, 1000, 1000, m.SUPPLY))
    box.chip.halt()
    box.chip.run_for_us(2_200_000)
    assert box.chip.resets == 1
    answer = box.ask(m.SET, (1000, 1000, 1000, 1000, m.SUPPLY))
    assert answer.ident == m.IDENTITY and answer.values[3] == 3, "its watchdog's reset"


class Pair:
    """A node's chip and the box's, wired, on one clock.

    The node goes first, to its next edge at the relay or a quantum; the box follows to the very
    same time and gets the edge there. What the box does reaches the node a quantum late at most.
    """

    QUANTUM_NS = 500_000.0

    def __init__(self, box: BoxChip, dac, node, spec) -> None:
        self.box, self.dac, self.node, self.spec = box, dac, node, spec
        node.watch(spec.pin_relay, stop=True)
        self.heartbeat: tuple | None = None
        self._beat_ns = 0.0

    def run_ms(self, ms: float) -> None:
        node, chip = self.node, self.box.chip
        end_ns = node.now_ns + ms * 1e6
        while node.now_ns < end_ns:
            node.run(min(end_ns, node.now_ns + self.QUANTUM_NS))
            while chip.now_ns < node.now_ns:
                chip.run(node.now_ns)
            self._wire()
            if self.heartbeat and node.now_ns - self._beat_ns > 50e6:
                self._beat_ns = node.now_ns
                self.box.say(m.SET, self.heartbeat)
        self.box.listen()

    def _wire(self) -> None:
        node, chip, spec = self.node, self.box.chip, self.spec
        chip.set_input(pins.RELAY, node.level(spec.pin_relay) == 1)
        chip.set_converter(pins.COMMAND, node.duty_u16(spec.pin_pwm) >> 4)
        node.set_input(spec.pin_alert, chip.level(pins.ALERT) == 1)
        for index, pin in enumerate((spec.adc_v, spec.adc_i, spec.adc_f, spec.adc_x)):
            node.set_converter(pin, min(4095, round(self.dac.volts(index) / 3.3 * 4096)))

    @property
    def relay(self) -> bool:
        return self.node.level(self.spec.pin_relay) == 1

    def edges(self) -> list[tuple[int, int]]:
        """(us on the box's clock, level), the newest last, as the box last told them."""
        state = [x for x in self.box.heard if x.ident == m.STATE][-1]
        count, words = state.values[5], state.values[6:]
        return [(w & 0x3FFFFFFF, w >> 30) for w in reversed(words[: min(count, 8)])]


@pytest.fixture
def pair(firmware, box, dac, tmp_path) -> Pair:
    from nansha.site import load_site
    from nansha_hil.chip.flash import read_folder
    from nansha_hil.deploy import deploy, rig_secret

    text = (ROOT / "sites" / "nansha_campus.toml").read_text()
    text = text.replace('board = "esp32_devkitc"\nlink = { kind = "serial"', BARE)
    path = tmp_path / "site.toml"
    path.write_text(text)
    site = load_site(path)
    folder = tmp_path / "node"
    deploy(site, "battery", rig_secret(site.id, 1), folder, "serial")
    chip = chip_with(firmware.image(), read_folder(folder, frozenset({"console.txt"})))
    return Pair(box, dac, chip, site.node_spec("battery", "serial"))


def levels(spec, v_v: float, f_hz: float, lines: int) -> tuple:
    """A SET that puts this bus on the node."""
    from nansha_hil.bench import BenchNode
    from nansha_hil.bench.wires import Wires
    from nansha_hil.transducers import Transducers

    node = BenchNode(node_port="-", box_port="-")
    readings = Transducers(spec).readings(v_v, 0.0, f_hz, 0.5)
    return (*Wires(spec, node).codes(readings), lines | m.SUPPLY)


def connected(pair: Pair) -> None:
    """Until the node's contact is closed on a healthy bus, by its own rule."""
    pair.box.ask(m.HELLO)
    while pair.node.now_ns < pair.box.chip.now_ns:  # it is powered on as late as the box is ready
        pair.node.run(pair.box.chip.now_ns)
    pair.heartbeat = levels(pair.spec, 220.0, 50.0, 0)
    for _ in range(80):
        pair.run_ms(100)
        if pair.relay:
            pair.run_ms(1500)
            return
    raise AssertionError("the battery has not closed within 8 s")


def test_over_voltage_through_the_box_trips_the_node_within_its_curve(pair):
    """1.25 of nominal: the element of 1.20 in 160 ms."""
    connected(pair)
    assert pair.edges()[-1][1] == 1
    pair.heartbeat = None
    pair.run_ms(20)
    pair.heartbeat = levels(pair.spec, 275.0, 50.0, m.ALERT)
    seq = pair.box.say(m.SET, pair.heartbeat)
    pair.run_ms(300)
    assert not pair.relay
    answer = next(x for x in pair.box.heard if x.seq == seq and x.values[1] & m.ANSWER)
    at_us, level = pair.edges()[-1]
    assert level == 0
    trip_ms = (at_us - answer.values[0]) / 1000
    assert 159.0 <= trip_ms <= 160.0 + 2 * 10.0 + 8.0, trip_ms
    true_us = next(e.ns for e in reversed(pair.node.edges) if e.pin == pair.spec.pin_relay) / 1000
    assert -1 <= at_us - true_us <= STAMP_ERROR_US


def test_silence_of_the_rig_makes_the_node_safe(pair):
    """It sees a dead bus, 0.45 of nominal in 160 ms, half a second after the last word."""
    connected(pair)
    pair.heartbeat = None
    pair.run_ms(SILENCE_MS - 60)
    assert pair.relay, "not before the rig counts as silent"
    pair.run_ms(60 + 60 + 20 + 160 + 40)
    assert not pair.relay
    assert pair.node.resets == 0 and pair.box.chip.level(pins.SUPPLY) == 1
    assert pair.box.ask(m.SET, levels(pair.spec, 220.0, 50.0, 0)).values[4] == 1, "and says so"
