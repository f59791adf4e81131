"""A scenario on the virtual rig: build it, run it, put the figures together."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from nansha.carbon import grid_factor
from nansha.dispatch.prices import Prices
from nansha.historian import Historian
from nansha.session import Session
from nansha.site import Site, load_site
from nansha.tariff import load_tariff
from nansha_boards import load_board
from nansha_hil.board import Board
from nansha_hil.deploy import deploy, rig_secret
from nansha_hil.lockstep import Lockstep
from nansha_hil.plant import Plant
from nansha_hil.recorder import Recorder
from nansha_hil.scenario import Action, Scenario
from nansha_hil.summary import node_events, since, summarise, world_events

PREROLL_S = 300
"""The site comes up before the scenario begins: boards boot, the breaker closes, loads return."""
FLUSH_CYCLES = 20


class Experiment:
    """One run of a scenario in lock-step. `out` receives the record and the boards' consoles."""

    def __init__(
        self, scenario: Scenario, out: Path, notice: Callable[[str], None] = lambda text: None
    ) -> None:
        self.scenario = scenario
        self.out = out
        self.site: Site = load_site(scenario.site_path)
        self.preroll_us = PREROLL_S * 1_000_000
        self.end_us = self.preroll_us + scenario.duration_us
        self.wall_s = 0.0
        self._notice = notice
        shutil.rmtree(out / "nodes", ignore_errors=True)
        self.record_path = out / "session.sqlite"
        for old in out.glob("session.sqlite*"):
            old.unlink()
        zone = ZoneInfo(self.site.info.timezone)
        start_s = scenario.start.replace(tzinfo=zone).astimezone(UTC).timestamp()
        self.epoch_ms = round(start_s * 1000) - PREROLL_S * 1000
        profile = scenario.profile.starting_at(scenario.profile.offset_s - PREROLL_S)
        self.plant = Plant(scenario.plant_spec(self.site), profile)
        self.secret = rig_secret(self.site.id, scenario.seed)
        self.boards = [self._board(asset.id) for asset in self.site.assets]
        self.hot_day = self._is_hot()
        self._historian: Historian | None = None
        self.rig = Lockstep(
            self.plant, self.boards, None, self.epoch_ms, self._on_cycle, self._on_drive
        )
        tariff = load_tariff(self.site.info.tariff)
        self.recorder = Recorder(
            self.plant,
            self.boards,
            Prices(tariff, self.site.info.timezone, self.hot_day),
            grid_factor(self.site.info.carbon),
            self.site.poi.id,
        )
        self.happenings: list[Action] = scenario.timeline()
        for action in self.happenings:
            self.rig.at(self.preroll_us + action.at_us, lambda a=action: self._happen(a))  # type: ignore[misc]
        self.start_host()

    def _board(self, asset: str) -> Board:
        folder = self.out / "nodes" / asset
        deploy(self.site, asset, self.secret, folder, "serial")
        spec = self.site.node_spec(asset, "serial")
        return Board(spec, folder, load_board(spec.board).heap_kwords, self.plant)

    def _is_hot(self) -> bool:
        """What the evening before would have announced: the forecast maximum of the day."""
        cursor = self.scenario.profile.cursor(self.plant.spec.temperature_column)
        hours = range(0, max(1, self.scenario.duration_s), 900)
        tariff = load_tariff(self.site.info.tariff)
        return tariff.is_hot(max(cursor.at(float(s)) for s in hours))

    # the host's life

    def start_host(self) -> None:
        """Start the host, or start it again: it resumes from its record."""
        self._historian = Historian(self.record_path)
        self.rig.session = Session(
            self.site,
            self.secret,
            self._historian,
            now_ms=self.rig.host_ms,
            hot_day=self.hot_day,
            notice=self._notice,
        )

    def kill_host(self) -> None:
        """The host dies between two instructions; what was not on disk is gone."""
        if self._historian is not None:
            self._historian.abandon()
        self._historian = None
        self.rig.session = None

    # the run

    def run(self, progress: Callable[[float], None] = lambda share: None) -> dict[str, Any]:
        """Run to the end; the summary. `progress` is told the share that is done, 0 to 1."""
        begun = time.perf_counter()
        try:
            self.rig.power_on()
            self.rig.run(self.preroll_us)
            before = self.plant.accounts.summary()
            self.recorder.begin()
            steps = 200
            for step in range(1, steps + 1):
                self.rig.run(self.preroll_us + self.scenario.duration_us * step // steps)
                progress(step / steps)
            self.wall_s = time.perf_counter() - begun
            return self._summary(before)
        finally:
            self.rig.stop()
            if self._historian is not None:
                self._historian.close()

    def _on_cycle(self, now_us: int) -> None:
        historian = self._historian
        if (
            historian is not None
            and self.rig.cycles % FLUSH_CYCLES == 0
            and self.rig.session is not None
            and not self.rig.session.flush(self.rig.host_ms)
            and historian.trouble
        ):
            self._notice(historian.trouble)
        self.recorder.cycle(now_us, self.rig.host_ms, self.rig.session)

    def _on_drive(self, now_us: int, board: Board) -> None:
        self.recorder.drive(now_us, board)

    def _happen(self, action: Action) -> None:
        action.apply(self.plant)
        self.recorder.disturbed(self.rig.now_us)

    # figures

    def series(self) -> dict[str, np.ndarray]:
        """The samples for the plots, by column."""
        return self.recorder.series(self.preroll_us)

    def events(self) -> list[dict[str, Any]]:
        """What happened, world and nodes, in order; times in s from the start."""
        if self._historian is None:
            return world_events(self.happenings)
        self._historian.flush()
        start_ms = self.epoch_ms + PREROLL_S * 1000
        return world_events(self.happenings) + node_events(self._historian, start_ms)

    def _summary(self, before: dict[str, Any]) -> dict[str, Any]:
        session = self.rig.session
        return summarise(
            self.scenario,
            self.site,
            since(before, self.plant.accounts.summary()),
            self.recorder,
            self.boards,
            self.events(),
            duration_s=self.scenario.duration_s,
            simulated_s=self.scenario.duration_s + PREROLL_S,
            wall_s=self.wall_s,
            cycles=self.rig.cycles,
            refused_certificates=session.refused_certificates if session else 0,
            priced_on=self.scenario.start.date(),
        )
