"""The bench tier in real time: two terminals, the box's firmware behind one, a node's behind the
other, and wires that a test may cut or swap. Nothing of the tier is replaced."""

from __future__ import annotations

import json
import sqlite3

import pytest
from harness import VirtualBench
from rig_kit import ROOT, SITE, Rig, World
from typer.testing import CliRunner

from nansha.errors import NanshaError
from nansha_hil.bench import load_bench
from nansha_hil.bench.board import BenchBoard
from nansha_hil.cli import app
from nansha_hil.deploy import deploy, rig_secret

pytestmark = pytest.mark.timeout(180)


def test_trip_of_a_node_on_the_bench(bench):
    """Over-voltage by the plant, the relay's edge back on the plant with the box's time."""
    with Rig(bench()) as rig:
        board, world = rig.board, rig.world
        assert board.running and board.failure is None
        rig.until(lambda: board.closed)
        assert world.acts[-1][1] is True
        edges = len(board.edges_us)
        # Well past the minimum time between two exchanges, so that the rise is in one of its own.
        world.v_v, world.alert = 275.0, True
        risen_us = rig.now_us
        rig.until(lambda: not board.closed)
        assert len(board.edges_us) == edges + 1
        trip_ms = (board.edges_us[-1] - risen_us) / 1000
        figures = board.figures()
        # 160 ms from the first look on; the ways there and back, and a busy machine.
        assert 158.0 <= trip_ms <= 160.0 + 150.0, (trip_ms, figures)
        assert figures["clock_error_us"] < figures["round_trip_us"]
        assert figures["edges_lost"] == figures["frames_damaged"] == 0
        assert figures["silences"] == 0 and figures["levels_out_of_reach"] == 0
        told = [t for t, closed, _ in world.acts if not closed][-1]
        assert told >= board.edges_us[-1] - 1, "not before it happened"


def test_a_command_comes_back_as_power(bench):
    virtual = bench()
    with Rig(virtual) as rig:
        board = rig.board
        for duty, power_w in ((65535, 40000.0), (13107, -40000.0), (0, 0.0), (39321, 0.0)):
            virtual.node_duty = duty
            rig.until(lambda w=power_w: abs(board.command_w - w) <= 0.01 * 80_000)


def cut(name: str):
    return lambda virtual: virtual.cut.add(name)


def swap(one: int, other: int):
    def act(virtual: VirtualBench) -> None:
        wires = virtual.wires
        wires[one], wires[other] = wires[other], wires[one]

    return act


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (swap(1, 2), "battery: i shows what f was given, f shows what i was given; look at the wi"),
        (swap(0, 3), "v shows what x was given"),
        (cut("reset"), "did not start again when its reset was pulled; look at the wire from"),
        (cut("alert"), "the node does not see its alert pin high"),
        (cut("command"), "the node commands 0 W, its PWM reads as a duty of 0.0 %, not 60.0"),
        (lambda virtual: setattr(virtual, "dac", None), "the DAC does not answer on the box's I2C"),
        (lambda virtual: virtual.kill_box(), "no box answers on"),
        (lambda virtual: virtual.node.vm.process.kill(), None),
    ],
)
def test_what_is_wrong_on_the_bench_is_told_at_the_start(bench, fault, said):
    virtual = bench()
    fault(virtual)
    rig = Rig(virtual)
    if said is None:  # its reset brings a node back that had died
        with rig:
            assert rig.board.failure is None
        return
    with pytest.raises(NanshaError, match=said) as caught, rig:
        pass
    assert "\n" not in str(caught.value)
    assert not rig.board.running


def test_another_node_than_meant_is_told(bench):
    virtual = bench("load_critical")
    spec = SITE.node_spec("poi")
    board = BenchBoard(spec, World(), load_bench(virtual.bench_toml())["load_critical"])
    with pytest.raises(NanshaError, match="poi: its asset is 'load_critical', not 'poi'"):
        board.prepare()


def test_what_a_bench_cannot_do_is_refused(bench):
    virtual = bench()
    board = Rig(virtual).board
    for call in (lambda: board.set_drift(0, 1e-6), lambda: board.wear_flash(True)):
        with pytest.raises(NanshaError, match="of a bench board cannot"):
            call()
    with pytest.raises(NanshaError, match="add --realtime"):
        board.start(0, 1)


@pytest.mark.timeout(240)
def test_a_scenario_from_the_command_line(bench, tmp_path):
    """The whole of it: plant, broker, six nodes on VMs, the battery on the bench, our host on the
    battery's own port."""
    virtual = bench()
    out = tmp_path / "run"
    done = CliRunner().invoke(
        app,
        [
            *("run", str(ROOT / "scenarios" / "outage_minute.toml"), "--realtime", "--for", "5"),
            *("--tier", "battery=bench", "--bench", str(virtual.bench_toml()), "--out", str(out)),
        ],
    )
    if "the rig was silent" in str(done.exception):
        pytest.skip("this machine stood still for half a second: a run ends then, as it must")
    assert done.exit_code in (0, 1), done.output
    summary = json.loads((out / "summary.json").read_text())
    assert summary["tiers"]["battery"] == "bench"
    figures = summary["bench"]["battery"]
    assert figures["round_trip_us"] > 0 and figures["edges_lost"] == 0
    with sqlite3.connect(f"file:{out / 'session.sqlite'}?mode=ro", uri=True) as record:
        rows = record.execute("SELECT frame FROM frames").fetchall()
    record.close()
    heard = {int.from_bytes(frame[2:4], "little") for (frame,) in rows}
    assert virtual.spec.node_id in heard, "the host has heard the node on the bench"
    assert not (out / "ports" / "battery").exists(), "the rig has made no line of its own for it"


def test_the_command_line_says_why_there_is_no_bench(tmp_path):
    words = ["run", str(ROOT / "scenarios" / "outage_minute.toml"), "--realtime"]
    done = CliRunner().invoke(app, [*words, "--tier", "battery=bench", "--out", str(tmp_path)])
    assert isinstance(done.exception, NanshaError)
    assert "no bench file is given" in str(done.exception)


def test_the_files_for_a_node_on_the_bench(tmp_path):
    done = CliRunner().invoke(
        app,
        [
            *("node", str(ROOT / "scenarios" / "outage_minute.toml"), "battery"),
            *("--out", str(tmp_path / "flash")),
        ],
    )
    assert done.exit_code == 0, done.output
    names = {path.name for path in (tmp_path / "flash").iterdir()}
    assert {"board.py", "secret.py"} <= names


def test_the_key_for_the_bench_is_that_of_the_run_with_the_same_set(tmp_path):
    words = ["node", str(ROOT / "scenarios" / "outage_minute.toml"), "battery"]
    keys = []
    for more in ([], ["--set", "scenario.seed=7"]):
        done = CliRunner().invoke(app, [*words, "--out", str(tmp_path), *more])
        assert done.exit_code == 0, done.output
        keys.append((tmp_path / "secret.py").read_text())
    deploy(SITE, "battery", rig_secret(SITE.id, 7), tmp_path / "run", "serial")
    assert keys[0] != keys[1] == (tmp_path / "run" / "secret.py").read_text()
