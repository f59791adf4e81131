"""Why power is missing, when neither node nor host gives a reason."""

from types import SimpleNamespace

import pytest

from nansha_hil.plant import BusMode
from nansha_hil.recorder import Recorder


@pytest.mark.parametrize(
    ("volts", "why"), [(10.0, "bus_dead"), (66.0, "bus_collapsed"), (219.0, "transition")]
)
def test_a_bus_that_has_collapsed_is_the_reason(volts, why):
    recorder = Recorder.__new__(Recorder)
    bus = SimpleNamespace(nominal_v=220.0)
    recorder.plant = SimpleNamespace(bus_v=volts, spec=SimpleNamespace(bus=bus))
    session = SimpleNamespace(image_of=lambda asset: None)
    dispatch = SimpleNamespace(assets=())
    assert recorder._why("load", session, dispatch) == why


def test_only_an_island_has_extremes_of_frequency():
    recorder = Recorder.__new__(Recorder)
    recorder._begun, recorder._heard = True, 0
    recorder.lowest_hz, recorder.highest_hz = 60.0, 40.0
    for mode, hertz in ((BusMode.GRID, 45.0), (BusMode.ISLAND, 49.7), (BusMode.ISLAND, 50.2)):
        recorder.plant = SimpleNamespace(mode=mode, frequency=SimpleNamespace(hz=hertz), events=[])
        recorder.look()
    assert (recorder.lowest_hz, recorder.highest_hz) == (49.7, 50.2)
