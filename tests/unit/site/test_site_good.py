"""A good site: the demo, and what its nodes are told."""

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nansha.errors import NanshaError
from nansha.site import MqttLink, Poi, SerialLink, load_site, parse_site, site_json_schema
from nansha_boards import ROLES, check_node, load_board, signals_of, value_from_raw

DEMO = Path(__file__).parents[3] / "sites" / "nansha_campus.toml"
RAW = tomllib.loads(DEMO.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def demo():
    return load_site(DEMO)


def test_the_demo_site_is_what_was_promised(demo):
    assert [a.role for a in demo.assets] == [
        "poi", "pv", "battery", "load", "load", "load", "ev_charger",
    ]  # fmt: skip
    assert demo.poi.import_limit_w == 100_000 and demo.poi.export_limit_w == 80_000
    assert demo.asset("battery").capacity_wh == 100_000
    assert demo.asset("load_critical").relay.contact == "NC"
    kinds = [a.link.kind for a in demo.assets]
    assert sorted(kinds) == ["mqtt"] * 3 + ["serial"] * 4
    assert {load_board(a.board).chip for a in demo.assets} == {"esp32", "rp2040"}
    assert demo.secret_path == DEMO.parent / "nansha_campus.secrets.toml"


def test_no_node_of_the_demo_has_even_a_warning(demo):
    for asset in demo.assets:
        for link in (None, "serial"):
            spec = demo.node_spec(asset.id, link)
            assert check_node(spec, load_board(spec.board)) == []


def test_golden_battery(demo):
    names: dict[str, object] = {}
    exec(demo.board_py("battery"), names)
    names.pop("__builtins__")
    assert names == {
        "SITE": "nansha_campus",
        "ASSET": "battery",
        "ROLE": "battery",
        "TIER": "",
        "BOARD": "esp32_devkitc",
        "NODE_ID": 3,
        "LINK": "serial",
        "UART_ID": 2,
        "UART_TX": 17,
        "UART_RX": 16,
        "UART_BAUD": 115200,
        "MQTT_HOST": "",
        "MQTT_PORT": 0,
        "PIN_RELAY": 23,
        "RELAY_ACTIVE": 1,
        "CONTACT_NC": 0,
        "PIN_ALERT": 27,
        "PIN_FLAG": None,
        "PIN_PWM": 26,
        "PWM_HZ": 1000,
        "ADC_V": 36,
        "ADC_I": 39,
        "ADC_F": 34,
        "ADC_X": 35,
        "ADC_ATTEN_DB": 11,
        "SCALE_V": (9376, 11, 0),
        "SCALE_I": (11364, 12, -90934),
        "SCALE_F": (10001, 16, 45000),
        "SCALE_X": (16001, 20, 0),
        "PHASES": 3,
        "V_NOM_MV": 220_000,
        "F_NOM_MHZ": 50_000,
        "RATED_W": 40_000,
        "MIN_W": -40_000,
        "MAX_W": 40_000,
        "EV_MIN_W": 0,
        "TRIPS": (
            ("uv", 99_000, 160),
            ("uv", 187_000, 2000),
            ("ov", 242_000, 2000),
            ("ov", 264_000, 160),
            ("uf", 47_500, 500),
            ("of", 51_500, 500),
            ("oc", 72_727, 1000),
            ("oc", 84_848, 20),
        ),
        "V_OK_MV": (198_000, 235_400),
        "F_OK_MHZ": (49_000, 50_500),
        "RECONNECT_MS": 5000,
        "RELAY_MIN_ON_MS": 1000,
        "RELAY_MIN_OFF_MS": 1000,
        "DROOP_MHZ": 500,
        "DROOP_DEADBAND_MHZ": 20,
        "FW_START_MHZ": 0,
        "FW_STOP_MHZ": 0,
        "UF_MHZ": 0,
        "UF_DELAY_MS": 0,
        "RESTORE_MHZ": 0,
        "RESTORE_DELAY_MS": 0,
        "FALLBACK_W": 0,
        "AUTO_RECONNECT_MS": 0,
        "SOC_MIN_PM": 100,
        "SOC_MAX_PM": 950,
        "CALM_MS": 1000,
        "FAST_MS": 10,
        "FAST_HOLD_MS": 2000,
        "TELEMETRY_MS": 1000,
        "WDT_MS": 2000,
    }


@pytest.mark.parametrize(
    ("asset", "rated_w", "min_w", "max_w", "fallback_w"),
    [
        ("poi", 100_000, -80_000, 100_000, 0),
        ("pv_roof", 60_000, 0, 60_000, 60_000),
        ("battery", 40_000, -40_000, 40_000, 0),
        ("load_critical", 12_000, -12_000, 0, -12_000),
        ("load_priority", 20_000, -20_000, 0, -20_000),
        ("load_interruptible", 25_000, -25_000, 0, -25_000),
        ("ev_charger", 22_000, -22_000, 0, -4140),
    ],
)
def test_signs_are_bus_injection(demo, asset, rated_w, min_w, max_w, fallback_w):
    spec = demo.node_spec(asset)
    assert (spec.rated_w, spec.min_w, spec.max_w, spec.fallback_w) == (
        rated_w, min_w, max_w, fallback_w,
    )  # fmt: skip


def test_each_role_has_its_own_functions_and_no_others(demo):
    own = {
        ("pv",): {"fw_start_mhz", "fw_stop_mhz"},
        ("battery",): {"droop_mhz", "droop_deadband_mhz"},
        ("load", "ev_charger"): {"uf_mhz", "uf_delay_ms", "restore_mhz", "restore_delay_ms"},
        ("poi",): {"auto_reconnect_ms"},
        ("ev_charger",): {"ev_min_w"},
    }
    for asset in demo.assets:
        spec = demo.node_spec(asset.id)
        for roles, fields in own.items():
            assert all((getattr(spec, f) > 0) == (spec.role in roles) for f in fields)
        for pin in ("pin_flag", "pin_pwm", "adc_x"):
            assert (getattr(spec, pin) is not None) == (pin in signals_of(spec.role))
        assert (spec.scale_x != (0, 0, 0)) == ("adc_x" in signals_of(spec.role))
    assert {a.role for a in demo.assets} == set(ROLES)


def test_load_tiers_shed_and_return_in_order(demo):
    order = [demo.node_spec(f"load_{t}") for t in ("critical", "priority", "interruptible")]
    assert [s.uf_mhz for s in order] == [47_500, 49_000, 49_500]
    assert [s.restore_delay_ms for s in order] == [2000, 10_000, 30_000]
    assert [s.contact_nc for s in order] == [1, 0, 0]


def test_link_override(demo):
    wireless = demo.node_spec("pv_roof")
    assert (wireless.link, wireless.uart_id, wireless.mqtt_host) == ("mqtt", None, "192.168.10.2")
    wired = demo.node_spec("pv_roof", link_override="serial")
    assert (wired.link, wired.uart_id, wired.uart_tx, wired.uart_baud) == ("serial", 2, 17, 115200)
    assert (wired.mqtt_host, wired.mqtt_port) == ("", 0)
    assert demo.node_spec("battery", "mqtt").link == "mqtt"
    assert demo.node_spec("battery", "serial") == demo.node_spec("battery")
    rest = {"link", "uart_id", "uart_tx", "uart_rx", "uart_baud", "mqtt_host", "mqtt_port"}
    assert wired.model_dump(exclude=rest) == wireless.model_dump(exclude=rest)


def test_a_secret_never_reaches_a_board(demo):
    assert all("secret" not in demo.board_py(a.id) for a in demo.assets)


def test_overrides_replace_the_profile():
    data = tomllib.loads(DEMO.read_text(encoding="utf-8"))
    data["asset"][2] |= {
        "pins": {"relay": 22, "uart_id": 1, "uart_tx": 18, "uart_rx": 19},
        "protection": {
            "droop_hz": 1.0,
            "trips": [{"kind": "oc", "pu": 1.1, "delay_s": 0.5}],
            "reconnect_s": 7,
        },
        "transducers": {"i_max_a": 100, "f_hz": [40, 60], "soc": [0.0, 0.5]},
        "relay": {"contact": "NC", "active_level": 0, "min_on_s": 0.25, "min_off_s": 3},
    }
    spec = parse_site(data).node_spec("battery")
    assert (spec.pin_relay, spec.uart_id, spec.uart_tx, spec.uart_rx) == (22, 1, 18, 19)
    assert (spec.droop_mhz, spec.droop_deadband_mhz, spec.reconnect_ms) == (1000, 20, 7000)
    assert spec.trips == (("oc", 66_667, 500),)
    assert (spec.contact_nc, spec.relay_active) == (1, 0)
    assert (spec.relay_min_on_ms, spec.relay_min_off_ms) == (250, 3000)
    assert value_from_raw(0, spec.scale_f) == 40_000
    assert abs(value_from_raw(0, spec.scale_i) + 100_000) < 100
    assert value_from_raw(65535, spec.scale_x) == 500


def test_warnings_say_what_a_site_should_know(demo):
    assert demo.warnings() == ()
    data = tomllib.loads(DEMO.read_text(encoding="utf-8"))
    data["asset"][0]["export_limit_w"] = 0
    data["asset"][2]["pins"] = {"alert": 5}
    found = parse_site(data).warnings()
    assert [p.field for p in found] == ["asset[battery].pins.alert", "asset[poi].export_limit_w"]
    assert found[1].what == "with no host PV may feed 60000 W, above export_limit_w 0 W"


def test_lookups(demo):
    assert demo.id == "nansha_campus" and isinstance(demo.poi, Poi)
    assert isinstance(demo.asset("pv_roof").link, MqttLink)
    assert isinstance(demo.asset("battery").link, SerialLink)
    with pytest.raises(NanshaError, match="no asset 'x'; known: poi, pv_roof"):
        demo.asset("x")
    with pytest.raises(ValueError, match="frozen"):
        demo.info.id = "other"


def test_schema_describes_every_field():
    schema = json.loads(json.dumps(site_json_schema()))
    assert schema["required"] == ["site", "asset"]
    assert schema["additionalProperties"] is False
    for name, part in schema["$defs"].items():
        for field, about in part.get("properties", {}).items():
            # pydantic leaves out a text that only repeats the one of the model it points to.
            own = about.get("description")
            theirs = schema["$defs"].get(about.get("$ref", "").rpartition("/")[2], {})
            assert own or theirs.get("description"), f"{name}.{field}"
    assert set(RAW) <= set(schema["properties"])


@settings(max_examples=60)
@given(
    rated_w=st.floats(100, 2_000_000),
    nominal_v=st.sampled_from([120.0, 127.0, 220.0, 230.0]),
    phases=st.sampled_from([1, 3]),
)
def test_any_rating_makes_nodes_that_work(rated_w, nominal_v, phases):
    data = tomllib.loads(DEMO.read_text(encoding="utf-8"))
    data["site"] |= {"nominal_v": nominal_v, "phases": phases}
    for asset in data["asset"]:
        if "rated_w" in asset and asset["role"] != "ev_charger":
            asset["rated_w"] = rated_w
    site = parse_site(data)
    for asset in site.assets:
        spec = site.node_spec(asset.id)
        assert spec.min_w <= spec.fallback_w <= spec.max_w
        rated_ma = spec.rated_w * 1000 / (phases * nominal_v)
        # Rated current both ways stays well inside the transducer's range.
        assert value_from_raw(65535, spec.scale_i) > 1.4 * rated_ma
        assert value_from_raw(0, spec.scale_i) < -1.4 * rated_ma
