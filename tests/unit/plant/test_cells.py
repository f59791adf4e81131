"""Cells: every joule is somewhere, ends are met exactly, powers are what was asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nansha_hil.plant.cells import Pack
from nansha_hil.plant.cells_data import LFP_26650

STEP = st.tuples(
    st.booleans(), st.floats(-6000.0, 6000.0), st.sampled_from([1e-3, 0.1, 1.0, 60.0, 900.0])
)


def pack(soc=0.5):
    return Pack(LFP_26650, series=16, parallel=34, soc=soc)


@given(st.floats(0.0, 1.0), st.lists(STEP, max_size=30))
def test_every_joule_is_somewhere(soc, steps):
    cells = pack(soc)
    before_j = cells.stored_j
    moved_j = 1.0
    for by_power, value, h_s in steps:
        cells.step_w(value, h_s) if by_power else cells.step_a(value / 50.0, h_s)
        assert 0.0 <= cells.soc <= 1.0
        moved_j += abs(cells.last[2])
    chemical_j, terminal_j, heat_j, shed_j = cells.books
    assert chemical_j == pytest.approx(before_j - cells.stored_j, abs=1e-9 * (moved_j + before_j))
    assert abs(chemical_j - terminal_j - heat_j - cells.rc_j) <= 1e-9 * (moved_j + heat_j)
    warmed_j = LFP_26650.heat_j_per_k * 16 * 34 * (cells.degc - 25.0)
    assert heat_j - shed_j == pytest.approx(warmed_j, abs=1e-8 * (heat_j + 1.0))


@given(st.floats(0.05, 0.95), st.floats(-5000.0, 5000.0), st.sampled_from([1e-3, 1.0, 30.0]))
def test_a_power_is_delivered(soc, power_w, h_s):
    cells = pack(soc)
    if cells.step_w(power_w, h_s) == "":
        assert cells.last[2] == pytest.approx(power_w * h_s, rel=1e-11, abs=1e-12)


def test_ends_are_met_exactly():
    cells = pack(0.001)
    assert cells.step_a(50.0, 3600.0) == "empty"
    assert cells.soc == 0.0 and cells.stored_j == 0.0
    assert cells.step_a(50.0, 1.0) == "empty" and cells.last[2] == 0.0
    assert cells.step_a(-50.0, 2 * 3600.0 * 102 / 50) == "full"
    assert cells.soc == 1.0


def test_too_much_power_is_refused_and_warmth_and_ageing_follow_use():
    cells = pack()
    assert cells.step_w(1e6, 1e-3) == "infeasible"
    low_w, high_w = pack().limits_w(1.0)
    assert low_w < 0.0 < high_w
    cells = pack()
    for _ in range(4):
        cells.step_a(50.0, 1800.0)
        cells.step_a(-50.0, 1800.0)
    calendar, cycle = cells.fade
    assert cells.degc > 25.0 and calendar > 0.0 and cycle > 0.0


def test_bad_packs_are_refused():
    with pytest.raises(ValueError, match="soc"):
        pack(1.5)
    with pytest.raises(ValueError, match="step"):
        pack().step_a(1.0, 0.0)
