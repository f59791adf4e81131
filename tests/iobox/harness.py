"""A bench without hardware: the node's firmware in one VM, the box's in another, wires between.

Nothing of the bench tier is replaced: it opens two terminals, as it would open two USB adapters.
The box's DAC is the model of the chip tier.
"""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from nansha.site import Site
from nansha_boards import load_board
from nansha_hil import exchange
from nansha_hil.board import HARD, POWER_ON, WATCHDOG
from nansha_hil.chip.mcp4728 import Mcp4728
from nansha_hil.deploy import deploy
from nansha_hil.realtime import Line
from nansha_hil.vm import Vm
from nansha_hil.vm_board import VmBoard
from nansha_iobox import pins

HERE = Path(__file__).parent
OUTPUTS = "vifx"


class NoPlant:
    """The node here hangs on the box alone."""

    now_us = 0

    def actuate(self, asset, closed, command_w) -> None:
        pass

    def flags(self, asset) -> tuple[bool, bool]:
        return False, False


class Node(VmBoard):
    """A node whose inputs are what is on its wires."""

    def wire(self, bench: VirtualBench) -> None:
        self.bench = bench
        self.pin_levels, self.pin_outputs, self.duty = 0, 0, 0

    def inputs(self):
        return self.bench.node_readings(), self.bench.node_levels()

    def drive(self, levels: int, outputs: int, duty: int) -> None:
        if hasattr(self, "bench"):
            self.pin_levels, self.pin_outputs, self.duty = levels, outputs, duty
            self.bench.look_at_relay()


class VirtualBench:
    """dac: the model. wires: analog input of the node by DAC output, to be swapped by a test.

    cut: names of wires that are not there: alert, flag, reset, relay, command. node_duty: a
    command in place of the node's own.
    """

    def __init__(self, folder: Path, site: Site, asset: str, secret: bytes) -> None:
        self.spec = site.node_spec(asset)
        self._scale_v = load_board(self.spec.board).adc.full_scale_mv / 1000
        self.dac: Mcp4728 | None = Mcp4728()
        self.wires = list(OUTPUTS)
        self.cut: set[str] = set()
        self.node_duty: int | None = None
        self._folder = folder
        self._lock = threading.RLock()
        self._levels = self._outputs = 0
        self._relay = 0
        self._irqs = 0
        self._converters: list[int] = []
        node_folder = folder / "bench_node"
        deploy(site, asset, secret, node_folder, "serial")
        self.box_line, self.node_line = Line(folder / "box_port"), Line(folder / "node_port")
        self._lines = [self.box_line, self.node_line]
        self.node = Node(
            self.spec,
            node_folder,
            load_board(self.spec.board).heap_kwords,
            NoPlant(),
            virtual=False,
            pty_fd=self.node_line.board_fd,
        )
        self.node.wire(self)
        self.box: Vm | None = None
        self._threads: list[threading.Thread] = []
        self._node_runs = threading.Event()
        self.start_box(POWER_ON)
        self._start_node(POWER_ON)
        if not self._node_runs.wait(60):  # what it says as it boots is said
            raise TimeoutError("the node has not started")

    # the node's side

    def _start_node(self, cause: int) -> None:
        with self._lock:
            self.node.power_up(cause)
        thread = threading.Thread(target=self._serve_node, args=(self.node.vm,))
        thread.start()
        self._threads.append(thread)

    def _serve_node(self, vm: Vm) -> None:
        while True:
            try:
                request = vm.request()
            except OSError:
                return
            with self._lock:
                if request is None or self.node.vm is not vm:
                    return
                self.node._take(request, 0)
                irqs, self.node.raised = self.node.raised, 0
                vm.answer(self.node._reply(0, irqs, b""))
                if request.op == exchange.WAIT and request.fed:
                    self._node_runs.set()

    def node_readings(self) -> dict[int, int]:
        """What the node's converters read of the DAC."""
        spec = self.spec
        found = {}
        for index, name in enumerate(self.wires):
            pin = getattr(spec, f"adc_{name}")
            if pin is not None:
                volts = self.dac.volts(index) if self.dac else 0.0
                code = min(4095, round(volts / self._scale_v * 4096))
                found[pin] = code << 4 | code >> 8
        return found

    def node_levels(self) -> int:
        levels = 0
        for name, mine in (("alert", pins.ALERT), ("flag", pins.FLAG)):
            pin = getattr(self.spec, f"pin_{name}")
            if pin is not None and self._driven(mine) and name not in self.cut:
                levels |= 1 << pin
        return levels

    def _driven(self, pin: int) -> bool:
        return bool(self._levels & self._outputs & 1 << pin)

    # the box's side

    def start_box(self, cause: int = WATCHDOG) -> None:
        folder = self._folder / "bench_box"
        (folder / "nansha_node").mkdir(parents=True, exist_ok=True)
        (folder / "nansha_node" / "boot.py").write_text("import nansha_iobox.boot\n")
        shutil.copy(HERE / "vm_board" / "machine.py", folder)
        with self._lock:
            self._converters = []
            self._levels = self._outputs = 0
        self.box = Vm(folder, 190, cause, virtual=False, pty_fd=self.box_line.board_fd)
        thread = threading.Thread(target=self._serve_box, args=(self.box,))
        thread.start()
        self._threads.append(thread)

    def kill_box(self) -> None:
        """As its supply would."""
        self.box.kill()

    def unplug(self) -> None:
        """Pull the box's adapter out of the computer, and with it the box's supply."""
        self.kill_box()
        self._lines.remove(self.box_line)
        self.box_line.close()

    def silent(self) -> bool:
        """Whether the node's inputs are dead and its alarm is up."""
        alert = self.node_levels() >> self.spec.pin_alert & 1
        return bool(alert) and not any(self.node_readings().values())

    def _serve_box(self, vm: Vm) -> None:
        while True:
            try:
                request = vm.request()
            except OSError:
                return
            if request is None:
                return
            with self._lock:
                if request.op == exchange.ADC:
                    self._converters.append(request.wait_us)
                before, reset_before = self._driven(pins.ALERT), self._resetting()
                self._levels, self._outputs = request.levels, request.outputs
                answer = self._transfer(request.sent) if request.sent else b""
                irqs, self._irqs = self._irqs, 0
                vm.answer(self._box_reply(irqs, answer))
                rising = self._driven(pins.ALERT) and not before and "alert" not in self.cut
                if rising and self.node.hears_alert():
                    self.node.notify(0)
                if self._resetting() and not reset_before:
                    self.node.power_off()
                released = reset_before and not self._resetting()
            if released:
                self._start_node(HARD)

    def _resetting(self) -> bool:
        pulled = self._outputs >> pins.RESET & 1 and not self._levels >> pins.RESET & 1
        return bool(pulled) and "reset" not in self.cut

    def _transfer(self, data: bytes) -> bytes:
        address, count, wanted = data[0], data[1], data[2]
        if self.dac is None or address != 0x60:
            return b"N"
        self.dac.begin()
        for byte in data[3 : 3 + count]:
            self.dac.write(byte)
        return b"A" + bytes(self.dac.read() for _ in range(wanted))

    def _box_reply(self, irqs: int, received: bytes, notice: bool = False) -> bytes:
        duty = self.node.duty if self.node_duty is None else self.node_duty
        duty = 0 if "command" in self.cut else duty
        converters = [duty if pin == pins.COMMAND else 0 for pin in self._converters]
        converters += [0] * (exchange.CONVERTERS - len(converters))
        return exchange.reply(0, self._relay << pins.RELAY, irqs, converters, received, notice)

    def look_at_relay(self) -> None:
        """The node has set its pins: what the box sees of it."""
        pin = self.spec.pin_relay
        level = int(bool(self.node.pin_levels & self.node.pin_outputs & 1 << pin))
        if "relay" in self.cut:
            level = 0
        if level != self._relay and self.box is not None:
            self._relay = level
            self.box.answer(self._box_reply(1 << pins.RELAY, b"", notice=True))

    def bench_toml(self) -> Path:
        """A bench file for this bench."""
        path = self._folder / "bench.toml"
        path.write_text(
            f'[node.{self.spec.asset}]\nnode_port = "{self.node_line.path}"\n'
            f'box_port = "{self.box_line.path}"\n'
        )
        return path

    def close(self) -> None:
        with self._lock:
            if self.node.vm is not None:
                self.node.vm.kill()
        self.box.kill()
        for thread in self._threads:
            thread.join()
        for line in self._lines:
            line.close()
