"""The real firmware image on the chip, against terminals that a test holds in its hands."""

from __future__ import annotations

import pytest

from nansha_wire import codes
from nansha_wire import messages as m


def closed(node):
    return lambda: node.board.closed


def running_load(bench):
    """A load node in calm: booted, its start seen as healthy, telemetry said."""
    node = bench("load_critical")
    node.run_ms(3500)
    assert node.board.closed and node.last(m.TELEMETRY)[1].body.flags & codes.FLAG_CLOSED
    return node


def test_boots_speaks_and_closes(bench):
    node = bench("load_critical", power_on=True)
    node.run_until(lambda: any(f.ident == m.TELEMETRY for _, f in node.frames), 3000)
    _, first = node.last(m.TELEMETRY)
    assert first.body.boot_id == 1, "the boot is counted in flash"
    assert abs(first.body.v_mv - 220_000) < 300, "one step of the converter is 0.16 V"
    assert abs(first.body.f_mhz - 50_000) <= 3
    events = [f.body for _, f in node.frames if f.ident == m.EVENT]
    assert (codes.EV_BOOT, 1) in [(e.code, e.value) for e in events], "power-on is the cause"
    assert node.board.boots == 1
    assert node.board.closed, "a dead coil leaves a load on"


def test_trip_opens_the_relay_and_says_in_how_many_cycles(bench):
    node = running_load(bench)
    chip = node.board.chip
    fault_us = node.now_us + 137
    delay_ms = next(ms for kind, mv, ms in node.board.spec.trips if (kind, mv) == ("ov", 275000))

    def surge():
        node.plant.v_v = 280.0
        node.plant.alert = True

    node.at(fault_us, surge)
    before = len(chip.edges)
    node.run_until(lambda: not node.board.closed, 700)
    opened = chip.edges[before]
    acted_us = node.plant.acts[-1][0]
    took_cycles = opened.cycle - node.board.cycle_at(fault_us)
    assert delay_ms * 125_000 <= took_cycles <= (delay_ms + 25) * 125_000
    assert 0 <= acted_us - opened.ns / 1000 <= 1.0, "the plant hears of it at the edge's instant"


def test_contact_follows_a_lease_and_falls_back_when_it_lapses(bench):
    node = running_load(bench)
    node.command(m.SETPOINT, 0, 0, 2000)
    sent_us = node.now_us
    node.run_until(lambda: not node.board.closed, 200)
    node.run_ms(20)
    assert node.last(m.ACK)[1].body.result == codes.ACCEPTED
    node.run_until(closed(node), 4000)
    assert 2_000_000 - 5_000 <= node.now_us - sent_us <= 3_500_000


def test_a_cut_line_changes_nothing_until_the_lease_is_over(bench):
    node = running_load(bench)
    node.command(m.SETPOINT, 0, 0, 5000)
    node.run_until(lambda: not node.board.closed, 200)
    node.cut = True
    node.run_ms(3000)
    assert not node.board.closed
    node.run_until(closed(node), 4000)


def test_a_halted_core_is_reset_by_its_watchdog(bench):
    node = running_load(bench)
    halted_us = node.now_us
    node.board.frozen = True
    node.run_until(lambda: node.board.boots == 2, 2200)
    assert 900_000 <= node.now_us - halted_us <= 2_001_000
    assert node.board.closed == bool(node.board.spec.contact_nc), "its pins float"
    node.run_ms(1500)
    events = [f.body for _, f in node.frames if f.ident == m.EVENT]
    again = [e.value for e in events if e.boot_id == 2 and e.code == codes.EV_BOOT]
    assert set(again) == {3}, "the firmware knows that it was the watchdog"


def test_brown_out_is_a_cold_start_from_the_flash_that_was(bench):
    node = running_load(bench)
    node.board.power_off()
    assert (node.board.folder / "boot.txt").read_text() == "1"
    assert not node.board.running
    node.power_on()
    node.frames.clear()
    node.run_until(lambda: any(f.ident == m.TELEMETRY for _, f in node.frames), 3000)
    assert node.last(m.TELEMETRY)[1].body.boot_id == 2
    node.board.power_off()
    assert (node.board.folder / "boot.txt").read_text() == "2"
    names = {path.name for path in node.board.folder.iterdir()}
    assert {"board.py", "secret.py", "boot.txt", "console.txt"} <= names


def test_the_same_life_twice_is_the_same_to_the_bit(bench):
    def life():
        node = bench("load_critical")
        node.run_ms(1200)
        node.plant.v_v, node.plant.alert = 150.0, True
        node.run_ms(300)
        return node.board.chip.digest()

    assert life() == life()


@pytest.mark.parametrize("asset", ["poi", "pv_roof"])
def test_other_roles_boot(bench, asset):
    node = bench(asset)
    node.run_ms(1500)
    assert node.last(m.TELEMETRY)[1].body.boot_id == 1
