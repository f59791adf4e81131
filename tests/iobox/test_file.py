"""The bench file, and why there is no bench: each mistake has its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from nansha.errors import NanshaError
from nansha.site import load_site
from nansha_hil.bench import load_bench
from nansha_hil.bench.file import BenchNode
from nansha_hil.tiers import make_board, why_not

ROOT = Path(__file__).resolve().parents[2]
SITE = load_site(ROOT / "sites" / "nansha_campus.toml")

BENCH = """
[node.battery]
node_port = "/dev/null"
box_port = "/dev/null"
dac_supply_mv = 3287
wires = { A = "v", B = "i", C = "f", D = "x" }

[node.battery.calibration.v]
gain = 1.004
offset_mv = 6.5
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("dac_supply_mv = 3287", "dac_supply_mv = 5000", "node.battery.dac_supply_mv"),
        ("box_port", "boxport", "node.battery.box_port: field required"),
        ('D = "x"', 'D = "v"', "'v' hangs on A and D"),
        ('A = "v"', 'E = "v"', "node.battery.wires.E"),
        ("gain = 1.004", "gain = nan", "node.battery.calibration.v.gain"),
        ("offset_mv", "offset", "node.battery.calibration.v.offset: extra"),
        ("[node.battery]", "[node.battery", "is no TOML"),
        ("[node.battery]", "[nodes.battery]", "nodes: extra"),
    ],
)
def test_each_mistake_in_a_bench_file_has_its_line(tmp_path, old, new, said):
    path = tmp_path / "bench.toml"
    path.write_text(BENCH)
    assert load_bench(path)["battery"].calibration["v"].offset_mv == 6.5
    path.write_text(BENCH.replace(old, new))
    with pytest.raises(NanshaError) as caught:
        load_bench(path)
    lines = str(caught.value).splitlines()
    assert any(said in line and line.startswith(str(path)) for line in lines), lines


def test_a_node_that_cannot_be_on_the_bench_is_told():
    node = BenchNode(node_port="-", box_port="-", wires={"A": "v", "B": "i"})
    with pytest.raises(NanshaError, match="no DAC output is wired to f, x"):
        node.check(SITE.node_spec("battery"), "battery")
    with pytest.raises(NanshaError, match="speaks MQTT"):
        node.check(SITE.node_spec("pv_roof"), "pv_roof")


def test_why_there_is_no_bench(tmp_path):
    assert "--bench FILE" in why_not("bench")
    path = tmp_path / "bench.toml"
    assert "cannot be read" in why_not("bench", path)
    path.write_text(BENCH.replace("/dev/null", "/dev/no_such_port", 1))
    assert "node.battery.node_port: there is no port /dev/no_such_port" in why_not("bench", path)
    path.write_text(BENCH)
    assert why_not("bench", path) is None
    with pytest.raises(NanshaError, match="add --realtime"):
        make_board("bench", SITE.node_spec("battery"), tmp_path, None)
