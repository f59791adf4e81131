"""Real time: what ends a run early, and a board that resets itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from nansha.errors import NanshaError
from nansha_hil import realtime_run
from nansha_hil.realtime import RealtimeRig
from nansha_hil.realtime_run import RealtimeRun, first_told
from nansha_hil.scenario import load_scenario

ROOT = Path(__file__).resolve().parents[2]
SCENARIO = load_scenario(ROOT / "scenarios" / "outage_minute.toml")

NODE = """
import machine, select
with open("causes.txt", "a") as file:
    file.write("%d " % machine.reset_cause())
machine.WDT(timeout=8000)
if machine.reset_cause() == machine.PWRON_RESET:
    machine.reset()
while True:
    select.poll().poll(1000)
"""


@pytest.mark.timeout(30)
@pytest.mark.asyncio
async def test_a_program_that_resets_itself_is_back_at_once(tmp_path):
    rig = RealtimeRig(SCENARIO, tmp_path)
    board = rig.board("load_critical")
    rig.boards = [board]
    ticks = []
    rig.on_tick = lambda: ticks.append(rig.plant.now_us)
    folder = tmp_path / "nodes" / board.asset
    (folder / "nansha_node").mkdir()
    (folder / "nansha_node" / "boot.py").write_text(NODE)
    running = asyncio.create_task(rig.run(60))
    try:
        await rig.ready.wait()
        async with asyncio.timeout(4):  # the watchdog would take 8 s
            while not (folder / "causes.txt").exists() or board.boots < 2:
                await asyncio.sleep(0.01)
            while (folder / "causes.txt").read_text() != "1 2 ":
                await asyncio.sleep(0.01)
        assert len(ticks) > 10, "the plant is looked at between boards' turns"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class Dies:
    """A host that dies before the site is up."""

    def __init__(self, *words: object) -> None:
        pass

    async def run(self, stop: asyncio.Event) -> None:
        await asyncio.sleep(0)
        raise ExceptionGroup("a", [ValueError("b"), ExceptionGroup("c", [NanshaError("full")])])


@pytest.fixture
def live(tmp_path):
    """A run whose rig never starts."""
    live = RealtimeRun(SCENARIO, tmp_path, print)
    yield live
    live.rig.broker.stop()


@pytest.mark.timeout(30)
@pytest.mark.asyncio
async def test_a_host_that_dies_ends_the_run_with_its_error(live, monkeypatch):
    monkeypatch.setattr(realtime_run, "Runner", Dies)
    stopped = []

    async def run(duration_s: float) -> None:
        live.rig.ready.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(duration_s)

    monkeypatch.setattr(live.rig, "run", run)
    with pytest.raises(NanshaError, match="full"):
        await live.run(5.0, print)
    assert stopped == [5.0]


@pytest.mark.timeout(30)
@pytest.mark.asyncio
async def test_a_rig_that_cannot_start_ends_the_run(live, monkeypatch):
    async def run(duration_s: float) -> None:
        raise NanshaError("no broker")

    monkeypatch.setattr(live.rig, "run", run)
    with pytest.raises(NanshaError, match="no broker"):
        await live.run(5.0, print)


def test_a_group_without_an_error_for_people_stays_whole():
    group = ExceptionGroup("a", [ValueError("b")])
    assert first_told(group) is group
