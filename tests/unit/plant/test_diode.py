"""The maximum of an array: no working point beats it, shaded or not; warm is as good as cold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nansha_hil.plant.diode import Array
from nansha_hil.plant.diode_data import JKM400M_72L

SUN = st.floats(1.0, 1300.0)
HEAT = st.floats(-20.0, 85.0)


def test_rating_at_standard_conditions():
    assert Array(JKM400M_72L, 10_000.0).mpp_w(1000.0, 25.0) == pytest.approx(10_000.0, rel=1e-12)
    assert Array(JKM400M_72L, 10_000.0).mpp_w(0.0, 25.0) == 0.0


@given(SUN, HEAT)
def test_no_point_of_the_curve_beats_it(sun, heat):
    array = Array(JKM400M_72L, 400.0)
    best_w = array.mpp_w(sun, heat) / array.scale
    volts, amps = array.point
    assert array.i_a(volts, sun, heat) == pytest.approx(amps, rel=1e-9)
    for v in np.linspace(0.0, 1.4 * volts, 60):
        assert v * array.i_a(v, sun, heat) <= best_w * (1.0 + 1e-9)


@given(st.lists(st.tuples(SUN, HEAT), min_size=2, max_size=8), st.permutations([1.0, 0.7, 0.2]))
def test_warm_equals_cold_and_shade_has_no_order(days, fractions):
    warm = Array(JKM400M_72L, 400.0)
    warm.shade(fractions)
    for sun, heat in days:
        cold = Array(JKM400M_72L, 400.0)
        cold.shade([1.0, 0.7, 0.2])
        assert warm.mpp_w(sun, heat) == pytest.approx(cold.mpp_w(sun, heat), rel=1e-9)


@given(SUN, HEAT, st.floats(0.05, 0.99))
def test_shade_costs_and_bypass_bounds_the_loss(sun, heat, share):
    array = Array(JKM400M_72L, 400.0)
    bright_w = array.mpp_w(sun, heat)
    even_w = array.mpp_w(sun * share, heat)
    array.shade([1.0, 1.0, share])
    assert even_w * (1 - 1e-9) <= array.mpp_w(sun, heat) <= bright_w * (1 + 1e-9)


def test_bad_arrays_are_refused():
    with pytest.raises(ValueError, match="rated_w"):
        Array(JKM400M_72L, 0.0)
    with pytest.raises(ValueError, match="share"):
        Array(JKM400M_72L, 1.0).shade([1.5])
