"""The plant as a rig sees it: time, contactors, what the world does."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import TypeVar

from nansha_hil.plant.accounts import Accounts
from nansha_hil.plant.engine import Engine
from nansha_hil.plant.happenings import PlantEvent
from nansha_hil.plant.nodes import Battery, BusFrequency, Ev, Load, Node, Poi, Pv
from nansha_hil.plant.profile import Profile
from nansha_hil.plant.spec import BatterySpec, EvSpec, LoadSpec, PlantSpec, PvSpec

TICK_US = 10_000
"""How often a plant in a transient wants to be looked at, microseconds."""
NEVER_US = 1 << 62
MOST_BOUNCES = 10_000

_KINDS: tuple[tuple[type, type[Node]], ...] = (
    (PvSpec, Pv),
    (BatterySpec, Battery),
    (LoadSpec, Load),
    (EvSpec, Ev),
)
_Kind = TypeVar("_Kind", bound=Node)
_FLIP, _SETTLE = "flip", "settle"


class Plant(Engine):
    """Everything physical. Time runs by `advance` only; the same calls give the same bits.

    Time is integer microseconds since the start. Sign of power: bus injection. The state at a time
    depends on what was done to the plant and when, not on how `advance` was split or who looked.
    fixed_steps: never a step beyond a millisecond; slow, and there to be compared with.
    """

    def __init__(self, spec: PlantSpec, profile: Profile, *, fixed_steps: bool = False) -> None:
        """Build the components. Raises ProfileError if the profile lacks a named column."""
        self.spec = spec
        self.assets: dict[str, Node] = {
            name: kind(self, name, part)
            for of, kind in _KINDS
            for name, part in spec.assets.items()
            if isinstance(part, of)
        }
        self.pvs = [node for node in self.assets.values() if isinstance(node, Pv)]
        self.batteries = [node for node in self.assets.values() if isinstance(node, Battery)]
        self.loads = [node for node in self.assets.values() if isinstance(node, Load)]
        self.evs = [node for node in self.assets.values() if isinstance(node, Ev)]
        self.poi = Poi(self, spec.poi, spec.grid)
        self.nodes: dict[str, Node | Poi] = {**self.assets, spec.poi: self.poi}
        self.frequency = BusFrequency(self)
        parts = {**spec.assets, spec.poi: spec.grid}
        self._delay_us = {name: round(part.relay_delay_s * 1e6) for name, part in parts.items()}
        self._wanted = {name: part.starts_closed for name, part in parts.items()}
        self._welded: set[str] = set()
        self._relays: list[tuple[int, int, str, bool | str]] = []
        self._relay_us = NEVER_US
        self._sequence = 0
        self.accounts = Accounts(self)

    # --- time

    def advance(self, to_us: int) -> None:
        """Integrate up to to_us. Raises ValueError if the plant is past it."""
        if to_us < self.now_us:
            raise ValueError(f"cannot go back to {to_us} us: the plant is at {self.now_us} us")
        while self._relay_us <= to_us:
            self._advance(self._relay_us)
            self._throw_relays()
        self._advance(to_us)

    @property
    def next_tick_us(self) -> int | None:
        """When an event-driven rig should advance again; None if the plant itself does not mind.

        10 ms on in a transient; else the next relay, restart, alarm's release or sync window edge.
        """
        if not self.settled:
            return self.now_us + TICK_US
        soonest = min(self._relay_us, self._next_change_us())
        return None if soonest >= NEVER_US else max(soonest, self.now_us + 1)

    # --- contactors

    def actuate(self, asset: str, closed: bool, command_w: float | None = None) -> None:
        """Drive a relay and, unless None, the analog power command, W in bus injection.

        pv: upper limit, from 0.999 of rated on no limit; battery: set power; ev: charge limit <= 0,
        where 0 pauses. The command acts at once, the contact relay_delay_s later. Raises KeyError
        for an unknown asset.
        """
        if closed != self._wanted[asset]:
            self._wanted[asset] = closed
            self._move_at(self.now_us + self._delay_us[asset], asset, closed)
            if self._relay_us <= self.now_us:
                self._throw_relays()
        if command_w is not None and self._command(asset, command_w):
            self._aim()

    def _move_at(self, time_us: int, asset: str, how: bool | str) -> None:
        self._sequence += 1
        heapq.heappush(self._relays, (time_us, self._sequence, asset, how))
        self._relay_us = self._relays[0][0]

    def _throw_relays(self) -> None:
        while self._relays and self._relays[0][0] <= self.now_us:
            _, _, asset, how = heapq.heappop(self._relays)
            before = self._is_closed(asset)
            closed = not before if how == _FLIP else self._wanted[asset] if how == _SETTLE else how
            if closed == before or asset in self._welded:
                continue
            self._contact(asset, bool(closed))
            self._note("closed" if closed else "opened", asset)
        self._relay_us = self._relays[0][0] if self._relays else NEVER_US

    def _note(self, kind: str, asset: str = "", value: float = 0.0) -> None:
        """Tell what was done, then let everything aim anew."""
        self.events.append(PlantEvent(self.now_us, kind, asset, value))
        self._aim()

    # --- what happens to the plant

    def set_grid(self, healthy: bool) -> None:
        """The utility fails or returns."""
        if healthy == self.poi.healthy:
            return
        self._set_healthy(healthy)
        self._note("grid_returned" if healthy else "grid_lost", self.poi.name)

    def set_grid_voltage(
        self, per_unit: float, ramp_s: float = 0.0, phases: Sequence[int] = (0, 1, 2)
    ) -> None:
        """Change the utility's voltage on some phases, per unit of nominal, over ramp_s seconds.

        Raises ValueError outside 0..2, for a negative ramp or an unknown phase.
        """
        if not 0.0 <= per_unit <= 2.0:
            raise ValueError(f"grid voltage {per_unit} per unit must lie in 0..2")
        _check_ramp(ramp_s)
        if not set(phases) <= {0, 1, 2}:
            raise ValueError(f"phases {tuple(phases)} must be of 0, 1, 2")
        self._ramp_voltage(per_unit, ramp_s, tuple(phases))
        self._note("grid_voltage_pu", self.poi.name, per_unit)

    def set_grid_frequency(self, hertz: float, ramp_s: float = 0.0) -> None:
        """Change the utility's frequency, Hz, over ramp_s seconds; ValueError outside 40..70."""
        if not 40.0 <= hertz <= 70.0:
            raise ValueError(f"grid frequency {hertz} Hz must lie in 40..70")
        _check_ramp(ramp_s)
        self._ramp_frequency(hertz, ramp_s)
        self._note("grid_frequency_hz", self.poi.name, hertz)

    def jump_grid_angle(self, deg: float) -> None:
        """Shift the utility's phase by deg, ahead if positive; ValueError outside -180..180.

        Converters that follow the grid lose it beyond their pll_jump_deg.
        """
        if not -180.0 <= deg <= 180.0:
            raise ValueError(f"angle {deg} must lie in -180..180 degrees")
        self._jump_angle(deg)
        self._note("grid_angle_deg", self.poi.name, deg)

    def set_cloud(self, depth: float, ramp_s: float = 0.0) -> None:
        """Dim the sun by depth 0..1 over ramp_s seconds from what it is now; ValueError outside."""
        if not 0.0 <= depth <= 1.0:
            raise ValueError(f"cloud depth {depth} must lie in 0..1")
        _check_ramp(ramp_s)
        self._set_sky(1.0 - depth, ramp_s)
        self._note("cloud_depth", "", depth)

    def shade(self, asset: str, fraction: float) -> None:
        """Lay shade over a fraction 0..1 of an array, string by string; 0 takes it away.

        Shade takes four fifths of the light (C: the sky's part remains). Raises KeyError if the
        asset is no array, ValueError outside 0..1.
        """
        if not 0.0 <= fraction <= 1.0:
            raise ValueError(f"shade {fraction} must lie in 0..1")
        self._shade(self._of(asset, Pv).name, fraction)
        self._note("shade_fraction", asset, fraction)

    def scale_load(self, asset: str, factor: float) -> None:
        """Multiply a load's profile by factor >= 0. Raises KeyError if the asset is no load."""
        if not factor >= 0.0:
            raise ValueError(f"load factor {factor} must not be negative")
        self._set_factor(self._of(asset, Load).name, factor)
        self._note("load_factor", asset, factor)

    def start_motor(self, asset: str) -> None:
        """A load's motors start anew: inrush. Raises KeyError if the asset is no load."""
        self._of(asset, Load)
        self._start_motor(asset)
        self._note("motor_start_asked", asset)

    def plug(self, asset: str, energy_wh: float) -> None:
        """A car arrives wanting energy_wh. Raises KeyError if the asset is no charge point."""
        self._of(asset, Ev)
        if not energy_wh >= 0.0:
            raise ValueError(f"energy_wh {energy_wh} must not be negative")
        self._plug(asset, energy_wh * 3600.0, True)
        self._note("ev_plugged_wh", asset, energy_wh)

    def unplug(self, asset: str) -> None:
        """The car leaves. Raises KeyError if the asset is no charge point."""
        missing_wh = self._of(asset, Ev).needed_j / 3600.0
        self._plug(asset, 0.0, False)
        self._note("ev_unplugged_missing_wh", asset, missing_wh)

    # --- faults of components

    def trip(self, asset: str) -> None:
        """A converter trips; it comes back after its dead time. KeyError if it is no converter."""
        self._converter(asset)
        self._trip(asset)
        self._note("tripped", asset)

    def fail(self, asset: str) -> None:
        """A component goes out of service. Raises KeyError for the poi and unknown names."""
        self._part(asset)
        self._set_failed(asset, True)
        self._note("failed", asset)

    def repair(self, asset: str) -> None:
        """A component that had failed is back. Raises KeyError for the poi and unknown names."""
        self._part(asset)
        self._set_failed(asset, False)
        self._note("repaired", asset)

    def weld(self, asset: str, welded: bool) -> None:
        """A contact sticks where it is, or comes free and follows its coil again."""
        self._wanted[asset]
        if welded:
            self._welded.add(asset)
        else:
            self._welded.discard(asset)
            self._move_at(self.now_us + self._delay_us[asset], asset, _SETTLE)
        self._note("contact_welded" if welded else "contact_freed", asset)

    def set_relay_delay(self, asset: str, s: float) -> None:
        """From now on orders to a contact take so long, s. Raises ValueError if negative."""
        self._wanted[asset]
        if not s >= 0.0:
            raise ValueError(f"relay delay {s} s must not be negative")
        self._delay_us[asset] = round(s * 1e6)
        self._note("relay_delay_s", asset, s)

    def chatter(self, asset: str, period_s: float, for_s: float) -> None:
        """A contact bounces with a period for a while, then rests where its coil wants it.

        Raises ValueError for a period or time that is not positive, or too many bounces.
        """
        self._wanted[asset]
        if not (period_s > 0.0 and for_s > 0.0 and for_s / period_s <= MOST_BOUNCES / 2):
            raise ValueError(
                f"chatter of {period_s} s for {for_s} s: both above 0, {MOST_BOUNCES} moves at most"
            )
        half_us = max(1, round(period_s * 5e5))
        end_us = self.now_us + round(for_s * 1e6)
        for at_us in range(self.now_us + half_us, end_us, half_us):
            self._move_at(at_us, asset, _FLIP)
        self._move_at(end_us, asset, _SETTLE)
        self._note("contact_chatters_s", asset, for_s)

    # --- names

    def _of(self, asset: str, kind: type[_Kind]) -> _Kind:
        node = self.nodes.get(asset)
        if not isinstance(node, kind):
            have = ", ".join(n.name for n in self.nodes.values() if isinstance(n, kind)) or "none"
            raise KeyError(f"{asset!r} is no {kind.__name__.lower()} of this plant; it has: {have}")
        return node

    def _part(self, asset: str) -> Node:
        node = self.assets.get(asset)
        if node is None:
            raise KeyError(f"{asset!r} is no asset of this plant; it has: {', '.join(self.assets)}")
        return node

    def _converter(self, asset: str) -> None:
        if isinstance(self._part(asset), Load):
            raise KeyError(f"{asset!r} is a load: only converters trip")


def _check_ramp(ramp_s: float) -> None:
    if not ramp_s >= 0.0:
        raise ValueError(f"ramp_s {ramp_s} must not be negative")
