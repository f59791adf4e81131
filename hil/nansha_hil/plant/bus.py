"""The plant as a rig sees it: time, boards, happenings, figures."""

from __future__ import annotations

from typing import TypeVar

from nansha_hil.plant.accounts import Accounts
from nansha_hil.plant.battery import Battery
from nansha_hil.plant.ev import Ev
from nansha_hil.plant.grid import DEAD_PU
from nansha_hil.plant.load import Load
from nansha_hil.plant.meter import Node
from nansha_hil.plant.network import NEVER_US, SECOND_US, BusMode, Network
from nansha_hil.plant.profile import Profile
from nansha_hil.plant.pv import Pv
from nansha_hil.plant.spec import PlantSpec

TICK_US = 10_000
"""How often a plant in a transient wants to be looked at, microseconds."""

_Kind = TypeVar("_Kind", bound=Node)


class Plant(Network):
    """Everything physical. Time runs by `advance` only; the same calls give the same bits.

    Time is integer microseconds since the start. Sign of power: bus injection.
    """

    def __init__(self, spec: PlantSpec, profile: Profile) -> None:
        """Build the components. Raises ProfileError if the profile lacks a named column."""
        super().__init__(spec, profile)
        self.accounts = Accounts(self)
        self._relays: list[tuple[int, int, str, bool]] = []
        self._relay_us = NEVER_US
        self._sequence = 0
        self._phases = float(spec.bus.phases)
        self._dead_v = DEAD_PU * spec.bus.nominal_v
        self._refresh()
        for node in self._all:  # the site was running before the experiment began
            node.p_w = node.target_w
        self._refresh()

    # --- time

    def advance(self, to_us: int) -> None:
        """Integrate up to to_us. Raises ValueError if the plant is past it."""
        if to_us < self.now_us:
            raise ValueError(f"cannot go back to {to_us} us: the plant is at {self.now_us} us")
        while self.now_us < to_us:
            now = self.now_us
            if self._stale or self._swinging or now >= self._next_second_us:
                self._refresh()
            end = min(self._next_second_us, self._relay_us, self._restart_us, to_us)
            if self._swinging:
                step_us = self.frequency.substep_us
                end = min(end, now - now % step_us + step_us)
            self.now_us = end
            self._step(end, (end - now) * 1e-6)
            if end >= self._restart_us:
                self._stale = True
            if end >= self._relay_us:
                self._throw_relays()

    @property
    def settled(self) -> bool:
        """Nothing moves but sun, demand and charge."""
        if self._stale:
            self._refresh()
        if self._swinging:
            return False
        return all(-n.band_w <= n.p_w - n.target_w <= n.band_w for n in self._all)

    @property
    def next_tick_us(self) -> int | None:
        """When an event-driven rig should advance again; None if the plant itself does not mind.

        10 ms on in a transient; else the next relay, restart, alarm's release or sync window edge.
        """
        if not self.settled:
            return self.now_us + TICK_US
        now = self.now_us
        soonest = min(self._relay_us, self._restart_us)
        for alarm in (self._bus_alarm, self._grid_alarm):
            release_us = alarm.releases_us(now)
            if release_us is not None:
                soonest = min(soonest, release_us)
        if self.mode is BusMode.ISLAND and self.poi.healthy:
            wait_s = self.poi.contact_changes_in_s(self.frequency.hz)
            if wait_s < 1e6:
                edge_us = now + max(1000, min(SECOND_US, int(wait_s * 1e6) + 1))
                soonest = min(soonest, edge_us)
        return None if soonest >= NEVER_US else max(soonest, now + 1)

    # --- what a board sees and does

    def sense(self, asset: str) -> tuple[float, float, float, float]:
        """(v_v, i_a, f_hz, x) at a node's terminals. Raises KeyError for an unknown asset.

        v_v: RMS phase voltage on the bus side (poi: utility side). i_a: p / (phases * v), signed as
        bus injection. f_hz: 0 on a dead side. x: state of charge 0..1 (battery), irradiance W/m2
        (pv), else 0.
        """
        if self._stale:
            self._refresh()
        node = self.nodes[asset]
        volts, hertz = self.bus_v, self.frequency.hz
        if node is self.poi and not node.closed:
            volts, hertz = self._grid_side()
        amps = node.p_w / (self._phases * volts) if volts > self._dead_v else 0.0
        if isinstance(node, Battery):
            return volts, amps, hertz, node.stored_j / node.capacity_j
        if isinstance(node, Pv):
            return volts, amps, hertz, node.irradiance_w_per_m2
        return volts, amps, hertz, 0.0

    def flags(self, asset: str) -> tuple[bool, bool]:
        """(alert, flag) of a node. Raises KeyError for an unknown asset.

        alert: the meter's alarm output. flag: plugged (ev), sync-check contact (poi), else False.
        """
        if self._stale:
            self._refresh()
        node = self.nodes[asset]
        if node is self.poi:
            alarm = self._bus_alarm if node.closed else self._grid_alarm
            pu = self.bus_v / self._nominal_v
            return alarm.active(self.now_us), self.poi.in_step(self.frequency.hz, pu)
        return self._bus_alarm.active(self.now_us), isinstance(node, Ev) and node.plugged

    def actuate(self, asset: str, closed: bool, command_w: float | None = None) -> None:
        """Drive a relay and, unless None, the analog power command, W in bus injection.

        pv: upper limit, from 0.999 of rated on no limit; battery: set power; ev: charge limit <= 0,
        where 0 pauses. The command acts at once, the contact relay_delay_s later. Raises KeyError
        for an unknown asset.
        """
        node = self.nodes[asset]
        if closed != node.wanted_closed:
            node.wanted_closed = closed
            self._sequence += 1
            self._relays.append((self.now_us + node.relay_delay_us, self._sequence, asset, closed))
            self._relays.sort()
            self._relay_us = self._relays[0][0]
            if self._relay_us <= self.now_us:
                self._throw_relays()
        if command_w is not None and command_w != node.command_w:
            node.command_w = command_w
            self._stale = True

    def _throw_relays(self) -> None:
        while self._relays and self._relays[0][0] <= self.now_us:
            _, _, asset, closed = self._relays.pop(0)
            node = self.nodes[asset]
            if node.closed == closed:
                continue
            if node is self.poi:  # what its meter saw goes on being seen
                self._grid_alarm.last_us = self._bus_alarm.last_us
            elif isinstance(node, Battery) and not closed:
                node.tripped = False
            node.closed = closed
            self._note("closed" if closed else "opened", asset)
            if node is self.poi or isinstance(node, Battery):
                self._refresh()  # a breaker that opens and closes within one instant counts twice
        self._relay_us = self._relays[0][0] if self._relays else NEVER_US

    # --- what happens to the plant

    def set_grid(self, healthy: bool) -> None:
        """The utility fails or returns."""
        if healthy == self.poi.healthy:
            return
        self.poi.healthy = healthy
        if not self.poi.closed:
            self.poi.angle_deg = self.spec.grid.return_angle_deg
        self._note("grid_returned" if healthy else "grid_lost", self.poi.name)

    def set_grid_voltage(self, per_unit: float) -> None:
        """Change the utility's voltage, per unit of nominal; ValueError outside 0..2."""
        if not 0.0 <= per_unit <= 2.0:
            raise ValueError(f"grid voltage {per_unit} per unit must lie in 0..2")
        self.poi.voltage_pu = per_unit
        self._note("grid_voltage_pu", self.poi.name, per_unit)

    def set_grid_frequency(self, hertz: float) -> None:
        """Change the utility's frequency, Hz; ValueError outside 40..70."""
        if not 40.0 <= hertz <= 70.0:
            raise ValueError(f"grid frequency {hertz} Hz must lie in 40..70")
        self.poi.frequency_hz = hertz
        self._note("grid_frequency_hz", self.poi.name, hertz)

    def set_cloud(self, depth: float, ramp_s: float = 0.0) -> None:
        """Dim the sun by depth 0..1 over ramp_s seconds from what it is now; ValueError outside."""
        self.weather.cloud.set(self.now_us * 1e-6, depth, ramp_s)
        self._sampled_s = -1
        self._note("cloud_depth", "", depth)

    def scale_load(self, asset: str, factor: float) -> None:
        """Multiply a load's profile by factor >= 0. Raises KeyError if the asset is no load."""
        if not factor >= 0.0:
            raise ValueError(f"load factor {factor} must not be negative")
        self._of(asset, Load).factor = factor
        self._note("load_factor", asset, factor)

    def plug(self, asset: str, energy_wh: float) -> None:
        """A car arrives wanting energy_wh. Raises KeyError if the asset is no charge point."""
        self._of(asset, Ev).plug(energy_wh)
        self._note("ev_plugged_wh", asset, energy_wh)

    def unplug(self, asset: str) -> None:
        """The car leaves. Raises KeyError if the asset is no charge point."""
        car = self._of(asset, Ev)
        self._note("ev_unplugged_missing_wh", asset, car.needed_j / 3600.0)
        car.unplug()

    def _of(self, asset: str, kind: type[_Kind]) -> _Kind:
        node = self.nodes.get(asset)
        if not isinstance(node, kind):
            have = ", ".join(n.name for n in self.nodes.values() if isinstance(n, kind)) or "none"
            raise KeyError(f"{asset!r} is no {kind.__name__.lower()} of this plant; it has: {have}")
        return node

    # --- what a rig records

    def power_w(self, asset: str) -> float:
        """Power into the bus now, W. Raises KeyError for an unknown asset."""
        if self._stale:
            self._refresh()
        return self.nodes[asset].p_w

    def available_w(self, asset: str) -> float:
        """What an array could feed now, W; 0 for others."""
        return self.nodes[asset].available_w

    def demand_w(self, asset: str) -> float:
        """What a load or car wants now, W >= 0; 0 for others."""
        return self.nodes[asset].demand_w
