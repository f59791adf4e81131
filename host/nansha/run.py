"""A session in real time: links, cycles, record, until somebody stops it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nansha.broker import Broker
from nansha.errors import NanshaError
from nansha.historian import Historian
from nansha.links import Link, MqttLink, SerialLink
from nansha.session import Session
from nansha.site import SerialLink as SerialLinkField
from nansha.site import Site
from nansha.tasks import end

CYCLE_S = 1.0
SOON_S = 0.002
"""An urgent event brings a cycle after so long; what else comes in by then is part of it."""
CLOSEST_S = 0.05
"""Urgent cycles come no closer than this, however many events come in."""
GOODBYE_S = 8.0
"""Longer than any link takes to close: a port's reader 0.1 s, a broker's goodbye 5 s."""


class Clock:
    """Host time in ms since 1970 that never jumps: the wall clock once, the monotonic one after."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def now_ms(self) -> int:
        """Now, ms since 1970 UTC."""
        return int((time.monotonic() + self._offset_s) * 1000)


@dataclass(frozen=True, slots=True)
class Wiring:
    """Where nodes are reached, when that is not what the site file says."""

    ports: Mapping[str, str]
    """Asset to serial port."""
    broker: tuple[str, int] | None = None
    """Address of a running broker."""


def make_links(site: Site, wiring: Wiring, broker: tuple[str, int] | None) -> list[Link]:
    """One link a serial node, one for all MQTT nodes. NanshaError on a name that is no asset's."""
    for name in wiring.ports:
        site.asset(name)
    links: list[Link] = []
    radio = set()
    for asset in site.assets:
        if asset.id in wiring.ports:
            baud = asset.link.baud if isinstance(asset.link, SerialLinkField) else 115200
            links.append(SerialLink(asset.node, wiring.ports[asset.id], baud))
        elif isinstance(asset.link, SerialLinkField):
            links.append(SerialLink(asset.node, asset.link.port, asset.link.baud))
        else:
            radio.add(asset.node)
    if radio:
        if broker is None:
            raise NanshaError("some nodes speak MQTT and there is no broker", site.id)
        links.append(MqttLink(site.id, frozenset(radio), *broker))
    return links


class Runner:
    """Runs one session over real links."""

    def __init__(
        self,
        site: Site,
        secret: bytes,
        record: Path,
        wiring: Wiring,
        notice: Callable[[str], None],
        on_cycle: Callable[[Session, list[Link]], None] = lambda session, links: None,
    ) -> None:
        self.site = site
        self.historian = Historian(record)
        self._wiring = wiring
        self._notice = notice
        self._on_cycle = on_cycle
        self._clock = Clock()
        self._broker: Broker | None = None
        self.session = Session(
            site, secret, self.historian, now_ms=self._clock.now_ms(), notice=notice
        )
        self._urgent = asyncio.Event()
        self._urgent_s = 0.0
        self._troubled = False
        self._states: dict[str, bool] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set. The record is complete when this returns."""
        try:
            broker = await self._find_broker()
            links = make_links(self.site, self._wiring, broker)
            by_node = {node: link for link in links for node in link.nodes}
            async with asyncio.TaskGroup() as tasks:
                carrying = [tasks.create_task(link.run(self._deliver)) for link in links]
                if self._broker is not None:
                    carrying.append(tasks.create_task(self._keep_broker(self._broker)))
                await self._cycles(stop, links, by_node)
                await end(*carrying, again_s=GOODBYE_S)
        finally:
            if self._broker is not None:
                self._broker.stop()
            self.historian.close()

    def _deliver(self, frame: bytes) -> None:
        if self.session.receive(self._clock.now_ms(), frame):
            self._urgent.set()

    async def _cycles(
        self, stop: asyncio.Event, links: list[Link], by_node: dict[int, Link]
    ) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not stop.is_set():
            for out in self.session.cycle(self._clock.now_ms()):
                by_node[out.node].send(out.node, out.frame)
            self._record()
            self._tell(links)
            self._on_cycle(self.session, links)
            due = max(due + CYCLE_S, loop.time() - CYCLE_S)  # after a pause, do not run to catch up
            await self._wait(stop, due - loop.time())

    async def _wait(self, stop: asyncio.Event, timeout_s: float) -> None:
        """Until the next cycle is due, something urgent has come in, or the end."""
        waits = [asyncio.create_task(stop.wait()), asyncio.create_task(self._urgent.wait())]
        try:
            await asyncio.wait(waits, timeout=max(0.0, timeout_s), return_when="FIRST_COMPLETED")
        finally:
            for wait in waits:
                wait.cancel()
        now_s = asyncio.get_running_loop().time()
        if self._urgent.is_set():
            await asyncio.sleep(max(SOON_S, CLOSEST_S - (now_s - self._urgent_s)))
            self._urgent_s = asyncio.get_running_loop().time()
            self._urgent.clear()

    def _record(self) -> None:
        if self.session.flush(self._clock.now_ms()):
            if self._troubled:
                self._notice(f"{self.historian.path}: there is room again, every row is written")
            self._troubled = False
        elif not self._troubled:
            self._troubled = True
            self._notice(str(self.historian.trouble))

    def _tell(self, links: list[Link]) -> None:
        """Say once when a link goes or comes."""
        for link in links:
            known = self._states.get(link.name)
            if link.state.up != known and (known is not None or link.state.since_s > 0.0):
                self._states[link.name] = link.state.up
                why = f": {link.state.why}" if link.state.why else ""
                self._notice(f"{link.name}: {'up' if link.state.up else 'down'}{why}")

    async def _find_broker(self) -> tuple[str, int] | None:
        if self._wiring.broker is not None:
            return self._wiring.broker
        radio = [a for a in self.site.assets if not isinstance(a.link, SerialLinkField)]
        if not radio or all(a.id in self._wiring.ports for a in radio):
            return None
        if not self.site.broker.embedded:
            return self.site.broker.host, self.site.broker.port
        self._broker = Broker(
            self.historian.path.parent / "broker", "0.0.0.0", self.site.broker.port
        )
        await asyncio.to_thread(self._broker.start)
        return "127.0.0.1", self._broker.port

    async def _keep_broker(self, broker: Broker) -> None:
        """An embedded broker that dies is started again."""
        while True:
            await asyncio.sleep(CYCLE_S)
            if not broker.running():
                self._notice("the embedded broker has died and is started again")
                try:
                    await asyncio.to_thread(broker.start)
                except NanshaError as error:
                    self._notice(str(error))
