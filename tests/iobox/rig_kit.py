"""One board of the bench tier on a bench without hardware, tended as the real-time rig tends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from harness import VirtualBench

from nansha.site import load_site
from nansha_hil.bench import load_bench
from nansha_hil.bench.board import BenchBoard
from nansha_hil.scenario import load_scenario

ROOT = Path(__file__).resolve().parents[2]
SITE = load_site(ROOT / "sites" / "nansha_campus.toml")
SCENARIO = load_scenario(ROOT / "scenarios" / "outage_minute.toml")
PATIENCE_S = 30.0


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds, while the rig does nothing."""
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s, f"not within {PATIENCE_S} s"
        threading.Event().wait(0.005)


class World:
    """The plant as one node sees it. It moves with the wall's clock when it is told to."""

    def __init__(self) -> None:
        self.now_us = 0
        self.clock: Callable[[], int] = lambda: 0
        self.v_v, self.alert = 220.0, False
        self.acts: list[tuple[int, bool, float | None]] = []

    def advance(self, to_us: int) -> None:
        assert to_us >= self.now_us, "time never goes back"
        assert to_us <= self.clock(), "nor ahead of the wall's clock"
        self.now_us = to_us

    def sense(self, asset):
        return self.v_v, 0.0, 50.0, 0.5

    def flags(self, asset):
        return self.alert, False

    def actuate(self, asset, closed, command_w) -> None:
        self.acts.append((self.now_us, closed, command_w))


class Rig:
    """What the real-time rig does for one board on the bench. `tested`: called once the self-test
    is over, before the run."""

    def __init__(self, virtual: VirtualBench, tested: Callable[[], None] = lambda: None) -> None:
        self.world = World()
        self._tested = tested
        node = load_bench(virtual.bench_toml())[virtual.spec.asset]
        self.board = BenchBoard(virtual.spec, self.world, node)

    def __enter__(self) -> Rig:
        self.board.prepare()
        self._tested()
        self._zero_s = time.monotonic()
        self.world.clock = lambda: self.now_us
        self.board.power_up(self._zero_s * 1e6)
        return self

    def __exit__(self, *_: object) -> None:
        self.board.power_off()

    @property
    def now_us(self) -> int:
        return int((time.monotonic() - self._zero_s) * 1e6)

    def until(self, condition) -> None:
        """Run until it holds."""
        end_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end_s, f"not within {PATIENCE_S} s"
            self.board.box.port.wait(0.005)
            self.board.serve(self.now_us)
            self.world.advance(max(self.world.now_us, self.now_us))
            self.board.look_at_alert()
            self.board.tick(self.now_us)
