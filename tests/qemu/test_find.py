"""What the tier needs is found, and what is missing is named with its mend."""

from __future__ import annotations

import pytest

from nansha.errors import NanshaError
from nansha_boards import NodeSpec
from nansha_hil.qemu import available
from nansha_hil.qemu.board import QemuBoard
from nansha_hil.qemu.image import SIZE

from .conftest import SITE, Terminals, firmware


def test_nothing_is_missing(standin):
    assert available() is None


def test_on_the_path_it_needs_one_variable(standin, monkeypatch):
    monkeypatch.delenv("NANSHA_QEMU")
    monkeypatch.setenv("PATH", str(standin.parent), prepend=":")
    assert available() is None


def test_no_emulator(standin, monkeypatch, tmp_path):
    monkeypatch.delenv("NANSHA_QEMU")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    reason = available()
    assert reason.startswith("qemu-system-xtensa is not on PATH") and "NANSHA_QEMU" in reason


def test_a_name_that_leads_nowhere(standin, monkeypatch):
    monkeypatch.setenv("NANSHA_QEMU", "/nowhere/qemu")
    assert available().startswith("/nowhere/qemu cannot be run; ")


@pytest.mark.parametrize(
    "body",
    ["echo 'sim  sim machine (default)'", "echo 'esp32s3  Espressif ESP32S3 machine'", "exit 1"],
)
def test_the_plain_emulator(standin, body):
    standin.write_text(f"#!/bin/sh\n{body}\n")
    assert "has no machine `esp32`; set NANSHA_QEMU" in available()


def test_no_image(standin, monkeypatch):
    monkeypatch.delenv("NANSHA_ESP32_IMAGE")
    assert available().startswith("no ESP32 image is given; set NANSHA_ESP32_IMAGE")


def test_an_image_that_is_not_there(standin, monkeypatch, tmp_path):
    monkeypatch.setenv("NANSHA_ESP32_IMAGE", str(tmp_path / "gone.bin"))
    assert "No such file" in available()


WRONG = {
    "empty": (b"", "begins with nothing"),
    "a text": (b"<html>" * 10_000, "begins with 0x3c"),
    "an S3's": (firmware(chip=9), "another chip than the ESP32 (id 9)"),
    "the program alone": (firmware(table=b"\x00\x00"), "no partition table"),
    "cut off": (firmware()[:0x6000], "no partition table"),
    "a whole flash": (firmware(SIZE), "do not fit"),
}


@pytest.mark.parametrize("data, reason", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_image(standin, monkeypatch, tmp_path, data, reason):
    path = tmp_path / "wrong.bin"
    path.write_bytes(data)
    monkeypatch.setenv("NANSHA_ESP32_IMAGE", str(path))
    assert reason in available()
    assert str(path) in available() and "\n" not in available()


def spec(asset: str = "battery", **changes) -> NodeSpec:
    return SITE.node_spec(asset, "serial").model_copy(update=changes)


UNFIT = {
    "another chip": (spec("poi"), "the qemu tier is an ESP32, its board is rp2040_pico"),
    "mqtt": (SITE.node_spec("pv_roof"), "no Wi-Fi"),
    "the rig's pins": (spec(uart_rx=19), "GPIO18 and 19 carry the rig's frames"),
}


@pytest.mark.parametrize("unfit, reason", UNFIT.values(), ids=UNFIT.keys())
def test_a_node_that_cannot_be_on_it(standin, tmp_path, unfit, reason):
    with pytest.raises(NanshaError, match=reason):
        QemuBoard(unfit, tmp_path, Terminals())


def test_lock_step_is_refused(standin, tmp_path):
    board = QemuBoard(spec(), tmp_path, Terminals())
    with pytest.raises(NanshaError, match="--realtime"):
        board.start(0, 1)
    board.close()
