"""check_node: every wrong pin is found, named, and its mend works."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nansha_boards import (
    ROLES,
    NodeSpec,
    board_names,
    check_node,
    errors_only,
    load_board,
    scale_for,
    signals_of,
)

SIGNALS = ("pin_relay", "pin_alert", "pin_flag", "pin_pwm", "adc_v", "adc_i", "adc_f", "adc_x")


def spec(role="load", board="esp32_devkitc", **changes):
    """A node that is right, with the board's default pins, and then `changes`."""
    b = load_board(board)
    pins = {s: getattr(b.default_pins, s) if s in signals_of(role) else None for s in SIGNALS}
    base = {
        "site": "s",
        "asset": "a",
        "role": role,
        "tier": "priority" if role == "load" else "",
        "board": board,
        "node_id": 1,
        "link": "serial",
        "uart_id": b.default_pins.uart_id,
        "uart_tx": b.default_pins.uart_tx,
        "uart_rx": b.default_pins.uart_rx,
        "uart_baud": 115200,
        **pins,
        "adc_atten_db": b.adc.atten_db,
        "scale_v": scale_for(0, 300_000),
        "scale_i": scale_for(-45_000, 45_000, centred=True),
        "scale_f": scale_for(45_000, 55_000),
        "phases": 3,
        "v_nom_mv": 220_000,
        "f_nom_mhz": 50_000,
        "rated_w": 20_000,
        "min_w": -20_000,
        "max_w": 0,
        "fallback_w": 0,
        "trips": (("ov", 264_000, 160), ("oc", 36_000, 1000)),
        "v_ok_mv": (198_000, 235_000),
        "f_ok_mhz": (49_500, 50_500),
        "reconnect_ms": 1000,
        "relay_min_on_ms": 1000,
        "relay_min_off_ms": 1000,
        "wdt_ms": b.watchdog.default_ms,
    }
    return NodeSpec(**{**base, **changes})


def problems(role="load", board="esp32_devkitc", **changes):
    return check_node(spec(role, board, **changes), load_board(board))


@pytest.mark.parametrize("board", board_names())
@pytest.mark.parametrize("role", ROLES)
def test_default_pins_suit_every_role_that_fits(role, board):
    found = problems(role, board)
    if role in ("pv", "battery") and len(load_board(board).adc.pins) < 4:
        assert [p.where for p in found] == ["adc_x"]
        assert found[0].what == (
            f"no pin for the state of charge or irradiance of a {role}: "
            f"it needs 4 analog inputs, {board} has 3"
        )
        assert "rp2040_bare" in found[0].mend
    else:
        assert found == []


@pytest.mark.parametrize(
    ("role", "board", "changes", "where", "what"),
    [
        ("load", "esp32_devkitc", {"pin_relay": None}, "pin_relay", "no pin for the relay coil"),
        ("load", "esp32_devkitc", {"pin_relay": 34}, "pin_relay", "cannot drive an output"),
        ("load", "esp32_devkitc", {"pin_relay": 12}, "pin_relay", "must not drive a relay"),
        ("load", "esp32_devkitc", {"pin_relay": 7}, "pin_relay", "flash chip"),
        ("load", "esp32_devkitc", {"pin_alert": 24}, "pin_alert", "does not exist"),
        ("load", "esp32_devkitc", {"adc_v": 25}, "adc_v", "ADC2 fails while Wi-Fi is on"),
        ("load", "esp32_devkitc", {"adc_v": 21}, "adc_v", "is no analog input"),
        ("load", "esp32_devkitc", {"adc_v": 39}, "adc_i", "already used by adc_v"),
        ("load", "esp32_devkitc", {"uart_tx": 23}, "uart_tx", "already used by pin_relay"),
        ("load", "esp32_devkitc", {"uart_tx": 35}, "uart_tx", "cannot drive an output"),
        ("load", "esp32_devkitc", {"uart_id": 0, "uart_tx": 1, "uart_rx": 3}, "uart_id", "REPL"),
        ("load", "esp32_devkitc", {"uart_id": 3}, "uart_id", "UART 3 does not exist"),
        ("load", "esp32_devkitc", {"uart_baud": 300}, "uart_baud", "outside 9600"),
        ("load", "rp2040_pico", {"uart_tx": 0}, "uart_tx", "UART1 cannot use GPIO0 as tx"),
        ("load", "rp2040_pico", {"uart_id": 0}, "uart_tx", "UART0 cannot use GPIO4 as tx"),
        ("load", "rp2040_pico", {"pin_relay": 29}, "pin_relay", "does not exist"),
        ("load", "rp2040_pico", {"adc_v": 15, "pin_relay": 16}, "adc_v", "is no analog input"),
        ("load", "rp2040_pico", {"link": "mqtt"}, "link", "has none"),
        ("load", "esp32_devkitc", {"link": "mqtt"}, "mqtt_host", "broker's host"),
        ("load", "rp2040_pico", {"wdt_ms": 8389}, "wdt_ms", "outside 1…8388 ms"),
        ("load", "esp32_devkitc", {"wdt_ms": 999}, "wdt_ms", "outside 1000…60000 ms"),
        ("ev_charger", "rp2040_pico", {"pwm_hz": 7}, "pwm_hz", "outside 8"),
        ("load", "esp32_devkitc", {"min_w": 5}, "min_w", "above the highest"),
        ("load", "esp32_devkitc", {"fallback_w": 5}, "fallback_w", "outside -20000…0 W"),
        ("load", "esp32_devkitc", {"soc_min_pm": 1000}, "soc_min_pm", "is empty"),
        ("load", "esp32_devkitc", {"v_ok_mv": (2, 1)}, "v_ok_mv", "is empty"),
        ("load", "esp32_devkitc", {"trips": (("ov", 301_000, 1),)}, "trips[0]", "beyond"),
        ("load", "esp32_devkitc", {"trips": (("oc", 45_000, 1),)}, "trips[0]", "beyond"),
        ("load", "esp32_devkitc", {"trips": (("uf", 45_100, 1),)}, "trips[0]", "beyond"),
    ],
)
def test_each_fault_is_found_where_it_is(role, board, changes, where, what):
    found = errors_only(problems(role, board, **changes))
    assert (where, True) in [(p.where, what in p.what) for p in found]
    assert all(p.mend for p in found)


@pytest.mark.parametrize(
    ("field", "pin", "why"),
    [("pin_alert", 5, "strapping"), ("pin_relay", 14, "pulses"), ("pin_pwm", 14, "pulses")],
)
def test_risky_pins_are_warned_of(field, pin, why):
    found = problems("ev_charger", **{field: pin})
    assert [(p.severity, p.where) for p in found] == [("warning", field)]
    assert why in found[0].what


def test_a_short_watchdog_is_warned_of():
    found = problems(wdt_ms=1500)
    assert [(p.severity, p.where) for p in found] == [("warning", "wdt_ms")]


def test_wrong_board_is_the_only_finding():
    found = check_node(spec(), load_board("rp2040_pico"))
    assert [p.where for p in found] == ["board"]
    assert (
        str(found[0]) == "board: made for 'esp32_devkitc', checked on 'rp2040_pico'; use one board"
    )


@given(
    board=st.sampled_from(board_names()),
    role=st.sampled_from(ROLES),
    field=st.sampled_from(SIGNALS),
    pin=st.integers(0, 48),
)
def test_the_suggested_pin_always_works(board, role, field, pin):
    """Whatever pin is wrong, the first pin of the hint puts it right."""
    if field not in signals_of(role):
        return
    for problem in errors_only(problems(role, board, **{field: pin})):
        found = re.search(r"use one of (\d+)", problem.mend)
        if problem.where == field and found:
            mended = problems(role, board, **{field: int(found[1])})
            assert not [p for p in errors_only(mended) if p.where == field]


@given(
    board=st.sampled_from(board_names()),
    role=st.sampled_from(ROLES),
    pins=st.dictionaries(st.sampled_from(SIGNALS), st.none() | st.integers(-1, 60)),
)
def test_any_pins_give_findings_and_never_an_exception(board, role, pins):
    found = problems(role, board, **pins)
    assert found == problems(role, board, **pins)
    needed = signals_of(role)
    for field, pin in pins.items():
        if pin is None and field in needed:
            assert field in [p.where for p in found]
        if pin is not None and pin not in load_board(board).gpio:
            assert field in [p.where for p in found]
