"""The generated board.py: its names, its text, and that a chip's interpreter takes it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nansha_boards import BoardError, NodeSpec, generate_board_py, load_board, scale_for
from nansha_boards.generate import constant_names

NAMES = [
    "SITE",
    "ASSET",
    "ROLE",
    "TIER",
    "BOARD",
    "NODE_ID",
    "LINK",
    "UART_ID",
    "UART_TX",
    "UART_RX",
    "UART_BAUD",
    "MQTT_HOST",
    "MQTT_PORT",
    "PIN_RELAY",
    "RELAY_ACTIVE",
    "CONTACT_NC",
    "PIN_ALERT",
    "PIN_FLAG",
    "PIN_PWM",
    "PWM_HZ",
    "ADC_V",
    "ADC_I",
    "ADC_F",
    "ADC_X",
    "ADC_ATTEN_DB",
    "SCALE_V",
    "SCALE_I",
    "SCALE_F",
    "SCALE_X",
    "PHASES",
    "V_NOM_MV",
    "F_NOM_MHZ",
    "RATED_W",
    "MIN_W",
    "MAX_W",
    "EV_MIN_W",
    "TRIPS",
    "V_OK_MV",
    "F_OK_MHZ",
    "RECONNECT_MS",
    "RELAY_MIN_ON_MS",
    "RELAY_MIN_OFF_MS",
    "DROOP_MHZ",
    "DROOP_DEADBAND_MHZ",
    "FW_START_MHZ",
    "FW_STOP_MHZ",
    "UF_MHZ",
    "UF_DELAY_MS",
    "RESTORE_MHZ",
    "RESTORE_DELAY_MS",
    "FALLBACK_W",
    "AUTO_RECONNECT_MS",
    "SOC_MIN_PM",
    "SOC_MAX_PM",
    "CALM_MS",
    "FAST_MS",
    "FAST_HOLD_MS",
    "TELEMETRY_MS",
    "WDT_MS",
]

PLAIN = NodeSpec(
    site="s",
    asset="a",
    role="poi",
    board="rp2040_pico",
    node_id=9,
    link="serial",
    uart_id=1,
    uart_tx=4,
    uart_rx=5,
    uart_baud=115200,
    pin_relay=15,
    pin_alert=14,
    pin_flag=13,
    adc_v=26,
    adc_i=27,
    adc_f=28,
    adc_atten_db=None,
    scale_v=scale_for(0, 300_000),
    scale_i=scale_for(-200_000, 200_000, centred=True),
    scale_f=scale_for(45_000, 55_000),
    phases=3,
    v_nom_mv=220_000,
    f_nom_mhz=50_000,
    rated_w=80_000,
    min_w=-40_000,
    max_w=80_000,
    trips=(("uv", 110_000, 20),),
    v_ok_mv=(198_000, 235_400),
    f_ok_mhz=(49_800, 50_200),
    reconnect_ms=10_000,
    relay_min_on_ms=1000,
    relay_min_off_ms=1000,
    fallback_w=0,
    auto_reconnect_ms=300_000,
    wdt_ms=2000,
)
PICO = load_board("rp2040_pico")


def run(text):
    names: dict[str, object] = {}
    exec(compile(text, "board.py", "exec"), names)
    names.pop("__builtins__")
    return names


def test_defines_exactly_the_agreed_names():
    assert sorted(run(generate_board_py(PLAIN, PICO))) == sorted(NAMES)
    assert sorted(constant_names()) == sorted(NAMES)


def test_values_survive_the_text():
    names = run(generate_board_py(PLAIN, PICO))
    assert names == {k.upper(): v for k, v in PLAIN.model_dump().items()}
    assert names["TRIPS"] == (("uv", 110_000, 20),)  # a tuple of one stays a tuple


def test_header_and_shape():
    text = generate_board_py(PLAIN, PICO)
    lines = text.splitlines()
    assert lines[0].startswith("# generated") and "do not edit" in lines[0]
    assert text.endswith("\n") and text == generate_board_py(PLAIN, PICO)
    assert all(line.startswith("#") or " = " in line for line in lines)
    assert text.isascii()  # a chip without Unicode support takes it too


def test_a_node_that_cannot_work_is_not_generated():
    bad = PLAIN.model_copy(update={"pin_relay": 26, "wdt_ms": 9000})
    with pytest.raises(BoardError) as caught:
        generate_board_py(bad, PICO)
    assert str(caught.value) == (
        "s/a on rp2040_pico: adc_v: GPIO26 is already used by pin_relay; "
        "wdt_ms: watchdog 9000 ms is outside 1…8388 ms of rp2040_pico; "
        "give each signal a pin of its own; 2000 suits the node's loop"
    )


words = st.text(max_size=20)


@given(site=words, asset=words, host=words)
def test_no_text_of_a_site_can_become_code(site, asset, host):
    spec = PLAIN.model_copy(update={"site": site, "asset": asset, "mqtt_host": host})
    names = run(generate_board_py(spec, PICO))
    assert sorted(names) == sorted(NAMES)
    assert (names["SITE"], names["ASSET"], names["MQTT_HOST"]) == (site, asset, host)


def test_micropython_takes_it(tmp_path: Path):
    beside = str(Path(sys.executable).parent)
    micropython = shutil.which("micropython") or shutil.which("micropython", path=beside)
    if micropython is None:
        pytest.skip("no micropython on PATH")
    (tmp_path / "board.py").write_text(generate_board_py(PLAIN, PICO), encoding="utf-8")
    code = (
        "import board\n"
        "names = sorted(n for n in dir(board) if n == n.upper() and n[0] != '_')\n"
        "big = [n for n in names if isinstance(getattr(board, n), int)"
        " and not -(1 << 30) <= getattr(board, n) < 1 << 30]\n"
        "print(len(names), big, board.SCALE_I, board.TRIPS, board.ADC_X)\n"
    )
    done = subprocess.run(
        [micropython, "-X", "heapsize=110wK", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=10,
    )
    assert done.stderr == ""
    assert done.stdout.strip() == f"{len(NAMES)} [] {PLAIN.scale_i} {PLAIN.trips} None"


@pytest.mark.parametrize(
    "change", [{"scale_v": (16384, 1, 0)}, {"scale_v": (1, 31, 0)}, {"rated_w": 2**30}]
)
def test_numbers_beyond_31_bits_are_refused(change):
    with pytest.raises(ValueError):
        NodeSpec(**{**PLAIN.model_dump(), **change})
