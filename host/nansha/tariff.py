"""Time-of-use tariffs as dated data: what a kWh costs at a moment, and why.

price = round_half_up(flat x ratio of the period) + surcharge; the sharp price is the rounded peak
price x 1.25, rounded again. All in decimals, so that a published table is met to its last digit.
"""

import tomllib
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from nansha.errors import NanshaError
from nansha_boards import known_hint

PeriodName = Literal["valley", "flat", "peak", "sharp"]
Hours = tuple[tuple[int, int], ...]
Confidence = Literal["A", "B", "C"]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Price(_Row):
    """The flat price from a day on."""

    valid_from: date = Field(alias="from")
    """First day."""
    flat_cny_per_kwh: Decimal = Field(gt=0)
    """Flat price without surcharges, not rounded."""
    surcharge_cny_per_kwh: Decimal
    """Government surcharges, the same in every period."""
    source: str
    """Where the number comes from."""
    confidence: Confidence
    """A: read in a public text; B: a secondary source; C: recalled."""


class FeedIn(_Row):
    """What an exported kWh earns from a day on."""

    valid_from: date = Field(alias="from")
    """First day."""
    cny_per_kwh: Decimal
    """Price of an exported kWh."""
    source: str
    """Where the number comes from."""
    confidence: Confidence
    """A: read in a public text; B: a secondary source; C: recalled."""


class Ratio(_Row):
    """Ratios to the flat price."""

    valley: Decimal
    """Valley over flat."""
    flat: Decimal = Decimal(1)
    """Flat over flat."""
    peak: Decimal
    """Peak over flat."""
    sharp_over_peak: Decimal
    """Sharp over peak."""


class Sharp(_Row):
    """When the peak is sharp."""

    hours: Hours
    """Half-open hours."""
    months: tuple[int, ...]
    """Months in which they hold every day."""
    hot_day_degc: float
    """On other days they hold where the forecast maximum reaches this, degrees C."""


class Rules(_Row):
    """The rules that several tariffs share."""

    title: str
    """Name for people."""
    valid_from: date
    """First day."""
    timezone: str
    """Time zone of the hours."""
    round_to_cny: Decimal
    """Step that prices without surcharges are rounded to, half up."""
    source: str
    """The text."""
    confidence: Confidence
    """How far it is to be believed."""
    ratio: Ratio
    """Ratios to the flat price."""
    hours: dict[Literal["valley", "peak"], Hours]
    """Half-open hours; what is named nowhere is flat."""
    sharp: Sharp
    """The sharp peak."""


class HourPrice(_Row):
    """One hour of a schedule."""

    hour: int
    """Hour of the local day, 0…23."""
    period: PeriodName
    """Its period."""
    import_cny_per_kwh: float
    """Price of an imported kWh."""
    export_cny_per_kwh: float
    """Price of an exported kWh."""


class Tariff(_Row):
    """A tariff: rules, dated prices, dated feed-in prices."""

    name: str
    """Name used in a site file, the same as the file's."""
    title: str
    """Name for people."""
    rules: Rules
    """Hours and ratios."""
    price: tuple[Price, ...] = Field(min_length=1)
    """Flat prices by date."""
    feed_in: tuple[FeedIn, ...] = Field(min_length=1)
    """Feed-in prices by date."""

    def period(self, local: datetime, hot_day: bool = False) -> PeriodName:
        """The period of a moment; a datetime without a zone is local time already."""
        local = self._local(local)
        hour, rules = local.hour, self.rules
        if _within(hour, rules.sharp.hours) and (hot_day or local.month in rules.sharp.months):
            return "sharp"
        for name in ("valley", "peak"):
            if _within(hour, rules.hours.get(name, ())):
                return name
        return "flat"

    def price_cny_per_kwh(self, local: datetime, hot_day: bool = False) -> float:
        """Price of an imported kWh; NanshaError before the first dated price.

        `hot_day`: the announced forecast maximum reaches rules.sharp.hot_day_degc.
        """
        local = self._local(local)
        return float(self._price_of(self.period(local, hot_day), self.price_row(local.date())))

    def feed_in_cny_per_kwh(self, local: datetime) -> float:
        """Price of an exported kWh; NanshaError before the first dated price."""
        return float(self.feed_in_row(self._local(local).date()).cny_per_kwh)

    def schedule(self, day: date, hot_day: bool = False) -> tuple[HourPrice, ...]:
        """The 24 hours of a local day."""
        start = datetime(day.year, day.month, day.day)
        moments = [start + timedelta(hours=hour) for hour in range(24)]
        return tuple(
            HourPrice(
                hour=at.hour,
                period=self.period(at, hot_day),
                import_cny_per_kwh=self.price_cny_per_kwh(at, hot_day),
                export_cny_per_kwh=self.feed_in_cny_per_kwh(at),
            )
            for at in moments
        )

    def is_hot(self, forecast_max_degc: float) -> bool:
        """Whether a forecast maximum makes the sharp peak hold outside its months."""
        return forecast_max_degc >= self.rules.sharp.hot_day_degc

    def price_row(self, day: date) -> Price:
        """The dated row in force on a day."""
        rows = [row for row in self.price if row.valid_from <= day]
        return max(rows, key=lambda row: row.valid_from) if rows else self._too_early(day)

    def feed_in_row(self, day: date) -> FeedIn:
        """The dated feed-in row in force on a day."""
        rows = [row for row in self.feed_in if row.valid_from <= day]
        return max(rows, key=lambda row: row.valid_from) if rows else self._too_early(day)

    def caveat(self, day: date) -> str:
        """One line on how old and how sure the prices of a day are, for every report."""
        price, feed_in = self.price_row(day), self.feed_in_row(day)
        return (
            f"prices of {price.valid_from} (confidence {price.confidence}), "
            f"feed-in of {feed_in.valid_from} (confidence {feed_in.confidence})"
        )

    def _price_of(self, period: PeriodName, row: Price) -> Decimal:
        ratio, step = self.rules.ratio, self.rules.round_to_cny
        if period == "sharp":
            peak = _half_up(row.flat_cny_per_kwh * ratio.peak, step)
            return _half_up(peak * ratio.sharp_over_peak, step) + row.surcharge_cny_per_kwh
        return _half_up(row.flat_cny_per_kwh * getattr(ratio, period), step) + (
            row.surcharge_cny_per_kwh
        )

    def _local(self, moment: datetime) -> datetime:
        if moment.tzinfo is None:
            return moment
        return moment.astimezone(ZoneInfo(self.rules.timezone)).replace(tzinfo=None)

    def _too_early(self, day: date) -> Any:
        first = max(
            min(row.valid_from for row in self.price), min(row.valid_from for row in self.feed_in)
        )
        raise NanshaError(
            f"no price for {day}", f"tariff {self.name}", f"its prices start on {first}"
        )


@cache
def tariff_names() -> tuple[str, ...]:
    """Names of the tariffs that ship with the package, sorted."""
    entries = (files("nansha") / "data" / "tariffs").iterdir()
    return tuple(sorted(e.name[:-5] for e in entries if e.name.endswith(".toml")))


@cache
def load_tariff(name: str) -> Tariff:
    """The tariff of that name; NanshaError, naming the nearest one, where there is none."""
    known = tariff_names()
    if name not in known:
        raise NanshaError(f"unknown tariff {name!r}", mend=known_hint(name, known))
    own = _read("tariffs", name)
    rules = _read("tou_rules", own["rules"])
    rules["ratio"] |= own.pop("ratio", {})
    return Tariff.model_validate({**own, "name": name, "rules": rules})


def _read(folder: str, name: str) -> dict[str, Any]:
    path = files("nansha") / "data" / folder / f"{name}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _within(hour: int, spans: Hours) -> bool:
    return any(start <= hour < end for start, end in spans)


def _half_up(value: Decimal, step: Decimal) -> Decimal:
    return value.quantize(step, rounding=ROUND_HALF_UP)
