"""A site of named devices, groups and tiers, and the Problem that it makes.

A device becomes one row per piece of its cost. Kinks alone say how many rows there are, never the
bounds: from cycle to cycle only the bounds of the rows change.

Why the pieces fill in order, from the least power up: all rows of a device lie in one group, so a
watt may be moved from a piece to the one below it and no sum changes. The marginal costs along the
pieces, read as vectors over the tiers, rise strictly, so this watt makes the first tier in which
they differ cheaper, and no tier before it dearer. An answer in which a piece has begun before the
one below it is full would not be the best. Where two pieces have the same straight cost in all
tiers, the tie rule fills both to the same share; then the split means nothing, only the sum does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from itertools import pairwise
from math import inf

from nansha_core.curve import Curve
from nansha_core.devices import SITE_NAME, STANDARD_TIERS, Device
from nansha_core.errors import ProblemError
from nansha_core.layout import lay_out
from nansha_core.problem import SITE, Problem, Tier, Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A feeder, phase, cabinet or cluster, with a cap on the sum of all power in it."""

    name: str
    parent: str = SITE_NAME
    cap_lo_w: float = -inf
    """Least sum, W, + into the bus: -10000 lets it draw 10 kW."""
    cap_hi_w: float = inf
    """Greatest sum, W: 5000 lets it give 5 kW."""


@dataclass(frozen=True, slots=True)
class _Piece:
    from_w: float
    to_w: float
    start_w: float
    """The device's power at which the row of this piece is at 0 W: the end nearest 0, or 0."""


class Microgrid:
    """Devices in groups, and the order of what matters. It never changes."""

    __slots__ = ("_at", "_first", "_pieces", "_tree", "devices", "groups", "tiers")

    def __init__(
        self,
        devices: Iterable[Device],
        groups: Iterable[Group] = (),
        tiers: Sequence[str] = STANDARD_TIERS,
    ) -> None:
        """Check all names and costs; the group "site" is there without being given."""
        self.devices = tuple(devices)
        self.groups = tuple(groups)
        self.tiers = tuple(tiers)
        if not self.tiers:
            raise ProblemError("tiers", "none", "give at least one name, the most important first")
        _unique("tiers", self.tiers, "tier")
        _unique("groups", (SITE_NAME, *(g.name for g in self.groups)), "group")
        self._at = _unique("devices", tuple(d.name for d in self.devices), "device")
        self._tree = self._read_groups()
        self._pieces = tuple(_pieces(device.kinks_w) for device in self.devices)
        for i, device in enumerate(self.devices):
            for tier in device.costs:
                if tier not in self.tiers:
                    raise _unknown("costs", tier, "tier", self.tiers, i, device.name)
            self._check_convex(i, device)
        self._first = [0]
        for pieces in self._pieces:
            self._first.append(self._first[-1] + len(pieces))

    def __len__(self) -> int:
        """How many rows its problem has."""
        return self._first[-1]

    @property
    def group_names(self) -> tuple[str, ...]:
        """Of the groups of its problem, the site first."""
        return (SITE_NAME, *(g.name for g in self.groups))

    def device(self, name: str) -> Device:
        """The device of this name."""
        return self.devices[self._index(name)]

    def rows(self, name: str) -> range:
        """Which rows of the problem a device is; its power is their sum."""
        i = self._index(name)
        return range(self._first[i], self._first[i + 1])

    def path(self, name: str) -> list[int]:
        """The groups around a device, by number, the innermost first, the site last."""
        g = self._tree.group[self._first[self._index(name)]]
        found = [g]
        while g != SITE:
            g = self._tree.parent[g]
            found.append(g)
        return found

    def problem(self, demand_w: float = 0.0) -> Problem:
        """Make what the core solves. Loads that are devices are not part of demand_w."""
        lo_w: list[float] = []
        hi_w: list[float] = []
        names: list[str] = []
        for device, pieces in zip(self.devices, self._pieces, strict=True):
            lo, hi = device.bounds_w
            for k, piece in enumerate(pieces):
                lo_w.append(min(max(lo, piece.from_w), piece.to_w) - piece.start_w + 0.0)
                hi_w.append(min(max(hi, piece.from_w), piece.to_w) - piece.start_w + 0.0)
                names.append(device.name if len(pieces) == 1 else f"{device.name}/{k + 1}")
        return Problem(
            tiers=tuple(self._tier(tier) for tier in self.tiers),
            lo_w=tuple(lo_w),
            hi_w=tuple(hi_w),
            demand_w=demand_w,
            tree=self._tree,
            names=tuple(names),
        )

    # -------------------------------------------------------------- inside

    def _index(self, name: str) -> int:
        try:
            return self._at[name]
        except KeyError:
            raise _unknown("name", name, "device", tuple(self._at)) from None

    def _tier(self, name: str) -> Tier:
        a: list[float] = []
        b: list[float] = []
        for device, pieces in zip(self.devices, self._pieces, strict=True):
            curve = device.costs.get(name, Curve())
            for piece in pieces:
                # Of the union's pieces each lies within one piece of this curve.
                k = curve.at(piece.from_w, up=True)
                a.append(float(curve.a[k]))
                b.append(_shifted(curve.a[k], curve.b[k], piece.start_w))
        return Tier(tuple(a), tuple(b), name)

    def _read_groups(self) -> Tree:
        number = {name: g for g, name in enumerate(self.group_names)}
        parent = [-1]
        for g, group in enumerate(self.groups, start=1):
            if group.parent not in number:
                raise _unknown("parent", group.parent, "group", tuple(number), g, group.name)
            parent.append(number[group.parent])
            lo, hi = group.cap_lo_w, group.cap_hi_w
            if not (lo <= hi and lo < inf and hi > -inf):
                mend = "give cap_lo_w <= cap_hi_w; -inf and inf for none"
                raise ProblemError(
                    "cap_lo_w, cap_hi_w", f"{lo}, {hi}", mend, g, group.name, "group"
                )
        of_row: list[int] = []
        for i, device in enumerate(self.devices):
            if device.group not in number:
                raise _unknown("group", device.group, "group", tuple(number), i, device.name)
            of_row += [number[device.group]] * (len(device.kinks_w) + 1)
        tree = Tree(
            group=tuple(of_row),
            parent=tuple(parent),
            cap_lo_w=(-inf, *(float(g.cap_lo_w) for g in self.groups)),
            cap_hi_w=(inf, *(float(g.cap_hi_w) for g in self.groups)),
            names=self.group_names,
        )
        lay_out(tree)  # refuses parents that go round
        return tree

    def _check_convex(self, i: int, device: Device) -> None:
        """Refuse a device that would rather begin with a later piece than with the one before.

        On all of its curves, and not only within its bounds, which move from cycle to cycle: a
        fault of the costs shall show on the first day. Exact, so what is convex is never refused.
        """
        for x in device.kinks_w:
            for tier in self.tiers:
                if tier not in device.costs:
                    continue
                below, curved_below = device.costs[tier].edge(x, up=False)
                above, curved_above = device.costs[tier].edge(x, up=True)
                if above < below:
                    raise _falls(i, device.name, tier, x, float(below), float(above))
                # Later tiers have no say where this one rises, nor where it is curved: there it
                # leaves one power open, on one piece.
                if above > below or curved_below or curved_above:
                    break


def _pieces(kinks_w: tuple[float, ...]) -> tuple[_Piece, ...]:
    # Rows start at the kink nearest 0: then a row at rest is at 0 W to the bit, a battery's rows
    # are its charge and its discharge, and what is small is no difference of two large numbers.
    edges = (-inf, *kinks_w, inf)
    return tuple(_Piece(x, y, x if x >= 0 else y if y <= 0 else 0.0) for x, y in pairwise(edges))


def _shifted(a: float, b: float, start_w: float) -> float:
    """Marginal cost where the row starts, rounded once: so equal ones stay equal."""
    if not a or not start_w:
        return float(b)
    return float(Fraction(b) + Fraction(a) * Fraction(start_w))


def _falls(
    i: int, name: str, tier: str, at_w: float, below: float, above: float
) -> ProblemError:  # fmt: skip
    if at_w == 0:
        mend = (
            "selling would bring more than buying costs, so to do both at once would be an endless "
            "money loop. Sell no dearer than you buy (charge no dearer than you discharge), or let "
            "a switch do one at a time: nansha_core.switch.one_way"
        )
    else:
        mend = (
            "the marginal cost falls there, so the cheap piece would begin before the dear one is "
            "full. Let it rise from piece to piece, or make the device a switch: nansha_core.switch"
        )
    return ProblemError(
        f"cost in tier {tier!r} at the kink {at_w:g} W",
        f"{below!r} below, {above!r} above",
        mend,
        i,
        name,
    )


def _unique(field: str, names: Sequence[str], what: str) -> dict[str, int]:
    at: dict[str, int] = {}
    for i, name in enumerate(names):
        if name in at:
            raise ProblemError(
                field, repr(name), f"{what} {at[name]} has that name too: give each its own",
                i, name, what,
            )  # fmt: skip
        at[name] = i
    return at


def _unknown(
    field: str,
    value: str,
    what: str,
    known: Sequence[str],
    index: int | None = None,
    name: str | None = None,
) -> ProblemError:
    near = get_close_matches(value, known, n=1)
    if near:
        mend = f"no {what} has that name; did you mean {near[0]!r}?"
    else:
        some = ", ".join(map(repr, known[:8])) or "none"
        mend = f"no {what} has that name; there are {some}" + (" …" if len(known) > 8 else "")
    of = "group" if field == "parent" else "device"
    return ProblemError(field, repr(value), mend, index, name, of)
