"""Our unmodified firmware behind the emulator's three sockets, against a stand-in for it."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from nansha.errors import NanshaError
from nansha_hil import exchange
from nansha_hil.qemu import board as module
from nansha_hil.qemu.emulator import Emulator
from nansha_hil.qemu.image import flash_image
from nansha_hil.qemu.install import board_files
from nansha_hil.qemu.repl import RawRepl
from nansha_wire import codes
from nansha_wire import messages as m
from nansha_wire.auth import Key

from .conftest import WITHIN_S, Node, firmware

pytestmark = pytest.mark.timeout(90)


def test_boots_and_says_who_it_is(node):
    node.until(lambda: bool(node.heard(m.IDENTITY)))
    facts = node.heard(m.IDENTITY)[0].body
    assert (facts["asset"], facts["boot_id"], facts["reset"]) == ("battery", 1, 1)
    assert (node.board.boots, node.board.reset_cause, node.board.resets) == (1, 1, 1)
    assert node.board.failure is None


def test_a_converter_s_value_comes_out_as_telemetry(node):
    node.plant.v_v, node.plant.i_a = 231.0, 20.0
    seen = node.until_telemetry(lambda t: t.v_mv > 225_000)
    assert abs(seen.v_mv - 231_000) < 300, "one step of the converter is 0.07 V"
    assert abs(seen.i_ma - 20_000) < 200
    node.plant.x = 0.8
    assert abs(node.until_telemetry(lambda t: t.x > 700).x - 800) <= 1


def test_a_command_moves_the_relay_if_its_key_is_right(node):
    node.until_telemetry()
    node.command(m.SETPOINT, 8_000, 1, 10_000, key=Key(bytes(32)))
    node.until(lambda: bool(node.heard(m.ACK)))
    assert node.heard(m.ACK)[0].body.result != codes.ACCEPTED
    assert not node.board.closed and node.board.command_w == 0.0
    while not node.board.closed:  # the bus has to be healthy for a while first
        node.command(m.SETPOINT, 8_000, 1, 10_000)
        node.until_telemetry()
    node.until(lambda: abs(node.board.command_w - 8_000) < 20)
    assert node.until_telemetry().flags & codes.FLAG_CLOSED
    assert node.plant.acts[-1][0] is True


def test_an_alarm_shorter_than_a_look_is_noticed(node):
    node.until_telemetry(lambda t: not t.flags & codes.FLAG_FAST)
    node.plant.alert = True
    assert node.board.look_at_alert(), "the program has asked for the pin's interrupt"
    node.board.notify(0)
    node.plant.alert = False
    node.until_telemetry(lambda t: bool(t.flags & codes.FLAG_ALERT))


def test_the_chip_s_watchdog_resets_it_and_it_boots_with_the_cause(node, monkeypatch):
    node.until_telemetry()
    while not node.board.closed:
        node.command(m.SETPOINT, 8_000, 1, 10_000)
        node.until_telemetry()
    assert node.board.watchdog_ms == node.board.spec.wdt_ms
    with monkeypatch.context() as deaf:  # nobody answers: the program hangs in its exchange
        deaf.setattr(node.board, "_reply", lambda *_, **__: None)
        node.until(lambda: node.board.resets == 2)
        assert not node.board.closed and node.board.command_w == 0.0, "its pins float"
    node.frames.clear()
    node.until(lambda: bool(node.heard(m.IDENTITY)))
    assert (node.board.boots, node.board.reset_cause) == (2, 3)
    facts = node.heard(m.IDENTITY)[0].body
    assert (facts["boot_id"], facts["reset"]) == (2, 3)
    node.until(lambda: bool(node.heard(m.EVENT)))
    events = [f.body for f in node.heard(m.EVENT)]
    assert (codes.EV_BOOT, 3) in [(e.code, e.value) for e in events]


def test_ctrl_c_at_the_prompt_s_port_is_service(node):
    node.until_telemetry()
    node.board.emulator.console.send(b"\x03")
    node.until(lambda: "service: outputs are safe" in node.console)
    assert (node.board.boots, node.board.reset_cause) == (2, 2)
    assert not node.board.closed


def test_flash_outlives_the_power(node):
    node.until_telemetry()
    node.board.power_off()
    assert not node.board.running
    node.frames.clear()
    node.power_up()
    node.until(lambda: bool(node.heard(m.IDENTITY)))
    facts = node.heard(m.IDENTITY)[0].body
    assert (facts["boot_id"], facts["reset"]) == (2, 1)


def test_a_killed_process_is_noticed_with_one_line(node):
    node.until_telemetry()
    os.kill(node.board.emulator.process.pid, signal.SIGKILL)
    node.until(lambda: node.board.failure is not None)
    assert node.board.failure == "the emulator was killed by SIGKILL"
    assert not node.board.serve(0)


def test_a_board_that_starts_no_node_is_noticed(standin, tmp_path, monkeypatch):
    node = Node(tmp_path / "battery")
    try:
        node.board.prepare()
        (tmp_path / "battery" / "flash.fs" / "main.py").write_text("print('nothing here')")
        monkeypatch.setattr(module, "BOOT_S", 0.5)
        node.power_up()
        node.until(lambda: node.board.failure is not None)
        assert "started no node within 0.5 s" in node.board.failure
        assert "\n" not in node.board.failure
    finally:
        node.close()


def test_a_board_that_does_not_come_back_from_a_reset_is_noticed(node, monkeypatch):
    node.until_telemetry()
    (node.folder / "flash.fs" / "main.py").write_text("print('nothing here')")
    monkeypatch.setattr(module, "BOOT_S", 0.5)
    node.board.emulator.console.send(b"\x03")
    node.until(lambda: node.board.failure is not None)
    assert (node.board.boots, node.board.resets) == (1, 2)


class Noisy:
    """An I/O socket that damages a byte: of every other piece to the board, so that each request
    is repeated although it was understood, and of one in five from it, at random."""

    def __init__(self, wire: socket.socket) -> None:
        self._wire, self._chance = wire, random.Random(4)
        self._sent = 0
        self.damaged = {"in": 0, "out": 0}

    def fileno(self) -> int:
        return self._wire.fileno()

    def recv(self, size: int) -> bytes:
        data = self._wire.recv(size)
        return self._spoil(data, "in") if self._chance.random() < 0.2 else data

    def send(self, data: bytes) -> None:
        self._sent += 1
        self._wire.send(self._spoil(data, "out") if self._sent % 2 else data)

    def _spoil(self, data: bytes, way: str) -> bytes:
        if not data:
            return data
        self.damaged[way] += 1
        at = self._chance.randrange(1, len(data) - 1)  # a zero at an end would do no harm
        return data[:at] + bytes((data[at] ^ self._chance.randrange(1, 256),)) + data[at + 1 :]


def test_damaged_frames_cost_time_and_nothing_else(standin, tmp_path, monkeypatch):
    class Bad(Emulator):
        def __init__(self, *words) -> None:
            super().__init__(*words)
            self.io = Noisy(self.io)

    monkeypatch.setattr(module, "Emulator", Bad)
    node = Node(tmp_path / "battery")
    try:
        node.power_up()
        for _ in range(3):
            node.until_telemetry()
        damaged = node.board.emulator.io.damaged
        assert damaged["in"] >= 5 and damaged["out"] >= 5
        assert node.board.dropped >= damaged["in"] // 2, "two pieces can be one frame"
        assert (node.board.boots, node.board.resets) == (1, 1)
        for frame in node.heard(m.TELEMETRY):
            assert abs(frame.body.v_mv - 220_000) < 300
            assert abs(frame.body.i_ma) < 200 and abs(frame.body.f_mhz - 50_000) <= 5
        assert not any(closed for closed, _ in node.plant.acts), "no damage moved a pin"
    finally:
        node.close()


def test_a_sound_frame_of_another_size_is_dropped(node):
    node.until_telemetry()
    before, acts = node.board.dropped, list(node.plant.acts)
    for frame in (b"", b"\x01", bytes(36), bytes(38)):
        node.board._answer(frame, 0)
    assert node.board.dropped == before + 4 and node.plant.acts == acts


@pytest.fixture
def prompt(standin, tmp_path) -> Iterator[tuple[Emulator, RawRepl]]:
    """An emulated board without a node, at its prompt."""
    flash = tmp_path / "flash.bin"
    flash.write_bytes(flash_image(firmware(), "x"))
    emulator = Emulator(standin, flash, tmp_path)
    try:
        repl = RawRepl(emulator.console, tmp_path / "uart0.txt")
        repl.enter(WITHIN_S)
        yield emulator, repl
    finally:
        emulator.kill()


def test_a_reset_that_is_told_lets_the_pins_float(node):
    node.until_telemetry()
    spec = node.board.spec
    coil = 1 << spec.pin_relay

    def says(op: int) -> None:
        levels = coil if spec.relay_active else 0
        body = exchange.REQUEST.pack(op, 0, 0, 0, 0, levels, coil, 0, 0, 0, 0)
        node.board._answer(b"\x07" + body, 0)

    says(exchange.WAIT)
    assert node.board.closed
    says(exchange.RESET)
    assert not node.board.closed


def test_mpremote_finds_what_it_expects_of_a_board(prompt):
    """The stand-in's prompt is held to the tool that people use."""
    pytest.importorskip("mpremote")
    emulator, _ = prompt
    address, port = emulator.console.getpeername()
    emulator.console.close()
    words = [f"socket://{address}:{port}", "resume", "exec", "print(6 * 7)"]
    done = subprocess.run(
        [sys.executable, "-m", "mpremote", "connect", *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout.strip() == "42", done.stderr


def test_the_prompt_tells_what_went_wrong(prompt, tmp_path):
    _, repl = prompt
    assert repl.run("x = 6\nprint(x * 7)").strip() == "42"
    assert repl.run("print(x)").strip() == "6", "one program, as on a board"
    assert repl.run("print(len('" + "y" * 5000 + "'))").strip() == "5000"
    with pytest.raises(NanshaError, match="ZeroDivisionError"):
        repl.run("1 / 0")
    repl.put({"a/b.bin": bytes(range(256)) * 9, "empty": b""})
    assert (tmp_path / "flash.fs" / "a" / "b.bin").read_bytes() == bytes(range(256)) * 9


def test_main_is_the_last_file(standin, tmp_path):
    node = Node(tmp_path / "battery")
    try:
        files = list(board_files(tmp_path / "battery"))
        assert files[-1] == "main.py"
        wanted = {"rig_pins.py", "machine.py", "select.py", "_rig.py", "board.py", "secret.py"}
        assert wanted | {"nansha_node/boot.py", "nansha_wire/serial.py"} <= set(files)
    finally:
        node.close()
