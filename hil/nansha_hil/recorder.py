"""Watches a run: what each Wh was for, what it cost, the series for the plots, the trace's hash."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from nansha.carbon import GridFactor, emissions_kgco2
from nansha.dispatch import Dispatch, Mode
from nansha.dispatch.prices import Prices
from nansha.session import Session, digest
from nansha_hil.board import Board
from nansha_hil.plant import LIVE_PU, BusMode, Load, Plant, Pv

J_PER_WH = 3600.0
CALM_S = 60
"""Samples for the plots: one a minute, every cycle around a disturbance, every contact's move."""
CLOSE_S = 120

_MOVES = {"opened": False, "closed": True}
"""What the plant calls a contact's moves, and how the contact stands after."""
_OWN = ("setpoint", "open", "boot")
"""Reasons of a node that say no more than the host's."""


class Recorder:
    """Called after every cycle, and whenever a board moved something."""

    def __init__(
        self,
        plant: Plant,
        boards: Sequence[Board],
        prices: Prices,
        carbon: GridFactor,
        poi: str,
    ) -> None:
        self.plant = plant
        self.boards = list(boards)
        self.curtailed_wh: defaultdict[str, float] = defaultdict(float)
        self.unserved_wh: defaultdict[str, defaultdict[str, float]] = defaultdict(
            lambda: defaultdict(float)
        )
        self.cost_cny = 0.0
        self.co2_kg = 0.0
        self.max_residual_w = 0.0
        self.lowest_hz, self.highest_hz = math.inf, -math.inf
        self._prices = prices
        self._carbon = carbon
        self._poi = poi
        self._pvs = [n for n in plant.nodes.values() if isinstance(n, Pv)]
        self._loads = [n for n in plant.nodes.values() if isinstance(n, Load)]
        self._last = self._meters()
        self._hash = hashlib.sha256()
        self._drives: dict[str, tuple[bool, float]] = {}
        self._rows: list[list[float]] = []
        self._sampled_us = -(1 << 60)
        self._close_until_us = 0
        self._mode = Mode.UNKNOWN
        self._begun = False
        self._cycle_us, self._cycle_ms = 0, 0
        self._closed: dict[str, bool] = {}
        self._heard = 0
        self._names = self._columns()

    def begin(self) -> None:
        """The experiment begins now: what was before was only the site coming up."""
        self._last = self._meters()
        self._closed = {b.asset: self.plant.nodes[b.asset].closed for b in self.boards}
        self._heard = len(self.plant.events)
        self._begun = True

    # called by the rig

    def drive(self, now_us: int, board: Board) -> None:
        """A board had its turn: hash its outputs if they have changed, and only then.

        Also looks at the plant.
        """
        drive = (board.closed, board.command_w)
        if self._drives.get(board.asset) != drive:
            self._drives[board.asset] = drive
            self._hash.update(f"{now_us} {board.asset} {drive[0]} {drive[1].hex()};".encode())
        # Boards look every 10 ms while an island moves, so no dip falls between two looks.
        self.look()

    def look(self) -> None:
        """Note contacts that have moved and the island's extremes of frequency.

        The plant tells when a contact moved; the powers of that row are those of this look, at most
        10 ms later in lock-step.
        """
        if not self._begun:
            return
        events = self.plant.events
        if self._heard < len(events):
            heard, self._heard = self._heard, len(events)
            for event in events[heard:]:
                if event.kind in _MOVES:
                    self._closed[event.asset] = _MOVES[event.kind]
                    self._row(event.time_us, self._host_ms(event.time_us))
                    self.disturbed(event.time_us)
        if self.plant.mode is BusMode.ISLAND:
            hertz = self.plant.frequency.hz
            self.lowest_hz = min(self.lowest_hz, hertz)
            self.highest_hz = max(self.highest_hz, hertz)

    def cycle(self, now_us: int, host_ms: int, session: Session | None) -> None:
        """A host cycle has ended, or would have, were the host alive."""
        self.look()
        self._cycle_us, self._cycle_ms = now_us, host_ms
        dispatch = session.dispatch if session is not None else None
        if dispatch is not None:
            self._hash.update(digest(dispatch))
            self.max_residual_w = max(self.max_residual_w, abs(dispatch.residual_w))
            if dispatch.mode is not self._mode:
                self._mode = dispatch.mode
                self._close_until_us = now_us + CLOSE_S * 1_000_000
        meters = self._meters()
        if self._begun:
            self._attribute(meters, session, dispatch, host_ms)
            self._sample(now_us, host_ms)
        self._last = meters

    def disturbed(self, now_us: int) -> None:
        """Something happened to the plant: look closely for a while."""
        self._close_until_us = now_us + CLOSE_S * 1_000_000

    # figures

    @property
    def trace_sha256(self) -> str:
        """Hash over every change of an output, every decision and every sample."""
        return self._hash.hexdigest()

    def series(self, start_us: int) -> dict[str, np.ndarray]:
        """The samples as columns; t_s counts from the start of the experiment."""
        if not self._rows:
            return {}
        table = np.asarray(self._rows, dtype=float)
        columns = {name: table[:, k] for k, name in enumerate(self._names)}
        columns["t_s"] = columns["t_s"] - start_us * 1e-6
        return columns

    # inside

    def _meters(self) -> dict[str, float]:
        meters = {pv.name: pv.available_j - pv.out_j for pv in self._pvs}
        meters.update({load.name: load.demand_j - load.in_j for load in self._loads})
        poi = self.plant.nodes[self._poi]
        meters["import"], meters["export"] = poi.out_j, poi.in_j
        return meters

    def _attribute(
        self,
        meters: dict[str, float],
        session: Session | None,
        dispatch: Dispatch | None,
        host_ms: int,
    ) -> None:
        for pv in self._pvs:
            lost_wh = (meters[pv.name] - self._last[pv.name]) / J_PER_WH
            if lost_wh > 0.0:
                self.curtailed_wh[self._why(pv.name, session, dispatch)] += lost_wh
        for load in self._loads:
            lost_wh = (meters[load.name] - self._last[load.name]) / J_PER_WH
            if lost_wh > 0.0:
                why = self._why(load.name, session, dispatch)
                self.unserved_wh[load.spec.tier][why] += lost_wh
        import_wh = (meters["import"] - self._last["import"]) / J_PER_WH
        export_wh = (meters["export"] - self._last["export"]) / J_PER_WH
        self.cost_cny += import_wh / 1000 * self._prices.buy(host_ms)
        self.cost_cny -= export_wh / 1000 * self._prices.sell(host_ms)
        self.co2_kg += emissions_kgco2(import_wh, self._carbon)

    def _why(self, asset: str, session: Session | None, dispatch: Dispatch | None) -> str:
        """Why power is missing: the bus, then the node's own reason, then the host's."""
        if self.plant.bus_v < 0.1 * self.plant.spec.bus.nominal_v:
            return "bus_dead"
        if session is None or dispatch is None:
            return "host_lost"
        sample = session.image_of(asset)
        if sample is not None and sample.reason not in _OWN:
            return f"node_{sample.reason}"
        for item in dispatch.assets:
            if item.asset == asset and item.reason not in ("unconstrained", "served"):
                return item.reason
        if self.plant.bus_v < LIVE_PU * self.plant.spec.bus.nominal_v:
            return "bus_collapsed"
        return "transition"  # a converter or a contactor that follows

    def _columns(self) -> list[str]:
        names = ["t_s", "bus.f_hz", "bus.v_v", "price_cny_per_kwh", "islanded"]
        for board in self.boards:
            names += [f"{board.asset}.p_w", f"{board.asset}.closed"]
        names += [f"{pv.name}.available_w" for pv in self._pvs]
        names += [f"{load.name}.demand_w" for load in self._loads]
        names += [f"{b.name}.soc" for b in self.plant.batteries]
        return names

    def _sample(self, now_us: int, host_ms: int) -> None:
        due = now_us - self._sampled_us >= CALM_S * 1_000_000
        if due or now_us <= self._close_until_us or self._islanded:
            self._sampled_us = now_us
            # Real time's clock is ahead of the plant, which is what the row shows.
            self._row(self.plant.now_us, host_ms)

    @property
    def _islanded(self) -> bool:
        return self._mode not in (Mode.GRID_CONNECTED, Mode.UNKNOWN)

    def _host_ms(self, t_us: int) -> int:
        """The host's time at a time of the rig: that of the last cycle and what has passed."""
        return self._cycle_ms + (t_us - self._cycle_us) // 1000

    def _row(self, t_us: int, host_ms: int) -> None:
        plant = self.plant
        row = [
            t_us * 1e-6,
            plant.frequency.hz,
            plant.bus_v,
            self._prices.buy(host_ms),
            float(self._islanded),
        ]
        for board in self.boards:
            row += [plant.power_w(board.asset), float(self._closed[board.asset])]
        row += [plant.available_w(pv.name) for pv in self._pvs]
        row += [plant.demand_w(load.name) for load in self._loads]
        row += [battery.soc for battery in plant.batteries]
        row = [float(value) for value in row]
        self._rows.append(row)
        self._hash.update(" ".join(value.hex() for value in row).encode())
