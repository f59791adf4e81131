"""Every board and profile that ships: facts that must hold among themselves."""

import pytest

from nansha_boards import BoardError, board_names, load_board, load_profile, profile_names

BOARDS = board_names()
PIN_FIELDS = (
    "pin_relay",
    "pin_alert",
    "pin_flag",
    "pin_pwm",
    "adc_v",
    "adc_i",
    "adc_f",
    "adc_x",
    "uart_tx",
    "uart_rx",
)


def test_the_promised_boards_are_there():
    assert {"esp32_devkitc", "rp2040_pico", "rp2040_bare"} <= set(BOARDS)


@pytest.mark.parametrize("name", BOARDS)
def test_default_pins_are_distinct_and_exist(name):
    board = load_board(name)
    pins = [getattr(board.default_pins, f) for f in PIN_FIELDS]
    used = [p for p in pins if p is not None]
    assert len(set(used)) == len(used)
    assert set(used) <= set(board.gpio)


@pytest.mark.parametrize("name", BOARDS)
def test_notes_and_inputs_speak_of_pins_that_exist(name):
    board = load_board(name)
    assert set(board.adc.pins) <= set(board.gpio)
    for note in board.note:
        assert set(note.pins) <= set(board.gpio)
    for uart in board.uart:
        assert set(uart.tx) | set(uart.rx) <= set(board.gpio)
    assert board.watchdog.min_ms <= board.watchdog.default_ms <= board.watchdog.max_ms


@pytest.mark.parametrize("name", BOARDS)
def test_an_analog_input_is_never_a_refused_one(name):
    board = load_board(name)
    for pin in board.adc.pins:
        assert not {n.rule for n in board.notes_on(pin)} & {"never", "adc_refused"}


def test_esp32_facts():
    board = load_board("esp32_devkitc")
    assert board.wifi and board.adc.atten_db == 11 and board.heap_kwords == 110
    assert all(32 <= pin <= 39 for pin in board.adc.pins)  # ADC1 only
    rules = {pin: {n.rule for n in board.notes_on(pin)} for pin in board.gpio}
    assert all("never" in rules[pin] for pin in range(6, 12))
    assert all("not_relay" in rules[pin] for pin in (0, 2, 5, 12, 15))
    assert all("input_only" in rules[pin] for pin in (34, 35, 36, 39))
    assert board.watchdog.min_ms == 1000


def test_rp2040_facts():
    pico, bare = load_board("rp2040_pico"), load_board("rp2040_bare")
    assert pico.adc.pins == (26, 27, 28)
    assert bare.adc.pins == (26, 27, 28, 29)
    assert pico.adc.atten_db is None and not pico.wifi and pico.heap_kwords == 190
    assert pico.watchdog.max_ms == 8388
    # The multiplexer: UART0 where (pin + 4) & 8 is 0, tx on multiples of 4, rx one above.
    for uart in bare.uart:
        want = [p for p in range(30) if p % 4 == 0 and ((p + 4) & 8) >> 3 == uart.id]
        assert list(uart.tx) == want
        assert list(uart.rx) == [p + 1 for p in want]


def test_unknown_names_say_the_nearest():
    with pytest.raises(BoardError) as caught:
        load_board("esp32_devkit")
    assert caught.value.what == "unknown board 'esp32_devkit'"
    assert caught.value.mend.startswith("did you mean esp32_devkitc? known: ")
    with pytest.raises(BoardError, match="unknown protection profile 'x'"):
        load_profile("x")


@pytest.mark.parametrize("name", ["../profiles/gbt_50hz", "", ".", "/etc/passwd"])
def test_a_name_is_no_path(name):
    with pytest.raises(BoardError, match="unknown board"):
        load_board(name)


@pytest.mark.parametrize("name", profile_names())
def test_profiles_shed_in_order_and_never_fight_themselves(name):
    profile = load_profile(name)
    tiers = {t: profile.for_role("load", t) for t in ("critical", "priority", "interruptible")}
    der_uf_hz = max(t.hz for t in profile.battery.trips if t.kind == "uf")
    of_hz = min(t.hz for t in profile.pv.trips if t.kind == "of")
    assert (
        profile.nominal_hz
        > tiers["interruptible"].uf_hz
        > tiers["priority"].uf_hz
        > tiers["critical"].uf_hz
        >= der_uf_hz
    )
    # At the shared last frequency the load is quicker than the converters.
    der_delay_s = min(t.delay_s for t in profile.battery.trips if t.kind == "uf")
    assert tiers["critical"].uf_delay_s < der_delay_s
    restore = [tiers[t].restore_delay_s for t in ("critical", "priority", "interruptible")]
    assert restore == sorted(restore) and len(set(restore)) == 3
    assert profile.nominal_hz < profile.pv.fw_start_hz < profile.pv.fw_stop_hz < of_hz
    for tier in tiers.values():
        assert tier.uf_hz < tier.restore_hz < profile.nominal_hz
        assert all(t.kind not in ("of", "uf") for t in tier.trips)
    assert profile.poi.auto_reconnect_s > 0


@pytest.mark.parametrize("name", profile_names())
def test_every_number_has_a_source(name):
    profile = load_profile(name)
    for role in ("pv", "battery", "ev_charger", "poi"):
        settings = profile.for_role(role)
        assert settings.source and all(t.source for t in settings.trips)
    for tier in ("critical", "priority", "interruptible"):
        assert all(t.source for t in profile.for_role("load", tier).trips)
    assert profile.weakest_confidence() == "C"


@pytest.mark.parametrize("name", profile_names())
def test_short_sags_are_ridden_through(name):
    profile = load_profile(name)
    for role in ("pv", "battery", "ev_charger"):
        # Half voltage for 150 ms, and 0.86 for ever, open nothing.
        for trip in profile.for_role(role).trips:
            if trip.kind == "uv":
                assert trip.delay_s >= 0.16 or trip.pu < 0.5
                assert trip.pu <= 0.86
    poi = [t for t in profile.poi.trips if t.kind == "uv"]
    assert min(t.delay_s for t in poi) < 0.16  # the site islands before its converters let go
