"""The runner in real time for a moment: ptys, a node in a thread, a record that is complete."""

import asyncio
import os
import sqlite3
import threading
import time

import pytest
from fake_site import FakeSite
from host_kit import SECRET, demo

from nansha import run as run_module
from nansha.broker import Broker
from nansha.errors import NanshaError
from nansha.links import MqttLink, SerialLink
from nansha.replay import replay
from nansha.run import Clock, Runner, Wiring, make_links
from nansha_wire.serial import Deframer, pack

SITE = demo()
pytestmark = pytest.mark.skipif(not hasattr(os, "openpty"), reason="no ptys there")


class Lines(threading.Thread):
    """The nodes of a fake site, each behind a pty of its own, in real time."""

    def __init__(self):
        super().__init__()
        self.world = FakeSite(SITE)
        self.masters, self.slaves, self.ports = {}, [], {}
        for asset in self.world.nodes:
            master, slave = os.openpty()
            os.set_blocking(master, False)
            self.masters[asset], self.ports[asset] = master, os.ttyname(slave)
            self.slaves.append(slave)
        self.end = threading.Event()
        self.commands = 0

    def run(self):
        begun = time.monotonic()
        deframers = {asset: Deframer() for asset in self.masters}
        while not self.end.wait(0.01):
            for asset, master in self.masters.items():
                board, node = self.world.boards[asset], self.world.nodes[asset]
                board.now_ms = 1000 + int((time.monotonic() - begun) * 1000)
                try:
                    board.inbox = deframers[asset].feed(os.read(master, 4096))
                except BlockingIOError:
                    board.inbox = []
                self.commands += len(board.inbox)
                node.turn()
                for frame in board.outbox:
                    os.write(master, pack(frame))
                board.outbox = []

    def close(self):
        self.end.set()
        self.join()
        for handle in (*self.masters.values(), *self.slaves):
            os.close(handle)


@pytest.mark.asyncio
async def test_a_short_run_is_on_record(tmp_path):
    lines = Lines()
    lines.start()
    stop = asyncio.Event()
    notices, seen = [], []
    every = {a.id for a in SITE.assets}

    def on_cycle(session, links):
        seen.append(session.dispatch)
        leased = {a for a in every if session.peer(a).leased}
        if leased == every:
            stop.set()

    record = tmp_path / "s.sqlite"
    try:
        runner = Runner(SITE, SECRET, record, Wiring(lines.ports), notices.append, on_cycle)
        await asyncio.wait_for(runner.run(stop), 15)
    finally:
        lines.close()
    assert stop.is_set() and lines.commands >= 2 * len(every)
    assert sum(text.endswith(": up") for text in notices) == len(every)
    with sqlite3.connect(record) as db:
        count = {
            name: db.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0]
            for name in ("runs", "frames", "cycles", "sent", "events", "state")
        }
    db.close()
    assert count["cycles"] == len(seen) and count["runs"] == count["state"] == 1
    assert count["frames"] >= len(every) and count["sent"] >= 2 * len(every)
    got = replay(SITE, record)
    assert (got.different, got.cycles) == (0, len(seen))


@pytest.mark.asyncio
async def test_a_wrong_name_leaves_nothing_behind(tmp_path, monkeypatch):
    """The broker is started before the name is found wrong."""
    made = []

    class Watched(Broker):
        def __init__(self, *args, **named):
            super().__init__(host="127.0.0.1")
            made.append(self)

    monkeypatch.setattr(run_module, "Broker", Watched)
    wiring = Wiring({"batery": "/dev/null"})
    runner = Runner(SITE, SECRET, tmp_path / "s.sqlite", wiring, lambda text: None)
    with pytest.raises(NanshaError, match="batery"):
        await runner.run(asyncio.Event())
    assert len(made) == 1 and not made[0].running()
    with pytest.raises(sqlite3.ProgrammingError):
        next(runner.historian.rows("SELECT 1"))


def test_links_are_those_of_the_site_or_of_the_bench():
    links = make_links(SITE, Wiring({}), ("127.0.0.1", 1883))
    assert [type(link) for link in links] == [SerialLink] * 4 + [MqttLink]
    assert sorted(n for link in links for n in link.nodes) == list(range(1, 8))
    ports = {a.id: f"/dev/tty{a.node}" for a in SITE.assets}
    links = make_links(SITE, Wiring(ports), None)
    assert [link.name for link in links] == list(ports.values())
    with pytest.raises(NanshaError, match="no broker"):
        make_links(SITE, Wiring({}), None)


def test_the_clock_never_goes_back(monkeypatch):
    clock = Clock()
    before = clock.now_ms()
    assert abs(before - time.time() * 1000) < 2000
    monkeypatch.setattr(run_module.time, "time", lambda: 0.0)
    assert clock.now_ms() >= before
