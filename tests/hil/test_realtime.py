"""Real time: half the nodes on serial ptys, half on MQTT; broker, node and host are SIGKILLed.

One run tells the whole story: a site takes most of a minute to come up, on a wall as here.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nansha.replay import replay
from nansha_hil.realtime import RealtimeRig
from nansha_hil.scenario import load_scenario

ROOT = Path(__file__).resolve().parents[2]
SERIAL = {"poi", "battery", "load_critical", "load_priority"}
MQTT = {"pv_roof", "load_interruptible", "ev_charger"}


async def until(condition: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Wait for a condition, not for a time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while not condition():
        assert loop.time() < deadline, f"after {timeout_s} s still not: {what}"
        await asyncio.sleep(0.05)


class Host:
    """`nansha run` as a process of its own."""

    def __init__(self, rig: RealtimeRig, folder: Path) -> None:
        self.record = folder / "session.sqlite"
        self._log = folder / "host.log"
        secret = folder / "site.secrets.toml"
        secret.write_text(f'site_secret = "{rig.secret.hex()}"\n')
        secret.chmod(0o600)
        host, port = rig.wiring.broker
        self._words = [
            *(sys.executable, "-c", "from nansha.cli import main; main()", "run"),
            *(str(rig.scenario.site_path), "--record", str(self.record)),
            *("--broker", f"{host}:{port}", "--secret", str(secret)),
        ]
        for asset, path in rig.wiring.ports.items():
            self._words += ["--port", f"{asset}={path}"]
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self._words, stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL
            )

    async def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return await self.process.wait()

    def rows(self, query: str) -> list[tuple]:
        with sqlite3.connect(f"file:{self.record}?mode=ro", uri=True) as db:
            found = db.execute(query).fetchall()
        db.close()
        return found

    @property
    def log(self) -> str:
        return self._log.read_text()


@pytest.mark.timeout(240)
@pytest.mark.asyncio
async def test_sigkill_of_broker_node_and_host(tmp_path):
    scenario = load_scenario(ROOT / "scenarios" / "outage_minute.toml")
    rig = RealtimeRig(scenario, tmp_path)
    assert {a for a in rig.wiring.ports} == SERIAL
    host = Host(rig, tmp_path)
    running = asyncio.create_task(rig.run(3600))
    try:
        await story(rig, host, running)
    except BaseException:
        print(host.log)
        raise
    finally:
        if host.process is not None and host.process.returncode is None:
            await host.end(signal.SIGKILL)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def story(rig: RealtimeRig, host: Host, running: asyncio.Task) -> None:
    boards = {board.asset: board for board in rig.boards}
    critical_seen_open = []

    def leased(assets: set[str], after_ms: int) -> bool:
        """Every asset has sent telemetry after `after_ms`."""
        nodes = {a.node: a.id for a in rig.site.assets}
        recent = host.rows(f"SELECT frame FROM frames WHERE t_ms > {after_ms}")
        heard = {nodes[int.from_bytes(frame[2:4], "little")] for (frame,) in recent}
        return assets <= heard

    def newest() -> int:
        return host.rows("SELECT COALESCE(MAX(t_ms), 0) FROM frames")[0][0]

    async def guard() -> None:
        while True:
            if not boards["load_critical"].closed:
                critical_seen_open.append(rig.now_us)
            await asyncio.sleep(0.01)

    await until(rig.ready.is_set, 20, "rig ready")
    await host.start()
    up = {"poi", "load_critical", "load_priority", "load_interruptible"}
    await until(lambda: all(boards[a].closed for a in up), 90, "site is up")
    watching = asyncio.create_task(guard())

    # the broker
    before = host.rows("SELECT COUNT(*), MAX(t_ms) FROM frames")[0]
    os.kill(rig.broker.pid, signal.SIGKILL)
    await until(lambda: not rig.broker.running(), 5, "broker is dead")
    await until(lambda: leased(SERIAL, before[1] + 2000), 10, "serial nodes go on")
    await asyncio.to_thread(rig.broker.start)
    back = newest()
    await until(lambda: leased(SERIAL | MQTT, back), 45, "MQTT nodes are back")
    kept = host.rows(f"SELECT COUNT(*) FROM frames WHERE t_ms <= {before[1]}")[0][0]
    assert kept >= before[0], "a recorded row is gone"

    # a node's process
    rig.kill("load_priority")
    await until(lambda: boards["load_priority"].boots == 2, 20, "its watchdog resets it")
    await until(lambda: boards["load_priority"].closed, 40, "it feeds its load again")

    # the host
    before = host.rows("SELECT COUNT(*), MAX(t_ms) FROM frames")[0]
    assert await host.end(signal.SIGKILL) == -signal.SIGKILL
    assert host.rows("PRAGMA integrity_check") == [("ok",)]
    await host.start()
    await until(lambda: leased(SERIAL | MQTT, before[1] + 1), 30, "the host has resumed")
    kept = host.rows(f"SELECT COUNT(*) FROM frames WHERE t_ms <= {before[1]}")[0][0]
    assert kept >= before[0]
    assert host.rows("SELECT COUNT(*) FROM runs") == [(2,)]

    # the end, as an operator makes it
    assert await host.end(signal.SIGINT) == 0
    watching.cancel()
    assert critical_seen_open == []
    assert not running.done() or running.exception() is None
    assert rig.plant.accounts.summary()["out_of_phase_closings"] == 0
    result = replay(rig.site, host.record)
    assert result.different == 0
    assert result.runs == 2
    for board in rig.boards:
        console = (host.record.parent / "nodes" / board.asset / "console.txt").read_text()
        assert console == "", f"{board.asset}: {console}"
