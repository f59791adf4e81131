"""Flash, command line, and the two halves of the I/O link."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nansha.errors import NanshaError
from nansha_hil import exchange
from nansha_hil.qemu import board
from nansha_hil.qemu.emulator import Emulator, free_ports
from nansha_hil.qemu.image import command_line, flash_image
from nansha_hil.qemu.install import SHIM
from nansha_hil.vm import COMMON, find_micropython

from .conftest import STANDIN, firmware


@given(st.integers(0x7002, 4 * 2**20 - 0x1000))
def test_flash_is_erased_but_for_the_image(size):
    data = firmware(size)
    flash = flash_image(data, "x.bin")
    assert len(flash) == 4 * 2**20
    assert flash[0x1000 : 0x1000 + size] == data
    assert flash.count(b"\xff") == len(flash) - size + data.count(b"\xff")


def test_the_command_line():
    words = command_line(Path("/opt/qemu"), Path("/a,b/flash.bin"), [5000, 5001, 5002])
    assert words[0] == "/opt/qemu"
    options = list(zip(words[1::2], words[2::2], strict=True))
    assert options[:4] == [
        ("-M", "esp32"),
        ("-display", "none"),
        ("-monitor", "none"),
        ("-drive", "file=/a,,b/flash.bin,if=mtd,format=raw"),
    ]
    assert options[4:] == [
        ("-serial", f"tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on")
        for port in (5000, 5001, 5002)
    ]


def test_the_watchdog_stays_on_and_a_reset_is_a_reset():
    text = " ".join(command_line(Path("q"), Path("f"), [1, 2, 3]))
    for word in ("wdt", "watchdog", "no-reboot", "action", "global", "icount"):
        assert word not in text


def test_free_ports_differ():
    assert len(set(free_ports(20))) == 20


def test_an_emulator_that_does_not_start_says_why(tmp_path):
    program = tmp_path / "q"
    program.write_text("#!/bin/sh\necho 'no such drive' >&2\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(NanshaError, match="the emulator ended with 3: no such drive"):
        Emulator(program, tmp_path / "flash.bin", tmp_path)


@pytest.mark.parametrize("extra", [["-icount", "3"], ["-no-reboot", "x"], ["-serial", "stdio"]])
def test_the_stand_in_takes_no_other_command_line(tmp_path, extra):
    flash = tmp_path / "flash.bin"
    flash.write_bytes(flash_image(firmware(), "x"))
    words = command_line(Path("q"), flash, [])[1:] + extra
    done = subprocess.run(
        [sys.executable, STANDIN, *words], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1 and "invalid option" in done.stderr


def test_both_halves_have_the_same_layouts():
    text = (SHIM / "_rig.py").read_text()
    request = re.search(r'^REQUEST = "(.+?)"', text, re.M).group(1)
    reply = re.search(r'^REPLY = "(.+?)"', text, re.M).group(1)
    assert request == exchange.REQUEST.format.replace("<", "<B")
    assert reply == exchange.REPLY.format.replace("<", "<B")
    names = re.search(r"^(HELLO.*) = range\(8\)", text, re.M).group(1).split(", ")
    assert [getattr(exchange, name) for name in names] == list(range(8))
    fed, again = map(int, re.search(r"^FED, AGAIN = (\d), (\d)", text, re.M).groups())
    assert (fed, again) == (exchange.FED, board.AGAIN)
    pins = tuple(map(int, re.search(r"^TX, RX = (\d+), (\d+)", text, re.M).groups()))
    assert pins == board.IO_PINS


REFUSED = {
    "watchdog too short": "machine.WDT(timeout=500)",
    "watchdog too long": "machine.WDT(timeout=9000)",
    "no such pin": "machine.Pin(40)",
    "an input only": "machine.Pin(34, machine.Pin.OUT)",
    "duty too large": "machine.PWM(machine.Pin(3)).duty_u16(70000)",
    "the prompt's UART": "machine.UART(0, tx=1, rx=3)",
    "falling edges": "machine.Pin(3).irq(print, machine.Pin.IRQ_FALLING)",
}


@pytest.mark.parametrize("code", REFUSED.values(), ids=REFUSED.keys())
def test_what_the_chip_refuses_does_not_pass(tmp_path, code):
    (tmp_path / "_rig.py").write_text(
        "levels = outputs = 0\nduties = [0] * 4\nhandlers = {}\n"
        "HELLO = WAIT = ADC = PWM = UART = WDT = IRQ = RESET = 0\n"
        "def exchange(*a): pass\ndef push(): pass\n"
    )
    (tmp_path / "fake.py").write_text(
        "PWRON_RESET = HARD_RESET = WDT_RESET = DEEPSLEEP_RESET = SOFT_RESET = 0\n"
        "def reset_cause(): return 1\n"
    )
    program = (
        "import fake, sys\nsys.modules['umachine'] = fake\nimport machine\n"
        f"try:\n    {code}\nexcept ValueError:\n    print('refused')\n"
    )
    done = subprocess.run(
        [find_micropython(), "-c", program],
        env={"MICROPYPATH": f"{tmp_path}:{SHIM}:{COMMON}:.frozen"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout.strip() == "refused", done.stderr
