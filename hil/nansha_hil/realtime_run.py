"""A scenario in real time, a host of our own in front of it, the same figures at the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from nansha.carbon import grid_factor
from nansha.dispatch import Mode
from nansha.dispatch.prices import Prices
from nansha.errors import NanshaError
from nansha.links import Link
from nansha.run import Clock, Runner
from nansha.session import Session
from nansha.site import Load
from nansha.tariff import load_tariff
from nansha_hil.bench import BenchNode
from nansha_hil.realtime import RealtimeRig
from nansha_hil.recorder import Recorder
from nansha_hil.scenario import Scenario
from nansha_hil.summary import node_events, since, summarise, world_events
from nansha_hil.tiers import VM_ONLY, Tiers

COMING_UP_S = 120.0
"""How long a site may take to come up before the scenario begins without it."""


class RealtimeRun:
    """Rig and host side by side, joined by ptys and a broker only."""

    def __init__(
        self,
        scenario: Scenario,
        out: Path,
        notice: Callable[[str], None],
        tiers: Tiers = VM_ONLY,
        bench: Mapping[str, BenchNode] | None = None,
    ) -> None:
        self._notice = notice
        self._record = out / "session.sqlite"
        for old in out.glob("session.sqlite*"):
            old.unlink()
        self.rig = RealtimeRig(scenario, out, tiers, bench)
        site = self.rig.site
        self.recorder = Recorder(
            self.rig.plant,
            self.rig.boards,
            Prices(load_tariff(site.info.tariff), site.info.timezone, hot_day=False),
            grid_factor(site.info.carbon),
            site.poi.id,
        )
        self.rig.on_tick = self.recorder.look
        self._clock = Clock()

    async def run(self, duration_s: float, progress: Callable[[float], None]) -> dict[str, Any]:
        """Let the site come up, then run for `duration_s`; the summary."""
        start_ms = 0
        before: dict[str, Any] = {}
        stop = asyncio.Event()
        rig = asyncio.create_task(self.rig.run(duration_s))
        self._notice("the site is coming up: boards boot, the breaker closes, loads return")
        ready = asyncio.create_task(self.rig.ready.wait())
        await asyncio.wait({rig, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if rig.done():
            rig.result()
        begun_s = time.perf_counter()
        cycles = 0

        def on_cycle(session: Session, links: list[Link]) -> None:
            nonlocal cycles, start_ms, before, begun_s
            if rig.done():
                return
            if not self.rig.begin.is_set():
                if not is_up(session) and time.perf_counter() - begun_s < COMING_UP_S:
                    return
                before = self.rig.plant.accounts.summary()
                start_ms, begun_s = self._clock.now_ms(), time.perf_counter()
                self.recorder.begin()
                self.rig.begin.set()
                self._notice("the site is up; the scenario begins")
            cycles += 1
            self.recorder.cycle(self.rig.now_us, self._clock.now_ms(), session)
            progress(min(1.0, (self.rig.now_us - self.rig.zero_us) * 1e-6 / duration_s))

        runner = Runner(
            self.rig.site, self.rig.secret, self._record, self.rig.wiring, self._notice, on_cycle
        )
        host = asyncio.create_task(runner.run(stop))
        try:
            await asyncio.wait({rig, host}, return_when=asyncio.FIRST_COMPLETED)
            if host.done():  # nobody has stopped it: it died
                host.result()
            rig.result()
            events = world_events(
                [a for a in self.rig.scenario.timeline() if a.at_us <= duration_s * 1e6]
            )
            runner.historian.flush()
            events += node_events(runner.historian, start_ms)
            stop.set()
            await host
        except BaseExceptionGroup as group:
            raise first_told(group) from None
        finally:
            stop.set()
            rig.cancel()
            await asyncio.gather(rig, host, return_exceptions=True)
        wall_s = time.perf_counter() - begun_s
        summary = summarise(
            self.rig.scenario,
            self.rig.site,
            since(before, self.rig.plant.accounts.summary()),
            self.recorder,
            self.rig.boards,
            events,
            duration_s=duration_s,
            simulated_s=duration_s,
            wall_s=wall_s,
            cycles=cycles,
            refused_certificates=runner.session.refused_certificates,
            priced_on=datetime.fromtimestamp(
                start_ms / 1000, ZoneInfo(self.rig.site.info.timezone)
            ).date(),
        )
        if self.rig.bench_figures:
            summary["bench"] = self.rig.bench_figures
        for asset, figures in self.rig.bench_figures.items():
            self._notice(
                f"{asset} on the bench: round trip {figures['round_trip_us'] / 1000:.1f} ms, "
                f"at most {figures['round_trip_max_us'] / 1000:.1f} ms; "
                f"its edges are known to {figures['clock_error_us'] / 1000:.1f} ms"
            )
        return summary

    def series(self) -> dict[str, np.ndarray]:
        """The samples for the plots, by column."""
        return self.recorder.series(self.rig.zero_us)


def first_told(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error inside a group that is meant for people; the group where there is none."""
    found: BaseException | None = group.subgroup(NanshaError)
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return group if found is None else found


def is_up(session: Session) -> bool:
    """Whether the site is connected and every load is fed."""
    if session.dispatch is None or session.dispatch.mode is not Mode.GRID_CONNECTED:
        return False
    samples = [session.image_of(a.id) for a in session.site.assets if isinstance(a, Load)]
    return all(sample is not None and sample.closed for sample in samples)
