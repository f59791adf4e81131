"""The same recorded inputs give the same decisions, bit for bit: CPython, the VM and the chip."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

DUAL = Path(__file__).resolve().parents[1] / "dual"
SUITE = Path(__file__).resolve().parents[2] / "scenarios" / "suite"
CHIP_LINES = 700
"""Of a recording: come-up, the outage, and the second after it. The chip reads on no faster."""
KEY = b"0123456789abcdef0123456789abcdef"
BOOT = 77


def recording(asset: str, steps: int, monkeypatch) -> list[str]:
    """A golden walk's inputs and commands, as a node would have recorded them."""
    monkeypatch.syspath_prepend(str(DUAL))
    import walk as module

    lines: list[str] = []
    walk = module.Walk(asset, 20260501)
    decode = module.frames.decode

    def noting(data):
        lines.append(f"F {data.hex()} {walk.t_ms}")
        return decode(data)

    monkeypatch.setattr(module.frames, "decode", noting)
    for _ in range(steps):
        walk.advance()
        i = walk.inputs
        values = (i.v_mv, i.i_ma, i.f_mhz, i.x, i.alert, i.flag, i.fault, walk.t_ms)
        lines.append("I " + " ".join(str(int(value)) for value in values))
    monkeypatch.undo()
    return lines


def on_vm(settings: str, lines: list[str], folder: Path) -> list[str]:
    from nansha_hil.chip.replay import PROGRAM
    from nansha_hil.vm import find_micropython, firmware_path

    (folder / "replay.py").write_text(
        PROGRAM + f"\nwith open('lines') as lines, open('settings') as settings:\n"
        f"    replay(settings.read(), lines, {KEY!r}, {BOOT}, print)\n"
    )
    (folder / "lines").write_text("\n".join(lines))
    (folder / "settings").write_text(settings)
    done = subprocess.run(
        [find_micropython(), "replay.py"],
        cwd=folder,
        env={**os.environ, "MICROPYPATH": f"{firmware_path()}:.frozen"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("asset", ["poi", "battery", "load_interruptible", "ev_charger"])
def test_three_interpreters_decide_alike(asset, firmware, tmp_path, monkeypatch):
    from nansha_hil.chip import replay

    lines = recording(asset, 600, monkeypatch)
    settings = (DUAL / "dual_boards" / f"{asset}.txt").read_text()
    told = replay.here(settings, lines, KEY, BOOT)
    assert len(told) == 6 and len(set(told)) == 6
    assert on_vm(settings, lines, tmp_path) == told
    assert replay.on_chip(firmware, settings, lines, KEY, BOOT) == told


def test_a_changed_input_changes_the_hash(monkeypatch):
    from nansha_hil.chip import replay

    lines = recording("load_interruptible", 300, monkeypatch)
    settings = (DUAL / "dual_boards" / "load_interruptible.txt").read_text()
    told = replay.here(settings, lines, KEY, BOOT)
    looks = [k for k, line in enumerate(lines) if line.startswith("I")]
    changed = list(lines)
    for k in looks[150:]:
        parts = changed[k].split()
        changed[k] = " ".join([parts[0], str(int(parts[1]) ^ 1 << 17), *parts[2:]])
    other = replay.here(settings, changed, KEY, BOOT)
    assert other[0] == told[0] and other[2] != told[2]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    """An outage of the whole site on VMs, with what each node saw and decided."""
    from nansha_hil.chip.replay import recording_firmware
    from nansha_hil.experiment import Experiment
    from nansha_hil.scenario import load_scenario

    folder = tmp_path_factory.mktemp("recorded")
    times = ["timeline.fault.at=+5 s", "timeline.fault.for=12 s", "scenario.duration_s=90"]
    scenario = load_scenario(SUITE / "grid_outage.toml", times)
    Experiment(scenario, folder, firmware=recording_firmware(folder)).run()
    return folder / "nodes"


@pytest.mark.parametrize(
    "asset", ["poi", "pv_roof", "battery", "ev_charger", "load_critical", "load_interruptible"]
)
def test_a_recorded_scenario_is_decided_again_to_the_bit(asset, firmware, recorded, tmp_path):
    """What the node decided in the run, it decides again here, on the VM and on the chip."""
    from nansha_hil.chip import replay

    node = recorded / asset
    decided = (node / replay.DECIDED).read_text().splitlines()
    lines = (node / replay.RECORDING).read_text().splitlines()
    assert sum(line.startswith("F") for line in lines) > 30, "commands came in"
    settings = (node / "board.py").read_text()
    secret: dict[str, bytes] = {}
    exec((node / "secret.py").read_text(), secret)
    key = secret["KEY"]
    assert len(decided) >= 3 and replay.here(settings, lines, key, 1) == decided
    lines = lines[:CHIP_LINES]
    told = replay.here(settings, lines, key, 1)
    assert len(told) >= 3
    assert replay.on_chip(firmware, settings, lines, key, 1) == told
