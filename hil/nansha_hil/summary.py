"""The figures of a run, lock-step or real time: summary.json field by field."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from datetime import date, time
from functools import cache
from typing import Any

from nansha.carbon import grid_factor
from nansha.historian import Historian
from nansha.site import Load, Site
from nansha.tariff import load_tariff
from nansha_hil.board import Board
from nansha_hil.recorder import Recorder
from nansha_hil.safety import Unsafe
from nansha_hil.scenario import Action, Scenario
from nansha_hil.scenario.model import Limit
from nansha_hil.verdicts import Verdict, judge
from nansha_hil.vm import find_micropython
from nansha_wire.codes import REASONS

_COUNTED = ("out_of_phase_closings", "dead_grid_closings", "blackouts", "islanded_s")
ALWAYS = (
    Limit(name="unsafe states", measure="unsafe_states", max=0, why="no scenario excuses one"),
    Limit(name="rows lost", measure="record.lost", max=0, why="what was recorded is kept"),
)
"""What every run must keep to."""
_DAY_S = 86_400
DAY_BAR_S = 180.0
"""Wall time that a simulated day may take."""


@cache
def interpreter() -> str:
    """What the nodes' firmware runs on, in one line."""
    code = "import sys; print(sys.implementation[0], sys.version.split('; ')[1])"
    return subprocess.run(
        [find_micropython(), "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def summarise(
    scenario: Scenario,
    site: Site,
    plant: dict[str, Any],
    recorder: Recorder,
    boards: Sequence[Board],
    events: list[dict[str, Any]],
    *,
    duration_s: float,
    simulated_s: float,
    wall_s: float,
    cycles: int,
    refused_certificates: int,
    priced_on: date,
    answers: Sequence[Verdict] = (),
    unsafe: Sequence[Unsafe] = (),
    zero_us: int = 0,
    record: Mapping[str, int] | None = None,
    chip: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Put summary.json together.

    plant: as `since` gives it. simulated_s: with the site's coming up. priced_on: the local day
    whose prices held. answers: what the timeline asked. unsafe: what must never be, found at rig
    times, with `zero_us` the scenario's start. record: rows of the host's record. chip: figures of
    emulated chips, by asset.
    """
    # Without an island nothing has left the nominal frequency.
    plant["island_lowest_hz"] = min(site.info.nominal_hz, recorder.lowest_hz)
    plant["island_highest_hz"] = max(site.info.nominal_hz, recorder.highest_hz)
    carbon = grid_factor(site.info.carbon)
    tiers = {load.tier for load in site.assets if isinstance(load, Load)}
    summary: dict[str, Any] = {
        "scenario": scenario.name,
        "title": scenario.title,
        "site": site.info.name,
        "assets": {
            asset.id: {
                "name": asset.name or asset.id,
                "role": asset.role,
                "tier": asset.tier if isinstance(asset, Load) else None,
            }
            for asset in site.assets
        },
        "start": scenario.start.isoformat(),
        "duration_s": duration_s,
        "wall_s": round(wall_s, 3),
        "real_time_factor": round(simulated_s / wall_s, 1),
        "nodes": len(boards),
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
        "unserved_wh_by_tier": {tier: plant[f"unserved_{tier}_wh"] for tier in sorted(tiers)},
        "unserved_wh_by_tier_and_reason": {
            tier: dict(reasons) for tier, reasons in recorder.unserved_wh.items()
        },
        "cost_cny": recorder.cost_cny,
        "tariff": {
            "id": site.info.tariff,
            "caveat": load_tariff(site.info.tariff).caveat(priced_on),
        },
        "co2_kg": recorder.co2_kg,
        "carbon": {
            "id": carbon.id,
            "caveat": f"{carbon.kgco2_per_kwh:g} kg/kWh of {carbon.year} "
            f"(confidence {carbon.confidence})",
        },
        "relay_operations": {board.asset: board.relay_changes for board in boards},
        "boots": {board.asset: board.boots for board in boards},
        "exchanges": sum(board.exchanges for board in boards),
        "cycles": cycles,
        "refused_certificates": refused_certificates,
        "plant": plant,
        "events": sorted(events, key=lambda row: row["t_s"]),
    }
    summary["repeat"] = scenario.repeat_command()
    summary["changed"] = {
        path: value.isoformat() if isinstance(value, date | time) else value
        for path, value in scenario.changed.items()
    }
    summary["tiers"] = {board.asset: board.tier for board in boards}
    summary["record"] = dict(record or {"lost": 0})
    summary["chip"] = dict(chip or {})
    summary["unsafe_states"] = len(unsafe)
    summary["unsafe"] = [
        {"t_s": (u.t_us - zero_us) * 1e-6, "asset": u.asset, "text": u.text} for u in unsafe
    ]
    verdicts = [*judge((*scenario.limits, *ALWAYS), summary), *answers]
    summary["verdicts"] = [verdict.as_dict() for verdict in verdicts]
    summary["measurements"] = _measurements(summary)
    return summary


def since(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Energies and counts of a plant's accounts since `before`; all else as it is now."""
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


def world_events(actions: Sequence[Action]) -> list[dict[str, Any]]:
    """What the scenario does; times in s from its start."""
    return [
        {"t_s": action.at_us * 1e-6, "asset": action.asset or "world", "text": action.text}
        for action in actions
    ]


def node_events(historian: Historian, start_ms: int) -> list[dict[str, Any]]:
    """What nodes and host recorded since `start_ms`, in words; times in s from there."""
    query = "SELECT t_ms, asset, event, value FROM events WHERE t_ms >= ? ORDER BY t_ms, rowid"
    return [
        {"t_s": (t_ms - start_ms) / 1000, "asset": asset, "text": _words(event, value)}
        for t_ms, asset, event, value in historian.rows(query, start_ms)
    ]


def _words(event: str, value: int) -> str:
    text = event.replace("_", " ")
    if event in ("relay_opened", "relay_closed") and 0 <= value < len(REASONS):
        return f"{text} ({REASONS[value]})"
    return f"{text} ({value})" if value else text


def _measurements(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What people and machines compare from run to run."""
    day = summary["duration_s"] == _DAY_S
    rows = [
        ("wall time of the run", summary["wall_s"], "s", DAY_BAR_S if day else None, "on 2 cores"),
        ("factor over real time", summary["real_time_factor"], "x", None, "coming up included"),
        ("energy residual", summary["plant"]["residual_percent"], "%", 0.1, "of all energy"),
        ("residual of a dispatch", summary["max_balance_residual_w"], "W", 1e-6, "the largest"),
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
