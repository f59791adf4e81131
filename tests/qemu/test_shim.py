"""The board's side of the I/O link, in the MicroPython VM against a rig of the test's own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from nansha_hil.qemu.install import SHIM
from nansha_hil.vm import COMMON, find_micropython, firmware_path

FAKE = """
import io, struct
from nansha_wire.serial import Deframer, pack
PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
requests = []
lose = 0        # requests that get no reply
stale = False   # a reply to the request before comes first, with every pin high
class UART(io.IOBase):
    def __init__(self, id, baud, **pins):
        self.id, self.pins, self.held, self.deframer = id, pins, b"", Deframer()
    def ioctl(self, request, arg):
        return arg & 1 if self.held else 0
    def any(self):
        return len(self.held)
    def read(self, count):
        data, self.held = self.held[:count], self.held[count:]
        return data
    def write(self, data):
        global lose
        for frame in self.deframer.feed(data):
            number, op, flags, _, value, _, levels, outputs = struct.unpack("<BBBHIIQQ", frame)[:8]
            requests.append((number, op, flags, value, levels, outputs))
            if lose:
                lose -= 1
                continue
            if stale:
                self.reply((number - 1) & 255, 0xFFFFFFFFFF)
            self.reply(number, 1 << 27)
        return len(data)
    def reply(self, number, levels, irqs=0, notice=0):
        body = (number, 0, levels, irqs, 0, notice) + (4096,) * 8
        self.held += pack(struct.pack("<BqQIHH8H", *body))
feeds = []
class WDT:
    def __init__(self, timeout):
        feeds.append(timeout)
    def feed(self):
        feeds.append("fed")
def reset_cause():
    return 3
def reset():
    feeds.append("reset")
"""


def on_a_board(tmp_path: Path, program: str) -> list:
    """Run `program` with the shim; `told` is what it leaves for the test."""
    (tmp_path / "fake.py").write_text(FAKE)
    text = (
        "import sys, json, fake\nsys.modules['umachine'] = fake\n"
        "told = []\nimport machine, select, _rig\n"
        f"{program}\nprint(json.dumps(told))\n"
    )
    done = subprocess.run(
        [find_micropython(), "-c", text],
        env={"MICROPYPATH": f"{tmp_path}:{SHIM}:{COMMON}:{firmware_path()}:.frozen"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_hello_carries_the_cause(tmp_path):
    (request,) = on_a_board(tmp_path, "told = fake.requests")
    assert request == [1, 0, 0, 3, 0, 0]


def test_an_output_goes_out_when_it_is_set_and_once(tmp_path):
    program = """
p = machine.Pin(23, machine.Pin.OUT, value=0)
before = len(fake.requests)
p.value(1)
p.value(1)
told = fake.requests[before - 1:]
"""
    at_rest, energised = on_a_board(tmp_path, program)
    assert at_rest[4:] == [0, 1 << 23] and energised[4:] == [1 << 23, 1 << 23]


def test_a_lost_reply_is_asked_for_again_under_its_number(tmp_path):
    program = """
before = len(fake.requests)
fake.lose = 2
machine.ADC(36)
told = fake.requests[before:]
"""
    requests = on_a_board(tmp_path, program)
    assert [request[:4] for request in requests] == [[2, 2, 0, 36], [2, 2, 2, 36], [2, 2, 2, 36]]


def test_a_late_reply_is_not_taken_for_the_next_one(tmp_path):
    program = """
fake.stale = True
p, other = machine.Pin(27, machine.Pin.IN), machine.Pin(33, machine.Pin.IN)
select.poll().poll(0)
told = [p.value(), other.value(), machine.ADC(36).read_u16()]
"""
    assert on_a_board(tmp_path, program) == [1, 0, 4096]


def test_a_notice_ends_a_wait_and_runs_the_handler(tmp_path):
    program = """
pin = machine.Pin(27, machine.Pin.IN)
pin.irq(lambda who: told.append(who is pin), machine.Pin.IRQ_RISING)
_rig.link.reply(0, 0, 1 << 27, 1)
told.append(len(select.poll().poll()))
"""
    assert on_a_board(tmp_path, program) == [True, 0]


def test_watchdog_line_and_reset_are_the_chip_s_own(tmp_path):
    program = """
w = machine.WDT(timeout=2000)
w.feed()
select.poll().poll(0)
fed = fake.requests[-1][2]
u = machine.UART(2, 115200, tx=17, rx=16, rxbuf=1024)
machine.reset()
told = [fake.feeds, fed, u.id, u.pins, fake.requests[-1][1]]
"""
    feeds, fed, number, pins, last = on_a_board(tmp_path, program)
    assert feeds == [2000, "fed", "reset"] and fed == 1
    assert number == 1 and pins == {"tx": 17, "rx": 16, "rxbuf": 1024}
    assert last == 7


def test_a_reset_does_not_wait_for_a_rig_that_has_gone(tmp_path):
    assert on_a_board(tmp_path, "fake.lose = 99\nmachine.reset()\ntold = fake.feeds") == ["reset"]
