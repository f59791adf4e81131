"""What an answer means: who has what power and why, what was given up, what stood in the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import fsum
from typing import Literal

from nansha_core import account_words as words
from nansha_core.answer import Answer, Reason
from nansha_core.curve import Curve
from nansha_core.devices import PRICE, SITE_NAME, Device, Kind
from nansha_core.errors import ProblemError
from nansha_core.microgrid import Microgrid
from nansha_core.problem import SITE

NEAR = 1e-9
"""Relative to the largest power: what differs by less is taken to be the same, or not given up."""

_SMALLEST_W = 1e-6

Ramped = Literal["no", "limited", "out of reach"]

_Room = tuple[frozenset[int], tuple[tuple[float, bool], ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAccount:
    """One device: what it has, and why."""

    name: str
    kind: Kind
    p_w: float
    """The sum of its rows, W, + into the bus."""
    lo_w: float
    """Least power in this cycle, W: its bound, narrowed by its ramp."""
    hi_w: float
    """Greatest power in this cycle, W."""
    ramped: Ramped
    """Whether its ramp holds it, or keeps it from reaching its bounds at all."""
    reason: str

    def __str__(self) -> str:
        """Say it in a line."""
        return f"{self.name}: {words.doing(self.kind, self.p_w)}, {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """What one device had to give up in a tier, and what stood in the way."""

    device: str
    kind: Kind
    cost: float
    """Its cost above the least that it could have: in W if the tier is."""
    off_w: float
    """What it would have had besides, W: - to draw more (unserved), + to give more (spilled)."""
    group: str
    """The innermost group at the cap that stands in the way; the site if there is none."""
    sum_w: float
    """Sum of that group, W."""
    cap_w: float | None
    """The cap, W; None for the site."""
    cause: str

    def __str__(self) -> str:
        """Say it in a line."""
        return f"{self.device} {words.watts(self.off_w)} {self.missed}: {self.cause}"

    @property
    def missed(self) -> str:
        """What it did not get, as a word: unserved, spilled."""
        return words.missed(self.kind, self.off_w)


@dataclass(frozen=True, slots=True, kw_only=True)
class TierAccount:
    """One tier: what it had to give up, and by whom."""

    name: str
    in_watts: bool
    """All its costs are 1 or -1 per watt: what was given up is in W."""
    given_up: float
    """Cost above the least that the devices could have if nothing but their bounds held them."""
    parts: tuple[GivenUp, ...]
    """Who gave up how much, in the order of the devices."""

    def __str__(self) -> str:
        """Say it in a line."""
        if not self.parts:
            return f"{self.name}: in full"
        if not self.in_watts:
            return f"{self.name}: {self.given_up:.6g} above the least cost"
        given_up = words.watts(self.given_up)
        missed = {part.missed for part in self.parts}
        if len(missed) > 1:
            return f"{self.name}: {given_up} given up ({'; '.join(map(str, self.parts))})"
        parts = "; ".join(
            f"{part.device} {words.watts(part.off_w)}: {part.cause}" for part in self.parts
        )
        return f"{self.name}: {given_up} {missed.pop()} ({parts})"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupAccount:
    """One group: its sum and its caps."""

    name: str
    sum_w: float
    cap_lo_w: float
    cap_hi_w: float
    overload_w: float
    """What no choice could keep above cap_hi_w (+) or below cap_lo_w (-), else 0."""

    def __str__(self) -> str:
        """Say it in a line."""
        text = f"{self.name} {words.flow(self.sum_w)}"
        if not self.overload_w:
            return text
        upper = self.overload_w > 0
        cap = words.limit(self.cap_hi_w if upper else self.cap_lo_w, upper=upper)
        over = words.watts(self.overload_w)
        return f"{text} but {cap}: {over} that nothing in it can mend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What an answer means. It never changes; `str` and `lines` say it to people."""

    devices: tuple[DeviceAccount, ...]
    tiers: tuple[TierAccount, ...]
    """In their order; only those in which some device has a cost."""
    groups: tuple[GroupAccount, ...]
    """The site first."""
    shortage_w: float
    surplus_w: float

    def device(self, name: str) -> DeviceAccount:
        """The account of this device."""
        return next(d for d in self.devices if d.name == name)

    def tier(self, name: str) -> TierAccount:
        """The account of this tier."""
        return next(t for t in self.tiers if t.name == name)

    def group(self, name: str) -> GroupAccount:
        """The account of this group."""
        return next(g for g in self.groups if g.name == name)

    @property
    def overloads(self) -> tuple[GroupAccount, ...]:
        """Groups that no choice could keep within their caps."""
        return tuple(g for g in self.groups if g.overload_w)

    @property
    def ramped(self) -> tuple[DeviceAccount, ...]:
        """Devices that their ramps hold, or keep from reaching their bounds."""
        return tuple(d for d in self.devices if d.ramped != "no")

    def lines(self) -> list[str]:
        """What goes beyond limits first, then the tiers in their order, then each device."""
        found = []
        if self.shortage_w:
            found.append(f"{SITE_NAME}: short of {words.watts(self.shortage_w)}")
        if self.surplus_w:
            found.append(f"{SITE_NAME}: {words.watts(self.surplus_w)} too much")
        found += map(str, self.overloads)
        # Of prices only the devices speak: what was not earned was not given up.
        found += [str(tier) for tier in self.tiers if tier.in_watts]
        found += map(str, self.devices)
        return found

    def __str__(self) -> str:
        return "\n".join(self.lines())


def account(microgrid: Microgrid, answer: Answer) -> Account:
    """Say what `answer`, to a problem of `microgrid`, means. The answer is taken on trust."""
    if len(answer.p_w) != len(microgrid) or len(answer.holds) != len(microgrid.group_names):
        mend = f"this microgrid has {len(microgrid)} rows: give an answer to its own problem"
        raise ProblemError("answer", f"{len(answer.p_w)} rows", mend)
    return _Reader(microgrid, answer).account()


class _Reader:
    """The sums that all parts of an account need."""

    def __init__(self, microgrid: Microgrid, answer: Answer) -> None:
        self.microgrid, self.answer = microgrid, answer
        self.p_w = [self._power(device) for device in microgrid.devices]
        self.slack_w = NEAR * max(_SMALLEST_W, *map(abs, (0.0, *self.p_w)))
        self.paths = [microgrid.path(device.name) for device in microgrid.devices]
        inside: list[list[float]] = [[] for _ in microgrid.group_names]
        for p, path in zip(self.p_w, self.paths, strict=True):
            for g in path:
                inside[g].append(p)
        self.sum_w = [fsum(powers) for powers in inside]

    def _power(self, device: Device) -> float:
        return fsum(self.answer.p_w[i] for i in self.microgrid.rows(device.name))

    def account(self) -> Account:
        grid, answer = self.microgrid, self.answer
        caps = [(-float("inf"), float("inf"))]
        caps += [(group.cap_lo_w, group.cap_hi_w) for group in grid.groups]
        self.caps = caps
        tiers = tuple(
            self._tier(k, name)
            for k, name in enumerate(grid.tiers)
            if any(name in device.costs for device in grid.devices)
        )
        return Account(
            devices=tuple(self._device(d, device) for d, device in enumerate(grid.devices)),
            tiers=tiers,
            groups=tuple(
                GroupAccount(
                    name=name,
                    sum_w=self.sum_w[g],
                    cap_lo_w=caps[g][0],
                    cap_hi_w=caps[g][1],
                    overload_w=answer.overload_w[g],
                )
                for g, name in enumerate(grid.group_names)
            ),
            shortage_w=answer.shortage_w,
            surplus_w=answer.surplus_w,
        )

    # -------------------------------------------------------------- devices

    def _device(self, d: int, device: Device) -> DeviceAccount:
        lo, hi = device.bounds_w
        ramped: Ramped = "no"
        if device.ramp is not None:
            if device.ramp.misses(device.lo_w, device.hi_w):
                ramped = "out of reach"
            else:
                at_lo = self._same(self.p_w[d], lo) and lo > device.lo_w
                at_hi = self._same(self.p_w[d], hi) and hi < device.hi_w
                ramped = "limited" if at_lo or at_hi else "no"
        return DeviceAccount(
            name=device.name,
            kind=device.kind,
            p_w=self.p_w[d],
            lo_w=lo,
            hi_w=hi,
            ramped=ramped,
            reason=self._reason(device, lo, hi, ramped),
        )

    def _reason(self, device: Device, lo: float, hi: float, ramped: Ramped) -> str:
        if ramped == "out of reach":
            least_or_most = device.lo_w if hi < device.lo_w else device.hi_w
            return f"on its way to {words.doing(device.kind, least_or_most)}, as fast as it may"
        if ramped == "limited":
            return "as fast as it may"
        if lo == hi:
            return "no choice"
        reasons = {self.answer.reasons[i] for i in self.microgrid.rows(device.name)}
        reasons.discard(Reason.fixed)
        if reasons == {Reason.at_upper}:
            return words.at_bound(device.kind, hi, upper=True)
        if reasons == {Reason.at_lower}:
            return words.at_bound(device.kind, lo, upper=False)
        if Reason.interior in reasons:
            return "where one more watt costs what it is worth"
        if Reason.tie in reasons:
            return words.between(device.kind)
        return "between its prices"

    def _same(self, x: float, y: float) -> bool:
        return abs(x - y) <= self.slack_w

    # -------------------------------------------------------------- tiers

    def _tier(self, k: int, name: str) -> TierAccount:
        curves = [device.costs.get(name) for device in self.microgrid.devices]
        # A price may be 1 as well, by chance.
        in_watts = name != PRICE and all(
            curve.a == (0.0,) and abs(curve.b[0]) in (0.0, 1.0)
            for curve in curves
            if curve is not None
        )
        parts = []
        for d, curve in enumerate(curves):
            if curve is not None:
                part = self._given_up(k, d, curve, in_watts)
                if part is not None:
                    parts.append(part)
        return TierAccount(
            name=name,
            in_watts=in_watts,
            given_up=fsum(part.cost for part in parts),
            parts=tuple(parts),
        )

    def _given_up(self, k: int, d: int, curve: Curve, in_watts: bool) -> GivenUp | None:
        device = self.microgrid.devices[d]
        corners = curve.corners(*device.bounds_w)
        p = self._on_corner(self.p_w[d], corners)
        # The nearest of the cheapest: a flat bottom is reached where it begins.
        cost, off = max(
            ((curve.change(x, p), x - p) for x in corners),
            key=lambda pair: (pair[0], -abs(pair[1])),
        )
        if cost <= 0 or abs(off) <= self.slack_w:
            return None
        g, cap, cause = self._in_the_way(k, d, p, off > 0, in_watts)
        return GivenUp(
            device=device.name,
            kind=device.kind,
            cost=cost,
            off_w=off,
            group=self.microgrid.group_names[g],
            sum_w=self.sum_w[g],
            cap_w=cap,
            cause=cause,
        )

    def _on_corner(self, p: float, corners: Sequence[float]) -> float:
        """Power p, or the corner that it is on but for rounding."""
        nearest = min(corners, key=lambda x: abs(x - p))
        return nearest if self._same(nearest, p) else p

    def _in_the_way(
        self, k: int, d: int, p: float, up: bool, in_watts: bool
    ) -> tuple[int, float | None, str]:
        for g in self.paths[d][:-1]:
            if self._at_cap(g, up):
                cap, total = self.caps[g][up], self.sum_w[g]
                name = self.microgrid.group_names[g]
                at = "its cap" if self._same(total, cap) else words.limit(cap, upper=up)
                return g, cap, f"{name} {words.flow(total)}, {at}"
        missing = self.answer.surplus_w if up else self.answer.shortage_w
        if missing:
            what = "has too much already" if up else f"is short of {words.watts(missing)}"
            return SITE, None, f"{SITE_NAME} {what}"
        if not in_watts:
            return SITE, None, "others are cheaper"
        first = self._comes_first(k, d, p, up)
        if first is not None:
            return SITE, None, f"{first!r} comes first"
        return SITE, None, f"{SITE_NAME} {'can take no more' if up else 'has no more to give'}"

    def _comes_first(self, k: int, d: int, p: float, up: bool) -> str | None:
        """The last of the tiers before tier k that forbid others to make room for device d.

        A watt more for d is a watt less for another, who must lose less by it in tier k than d
        gains. The first tier in which that costs anything forbids it. None if there is nobody: then
        there was no more to have.
        """
        mine, last = self._marginals(d, p, up), -1
        around = set(self.paths[d])
        for blocked, theirs in self._room[not up]:
            if not blocked <= around:
                continue  # a cap that does not hold d as well is in their way
            apart = [
                0.0 if abs(x - y) <= NEAR * (abs(x) + abs(y)) else (y - x if up else x - y)
                for (x, _), (y, _) in zip(mine, theirs, strict=True)
            ]
            if apart[k] <= 0:
                continue
            for j in range(k):
                if apart[j] or mine[j][1] or theirs[j][1]:
                    last = max(last, j)
                    break
        return None if last < 0 else self.microgrid.tiers[last]

    @cached_property
    def _room(self) -> tuple[set[_Room], set[_Room]]:
        """Devices that could go down, and up: the groups whose caps forbid it, and what it costs.

        Many devices have the same in common: each case is kept once.
        """
        room: tuple[set[_Room], set[_Room]] = set(), set()
        for d, device in enumerate(self.microgrid.devices):
            lo, hi = device.bounds_w
            p = self._on_corner(self.p_w[d], (lo, hi, *device.kinks_w))
            for up, end in enumerate((lo, hi)):
                if p != end:
                    blocked = frozenset(g for g in self.paths[d][:-1] if self._at_cap(g, up > 0))
                    room[up].add((blocked, self._marginals(d, p, up > 0)))
        return room

    def _marginals(self, d: int, p: float, up: bool) -> tuple[tuple[float, bool], ...]:
        """Per tier, the cost of a watt from p on, and whether it is curved there."""
        costs, found = self.microgrid.devices[d].costs, []
        for name in self.microgrid.tiers:
            curve = costs.get(name, Curve())
            found.append((curve.marginal(p, up=up), curve.a[curve.at(p, up=up)] > 0))
        return tuple(found)

    def _at_cap(self, g: int, up: bool) -> bool:
        cap, total = self.caps[g][up], self.sum_w[g]
        return self._same(total, cap) or (total > cap if up else total < cap)
