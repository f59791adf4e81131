"""Contacts in the trace: as they truly are, with a row at the instant of each move."""

from __future__ import annotations

import numpy as np

WELDED = """
[[timeline]]
at = "+20 s"
fault = "relay_welded"
asset = "load_interruptible"
for = 100

[[timeline]]
at = "+40 s"
fault = "grid_outage"
for = 30
"""


def test_the_breaker_falls_and_rises_and_a_welded_relay_stays(scene, experiment):
    run = experiment(scene("2026-08-31T14:00:00", 240, WELDED))
    summary = run.run()
    series = run.series()
    t_s = series["t_s"]
    assert np.all(np.diff(t_s) >= 0)

    breaker = series["poi.closed"]
    fallen = t_s[1:][np.diff(breaker) < 0]
    risen = t_s[1:][np.diff(breaker) > 0]
    assert len(fallen) == len(risen) == 1
    assert 40.0 < fallen[0] <= 40.1
    assert risen[0] > 70.0
    assert np.all(series["poi.p_w"][breaker == 0.0] == 0.0)

    asked = [
        event["t_s"]
        for event in summary["events"]
        if event["asset"] == "load_interruptible" and event["text"].startswith("relay opened")
    ]
    assert [t for t in asked if 40.0 < t < 70.0], "its node asked for open"
    while_welded = (t_s >= 20.0) & (t_s < 120.0)
    assert np.all(series["load_interruptible.closed"][while_welded] == 1.0)


def test_every_move_of_the_plant_is_a_row_at_its_instant(scene, experiment, outage):
    run = experiment(scene("2026-08-31T14:00:00", 240, outage("14:01:00", 60)))
    run.run()
    series = run.series()
    moves = [
        (event.time_us * 1e-6 - run.preroll_us * 1e-6, event.asset, event.kind == "closed")
        for event in run.plant.events
        if event.kind in ("opened", "closed") and event.time_us >= run.preroll_us
    ]
    assert {asset for _, asset, _ in moves} >= {"poi", "load_interruptible"}
    for t_s, asset, closed in moves:
        rows = np.flatnonzero(np.abs(series["t_s"] - t_s) < 1e-6)
        assert float(closed) in series[f"{asset}.closed"][rows]
        assert float(not closed) == series[f"{asset}.closed"][rows[0] - 1]
    for name, node in run.plant.nodes.items():
        assert series[f"{name}.closed"][-1] == float(node.closed)
