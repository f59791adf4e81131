"""The emulated board is held to what real ones do, and its two halves to each other."""

from __future__ import annotations

import re
import socket
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nansha.site import load_site
from nansha_boards.scale import value_from_raw
from nansha_hil import exchange
from nansha_hil.transducers import Channel, Transducers
from nansha_hil.vm import COMMON, SHIM, Vm, find_micropython
from nansha_node.scaling import duty_u16

ROOT = Path(__file__).resolve().parents[2]
SITE = load_site(ROOT / "sites" / "nansha_campus.toml")
SPECS = [SITE.node_spec(asset.id, "serial") for asset in SITE.assets]


class Config:
    """A NodeSpec under the names that a node reads."""

    def __init__(self, spec):
        for name in type(spec).model_fields:
            setattr(self, name.upper(), getattr(spec, name))


def test_both_halves_have_the_same_layouts():
    text = (SHIM / "_rig.py").read_text()
    assert re.search(r'^REQUEST = "(.+?)"', text, re.M).group(1) == exchange.REQUEST.format
    assert re.search(r'^REPLY = "(.+?)"', text, re.M).group(1) == exchange.REPLY.format
    names = re.search(r"^(HELLO.*) = range\(8\)", text, re.M).group(1).split(", ")
    assert [getattr(exchange, name) for name in names] == list(range(8))


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: s.asset)
@given(share=st.floats(0.02, 0.98))
def test_a_node_reads_what_the_plant_means(spec, share):
    for scale, milli in ((spec.scale_v, 1000.0), (spec.scale_f, 1000.0), (spec.scale_i, 1000.0)):
        low, high = value_from_raw(0, scale), value_from_raw(65535, scale)
        value = (low + (high - low) * share) / milli
        read = value_from_raw(Channel(scale, milli).raw(value), scale)
        half_a_step, a_count = (high - low) / 4095 / 2, (high - low) / 65535
        assert abs(read - value * milli) <= half_a_step + a_count + 2


@pytest.mark.parametrize("spec", [s for s in SPECS if s.pin_pwm is not None], ids=lambda s: s.asset)
@given(share=st.floats(0, 1))
def test_a_command_arrives_as_it_was_meant(spec, share):
    wanted_w = round(spec.min_w + (spec.max_w - spec.min_w) * share)
    got_w = Transducers(spec).command_w(duty_u16(Config(spec), wanted_w))
    assert abs(got_w - wanted_w) <= (spec.max_w - spec.min_w) / 10_000 + 1


@pytest.mark.parametrize("spec", [s for s in SPECS if s.pin_pwm is not None], ids=lambda s: s.asset)
def test_a_dead_wire_commands_nothing(spec):
    assert Transducers(spec).command_w(0) == 0.0


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: s.asset)
def test_a_chip_in_reset_leaves_the_contact_at_rest(spec):
    assert Transducers(spec).closed(levels=0, outputs=0) == bool(spec.contact_nc)


def test_a_vm_that_dies_or_hangs_in_the_middle_of_a_burst_ends_the_request():
    whole = exchange.REQUEST.pack(exchange.WAIT, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0) + b"abc"
    for dies in (True, False):
        vm = Vm.__new__(Vm)
        vm.rig, theirs = socket.socketpair()
        vm.rig.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 0, 50_000))
        with vm.rig, theirs:
            theirs.sendall(whole)
            if dies:
                theirs.close()
            assert vm.request() is None


REFUSED = {
    "watchdog too short": "machine.WDT(timeout=500)",
    "watchdog too long": "machine.WDT(timeout=9000)",
    "no such pin": "machine.Pin(99)",
    "duty too large": "machine.PWM(machine.Pin(3)).duty_u16(70000)",
}


@pytest.mark.parametrize("code", REFUSED.values(), ids=REFUSED.keys())
def test_what_a_chip_refuses_does_not_pass(tmp_path, code):
    (tmp_path / "_rig.py").write_text(
        "levels = outputs = 0\nduties = [0] * 4\nhandlers = {}\nvirtual = True\n"
        "HELLO = WAIT = ADC = PWM = UART = WDT = IRQ = RESET = 0\n"
        "def exchange(*a): pass\ndef fed(): pass\ndef push(): pass\n"
    )
    program = f"import machine\ntry:\n    {code}\nexcept ValueError:\n    print('refused')\n"
    done = subprocess.run(
        [find_micropython(), "-c", program],
        env={"MICROPYPATH": f"{tmp_path}:{SHIM}:{COMMON}:.frozen", "NANSHA_RESET_CAUSE": "1"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout.strip() == "refused", done.stderr
