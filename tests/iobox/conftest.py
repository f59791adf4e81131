"""The modules here import their helpers by bare names, as they do on the VM."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "dual")]


@pytest.fixture
def bench(tmp_path):
    """Makes a bench without hardware for an asset's node, and clears it away."""
    from harness import VirtualBench
    from rig_kit import SCENARIO, SITE

    from nansha_hil.deploy import rig_secret

    made = []

    def make(asset="battery"):
        made.append(VirtualBench(tmp_path, SITE, asset, rig_secret(SITE.id, SCENARIO.seed)))
        return made[0]

    yield make
    for each in made:
        each.close()
