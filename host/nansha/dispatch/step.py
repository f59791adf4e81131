"""One cycle: `Controller.step(state, image) -> (state, dispatch)`.

Everything the host decides is decided here, on one frozen image, without I/O and without a clock.
The order: mode, loads by tier, balance and its certificate, setpoints, contingencies.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta

from nansha.dispatch import tiers
from nansha.dispatch.model import LEASE_MS, AssetDispatch, Dispatch, Mode
from nansha.dispatch.offers import (
    Offers,
    charge_limit_w,
    discharge_floor,
    discharge_limit_w,
    offer_battery,
    offer_ev,
    offer_poi,
    offer_pv,
    pv_available_w,
)
from nansha.dispatch.prices import Prices
from nansha.dispatch.solve import Balanced, Balancer
from nansha.dispatch.state import ControlState
from nansha.dispatch.transition import LIVE_PU, breaker_closed, bus_alive, next_mode, next_nudge
from nansha.dispatch.value import Worth, worth
from nansha.image import STALE_MS, Image, Sample
from nansha.site import Battery, EvCharger, Load, Poi, Pv, Site

ARM_HZ = 0.2
"""Below nominal: GB/T 15945's limit, which a connected grid never crosses for long."""
ISLAND_ARM_HZ = 0.4
"""In an island, whose frequency wanders with its droop."""
CLOUD = 0.7
"""Share of the sun's power that is counted on in the next seconds."""
SPARE = 0.9
"""Share of the battery's rating that is counted on; the rest is for what the host does not see."""
REMEMBERED_MS = 120_000
"""For so long a silent battery is taken to hold the island that is alive."""
FIRST_GUESS = 0.6
"""Share of its rating that a load is taken to draw before it has ever been seen."""


class Controller:
    """The dispatch and transition functions of one site."""

    def __init__(self, site: Site, prices: Prices) -> None:
        self.site = site
        self.prices = prices
        self._actual = Balancer()
        self._full_sun = Balancer()
        self._pv = [a for a in site.assets if isinstance(a, Pv)]
        self._batteries = [a for a in site.assets if isinstance(a, Battery)]
        self._loads = [a for a in site.assets if isinstance(a, Load)]
        self._chargers = [a for a in site.assets if isinstance(a, EvCharger)]
        self._worth_of: dict[str, tuple[int, Worth]] = {}

    def step(self, state: ControlState, image: Image) -> tuple[ControlState, Dispatch]:
        """Decide on `image`; `state` is left as it was.

        Raises nansha_core.CertificateError rather than send a wrong answer.
        """
        state = state.copy()
        self._account(state, image)
        state.mode = next_mode(self.site, state, image)
        state.nudge = next_nudge(self.site, state, image)
        on = self._choose_loads(state, image)
        demand_w = sum(
            self._demand_w(state, load) for load in self._loads if load.id in on
        ) - self._fixed_w(image)
        balanced = self._balance(state, image, demand_w)
        limits = self._pv_limits(state, image, demand_w, balanced)
        armed = self._contingency(state, image)
        assets = []
        for asset in self.site.assets:
            sample = image.fresh(asset.id)
            if sample is None:
                continue  # silent: its lease runs out, and its own rule holds it
            assets.append(
                self._setpoint(asset, sample, image, state, balanced, limits, on, asset.id in armed)
            )
        state.t_ms = image.t_ms
        return state, Dispatch(
            image.t_ms,
            state.mode,
            balanced.price,
            balanced.residual_w,
            balanced.shortage_w,
            balanced.surplus_w,
            tuple(assets),
        )

    # what has been seen

    def _account(self, state: ControlState, image: Image) -> None:
        """Carry on what only the past tells: demand of open loads, energy of charging sessions."""
        hours = max(0, image.t_ms - state.t_ms) / 3.6e6 if state.t_ms >= 0 else 0.0
        for load in self._loads:
            sample = image.fresh(load.id)
            if sample is not None and sample.closed and sample.v_v > 0.8 * self.site.info.nominal_v:
                state.demand_w[load.id] = max(0.0, -sample.p_w)
        for ev in self._chargers:
            sample = image.fresh(ev.id)
            if sample is None:
                continue
            if not sample.input:
                state.ev_wh[ev.id] = 0.0
            else:
                taken_w = max(0.0, -sample.p_w)  # a meter wired backwards takes nothing away
                state.ev_wh[ev.id] = state.ev_wh.get(ev.id, 0.0) + taken_w * min(hours, 0.01)

    def _demand_w(self, state: ControlState, load: Load) -> float:
        return state.demand_w.get(load.id, load.rated_w * FIRST_GUESS)

    def _fixed_w(self, image: Image) -> float:
        """Power of assets that are silent but still hold the lease that they had."""
        return sum(
            sample.p_w
            for asset in (*self._pv, *self._batteries, *self._chargers)
            if (sample := image.samples.get(asset.id)) is not None
            and STALE_MS < sample.age_ms <= LEASE_MS
        )

    # loads

    def _sources_w(self, image: Image) -> float:
        return sum(
            pv_available_w(pv, sample)
            for pv in self._pv
            if (sample := image.fresh(pv.id)) is not None
        )

    def _storage_w(self, image: Image, island: bool) -> tuple[float, float]:
        """What the batteries can give, W, and their state of charge by energy.

        The reserve for an island is given only in an island.
        """
        power_w = energy_wh = capacity_wh = 0.0
        alive = bus_alive(self.site, image)
        for battery in self._batteries:
            sample = image.fresh(battery.id)
            if sample is None and alive:  # silent, but a live island has to be held by somebody
                sample = image.samples.get(battery.id)
                if sample is not None and sample.age_ms > REMEMBERED_MS:
                    sample = None
            if sample is None or not sample.closed:
                continue
            power_w += discharge_limit_w(battery, sample.x, discharge_floor(battery, island))
            energy_wh += sample.x * battery.capacity_wh
            capacity_wh += battery.capacity_wh
        return power_w, energy_wh / capacity_wh if capacity_wh else 0.0

    def _candidates(self, state: ControlState) -> list[tiers.Candidate]:
        return [
            tiers.Candidate(
                load.id, load.tier, self._demand_w(state, load), state.shed_ms.get(load.id, -1)
            )
            for load in self._loads
        ]

    def _choose_loads(self, state: ControlState, image: Image) -> set[str]:
        """The loads that are to be on; keeps the record of who is off, since when and why."""
        free_w = self._sources_w(image) * CLOUD
        connected = state.mode in (Mode.GRID_CONNECTED, Mode.UNKNOWN)
        storage_w, soc = self._storage_w(image, not connected)
        if connected:
            available_w, why = self.site.poi.import_limit_w + free_w + storage_w, "import_cap"
            energy: float | None = None
        elif state.mode is Mode.BLACK:
            available_w, why, energy = 0.0, "black", 0.0
        else:
            available_w, why, energy = free_w + storage_w * SPARE, "island", soc
        on, returning = tiers.keep(
            self._candidates(state), available_w, energy, free_w, image.t_ms, state.restored_ms
        )
        if returning:
            state.restored_ms = image.t_ms
        for load in self._loads:
            if load.id in on:
                state.shed.pop(load.id, None)
                state.shed_ms.pop(load.id, None)
            elif load.id not in state.shed:
                state.shed[load.id] = why
                state.shed_ms[load.id] = image.t_ms
        return on

    # balance

    def _offers(self, state: ControlState, image: Image, full_sun: bool) -> Offers:
        connected = state.mode in (Mode.GRID_CONNECTED, Mode.UNKNOWN)
        buy, sell = self.prices.buy(image.t_ms), self.prices.sell(image.t_ms)
        offers = Offers()
        for pv in self._pv:
            sample = image.fresh(pv.id)
            high_w = 0.0
            if sample is not None and sample.closed:
                high_w = pv.rated_w if full_sun else pv_available_w(pv, sample)
            offer_pv(offers, pv, high_w)
        for battery in self._batteries:
            sample = image.fresh(battery.id)
            if sample is not None:
                value = self._worth(battery, image.t_ms)
                offer_battery(offers, battery, sample, value, not connected)
        for ev in self._chargers:
            sample = image.fresh(ev.id)
            if sample is not None:
                self._offer_ev(offers, ev, sample, state, image.t_ms, not connected)
        offer_poi(offers, self.site.poi, buy, sell, connected)
        return offers

    def _worth(self, battery: Battery, t_ms: int) -> Worth:
        slot = self.prices.slot(t_ms)
        known = self._worth_of.get(battery.id)
        if known is None or known[0] != slot:
            efficiency = battery.efficiency_charge * battery.efficiency_discharge
            known = (slot, worth(self.prices.ahead(t_ms), efficiency))
            self._worth_of[battery.id] = known
        return known[1]

    def _offer_ev(
        self,
        offers: Offers,
        ev: EvCharger,
        sample: Sample,
        state: ControlState,
        t_ms: int,
        island: bool,
    ) -> None:
        local = self.prices.local(t_ms)
        leaves = datetime.combine(local.date(), time.fromisoformat(ev.departure), local.tzinfo)
        if leaves <= local:
            leaves += timedelta(days=1)
        hours_left = (leaves - local).total_seconds() / 3600
        ahead = self.prices.ahead(t_ms)[: max(1, int(hours_left * 4))]
        # While there is time, it pays no more than the middle of the prices until it leaves.
        usual = sorted(ahead)[len(ahead) // 2]
        delivered_wh = state.ev_wh.get(ev.id, 0.0)
        offer_ev(offers, ev, sample, delivered_wh, hours_left, usual, island)

    def _balance(self, state: ControlState, image: Image, demand_w: float) -> Balanced:
        """Balance, with a charger's gap between nothing and 6 A closed from its better side.

        One charger at a time: each that is settled shifts power to the others, and they may fall
        into theirs.
        """
        offers = self._offers(state, image, full_sun=False)
        balanced = self._actual.solve(offers, demand_w)
        while (ev := self._in_gap(balanced)) is not None:
            power_w = -balanced.p_w[ev.id]
            offer = next(item for item in offers.items if item.asset == ev.id)
            # Half way decides: below, the car waits for more; above, 6 A cost little else.
            held_w = ev.min_w if power_w >= ev.min_w / 2 and -offer.low_w >= ev.min_w else 0.0
            short_w = balanced.shortage_w
            offer.low_w = offer.high_w = -held_w
            balanced = self._actual.solve(offers, demand_w)
            if balanced.shortage_w > short_w:  # 6 A that nothing can give
                offer.low_w = offer.high_w = 0.0
                balanced = self._actual.solve(offers, demand_w)
        return balanced

    def _in_gap(self, balanced: Balanced) -> EvCharger | None:
        for ev in self._chargers:
            if 0.0 < -balanced.p_w.get(ev.id, 0.0) < ev.min_w:
                return ev
        return None

    def _pv_limits(
        self, state: ControlState, image: Image, demand_w: float, balanced: Balanced
    ) -> dict[str, tuple[int, str]]:
        """Limit and reason of each array.

        Grid-connected and unconstrained the limit is the rating: an estimate must not curtail. In
        an island it is what would be wanted under full sun, so that a cloud's end surprises nobody.
        """
        free = all(balanced.why.get(pv.id) == "unconstrained" for pv in self._pv)
        if state.mode in (Mode.GRID_CONNECTED, Mode.UNKNOWN) and free:
            return {pv.id: (round(pv.rated_w), "unconstrained") for pv in self._pv}
        offers = self._offers(state, image, full_sun=True)
        for item in offers.items:
            if any(item.asset == ev.id for ev in self._chargers):
                item.low_w = item.high_w = balanced.p_w[item.asset]
        wanted = self._full_sun.solve(offers, demand_w)
        why = self._why_not_all(state, image)
        limits = {}
        for pv in self._pv:
            limit_w = round(wanted.p_w.get(pv.id, 0.0))
            held = limit_w < round(pv.rated_w)
            limits[pv.id] = (limit_w, why if held else "unconstrained")
        return limits

    def _why_not_all(self, state: ControlState, image: Image) -> str:
        if state.mode in (Mode.GRID_CONNECTED, Mode.UNKNOWN):
            return "export_cap"
        for battery in self._batteries:
            sample = image.fresh(battery.id)
            if sample is not None and charge_limit_w(battery, sample.x) >= battery.rated_w:
                return "island_storage_power"
        return "island_storage_full"

    # setpoints

    def _setpoint(
        self,
        asset: Pv | Battery | Load | EvCharger | Poi,
        sample: Sample,
        image: Image,
        state: ControlState,
        balanced: Balanced,
        limits: dict[str, tuple[int, str]],
        on: set[str],
        armed: bool,
    ) -> AssetDispatch:
        nominal_hz = self.site.info.nominal_hz
        arm_hz = ARM_HZ if state.mode is Mode.GRID_CONNECTED else ISLAND_ARM_HZ
        f_hz = nominal_hz - arm_hz if armed else 0.0
        if isinstance(asset, Pv):
            limit_w, why = limits[asset.id]
            return AssetDispatch(asset.id, limit_w, True, why, armed, f_hz, limit_w < sample.p_w)
        if isinstance(asset, Load):
            closed = asset.id in on
            power_w = -round(min(asset.rated_w, self._demand_w(state, asset))) if closed else 0
            why = "served" if closed else state.shed[asset.id]
            return AssetDispatch(
                asset.id, power_w, closed, why, armed, f_hz, sample.closed and not closed
            )
        if isinstance(asset, Poi):
            closed = breaker_closed(state.mode)
            power_w = round(balanced.p_w.get(asset.id, 0.0))
            return AssetDispatch(asset.id, power_w, closed, state.mode.value, armed, f_hz)
        power_w = round(balanced.p_w.get(asset.id, 0.0))
        why = balanced.why.get(asset.id, "balance")
        if isinstance(asset, EvCharger):
            less = power_w > sample.p_w
            return AssetDispatch(asset.id, power_w, power_w < 0, why, armed, f_hz, less)
        if state.mode is Mode.SYNCHRONISING:
            power_w = round(power_w + asset.rated_w * state.nudge)
        limit_w = round(asset.rated_w)
        closed = self._may_feed(asset, sample, state, image)
        return AssetDispatch(
            asset.id, max(-limit_w, min(limit_w, power_w)), closed, why, armed, f_hz
        )

    def _may_feed(
        self, battery: Battery, sample: Sample, state: ControlState, image: Image
    ) -> bool:
        """Whether a battery may be closed. A dead bus is woken by one source alone: by the grid if
        it is there, else by a battery that is not empty, and only while the breaker is known to be
        open."""
        if sample.v_v > LIVE_PU * self.site.info.nominal_v:
            return True
        poi = image.fresh(self.site.poi.id)
        breaker_open = poi is not None and not poi.closed
        if sample.closed:  # a sag, or a start that did not succeed: make way for the grid only
            return not (breaker_open and state.grid_ok_since_ms >= 0)
        return breaker_open and state.grid_ok_since_ms < 0 and sample.x > battery.soc_min

    # contingencies

    def _contingency(self, state: ControlState, image: Image) -> set[str]:
        """Who sheds by itself if the largest source goes: the grid, or in an island the sun."""
        storage_w, soc = self._storage_w(image, island=True)
        sources_w = self._sources_w(image) * (CLOUD if state.mode is Mode.GRID_CONNECTED else 0.0)
        now_on = [tiers.Candidate(c.asset, c.tier, c.demand_w, -1) for c in self._candidates(state)]
        on, _ = tiers.keep(
            now_on, sources_w + storage_w * SPARE, soc, sources_w, image.t_ms, state.restored_ms
        )
        armed = {load.id for load in self._loads if load.id not in on}
        return armed | {ev.id for ev in self._chargers}
