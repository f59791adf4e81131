"""The same scenario on VMs and on chips, the loop closed: the same events, a few looks apart.

A decision waits for the next look, its timer ends at a look, and a chip at 125 MHz may need so long
for one that it takes the next: three looks of a fast node for each decision. The plant carries a
difference on to other nodes, whose decisions add their own.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

SUITE = Path(__file__).resolve().parents[2] / "scenarios" / "suite"
LOOK_MS = 10
"""FAST_MS of every node of the site."""
IN_A_ROW = 2
"""The breaker's trip makes the island in which a load sheds."""
APART_MS = 3 * LOOK_MS * IN_A_ROW


def events(run: dict, chips: tuple[str, ...]) -> dict[str, list[tuple[str, float]]]:
    told = defaultdict(list)
    for event in run["events"]:
        if event["asset"] in chips:
            told[event["asset"]].append((event["text"], event["t_s"]))
    return dict(told)


@pytest.mark.timeout(600)
def test_an_outage_has_the_same_events_on_both_tiers(firmware, tmp_path):
    from nansha_hil.experiment import Experiment
    from nansha_hil.scenario import load_scenario
    from nansha_hil.tiers import Tiers

    chips = ("poi", "load_interruptible")
    sets = ["timeline.fault.at=+5 s", "timeline.fault.for=12 s", "scenario.duration_s=70"]
    told = {}
    for name, tiers in (("vm", Tiers()), ("chip", Tiers("vm", dict.fromkeys(chips, "chip")))):
        scenario = load_scenario(SUITE / "grid_outage.toml", sets)
        run = Experiment(scenario, tmp_path / name, tiers=tiers).run()
        told[name] = events(run, chips)
    assert told["vm"].keys() == told["chip"].keys() == set(chips)
    for asset in chips:
        vm, chip = told["vm"][asset], told["chip"][asset]
        assert [text for text, _ in vm] == [text for text, _ in chip]
        apart_ms = [1000 * abs(a - b) for (_, a), (_, b) in zip(vm, chip, strict=True)]
        print(asset, [round(ms, 1) for ms in apart_ms])
        assert max(apart_ms) <= APART_MS
