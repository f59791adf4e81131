"""Random microgrids of whole watts, and what other solvers say of them."""

import math
from fractions import Fraction

import clarabel
import numpy as np
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import csc_matrix

from nansha_core import Answer, Balance, Problem, verify
from nansha_core.curve import Curve
from nansha_core.devices import Device
from nansha_core.microgrid import Group, Microgrid

INF = math.inf
TIERS = ("first", "second", "third")


def solve(microgrid: Microgrid, demand_w: float = 0.0) -> tuple[Problem, Answer]:
    problem = microgrid.problem(demand_w)
    answer = Balance(problem).answer()
    verify(problem, answer)
    return problem, answer


def power(microgrid: Microgrid, answer: Answer, name: str) -> float:
    return math.fsum(answer.p_w[i] for i in microgrid.rows(name))


def exact_cost(curve: Curve, p: Fraction) -> Fraction:
    """The integral of the marginal cost from 0 to p, with no rounding."""
    lo, hi = min(p, Fraction(0)), max(p, Fraction(0))
    ends = [None, *map(Fraction, curve.kinks_w), None]
    total = Fraction(0)
    for a, b, x, y in zip(curve.a, curve.b, ends, ends[1:], strict=False):
        left = lo if x is None else max(lo, x)
        right = hi if y is None else min(hi, y)
        if left < right:
            total += Fraction(a) * (right**2 - left**2) / 2 + Fraction(b) * (right - left)
    return total if p >= 0 else -total


# ------------------------------------------------------------------ strategies


@st.composite
def curves(draw: st.DrawFn, linear: bool = False, convex: bool = True) -> Curve:
    """A convex curve of small whole numbers; or any, if it need not be."""
    kinks = sorted(draw(st.sets(st.integers(-6, 6), max_size=3)))
    slopes = st.sampled_from((0.0,) if linear else (0.0, 0.0, 0.5, 1.0, 2.0))
    a = [draw(slopes) for _ in range(len(kinks) + 1)]
    b = [float(draw(st.integers(-3, 3)))]
    for k, x in enumerate(kinks):
        jump = draw(st.integers(0 if convex else -1, 2))
        b.append(a[k] * x + b[k] + jump - a[k + 1] * x)
    return Curve(tuple(a), tuple(b), tuple(map(float, kinks)))


@st.composite
def devices(
    draw: st.DrawFn,
    name: str = "it",
    group: str = "site",
    linear: bool = False,
    convex: bool = True,
    zero: bool = False,
) -> Device:
    """A device with a cost in some tiers; `zero`: 0 W is within its bounds."""
    lo = draw(st.integers(-9, 0 if zero else 6))
    hi = draw(st.integers(max(lo, 0) if zero else lo, 9))
    tiers = draw(st.sets(st.sampled_from(TIERS)))
    costs = {tier: draw(curves(linear, convex)) for tier in sorted(tiers)}
    return Device(name=name, lo_w=float(lo), hi_w=float(hi), costs=costs, group=group)


@st.composite
def microgrids(draw: st.DrawFn, linear: bool = False, zero: bool = True) -> Microgrid:
    """Some devices in a tree of groups; with `zero`, everything at 0 W keeps all limits."""
    names = ["site", "feeder", "cabinet", "phase"][: draw(st.integers(1, 4))]
    groups = []
    for g, name in enumerate(names[1:]):
        cap_lo = draw(st.sampled_from((-INF, -8.0, -3.0, 0.0 if zero else 2.0)))
        cap_hi = draw(st.sampled_from((INF, 8.0, 3.0, 2.0)))
        parent = draw(st.sampled_from(names[: g + 1]))
        groups.append(Group(name=name, parent=parent, cap_lo_w=cap_lo, cap_hi_w=cap_hi))
    count = draw(st.integers(1, 6))
    made = [
        draw(devices(f"d{i}", draw(st.sampled_from(names)), linear, zero=zero))
        for i in range(count)
    ]
    return Microgrid(made, groups, TIERS)


# ------------------------------------------------------------------ oracles


class Program:
    """The microgrid in terms of its devices' powers and, above each cost, an epigraph variable.

    A convex curve is a/2 p^2 (the same a in all pieces) plus the greatest of its pieces' lines.
    """

    def __init__(self, microgrid: Microgrid) -> None:
        self.microgrid = microgrid
        self.tiers, self.devices = microgrid.tiers, microgrid.devices
        d = len(self.devices)
        self.size = d * (1 + len(self.tiers))
        self.bounds = [device.bounds_w for device in self.devices]
        self.bounds += [(-INF, INF)] * (self.size - d)
        self.rows: list[np.ndarray] = []
        self.limits: list[float] = []
        self.curved = np.zeros((len(self.tiers), d))
        for i, device in enumerate(self.devices):
            for k, tier in enumerate(self.tiers):
                curve = device.costs.get(tier, Curve())
                assert len(set(curve.a)) == 1
                self.curved[k, i] = curve.a[0]
                offset, at = self._offset(curve), self._epigraph(k, i)
                for j, b in enumerate(curve.b):
                    if j:
                        offset -= (b - curve.b[j - 1]) * curve.kinks_w[j - 1]
                    self._add({i: b, at: -1.0}, -offset)
        parents = {group.name: group.parent for group in microgrid.groups}
        for group in microgrid.groups:
            inside = {}
            for i, device in enumerate(self.devices):
                g = device.group
                while g not in ("site", group.name):
                    g = parents[g]
                if g == group.name:
                    inside[i] = 1.0
            if group.cap_hi_w < INF:
                self._add(inside, group.cap_hi_w)
            if group.cap_lo_w > -INF:
                self._add({i: -1.0 for i in inside}, -group.cap_lo_w)

    @staticmethod
    def _offset(curve: Curve) -> float:
        """Height at 0 W of the first piece's line: the curve itself is 0 there."""
        height = 0.0
        for x, b, c in zip(curve.kinks_w, curve.b, curve.b[1:], strict=False):
            if x < 0:
                height += (c - b) * x
        return height

    def _epigraph(self, k: int, i: int) -> int:
        return len(self.devices) * (1 + k) + i

    def _add(self, terms: dict[int, float], limit: float) -> None:
        row = np.zeros(self.size)
        for i, x in terms.items():
            row[i] = x
        self.rows.append(row)
        self.limits.append(limit)

    def objective(self, k: int) -> np.ndarray:
        cost = np.zeros(self.size)
        start = self._epigraph(k, 0)
        cost[start : start + len(self.devices)] = 1.0
        return cost

    def least_costs(self) -> list[float]:
        """Tier after tier by linear programs, each held to what the ones before reached."""
        total = np.zeros(self.size)
        total[: len(self.devices)] = 1.0
        found = []
        for k in range(len(self.tiers)):
            cost = self.objective(k)
            out = linprog(
                cost, np.array(self.rows), self.limits, total[None, :], [0.0], self.bounds
            )
            assert out.status == 0, out.message
            found.append(out.fun)
            self.rows.append(cost)
            self.limits.append(out.fun + 1e-9)
        return found

    def least_quadratic(self, k: int) -> float:
        """The least of one tier, curved, on its own. (HiGHS goes round in circles on some.)"""
        d = len(self.devices)
        total = np.zeros(self.size)
        total[:d] = 1.0
        rows, limits = [total, *self.rows], [0.0, *self.limits]
        for i, (lo, hi) in enumerate(self.bounds[:d]):
            unit = np.zeros(self.size)
            unit[i] = 1.0
            rows += [unit, -unit]
            limits += [hi, -lo]
        curved = np.zeros(self.size)
        curved[:d] = self.curved[k]
        only = np.r_[:d, self._epigraph(k, 0) : self._epigraph(k, d)]  # others have no least
        settings = clarabel.DefaultSettings()
        settings.verbose = False
        out = clarabel.DefaultSolver(
            csc_matrix(np.diag(curved[only])),
            self.objective(k)[only],
            csc_matrix(np.array(rows)[:, only]),
            np.array(limits),
            [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(len(rows) - 1)],
            settings,
        ).solve()
        assert out.status == clarabel.SolverStatus.Solved
        return out.obj_val
