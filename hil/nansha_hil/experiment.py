"""A scenario on the virtual rig: build it, run it, put the figures together."""

from __future__ import annotations

import random
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
from nansha.site import SerialLink, Site, load_site
from nansha.tariff import load_tariff
from nansha_hil.board import Board
from nansha_hil.deploy import deploy, rig_secret
from nansha_hil.lockstep import Lockstep
from nansha_hil.net import Net
from nansha_hil.plant import Plant
from nansha_hil.recorder import Recorder
from nansha_hil.rig_host import RigHost
from nansha_hil.safety import Safety
from nansha_hil.scenario import Action, Scenario
from nansha_hil.signals import table
from nansha_hil.stage import Machinery, Stage
from nansha_hil.summary import node_events, since, summarise, world_events
from nansha_hil.tiers import VM_ONLY, Tiers, board_for, make_board
from nansha_hil.watch import Watch, check_names
from nansha_wire.auth import Key, node_key

PREROLL_S = 300
"""The site comes up before the scenario begins: boards boot, the breaker closes, loads return."""
FLUSH_CYCLES = 20
RECOVERY_US = 3_000_000
"""After a fault's end: filters and timers that have to run again."""


class Experiment:
    """One run of a scenario in lock-step. `out` receives the record and the boards' consoles."""

    def __init__(
        self,
        scenario: Scenario,
        out: Path,
        notice: Callable[[str], None] = lambda text: None,
        tiers: Tiers = VM_ONLY,
        firmware: Path | None = None,
    ) -> None:
        """`firmware`: another than the installed one, to try it out."""
        self.scenario = scenario
        self.out = out
        self.site: Site = load_site(scenario.site_path)
        self.preroll_us = PREROLL_S * 1_000_000
        self.end_us = self.preroll_us + scenario.duration_us
        self.wall_s = 0.0
        self._notice = notice
        self._firmware = firmware
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
        self.boards = [self._board(asset.id, tiers) for asset in self.site.assets]
        self.hot_day = self._is_hot()
        net = Net({b.asset: scenario.link_profile(b.asset) for b in self.boards}, scenario.seed)
        self.rig = Lockstep(
            self.plant, self.boards, None, self.epoch_ms, net, self._on_cycle, self._on_drive
        )
        self.host = RigHost(
            self.rig, self.site, self.secret, self.record_path, notice, self.hot_day
        )
        tariff = load_tariff(self.site.info.tariff)
        self.recorder = Recorder(
            self.plant,
            self.boards,
            Prices(tariff, self.site.info.timezone, self.hot_day),
            grid_factor(self.site.info.carbon),
            self.site.poi.id,
        )
        by_asset = {board.asset: board for board in self.boards}
        wireless = (a.id for a in self.site.assets if not isinstance(a.link, SerialLink))
        self.stage = Stage(
            self.plant,
            by_asset,
            lambda: self.rig.now_us,
            random.Random(f"{scenario.seed} stage"),
            Machinery(
                net,
                self.host,
                self.rig.reset,
                self.rig.power,
                self.rig.inject,
                frozenset(wireless),
                {a.id: Key(node_key(self.secret, a.node)) for a in self.site.assets},
            ),
        )
        self.safety = Safety(self.plant, by_asset)
        self.happenings: list[Action] = scenario.timeline()
        for action in self.happenings:
            self.rig.at(self.preroll_us + action.at_us, lambda a=action: self._happen(a))  # type: ignore[misc]
        self.signals = table(self.plant, by_asset, self.rig)
        checks = scenario.checks()
        check_names(checks, self.signals, str(scenario.path))
        self.watch = Watch(checks, self.signals, self.preroll_us, self.rig.at)
        self.host.start()

    def _board(self, asset: str, tiers: Tiers) -> Board:
        folder = self.out / "nodes" / asset
        kind = board_for(tiers.of(asset), self.site.asset(asset).board)
        deploy(self.site, asset, self.secret, folder, "serial", board=kind)
        spec = self.site.node_spec(asset, "serial", kind)
        board = make_board(tiers.of(asset), spec, folder, self.plant, self._firmware)
        board.transducers.fit(self.scenario.sensors.get(asset, {}), self.scenario.seed)
        return board

    def _is_hot(self) -> bool:
        """What the evening before would have announced: the forecast maximum of the day."""
        cursor = self.scenario.profile.cursor(self.plant.spec.temperature_column)
        hours = range(0, max(1, int(self.scenario.duration_s)), 900)
        tariff = load_tariff(self.site.info.tariff)
        return tariff.is_hot(max(cursor.at(float(s)) for s in hours))

    # the run

    def run(self, progress: Callable[[float], None] = lambda share: None) -> dict[str, Any]:
        """Run to the end; the summary. `progress` is told the share that is done, 0 to 1."""
        begun = time.perf_counter()
        try:
            before = self.come_up()
            steps = 200
            for step in range(1, steps + 1):
                self.rig.run(self.preroll_us + self.scenario.duration_us * step // steps)
                progress(step / steps)
            self.wall_s = time.perf_counter() - begun
            return self._summary(before)
        finally:
            self.stop()

    def come_up(self) -> dict[str, Any]:
        """Power on and let the site come up; the plant's accounts as the scenario begins."""
        self.rig.power_on()
        self.rig.run(self.preroll_us)
        self.recorder.begin()
        for board in self.boards:
            board.relay_changes = 0  # what a site does to come up is no operation of the scenario
        self.rig.on_turn = self._on_turn
        return self.plant.accounts.summary()

    def stop(self) -> None:
        """Switch everything off; the record is closed."""
        self.rig.stop()
        self.host.close()

    def _on_turn(self, now_us: int) -> None:
        self.recorder.look()
        self.safety.look(now_us)
        if self.watch.active:
            self.watch.look(now_us)

    def _on_cycle(self, now_us: int) -> None:
        if self.rig.cycles % FLUSH_CYCLES == 0:
            self.host.flush()
        self.recorder.cycle(now_us, self.rig.host_ms, self.rig.session)

    def _on_drive(self, now_us: int, board: Board) -> None:
        self.recorder.drive(now_us, board)

    def _happen(self, action: Action) -> None:
        if action.blinds:
            until_us = self.rig.now_us + action.blinds_us + RECOVERY_US
            self.safety.excuse(self.stage.each(action.blinds), until_us)
        action.apply(self.stage)
        self.recorder.disturbed(self.rig.now_us)

    # figures

    def series(self) -> dict[str, np.ndarray]:
        """The samples for the plots, by column."""
        return self.recorder.series(self.preroll_us)

    def events(self) -> list[dict[str, Any]]:
        """What happened, world and nodes, in order; times in s from the start."""
        start_ms = self.epoch_ms + PREROLL_S * 1000
        with self.host.reading() as historian:
            return world_events(self.happenings) + node_events(historian, start_ms)

    def _tier_figures(self) -> dict[str, float]:
        """What chips did upon the happenings, by asset."""
        happened_us = [self.preroll_us + action.at_us for action in self.happenings]
        return {
            f"{board.asset}.{name}": value
            for board in self.boards
            for name, value in board.measured(happened_us).items()
        }

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
            answers=self.watch.verdicts(self.rig.now_us),
            unsafe=self.safety.found,
            zero_us=self.preroll_us,
            record=self.host.rows(),
            chip=self._tier_figures(),
        )
