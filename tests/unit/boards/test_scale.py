import pytest
from hypothesis import given
from hypothesis import strategies as st

from nansha_boards import quantise_12bit, raw_from_value, scale_for, value_from_raw

# mV, mA, mHz, per mille and W/m2 that sites use, and far beyond.
spans = st.tuples(st.integers(-2_000_000, 2_000_000), st.integers(200, 4_000_000)).map(
    lambda t: (t[0], t[0] + t[1])
)


@given(spans, st.booleans())
def test_products_stay_small_ints(span, centred):
    num, shift, offset = scale_for(*span, centred=centred)
    assert 0 < num <= 16383
    assert 0 <= shift <= 30
    assert 65535 * num < 2**30
    assert -(2**30) <= offset < 2**30
    for raw in (0, 65535):
        assert -(2**30) <= value_from_raw(raw, (num, shift, offset)) < 2**30


@given(spans, st.booleans(), st.data())
def test_round_trip_within_one_count_of_12_bits(span, centred, data):
    low, high = span
    scale = scale_for(low, high, centred=centred)
    value = data.draw(st.integers(low, high))
    count = -(-(high - low) // 4095)
    seen = value_from_raw(quantise_12bit(raw_from_value(value, scale)), scale)
    assert abs(seen - value) <= count + 1  # + 1: whole units


@given(st.integers(0, 65535), spans)
def test_round_trip_from_the_reading(raw, span):
    scale = scale_for(*span)
    back = raw_from_value(value_from_raw(raw, scale), scale)
    unit_in_raw = (1 << scale[1]) // scale[0]
    assert abs(back - raw) <= unit_in_raw + 1


@given(spans, st.integers(0, 65534))
def test_never_falls_as_the_reading_rises(span, raw):
    scale = scale_for(*span)
    assert value_from_raw(raw, scale) <= value_from_raw(raw + 1, scale)


@given(spans)
def test_ends_of_the_range(span):
    low, high = span
    scale = scale_for(low, high)
    assert value_from_raw(0, scale) == low
    assert high <= value_from_raw(65535, scale) <= high + (high - low) // 4000 + 1


@given(st.integers(100, 3_000_000))
def test_a_centred_transducer_at_rest_reads_exactly_zero(half):
    scale = scale_for(-half, half, centred=True)
    assert value_from_raw(quantise_12bit(raw_from_value(0, scale)), scale) == 0


@given(st.integers(-(2**40), 2**40))
def test_inverse_clips_instead_of_wrapping(value):
    assert 0 <= raw_from_value(value, scale_for(0, 300_000)) <= 65535


def test_a_full_battery_reads_full():
    assert value_from_raw(65535, scale_for(0, 1000)) == 1000


@given(st.integers(-100, 70_000))
def test_quantised_reading_is_a_reading(raw):
    seen = quantise_12bit(raw)
    assert 0 <= seen <= 65535
    assert seen == quantise_12bit(seen)


@pytest.mark.parametrize("span", [(0, 0), (5, 4), (0, 2**31)])
def test_impossible_spans_are_refused(span):
    with pytest.raises(ValueError, match="scale from"):
        scale_for(*span)


def test_absent_signal_has_no_inverse():
    with pytest.raises(ValueError, match="no scale"):
        raw_from_value(1, (0, 0, 0))
