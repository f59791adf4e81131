"""Signals of a running site: every documented name is read, and refusals are counted by reason."""

from __future__ import annotations

from nansha_hil.attack import FORGERIES
from nansha_hil.signals import signal_names

REFUSALS = ("forged", "repeated", "late", "out_of_bounds")
ATTACKS = """
[[timeline]]
at = "+5 s"
fault = "rogue_commands"
asset = "battery"

[[timeline]]
at = "+10 s"
fault = "link_forged"
asset = "pv_roof"
"""


def test_refusals_are_counted_by_node_and_reason(scene, experiment):
    run = experiment(scene("2026-08-31T12:00:00", 20, ATTACKS))
    assert set(signal_names(run.site)) == set(run.signals)
    run.run()
    told = {
        board.asset: {r: run.signals[f"{board.asset}.refused_{r}"]() for r in REFUSALS}
        for board in run.boards
    }
    assert told["battery"]["out_of_bounds"] == FORGERIES
    assert told["pv_roof"]["forged"] == FORGERIES
    others = [n for a, of in told.items() for r, n in of.items() if n and r != "repeated"]
    assert others == [FORGERIES, FORGERIES]


def test_a_dead_host_was_told_nothing(scene, experiment):
    run = experiment(scene("2026-08-31T12:00:00", 5))
    run.host.kill()
    assert all(run.signals[f"battery.refused_{r}"]() is None for r in REFUSALS)
    run.stop()
