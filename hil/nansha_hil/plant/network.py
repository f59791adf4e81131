"""The one bus with everything on it: what mode it is in, and one inner step of time in that mode.

Weather and demand are constant within each whole second, at their value of its middle: an error of
some 1e-8 of a day's energy, and the reason why one long advance and many short ones agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import exp

from nansha_hil.plant.alarm import Alarm
from nansha_hil.plant.battery import Battery
from nansha_hil.plant.ev import Ev
from nansha_hil.plant.frequency import ARRIVED_HZ, LEFT_HZ, Frequency
from nansha_hil.plant.grid import Poi
from nansha_hil.plant.load import Load
from nansha_hil.plant.meter import Node
from nansha_hil.plant.profile import Profile
from nansha_hil.plant.pv import Pv
from nansha_hil.plant.spec import BatterySpec, EvSpec, LoadSpec, PlantSpec, PvSpec
from nansha_hil.plant.weather import Weather

SECOND_US = 1_000_000
NEVER_US = 1 << 62
LIVE_PU = 0.5
"""Below this voltage converters block (momentary cessation)."""
SNAP_PU = 0.002
"""A bus voltage this close to its target, per unit, is there."""


class BusMode(StrEnum):
    """What the bus hangs on."""

    GRID = "grid_connected"
    COLLAPSED = "collapsed"
    ISLAND = "islanded"
    BLACK = "black"


@dataclass(frozen=True, slots=True)
class PlantEvent:
    """Something that happened in the plant; the unit of value follows from the kind."""

    time_us: int
    kind: str
    asset: str = ""
    value: float = 0.0


class Network:
    """Components, bus voltage and mode; `Plant` gives it time, relays and an outside."""

    def __init__(self, spec: PlantSpec, profile: Profile) -> None:
        """Build the components. Raises ProfileError if the profile lacks a named column."""
        self.spec = spec
        self.now_us = 0
        self.events: list[PlantEvent] = []
        self.poi = Poi(spec.poi, spec.grid)
        self.pvs: list[Pv] = []
        self.batteries: list[Battery] = []
        self.loads: list[Load] = []
        self.evs: list[Ev] = []
        for name, asset in spec.assets.items():
            if isinstance(asset, PvSpec):
                self.pvs.append(Pv(name, asset))
            elif isinstance(asset, BatterySpec):
                self.batteries.append(Battery(name, asset))
            elif isinstance(asset, LoadSpec):
                self.loads.append(Load(name, asset, profile.cursor(asset.column or name)))
            elif isinstance(asset, EvSpec):
                self.evs.append(Ev(name, asset))
        self.assets: dict[str, Node] = {
            node.name: node for node in (*self.pvs, *self.batteries, *self.loads, *self.evs)
        }
        self.nodes: dict[str, Node] = {**self.assets, spec.poi: self.poi}
        self.weather = Weather(
            profile,
            [pv.spec.irradiance_column for pv in self.pvs],
            spec.temperature_column if spec.temperature_column in profile.columns else None,
        )
        self.frequency = Frequency(
            spec.bus, sum(b.rated_w for b in self.batteries if b.spec.grid_forming)
        )
        self.frequency.hz = spec.grid.frequency_hz
        self.balance_residual_w = 0.0
        self.islanded_s = 0.0
        self.lowest_hz = self.highest_hz = spec.bus.nominal_hz
        self._all = list(self.assets.values())
        self._forming: list[Battery] = []
        self._others: list[Node] = list(self._all)
        self._bus_alarm = Alarm(spec.bus)
        self._grid_alarm = Alarm(spec.bus)
        self._swinging = False
        self._stale = True
        self._sampled_s = -1
        self._next_second_us = 0
        self._restart_us = NEVER_US
        self._checked_us = 0
        self._checked_j = 0.0
        self._nominal_v = spec.bus.nominal_v
        self._aim_v = self.bus_v = self._nominal_v * spec.grid.voltage_pu
        self._drop_v_per_w = spec.grid.source_ohm / (spec.bus.phases * spec.bus.nominal_v)
        self.mode = BusMode.GRID
        if not self.poi.closed:
            self.mode = BusMode.BLACK  # a forming battery starts it at once
            self.bus_v = self._aim_v = self.frequency.hz = 0.0

    def _note(self, kind: str, asset: str = "", value: float = 0.0) -> None:
        self.events.append(PlantEvent(self.now_us, kind, asset, value))
        self._stale = True

    # --- what holds until the next second or the next change

    def _refresh(self) -> None:
        """Sample the world, decide the mode, aim every component. Idempotent at one moment."""
        now = self.now_us
        second = now // SECOND_US
        if second != self._sampled_s:
            self.weather.sample(second + 0.5)
            self._sampled_s = second
            self._next_second_us = (second + 1) * SECOND_US
            self._check_balance()
        self._stale = False
        self._decide_mode()
        pu = self.bus_v / self._nominal_v
        live = pu >= LIVE_PU
        self._restart_us = NEVER_US
        weather = self.weather
        air_degc = weather.temperature_degc
        for pv, irradiance in zip(self.pvs, weather.irradiance_w_per_m2, strict=True):
            pv.refresh(irradiance, air_degc, live and self._restarted(pv, now))
            if not live:
                pv.ready_us = None
        t_s = second + 0.5
        for load in self.loads:
            load.refresh(t_s, pu)
        for ev in self.evs:
            ev.refresh(live)
        mode = self.mode
        for battery in self.batteries:
            battery.refresh(live, battery in self._forming)
        if mode is BusMode.ISLAND:
            self._judge_swing()
        elif mode is BusMode.COLLAPSED:
            for battery in self._forming:  # at its current limit into the neighbours
                battery.p_w = battery.target_w = self.spec.bus.collapsed_pu * battery.rated_w
        if mode is not BusMode.ISLAND:
            self._aim_voltage()
            self._swinging = self.bus_v != self._aim_v

    def _restarted(self, pv: Pv, now: int) -> bool:
        if pv.ready_us is None:
            pv.ready_us = now + round(pv.spec.restart_delay_s * 1e6)
        if pv.ready_us > now:
            self._restart_us = min(self._restart_us, pv.ready_us)
            return False
        return True

    def _ready_to_form(self) -> list[Battery]:
        return [battery for battery in self.batteries if battery.forming]

    def _decide_mode(self) -> None:
        before, poi = self.mode, self.poi
        if poi.closed and poi.healthy:
            if before is not BusMode.GRID:
                self._join_grid(before)
            return
        ready = self._ready_to_form()
        if before is BusMode.BLACK:
            if not poi.closed and ready:
                self._black_start(ready)
            return
        if not ready:
            self._go_black("no_forming_battery")
        elif poi.closed:
            if before is not BusMode.COLLAPSED:
                if before is BusMode.ISLAND:
                    self.events.append(PlantEvent(self.now_us, "closed_onto_dead_grid", poi.name))
                self._set_mode(BusMode.COLLAPSED, ready)
        elif before is not BusMode.ISLAND:
            self._set_mode(BusMode.ISLAND, ready)
            self._island()
        elif ready != self._forming:
            self._split(ready)
            self._swinging = True

    def _set_mode(self, mode: BusMode, forming: list[Battery]) -> None:
        self.mode = mode
        self._split(forming)
        self.events.append(PlantEvent(self.now_us, mode.value))
        if mode is not BusMode.ISLAND:
            self.poi.angle_deg = 0.0 if self.poi.closed else self.spec.grid.return_angle_deg

    def _island(self) -> None:
        self._aim_v = self._nominal_v
        self.poi.p_w = 0.0
        self._swinging = True

    def _split(self, forming: list[Battery]) -> None:
        self._forming = forming
        self._others = [node for node in self._all if node not in forming]

    def _join_grid(self, before: BusMode) -> None:
        poi, hertz = self.poi, self.frequency.hz
        pu = self.bus_v / self._nominal_v
        if before is BusMode.ISLAND and poi.out_of_phase(hertz, pu):
            self.events.append(
                PlantEvent(self.now_us, "out_of_phase_closing", poi.name, poi.angle_deg)
            )
        for battery in self.batteries:
            battery.tripped = False
        self._set_mode(BusMode.GRID, [])
        self.frequency.hz = poi.frequency_hz

    def _black_start(self, ready: list[Battery]) -> None:
        load_w = sum(load.demand_w for load in self.loads if load.closed)
        if load_w > sum(battery.rated_w for battery in ready):
            for battery in ready:
                battery.tripped = True
            self.events.append(PlantEvent(self.now_us, "black_start_failed", "", load_w))
            return
        self.frequency.hz = self.spec.bus.nominal_hz
        self.events.append(PlantEvent(self.now_us, "black_start", "", load_w))
        self._set_mode(BusMode.ISLAND, ready)
        self._island()

    def _go_black(self, why: str) -> None:
        if self.mode is BusMode.BLACK:
            return
        for battery in self._forming:
            battery.tripped = battery.closed  # one that was just opened starts afresh
        self.events.append(PlantEvent(self.now_us, why, "", self.frequency.hz))
        self._set_mode(BusMode.BLACK, [])
        self.bus_v = self._aim_v = 0.0
        self.frequency.hz = 0.0
        self._swinging = False

    def _judge_swing(self) -> None:
        """Does the island rest, so that long steps will do?"""
        if self.bus_v != self._aim_v:
            self._swinging = True
            return
        other_w = 0.0
        for node in self._others:
            power = node.p_w
            other_w += power
            if not -node.band_w <= power - node.target_w <= node.band_w:
                self._swinging = True
                return
        away_hz = self.frequency.rest_hz(self._forming, other_w) - self.frequency.hz
        if self._swinging:
            self._swinging = not -ARRIVED_HZ <= away_hz <= ARRIVED_HZ or any(
                not -b.band_w <= b.p_w - b.target_w <= b.band_w for b in self._forming
            )
        else:
            self._swinging = not -LEFT_HZ <= away_hz <= LEFT_HZ
        # Cells about to run empty or full must be met in short steps.
        for battery in self._forming:
            reach_j = (
                battery.stored_j
                if battery.p_w > 0.0
                else (battery.capacity_j - battery.stored_j if battery.p_w < 0.0 else 1e18)
            )
            if reach_j < 4.0 * abs(battery.p_w):
                self._swinging = True

    # --- one inner step

    def _step(self, end_us: int, h_s: float) -> None:
        """Let h_s seconds pass in the present mode; nothing may be due within."""
        mode = self.mode
        energy_j = 0.0
        for node in self._others:
            energy_j += node.step(h_s)
        hz_per_s = 0.0
        poi, frequency = self.poi, self.frequency
        if mode is BusMode.ISLAND:
            hz_per_s = self._step_island(energy_j, h_s)
        elif mode is not BusMode.BLACK:
            for battery in self._forming:
                energy_j += battery.step(h_s)
            poi.book(-energy_j)
            if mode is BusMode.GRID:
                frequency.hz = poi.frequency_hz
            self._aim_voltage()
        if self.bus_v != self._aim_v:
            self._move_voltage(h_s)
        pu = self.bus_v / self._nominal_v
        self._bus_alarm.watch(end_us, pu, frequency.hz, hz_per_s)
        if not poi.closed:
            volts, hertz = self._grid_side()
            self._grid_alarm.watch(end_us, volts / self._nominal_v, hertz, 0.0)

    def _step_island(self, other_j: float, h_s: float) -> float:
        frequency, forming, bus = self.frequency, self._forming, self.spec.bus
        before_hz = frequency.hz
        if self._swinging:
            hz_per_s = frequency.swing(forming, other_j, h_s)
            if not bus.black_below_hz <= frequency.hz <= bus.black_above_hz:
                self._go_black("frequency_collapse")
                return hz_per_s
        else:
            frequency.rest(forming, other_j, h_s)
            hz_per_s = 0.0
        self.islanded_s += h_s
        if frequency.hz < self.lowest_hz:
            self.lowest_hz = frequency.hz
        elif frequency.hz > self.highest_hz:
            self.highest_hz = frequency.hz
        for battery in forming:
            if battery.empty:
                self._stale = True
        if self.poi.healthy:
            self.poi.turn(0.5 * (before_hz + frequency.hz), h_s)
        return hz_per_s

    def _aim_voltage(self) -> None:
        """Voltage to move to, and what flows through the breaker."""
        poi = self.poi
        power_w = 0.0
        for node in self._all:
            power_w += node.p_w
        if self.mode is BusMode.GRID:
            poi.p_w = -power_w
            aim_v = self._nominal_v * poi.voltage_pu + power_w * self._drop_v_per_w
            self._aim_v = aim_v if aim_v > 0.0 else 0.0
        elif self.mode is BusMode.COLLAPSED:
            poi.p_w = -power_w
            self._aim_v = self._nominal_v * self.spec.bus.collapsed_pu
        else:
            poi.p_w = 0.0
            self._aim_v = 0.0
        gap_v = self._aim_v - self.bus_v
        if -SNAP_PU * self._nominal_v <= gap_v <= SNAP_PU * self._nominal_v:
            self.bus_v = self._aim_v

    def _move_voltage(self, h_s: float) -> None:
        tau_s = self.spec.bus.voltage_tau_s
        gap_v = self._aim_v - self.bus_v
        gap_v = gap_v * exp(-h_s / tau_s) if tau_s > 0.0 else 0.0
        if -SNAP_PU * self._nominal_v <= gap_v <= SNAP_PU * self._nominal_v:
            gap_v = 0.0
        self.bus_v = self._aim_v - gap_v

    def _grid_side(self) -> tuple[float, float]:
        """Voltage, V, and frequency, Hz, on the utility's side of an open breaker."""
        if not self.poi.healthy:
            return 0.0, 0.0
        return self._nominal_v * self.poi.voltage_pu, self.poi.frequency_hz

    # --- book-keeping

    def _check_balance(self) -> None:
        """Compare all meters with the swing equation's energies, about once a second."""
        span_us = self.now_us - self._checked_us
        if span_us < SECOND_US // 2:
            return
        total_j = self.unbalanced_j()
        residual_w = abs(total_j - self._checked_j) / (span_us * 1e-6)
        if residual_w > self.balance_residual_w:
            self.balance_residual_w = residual_w
        self._checked_us, self._checked_j = self.now_us, total_j

    def unbalanced_j(self) -> float:
        """Energy metered into the bus minus what inertia and damping took, J: rounding only."""
        total_j = self.poi.out_j - self.poi.in_j
        for node in self._all:
            total_j += node.out_j - node.in_j
        return total_j - self.frequency.inertia_j - self.frequency.damping_j
