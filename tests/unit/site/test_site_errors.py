"""Every bad input gives one clear line: FILE: FIELD: what is wrong; how to mend it."""

import tomllib
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nansha.site import SiteError, load_site, parse_site

GOOD = tomllib.loads(
    """
[site]
id = "s"
name = "S"
timezone = "Asia/Shanghai"
tariff = "guangzhou_industrial_lt1kv"
carbon = "south_china_2023"
[broker]
host = "10.0.0.1"
[[asset]]
id = "grid"
role = "poi"
node = 1
board = "rp2040_pico"
link = { kind = "serial", port = "/dev/a" }
import_limit_w = 10000
export_limit_w = 0
[[asset]]
id = "bat"
role = "battery"
node = 2
board = "esp32_devkitc"
link = { kind = "mqtt" }
rated_w = 5000
capacity_wh = 10000
[[asset]]
id = "ev"
role = "ev_charger"
node = 3
board = "esp32_devkitc"
link = { kind = "serial", port = "/dev/b" }
rated_w = 7000
min_w = 4140
[[asset]]
id = "fan"
role = "load"
tier = "priority"
node = 4
board = "rp2040_pico"
link = { kind = "serial", port = "/dev/c" }
rated_w = 1000
[[asset]]
id = "sun"
role = "pv"
node = 5
board = "esp32_devkitc"
link = { kind = "mqtt" }
rated_w = 6000
"""
)
GRID, BAT, EV, FAN, SUN = range(5)


def lines(change, file="f.toml"):
    """The lines of the error after `change` was done to a good site."""
    data = deepcopy(GOOD)
    change(data)
    with pytest.raises(SiteError) as caught:
        parse_site(data, file)
    return str(caught.value).splitlines()


def put(value, *path):
    """A change: data[path] = value, or gone where the value is ... (an Ellipsis)."""

    def change(data):
        for key in path[:-1]:
            data = data.setdefault(key, {}) if isinstance(data, dict) else data[key]
        if value is ...:
            del data[path[-1]]
        else:
            data[path[-1]] = value

    return change


def a(value, index, *path):
    return put(value, "asset", index, *path)


def test_the_good_site_is_good():
    assert parse_site(GOOD).id == "s"


CASES = tomllib.loads((Path(__file__).parent / "bad_fields.toml").read_text(encoding="utf-8"))[
    "case"
]


@pytest.mark.parametrize("case", CASES, ids=[c["line"][:60] for c in CASES])
def test_message(case):
    assert f"f.toml: {case['line']}" in lines(put(case.get("put", ...), *case["at"]))


def test_one_bad_field_is_one_line():
    assert lines(a(-5, BAT, "rated_w")) == ["f.toml: asset[bat].rated_w: is -5; must be at least 1"]
    assert lines(a(..., FAN, "tier")) == ["f.toml: asset[fan].tier: missing; add tier = …"]


def test_a_wrong_unit_is_one_line_and_not_also_a_missing_field():
    def change(data):
        data["asset"][BAT]["rated_kw"] = 60
        del data["asset"][BAT]["rated_w"]

    assert lines(change) == [
        "f.toml: asset[bat].rated_kw: unknown field; did you mean rated_w? 60 kW = 60000 W"
    ]


def test_no_poi_and_two():
    assert lines(lambda data: data["asset"].pop(GRID)) == [
        'f.toml: asset: the site has no poi; add one [[asset]] with role = "poi"'
    ]
    link = {"kind": "serial", "port": "/dev/z"}

    def second(data):
        data["asset"].append({**data["asset"][GRID], "id": "g2", "node": 9, "link": link})

    assert lines(second) == [
        "f.toml: asset[g2].role: a second poi; asset[grid] is one already; "
        "keep one: a site has a single point of interconnection"
    ]


def test_a_battery_on_a_pico_lacks_a_pin():
    def change(data):
        data["asset"][BAT] |= {
            "board": "rp2040_pico",
            "link": {"kind": "serial", "port": "/dev/z"},
        }

    assert lines(change) == [
        "f.toml: asset[bat].pins.adc_x: no pin for the state of charge or irradiance of a battery: "
        "it needs 4 analog inputs, rp2040_pico has 3; use a board with more, such as esp32_devkitc "
        "or rp2040_bare"
    ]


def test_all_errors_come_at_once_in_the_order_of_the_file():
    def change(data):
        data["site"]["tariff"] = "none"
        data["broker"]["port"] = 0
        data["asset"][BAT]["rated_w"] = -1
        data["asset"][EV]["min_w"] = 9000
        data["asset"][FAN]["node"] = 1
        data["asset"][SUN]["rated_kw"] = data["asset"][SUN].pop("rated_w")

    found = lines(change)
    assert [line.split(": ")[1] for line in found] == [
        "site.tariff",
        "broker.port",
        "asset[bat].rated_w",
        "asset[ev].min_w",
        "asset[sun].rated_kw",
        "asset[fan].node",
    ]
    assert found == lines(change)


def test_syntax_error_names_the_line(tmp_path):
    file = tmp_path / "s.toml"
    file.write_text('[site]\nid = "s"\nname = Nansha\n', encoding="utf-8")
    with pytest.raises(SiteError) as caught:
        load_site(file)
    assert str(caught.value) == (
        f"{file}: line 3, column 8: not TOML: invalid value; "
        "text needs quotes, a table name needs [ ]"
    )


def test_a_name_cannot_break_the_line():
    found = lines(a("fan\nf.toml: all is well\x1b[2J", FAN, "id"))
    assert len(found) == 1
    assert found[0].startswith("f.toml: asset[fan\\nf.toml: all is well\\x1b[2J].id: ")


def test_deep_nesting_is_an_error_and_no_crash(tmp_path):
    file = tmp_path / "s.toml"
    file.write_text("x = " + "[" * 50_000, encoding="utf-8")
    with pytest.raises(SiteError, match="nested too deeply"):
        load_site(file)


def test_files_that_are_none(tmp_path):
    with pytest.raises(SiteError, match=r"nowhere\.toml: file: no such file; check the path"):
        load_site(tmp_path / "nowhere.toml")
    with pytest.raises(SiteError, match=r"is a folder; name a \.toml file"):
        load_site(tmp_path)
    (tmp_path / "latin.toml").write_bytes('[site]\nname = "Café"'.encode("latin-1"))
    with pytest.raises(SiteError, match=r"line 2: not UTF-8; save it as UTF-8"):
        load_site(tmp_path / "latin.toml")
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(SiteError) as caught:
        load_site(tmp_path / "empty.toml")
    assert [p.field for p in caught.value.problems] == ["site", "asset"]


def test_the_error_keeps_its_parts():
    with pytest.raises(SiteError) as caught:
        parse_site({}, "f.toml")
    error = caught.value
    assert (error.file, error.where) == ("f.toml", "f.toml: site")
    assert error.what == "missing" and error.mend.startswith("add a [site] table")
    assert all(str(p) in str(error) for p in error.problems)


def paths(value, prefix=()):
    """Every path into a document."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        yield (*prefix, key)
        if isinstance(inner, dict | list):
            yield from paths(inner, (*prefix, key))


toml_values = st.recursive(
    st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.just("serial"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["kind", "port", "relay", "trips", "x"]), inner, max_size=3
        )
    ),
    max_leaves=4,
)


@given(path=st.sampled_from(sorted(paths(GOOD), key=str)), value=toml_values)
def test_whatever_stands_in_a_field_it_loads_or_says_where(path, value):
    data = deepcopy(GOOD)
    put(value, *path)(data)
    try:
        parse_site(data, "f.toml")
    except SiteError as error:
        for problem in error.problems:
            assert problem.field and problem.what and problem.mend
        assert len(str(error).splitlines()) == len(error.problems)
        assert len(set(error.problems)) == len(error.problems)


@given(
    path=st.sampled_from(sorted(paths(GOOD), key=str)), name=st.text(max_size=12), value=toml_values
)
def test_whatever_field_is_added_is_found(path, name, value):
    data = deepcopy(GOOD)
    table = data
    for key in path:
        table = table[key]
    if not isinstance(table, dict) or name in table:
        return
    table[name] = value
    try:
        parse_site(data, "f.toml")
    except SiteError as error:
        assert all(p.field and p.what and p.mend for p in error.problems)
        assert len(str(error).splitlines()) == len(error.problems)
