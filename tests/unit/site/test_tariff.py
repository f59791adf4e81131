"""Tariffs: published tables to the last digit, hours, dates."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nansha.errors import NanshaError
from nansha.tariff import load_tariff, tariff_names

GUANGZHOU = load_tariff("guangzhou_industrial_lt1kv")
NORTH = load_tariff("guangdong_north_industrial")
ICE = load_tariff("guangzhou_ice_storage")

moments = st.datetimes(datetime(2021, 10, 1), datetime(2035, 1, 1))


@pytest.mark.parametrize(
    ("moment", "hot", "price"),
    [
        ("2021-10-11T09:00", False, 0.6725),
        ("2021-10-11T03:00", False, 0.2556),
        ("2021-10-11T14:00", False, 1.1433),
        ("2021-10-11T11:30", True, 1.4291),
    ],
)
def test_golden_guangzhou_october_2021(moment, hot, price):
    assert GUANGZHOU.price_cny_per_kwh(datetime.fromisoformat(moment), hot) == price


@pytest.mark.parametrize(
    ("hour", "price"), [(9, 0.66096875), (3, 0.26826875), (14, 1.10426875), (11, 1.37346875)]
)
def test_golden_north_guangdong_july_2026(hour, price):
    seen = NORTH.price_cny_per_kwh(datetime(2026, 7, 15, hour), False)
    assert seen == pytest.approx(price, abs=1e-12)


def test_ice_storage_ratios():
    at = datetime(2021, 10, 11)
    valley, peak = (ICE.price_cny_per_kwh(at.replace(hour=h)) for h in (1, 14))
    assert (valley, peak) == (0.1681, 1.1096)  # 0.6725 x 0.25 and x 1.65, half up


def letters(day, hot=False, tariff=GUANGZHOU):
    short = {"valley": "v", "flat": "f", "peak": "p", "sharp": "s"}
    return "".join(short[hour.period] for hour in tariff.schedule(day, hot))


def test_hours_of_a_day():
    assert letters(date(2026, 4, 1)) == "vvvvvvvvffppffpppppfffff"
    assert letters(date(2026, 8, 1)) == "vvvvvvvvffpsffpssppfffff"
    assert letters(date(2026, 4, 1), hot=True) == letters(date(2026, 8, 1))


@pytest.mark.parametrize("month", range(1, 13))
def test_sharp_months(month):
    assert ("s" in letters(date(2026, month, 15))) == (month in (7, 8, 9))
    assert "s" in letters(date(2026, month, 15), hot=True)


def test_the_hot_day_begins_at_35_degrees():
    assert GUANGZHOU.is_hot(35.0) and not GUANGZHOU.is_hot(34.9)


@pytest.mark.parametrize(
    ("clock", "period"),
    [
        ("07:59:59", "valley"),
        ("08:00:00", "flat"),
        ("09:59:59", "flat"),
        ("10:00:00", "peak"),
        ("10:59:59", "peak"),
        ("11:00:00", "sharp"),
        ("11:59:59", "sharp"),
        ("12:00:00", "flat"),
        ("14:00:00", "peak"),
        ("15:00:00", "sharp"),
        ("16:59:59", "sharp"),
        ("17:00:00", "peak"),
        ("18:59:59", "peak"),
        ("19:00:00", "flat"),
        ("23:59:59", "flat"),
        ("00:00:00", "valley"),
    ],
)
def test_hours_are_half_open(clock, period):
    assert GUANGZHOU.period(datetime.fromisoformat(f"2026-07-01T{clock}")) == period


@given(moments, st.integers(-11, 12))
def test_a_zone_is_converted_and_none_is_local(local, shift_h):
    zone = timezone(timedelta(hours=8))  # Guangdong, without summer time since 1991
    aware = local.replace(tzinfo=zone).astimezone(timezone(timedelta(hours=shift_h)))
    assert GUANGZHOU.period(aware) == GUANGZHOU.period(local)
    assert GUANGZHOU.price_cny_per_kwh(aware) == GUANGZHOU.price_cny_per_kwh(local)


def test_utc_by_hand():
    assert GUANGZHOU.period(datetime(2026, 3, 31, 16, 30, tzinfo=UTC)) == "valley"
    # 2021-09-30 16:30 UTC is already the first day of the tariff.
    assert GUANGZHOU.price_cny_per_kwh(datetime(2021, 9, 30, 16, 30, tzinfo=UTC)) == 0.2556


@given(moments, st.booleans())
def test_the_order_of_prices_never_turns(moment, hot):
    rank = ["valley", "flat", "peak", "sharp"]
    for tariff in (GUANGZHOU, ICE):
        day = tariff.schedule(moment.date(), hot)
        assert len(day) == 24
        by_price = sorted(day, key=lambda h: h.import_cny_per_kwh)
        periods = [rank.index(h.period) for h in by_price]
        assert periods == sorted(periods)
        hour = day[moment.hour]
        assert hour.period == tariff.period(moment, hot)
        assert hour.import_cny_per_kwh == tariff.price_cny_per_kwh(moment, hot)
        assert hour.export_cny_per_kwh == tariff.feed_in_cny_per_kwh(moment)


def test_feed_in_is_dated_and_says_how_sure_it_is():
    row = GUANGZHOU.feed_in_row(date(2026, 1, 1))
    assert (float(row.cny_per_kwh), row.confidence) == (0.453, "C")
    assert GUANGZHOU.caveat(date(2026, 1, 1)) == (
        "prices of 2021-10-01 (confidence B), feed-in of 2017-07-01 (confidence C)"
    )


def test_a_later_row_takes_over_on_its_day():
    later = GUANGZHOU.price[0].model_copy(update={"valid_from": date(2026, 1, 1)})
    both = GUANGZHOU.model_copy(update={"price": (later, *GUANGZHOU.price)})
    assert both.price_row(date(2025, 12, 31)).valid_from == date(2021, 10, 1)
    assert both.price_row(date(2026, 1, 1)).valid_from == date(2026, 1, 1)


def test_before_the_first_price():
    with pytest.raises(NanshaError) as caught:
        GUANGZHOU.price_cny_per_kwh(datetime(2021, 9, 30, 12))
    assert str(caught.value) == (
        "tariff guangzhou_industrial_lt1kv: no price for 2021-09-30; its prices start on 2021-10-01"
    )


def test_every_tariff_that_ships_loads_and_has_sources():
    for name in tariff_names():
        tariff = load_tariff(name)
        assert tariff.name == name
        assert all(row.source for row in (*tariff.price, *tariff.feed_in))
        assert len(tariff.schedule(date(2026, 8, 1))) == 24
