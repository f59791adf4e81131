"""The loop on virtual time: real firmware, whole host, simulated plant."""

from __future__ import annotations

import json

import pytest

from nansha.historian import Historian
from nansha.replay import replay
from nansha_hil.pages import write_pages
from nansha_wire import frames

FIELDS = [
    *("scenario", "duration_s", "wall_s", "nodes", "interpreter", "trace_sha256"),
    *("max_balance_residual_w", "energy_wh", "pv_available_wh", "pv_curtailed_wh_by_reason"),
    *("unserved_wh_by_tier", "cost_cny", "co2_kg", "relay_operations", "events", "verdicts"),
    *("measurements", "real_time_factor", "assets", "tariff", "carbon"),
]


def run_outage(scene, experiment, outage):
    run = experiment(scene("2026-08-31T18:29:00", 240, outage("18:30:00", 60)))
    return run, run.run()


def test_same_scenario_twice_gives_the_same_trace(scene, experiment, outage):
    _, first = run_outage(scene, experiment, outage)
    _, second = run_outage(scene, experiment, outage)
    assert first["trace_sha256"] == second["trace_sha256"]
    assert first["events"] == second["events"]


def test_another_day_gives_another_trace(scene, experiment, outage):
    _, first = run_outage(scene, experiment, outage)
    second = experiment(scene("2026-08-31T18:29:00", 240, outage("18:30:01", 60))).run()
    assert first["trace_sha256"] != second["trace_sha256"]


def test_outage_is_ridden_through(scene, experiment, outage):
    run, summary = run_outage(scene, experiment, outage)
    assert not [v for v in summary["verdicts"] if v["outcome"] != "pass"]
    texts = [(e["asset"], e["text"]) for e in summary["events"]]
    assert ("poi", "relay opened (trip)") in texts
    assert ("poi", "relay closed (setpoint)") in texts
    opened = next(e["t_s"] for e in summary["events"] if e["text"] == "relay opened (trip)")
    assert 60.0 < opened < 60.1, "the breaker opens within 100 ms"
    assert summary["plant"]["out_of_phase_closings"] == 0
    assert summary["plant"]["blackouts"] == 0
    assert summary["relay_operations"]["load_critical"] == 0
    assert summary["unserved_wh_by_tier"]["critical"] < 1.0
    for board in run.boards:
        console = (run.out / "nodes" / board.asset / "console.txt").read_text()
        assert console == "", f"{board.asset}: {console}"


def test_summary_has_every_field_and_every_wh_a_reason(scene, experiment, outage, tmp_path):
    run, summary = run_outage(scene, experiment, outage)
    assert [field for field in FIELDS if field not in summary] == []
    lost = sum(summary["pv_curtailed_wh_by_reason"].values())
    assert lost == pytest.approx(summary["pv_curtailed_wh"], abs=1e-6)
    for tier, energy_wh in summary["unserved_wh_by_tier"].items():
        reasons = summary["unserved_wh_by_tier_and_reason"].get(tier, {})
        assert sum(reasons.values()) == pytest.approx(energy_wh, abs=1e-6)
    assert summary["plant"]["residual_percent"] < 0.1
    assert summary["max_balance_residual_w"] < 1e-6
    report = write_pages(tmp_path, summary, run.series())
    assert report.stat().st_size > 100_000
    assert summary["assets"]["load_critical"]["tier"] == "critical"
    assert "confidence C" in summary["tariff"]["caveat"], "the feed-in price is recalled"
    page = report.read_text()
    assert summary["tariff"]["caveat"] in page and summary["carbon"]["caveat"] in page
    assert "Server room and emergency light" in page
    assert json.loads((tmp_path / "summary.json").read_text())["nodes"] == 7


def test_energy_of_a_run_closes(scene, experiment):
    run = experiment(scene("2026-08-31T11:00:00", 600))
    summary = run.run()
    into = sum(e["into_bus"] for e in summary["energy_wh"].values())
    out = sum(e["from_bus"] for e in summary["energy_wh"].values())
    assert into == pytest.approx(out, rel=1e-3)


def test_nothing_is_curtailed_on_the_grid(scene, experiment):
    summary = experiment(scene("2026-08-31T11:30:00", 1800)).run()
    assert summary["pv_available_wh"] > 10_000
    assert summary["pv_curtailed_wh"] == pytest.approx(0.0, abs=1e-9)
    assert sum(summary["unserved_wh_by_tier"].values()) == pytest.approx(0.0, abs=1e-9)


def test_recorded_session_replays_to_the_bit(scene, experiment, outage):
    run, summary = run_outage(scene, experiment, outage)
    result = replay(run.site, run.record_path)
    assert result.different == 0
    assert result.cycles == summary["cycles"]
    assert result.frames > 2000


def test_a_full_battery_in_an_island_curtails_with_a_reason(scene, experiment, outage):
    text = outage("12:01:00", 600)
    summary = experiment(scene("2026-08-31T12:00:00", 720, text, soc=0.95)).run()
    reasons = summary["pv_curtailed_wh_by_reason"]
    assert summary["plant"]["blackouts"] == 0
    assert reasons.get("island_storage_full", 0.0) > 100.0
    assert summary["unserved_wh_by_tier"]["critical"] < 1.0


def test_an_empty_battery_sheds_by_tier(scene, experiment, outage):
    text = outage("19:31:00", 900)
    summary = experiment(scene("2026-08-31T19:30:00", 1020, text, soc=0.22)).run()
    lost = summary["unserved_wh_by_tier"]
    assert lost["interruptible"] > lost["priority"] > 0.0
    assert lost["critical"] < 1.0
    assert summary["plant"]["blackouts"] == 0


def test_memory_does_not_grow(scene, experiment):
    run = experiment(scene("2026-08-31T02:00:00", 5100))
    run.run()
    hour_ms = run.epoch_ms + 3_600_000
    history = Historian(run.record_path)
    after_an_hour: dict[int, int] = {}
    at_the_end: dict[int, int] = {}
    for t_ms, data in history.rows("SELECT t_ms, frame FROM frames ORDER BY rowid"):
        if t_ms >= hour_ms:
            frame = frames.decode(data)
            after_an_hour.setdefault(frame.node, frame.body.heap_free)
            at_the_end[frame.node] = frame.body.heap_free
    history.close()
    assert len(at_the_end) == 7
    for node, free in at_the_end.items():
        assert free >= after_an_hour[node] - 512, f"node {node}: {after_an_hour[node]} to {free}"
