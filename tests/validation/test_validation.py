"""The plant's kernels against programs and formulas that were not written here."""

import numpy as np
import pytest
from closes import day
from compare import (
    HEATS_DEGC,
    SUNS_W_PER_M2,
    maximum_power,
    module_current,
    published_point,
    pulse,
    random_points,
)
from networks import case33bw, cigre_lv


@pytest.mark.parametrize("make", [cigre_lv, case33bw])
def test_voltages_equal_pandapower(make):
    _, sides = published_point(make)
    assert np.abs(sides.ours - sides.theirs).max() <= 1e-9


@pytest.mark.parametrize("make", [cigre_lv, case33bw])
@pytest.mark.parametrize("phases", [1, 3])
def test_voltages_equal_power_grid_model(make, phases):
    assert random_points(make, phases) <= 1e-9


@pytest.mark.parametrize("heat_degc", HEATS_DEGC)
def test_array_equals_pvlib(heat_degc):
    assert maximum_power(heat_degc).percent <= 1e-6
    for sun in SUNS_W_PER_M2:
        sides = module_current(sun, heat_degc)
        assert np.abs(sides.ours - sides.theirs).max() <= 1e-7


def test_pulse_response_equals_the_closed_form():
    assert pulse().percent <= 1e-7


def test_energy_closes_over_a_day():
    residual_wh, throughput_wh = day()
    assert throughput_wh > 100_000.0
    assert abs(residual_wh) <= 1e-6 * throughput_wh
