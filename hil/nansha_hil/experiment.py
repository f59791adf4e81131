"""A scenario on the virtual rig: build it, run it, put the figures together."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from nansha.carbon import grid_factor
from nansha.dispatch.prices import Prices
from nansha.historian import Historian
from nansha.session import Session
from nansha.site import Load, Site, load_site
from nansha.tariff import load_tariff
from nansha_boards import load_board
from nansha_hil.board import Board
from nansha_hil.deploy import deploy, rig_secret
from nansha_hil.lockstep import Lockstep
from nansha_hil.plant import Plant
from nansha_hil.recorder import Recorder
from nansha_hil.scenario import Action, Scenario
from nansha_hil.verdicts import judge
from nansha_hil.vm import find_micropython

PREROLL_S = 300
"""The site comes up before the scenario begins: boards boot, the breaker closes, loads return."""
FLUSH_CYCLES = 60
_COUNTED = ("out_of_phase_closings", "dead_grid_closings", "blackouts")


@cache
def interpreter() -> str:
    """What the nodes' firmware runs on, in one line."""
    code = "import sys; print(sys.implementation[0], sys.version.split('; ')[1])"
    return subprocess.run(
        [find_micropython(), "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


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
        self.plant = Plant(scenario.plant_spec(), profile)
        self.secret = rig_secret(self.site.id, scenario.seed)
        self.boards = [self._board(asset.id) for asset in self.site.assets]
        self.hot_day = self._is_hot()
        self._historian: Historian | None = None
        self.rig = Lockstep(self.plant, self.boards, None, self.epoch_ms, self._on_cycle, self._on_drive)
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
        cursor = self.scenario.profile.cursor(self.scenario.plant_spec().temperature_column)
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
        if self._historian is not None and self.rig.cycles % FLUSH_CYCLES == 0:
            if not self._historian.flush() and self._historian.trouble:
                self._notice(self._historian.trouble)
        self.recorder.cycle(now_us, self.rig.host_ms, self.rig.session)

    def _on_drive(self, now_us: int, board: Board) -> None:
        self.recorder.drive(now_us, board)

    def _happen(self, action: Action) -> None:
        action.apply(self.plant)
        self.recorder.disturbed(self.rig.now_us)

    # figures

    def _summary(self, before: dict[str, Any]) -> dict[str, Any]:
        scenario, recorder = self.scenario, self.recorder
        plant = self._since(before, self.plant.accounts.summary())
        plant["island_lowest_hz"] = recorder.lowest_hz
        plant["island_highest_hz"] = recorder.highest_hz
        tiers = {load.tier for load in self.site.assets if isinstance(load, Load)}
        summary: dict[str, Any] = {
            "scenario": scenario.name,
            "title": scenario.title,
            "site": self.site.info.name,
            "start": scenario.start.isoformat(),
            "duration_s": scenario.duration_s,
            "wall_s": round(self.wall_s, 3),
            "real_time_factor": round((scenario.duration_s + PREROLL_S) / self.wall_s, 1),
            "nodes": len(self.boards),
            "interpreter": interpreter(),
            "trace_sha256": recorder.trace_sha256,
            "max_balance_residual_w": recorder.max_residual_w,
            "energy_wh": {
                name: {"into_bus": e["into_bus_wh"], "from_bus": e["from_bus_wh"]}
                for name, e in plant["assets"].items()
            },
            "pv_available_wh": plant["pv_available_wh"],
            "pv_curtailed_wh": plant["pv_curtailed_wh"],
            "pv_curtailed_wh_by_reason": dict(recorder.curtailed_wh),
            "unserved_wh_by_tier": {
                tier: plant[f"unserved_{tier}_wh"] for tier in sorted(tiers)
            },
            "unserved_wh_by_tier_and_reason": {
                tier: dict(reasons) for tier, reasons in recorder.unserved_wh.items()
            },
            "cost_cny": recorder.cost_cny,
            "co2_kg": recorder.co2_kg,
            "relay_operations": {b.asset: b.relay_changes for b in self.boards},
            "boots": {b.asset: b.boots for b in self.boards},
            "exchanges": sum(b.exchanges for b in self.boards),
            "cycles": self.rig.cycles,
            "refused_certificates": self.rig.session.refused_certificates if self.rig.session else 0,
            "plant": plant,
            "events": self.events(),
        }
        summary["verdicts"] = [v.as_dict() for v in judge(scenario.limits, summary)]
        summary["measurements"] = self._measurements(summary)
        return summary

    def _since(self, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
        """Energies and counts since `before`; all else as it is now."""
        out = dict(after)
        for key, value in after.items():
            if key.endswith("_wh") or key in _COUNTED:
                out[key] = value - before[key]
        out["duration_s"] = after["duration_s"] - before["duration_s"]
        out["assets"] = {
            name: {
                key: value - before["assets"][name][key] if key.endswith("_wh") else value
                for key, value in energies.items()
            }
            for name, energies in after["assets"].items()
        }
        through_wh = sum(e["into_bus_wh"] for e in out["assets"].values())
        out["residual_percent"] = 100 * abs(out["residual_wh"]) / max(through_wh, 1e-9)
        available_wh = out["pv_available_wh"]
        lost = out["pv_curtailed_wh"] / available_wh if available_wh > 0 else 0.0
        out["pv_absorbed_percent"] = 100 * (1 - lost)
        return out

    def events(self) -> list[dict[str, Any]]:
        """What happened, world and nodes, in order; times in s from the start."""
        rows = [
            {"t_s": action.at_us * 1e-6, "source": "world", "text": action.text}
            for action in self.happenings
        ]
        if self._historian is not None:
            self._historian.flush()
            start_ms = self.epoch_ms + PREROLL_S * 1000
            for t_ms, asset, event, value in self._historian.rows(
                "SELECT t_ms, asset, event, value FROM events WHERE t_ms >= ? ORDER BY t_ms, rowid",
                start_ms,
            ):
                rows.append(
                    {"t_s": (t_ms - start_ms) / 1000, "source": asset, "text": event_text(event, value)}
                )
        return sorted(rows, key=lambda row: row["t_s"])

    def _measurements(self, summary: dict[str, Any]) -> list[dict[str, Any]]:
        """What people and machines compare from run to run."""
        day = self.scenario.duration_s == 86_400
        rows = [
            ("wall time of the run", self.wall_s, "s", 180.0 if day else None, "a day in 3 min"),
            ("factor over real time", summary["real_time_factor"], "x", None, ""),
            ("energy residual", summary["plant"]["residual_percent"], "%", 0.1, "of all energy"),
            ("balance residual of a dispatch", summary["max_balance_residual_w"], "W", 1e-6, ""),
        ]
        return [
            {
                "name": name,
                "value": value,
                "unit": unit,
                "bar": bar,
                "holds": bar is None or value <= bar,
                "note": note,
            }
            for name, value, unit, bar, note in rows
        ]


def event_text(event: str, value: int) -> str:
    """A node's event in words."""
    from nansha_wire.codes import REASONS

    if event in ("relay_opened", "relay_closed") and 0 <= value < len(REASONS):
        return f"{event.replace('_', ' ')} ({REASONS[value]})"
    return event.replace("_", " ") + (f" ({value})" if value else "")
