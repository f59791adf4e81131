"""The modules here import their helpers by bare names, as they do on the VM."""

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "dual")]


STARVED = ("the rig was silent", "requests without an answer", "says nothing after its reset")
"""What a bench in real time rightly says when its processes do not get their turns."""


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call():
    """On a machine with far more to do than processors, such an end tells nothing of the code."""
    try:
        return (yield)
    except Exception as error:
        load, processors = os.getloadavg()[0], os.cpu_count() or 1
        if load > 1.75 * processors and any(words in str(error) for words in STARVED):
            pytest.skip(f"{error}, with a load of {load:.1f} on {processors} processors")
        raise


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
