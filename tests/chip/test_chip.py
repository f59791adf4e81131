"""The chip by itself: pins, PWM, UART, watchdog, memory of flash, and what is built and kept."""

from __future__ import annotations

import hashlib
import http.server
import threading
from itertools import pairwise
from pathlib import Path

import pytest

from nansha.errors import NanshaError
from nansha_hil.chip import cache, flash, official, uf2


def test_pin_edges_carry_the_chips_own_time(bare):
    chip = bare(
        "from machine import Pin\nimport time\np = Pin(3, Pin.OUT, value=0)\n"
        "for k in range(5):\n    time.sleep_us(500)\n    p.toggle()\n"
        "while True: pass\n"
    )
    chip.watch(3)
    chip.run_for_us(60_000)
    edges = [edge for edge in chip.edges if edge.level is not None]
    assert [edge.level for edge in edges] == [0, 1, 0, 1, 0, 1]
    gaps = [(b.ns - a.ns) / 1000 for a, b in pairwise(edges[1:])]
    assert all(500 <= gap < 560 for gap in gaps), gaps


def test_an_interrupt_reaches_a_pin_in_tens_of_microseconds(bare):
    chip = bare(
        "from machine import Pin\nout = Pin(3, Pin.OUT, value=0)\n"
        "Pin(4, Pin.IN).irq(lambda p: out(1), Pin.IRQ_RISING)\n"
        "import time\nwhile True: time.sleep_ms(1000)\n"
    )
    chip.watch(3)
    chip.set_input(4, False)
    chip.run_for_us(50_000)
    before = chip.cycles
    chip.set_input(4, True)
    chip.run_for_us(1_000)
    took = chip.edges[-1].cycle - before
    assert chip.edges[-1].level == 1
    assert 100 < took < 12_500, took


@pytest.mark.parametrize("duty", [0, 1, 6553, 32768, 65534, 65535])
def test_duty_is_read_back_from_the_registers(bare, duty):
    chip = bare(
        f"from machine import Pin, PWM\nPWM(Pin(5), freq=1000, duty_u16={duty})\nwhile True: pass\n"
    )
    chip.run_for_us(40_000)
    assert abs(chip.duty_u16(5) - duty) <= 1, "the slice counts to 62 500 and not to 65 536"


def test_converter_reads_the_code_that_is_there(bare):
    chip = bare(
        "from machine import ADC, UART, Pin\nu = UART(0, 115200, tx=Pin(0), rx=Pin(1))\n"
        "u.write(b' '.join([b'%d' % ADC(Pin(p)).read_u16() for p in (26, 27, 28)]))\n"
        "while True: pass\n"
    )
    for pin, code in ((26, 0), (27, 2048), (28, 4095)):
        chip.set_converter(pin, code)
    chip.run_for_us(60_000)
    said = bytes(byte for _, byte in chip.uarts[0].sent)
    assert said == b"0 32776 65535"


def test_a_byte_takes_its_time_on_the_wire(bare):
    chip = bare(
        "from machine import UART, Pin\nu = UART(0, 115200, tx=Pin(0), rx=Pin(1))\n"
        "u.write(b'x' * 100)\nwhile True: pass\n"
    )
    chip.run_for_us(60_000)
    times = [ns for ns, _ in chip.uarts[0].sent]
    assert len(times) == 100
    gap_us = (times[-1] - times[0]) / 99 / 1000
    assert abs(gap_us - 10e6 / 115200) < 0.01 * gap_us


def test_a_uart_that_nobody_empties_overruns_and_says_so(bare):
    chip = bare(
        "from machine import UART, Pin, disable_irq\n"
        "u = UART(0, 115200, tx=Pin(0), rx=Pin(1), rxbuf=64)\ndisable_irq()\nwhile True: pass\n"
    )
    chip.run_for_us(40_000)
    chip.uarts[0].receive(bytes(range(200)))
    chip.run_for_us(40_000)
    assert chip.uarts[0].waiting == 0
    assert chip.uarts[0].overruns == 200 - 32, "the FIFO is 32 deep"


def test_the_watchdog_resets_and_the_program_knows(bare):
    chip = bare(
        "import machine\nfrom machine import UART, Pin, WDT\n"
        "u = UART(0, 115200, tx=Pin(0), rx=Pin(1))\nu.write(b'%d' % machine.reset_cause())\n"
        "u.flush()\nWDT(timeout=100)\nwhile True: pass\n"
    )
    chip.run_for_us(400_000)
    assert chip.resets in (2, 3)
    said = bytes(byte for _, byte in chip.uarts[0].sent)
    assert said[:2] == b"13" and set(said[1:]) == {ord("3")}


def test_a_halted_core_does_nothing_while_time_goes_on(bare):
    chip = bare("while True: pass\n")
    chip.run_for_us(30_000)
    busy, now = chip.busy_cycles, chip.now_ns
    chip.halt()
    chip.run_for_us(5_000)
    assert chip.busy_cycles == busy
    assert chip.now_ns == pytest.approx(now + 5e6, abs=1)


def test_flash_that_the_program_writes_can_be_read_as_files(bare):
    chip = bare("with open('a.txt', 'w') as f: f.write('kept' * 2000)\nwhile True: pass\n")
    chip.run_for_us(600_000)
    files = flash.unpack(chip.flash[flash.FS_START :])
    assert files is not None and files["a.txt"] == b"kept" * 2000


def test_files_survive_the_way_into_an_image_and_back():
    files = {"board.py": b"X = 1\n", "lib/deep/x.py": bytes(range(256)) * 40, "empty": b""}
    assert flash.unpack(flash.pack(files)) == files
    assert flash.unpack(b"\xff" * (flash.FS_BLOCKS * flash.BLOCK)) is None


def test_uf2_there_and_back_and_refused_when_it_is_none():
    image = bytes(range(256)) * 7 + b"end"
    packed = uf2.pack(image)
    assert uf2.unpack(packed)[: len(image)] == image
    for broken in (b"", packed[:-1], b"\0" * 512, packed[:508] + b"\0\0\0\0" + packed[512:]):
        with pytest.raises(NanshaError):
            uf2.unpack(broken)


@pytest.fixture
def server():
    """A server on this machine that gives one small UF2."""
    data = uf2.pack(b"\x01" * 1000)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}/x.uf2", data
        found.shutdown()
        thread.join()


def test_official_image_is_taken_only_with_its_checksum(server, tmp_path, monkeypatch):
    url, data = server
    monkeypatch.setenv("NANSHA_CACHE", str(tmp_path))
    monkeypatch.delenv(official.CHECKSUM, raising=False)
    with pytest.raises(NanshaError, match=official.CHECKSUM):
        official.fetch(lambda text: None, url)
    with pytest.raises(NanshaError, match="SHA-256 is"):
        official.fetch(lambda text: None, url, "0" * 64)
    assert not list(tmp_path.rglob("*.uf2"))
    found = official.fetch(lambda text: None, url, hashlib.sha256(data).hexdigest())
    assert found.read_bytes() == data


def test_a_builder_that_dies_leaves_nothing_that_counts(tmp_path, monkeypatch):
    monkeypatch.setenv("NANSHA_CACHE", str(tmp_path))

    def dies(place: Path) -> None:
        (place / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.folder("kind", "key", dies)
    made: list[Path] = []

    def works(place: Path) -> None:
        assert not list(place.iterdir()), "the half is gone"
        made.append(place)

    assert cache.folder("kind", "key", works) == cache.folder("kind", "key", works)
    assert len(made) == 1


def test_two_builds_of_one_firmware_are_the_same_bytes(firmware):
    from nansha_hil.chip import micropython

    if firmware.frozen is None:
        pytest.skip("the image is given, not built")
    built = micropython.tree(lambda text: None)
    again = uf2.pack(micropython.image(built, firmware.frozen))
    assert uf2.unpack(again) == firmware.image()
