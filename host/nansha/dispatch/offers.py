"""What each asset can do in this cycle, as devices of the balance: bounds, cost, and why.

Everything is bus injection in W. An asset becomes one device or two: a battery charges at one worth
and discharges at another. Costs stand in tiers: no price can buy what an earlier tier wants."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from nansha.dispatch.value import Worth
from nansha.image import Sample
from nansha.site import Battery, EvCharger, Poi, Pv


class Tier(IntEnum):
    """What is decided first, and only among equals the next."""

    departure = 0
    """A car that has to leave gets its energy."""
    renewables = 1
    """No renewable Wh is left for money."""
    price = 2
    """CNY/kWh; in an island, which has no price, the order of use."""


ISLAND_EV = -5.0
"""In an island a car takes only what would be curtailed otherwise."""
ISLAND_CHARGE = -1.0
ISLAND_DISCHARGE = 1.0
EV_URGENT_FROM, EV_URGENT_TO = 0.85, 0.70
"""Share of the time left that full power needs: from here on the car has to charge, until there.
One threshold alone would open and close the contactor every few seconds."""
EV_TIE = 1e-6
"""At the very price it may pay a car charges fully, and does not share a tie with the grid."""
TAPER_SOC = 0.02
"""Width in which the battery's power fades at the ends of its window."""


@dataclass(slots=True)
class Offer:
    """One device of the balance."""

    asset: str
    low_w: float
    high_w: float
    cost: float
    """Of a W in its tier; in all others it costs nothing."""
    tier: Tier
    why_low: str = ""
    """Reason when it sits at `low_w`."""
    why_high: str = ""
    """Reason when it sits at `high_w`."""


@dataclass(slots=True)
class Offers:
    """All devices of one cycle, in a fixed order."""

    items: list[Offer] = field(default_factory=list)

    def add(
        self,
        asset: str,
        low_w: float,
        high_w: float,
        cost: float,
        low: str,
        high: str,
        tier: Tier = Tier.price,
    ) -> None:
        """Append one device."""
        self.items.append(Offer(asset, min(low_w, high_w), high_w, cost, tier, low, high))


def pv_available_w(pv: Pv, sample: Sample) -> float:
    """What the array could give now, W: what it gives, unless a limit holds it."""
    if not sample.closed:
        return 0.0
    if sample.p_set_w >= pv.rated_w * 0.999 or sample.p_w < sample.p_set_w - 0.03 * pv.rated_w:
        return min(pv.rated_w, max(0.0, sample.p_w))
    estimate = pv.rated_w * sample.x / 1000 * 0.9
    return min(pv.rated_w, max(sample.p_w, estimate, 0.0))


def offer_pv(offers: Offers, pv: Pv, available_w: float) -> None:
    """All that the sun gives, before any price."""
    offers.add(pv.id, 0.0, available_w, -1.0, "surplus", "unconstrained", Tier.renewables)


def discharge_floor(battery: Battery, island: bool) -> float:
    """State of charge down to which it discharges: the reserve is for an island."""
    if island or battery.soc_reserve is None:
        return battery.soc_min
    return max(battery.soc_min, battery.soc_reserve)


def discharge_limit_w(battery: Battery, soc: float, floor: float) -> float:
    """Highest discharge, W; fades to 0 over the last 2 % above the floor."""
    return battery.rated_w * min(1.0, max(0.0, (soc - floor) / TAPER_SOC))


def charge_limit_w(battery: Battery, soc: float) -> float:
    """Highest charge, W, positive; fades to 0 over the last 2 % below soc_max."""
    return battery.rated_w * min(1.0, max(0.0, (battery.soc_max - soc) / TAPER_SOC))


def offer_battery(
    offers: Offers, battery: Battery, sample: Sample, worth: Worth, island: bool
) -> None:
    """Discharge and charge, each with its worth and the window's limit."""
    down_w = discharge_limit_w(battery, sample.x, discharge_floor(battery, island))
    up_w = charge_limit_w(battery, sample.x)
    if not sample.closed:
        down_w = up_w = 0.0
    full = "storage_full" if up_w < battery.rated_w else "storage_power"
    empty = "storage_empty" if down_w < battery.rated_w else "storage_power"
    above = ISLAND_DISCHARGE if island else worth.discharge_above
    below = ISLAND_CHARGE if island else worth.charge_below
    offers.add(battery.id, 0.0, down_w, above, "price", empty)
    offers.add(battery.id, -up_w, 0.0, below, full, "price")


def offer_poi(offers: Offers, poi: Poi, buy: float, sell: float, connected: bool) -> None:
    """Import at the tariff, export at the feed-in price; nothing in an island."""
    import_w = poi.import_limit_w if connected else 0.0
    export_w = poi.export_limit_w if connected else 0.0
    why = "grid" if connected else "island"
    offers.add(poi.id, 0.0, import_w, buy, why, "import_cap" if connected else why)
    offers.add(
        poi.id, -export_w, 0.0, min(sell, buy - 1e-6), "export_cap" if connected else why, why
    )


def offer_ev(
    offers: Offers,
    ev: EvCharger,
    sample: Sample,
    delivered_wh: float,
    hours_left: float,
    usual_price: float,
    island: bool,
) -> None:
    """A car takes cheap and surplus energy, and whatever it takes to leave on time.

    `usual_price`: what the session may pay while there is time, CNY/kWh.
    """
    missing_wh = max(0.0, ev.session_energy_wh - delivered_wh)
    wants_w = ev.rated_w if sample.input and missing_wh > 0 else 0.0
    share = EV_URGENT_TO if sample.closed else EV_URGENT_FROM
    urgent = missing_wh >= share * ev.rated_w * max(0.0, hours_left)
    tier = Tier.price
    if island:
        cost, why = ISLAND_EV, "island"
    elif urgent:
        cost, why, tier = 1.0, "departure", Tier.departure
    else:
        cost, why = usual_price + EV_TIE, "price"
    offers.add(ev.id, -wants_w, 0.0, cost, "charging" if wants_w else "idle", why, tier)
