"""The checker of `watts`: takes no answer on trust, shares no code with what made it.

It searches for nothing. What it shows, in this order:

1. Bounds, caps as far as they can be kept, and the sum: nothing is broken, nothing is missing.
2. No watt should move: no row of a better rank could give one more while one of a worse rank gives
   one less. From the inside outwards each group passes on its best row that could rise through it
   and its worst that could sink; where a better one meets a worse one, the order is wrong. Caps of
   groups within groups make a base polyhedron, where no such pair means: the best of all answers.
3. Each group names its level (rank, part / whole), and the level explains every row to the watt.
   Where the level changes at a group's border, its cap is the reason. (Those are the conditions of
   Karush, Kuhn and Tucker for the same problem in parts of a watt, which has one answer only.)
4. The parts of a watt: within a level, no smaller part got the watt of a larger one.

So powers pass only if they are the one right answer, and levels only if they prove it. Products are
taken in two pieces of 30 bits. Runs the same under CPython and MicroPython.
"""

from nansha_core.errors import CertificateError

_FREE, _UPPER, _LOWER, _FIXED, _TIE = 0, 1, 2, 3, 4
_LIMIT_W = 536870911  # all powers of a problem together: then no difference leaves 31 bits
_LOW_BITS = 32767


def _product(x: int, y: int) -> tuple[int, int]:
    """x * y as (upper, lower 30 bits), for 0 <= x, y < 2**30; no step leaves 31 bits."""
    x1, x0, y1, y0 = x >> 15, x & _LOW_BITS, y >> 15, y & _LOW_BITS
    low = x0 * y0
    one = x1 * y0 + (low >> 15)
    two = x0 * y1 + (one & _LOW_BITS)
    return x1 * y1 + (one >> 15) + (two >> 15), (two & _LOW_BITS) << 15 | (low & _LOW_BITS)


def _sign(x: int, y: int, u: int, v: int) -> int:
    """The sign of x * y - u * v; x, y, v >= 0."""
    if u < 0:
        return 1 if v or (x and y) else 0
    left, right = _product(x, y), _product(u, v)
    return (left > right) - (left < right)


def _rest(x: int, part: int, floor: int, whole: int) -> int:
    """x * part - floor * whole if that is within 0 to whole - 1, else -1: then `floor` is none."""
    if floor < 0 or _sign(x, part, floor, whole) < 0 or _sign(x, part, floor + 1, whole) >= 0:
        return -1
    high, low = _product(x, part)
    less_high, less_low = _product(floor, whole)
    if high == less_high:
        return low - less_low
    return (1073741823 - less_low) + low + 1  # one of the upper piece is 2**30 of the lower


def _group_fault(g: int, wrong: str) -> CertificateError:
    return CertificateError(wrong, g, None, "group")


def _read(field: str, values: list[int], count: int) -> None:
    if len(values) != count:
        raise CertificateError(f"{field} has {len(values)} items for {count}")
    for k in range(count):
        if not isinstance(values[k], int):
            raise CertificateError(f"{field}[{k}] is not a whole number")


class _Checker:
    def __init__(self, lo_w, hi_w, rank, demand_w, answer, tree) -> None:  # type: ignore[no-untyped-def]
        n = len(lo_w)
        self.n, self.lo, self.hi, self.rank = n, lo_w, hi_w, rank
        self.demand_w, self.answer, self.p = demand_w, answer, answer.p_w
        self.group = tree.group if tree is not None else [0] * n
        self.parent = tree.parent if tree is not None else [-1]
        m = len(self.parent)
        self.caps = [(None, None)] * m
        if tree is not None:
            self.caps = [(tree.cap_lo_w[g], tree.cap_hi_w[g]) for g in range(m)]
        for field, values in (("lo_w", lo_w), ("hi_w", hi_w), ("rank", rank)):
            _read(field, values, n)
        _read("group", self.group, n)
        _read("p_w", answer.p_w, n)
        _read("reasons", answer.reasons, n)
        for field in ("holds", "ranks", "parts", "wholes", "overload_w"):
            _read(field, getattr(answer, field), m)
        _read("demand, shortage, surplus", [demand_w, answer.shortage_w, answer.surplus_w], 3)
        self.outwards = [0]
        for g in self.outwards:  # grows as it is read: every group after the one around it
            self.outwards += [inner for inner in range(m) if self.parent[inner] == g and inner]
        if len(self.outwards) != m or self.parent[0] != -1:
            raise CertificateError("not a problem: the groups are no tree")
        self.outwards.reverse()

    def rows(self) -> None:
        """Bounds and the words of each row."""
        all_w = 0
        for i in range(self.n):
            lo, hi, p = self.lo[i], self.hi[i], self.p[i]
            all_w += max(abs(lo), abs(hi))
            if lo > hi or all_w > _LIMIT_W or not 0 <= self.group[i] < len(self.parent):
                raise CertificateError(f"not a problem: bounds {lo} to {hi} W", i)
            if not lo <= p <= hi:
                raise CertificateError(f"p_w = {p} is outside {lo} to {hi}", i)
            reason = _TIE
            if lo == hi:
                reason = _FIXED
            elif p in (lo, hi):
                reason = _UPPER if p == hi else _LOWER
            if self.answer.reasons[i] != reason:
                raise CertificateError(f"reason {self.answer.reasons[i]} is not {reason}", i)

    def _cap(self, g: int, side: int, without: int) -> int:
        cap = self.caps[g][side]
        if cap is None:
            return without
        if not isinstance(cap, int) or not -_LIMIT_W <= cap <= _LIMIT_W:
            raise _group_fault(g, "not a problem: caps")
        return cap

    def sums(self) -> None:
        """What groups can give and what they give; the site meets its demand as far as it can."""
        m = len(self.parent)
        self.least, self.most, self.sum = [0] * m, [0] * m, [0] * m
        self.stuck = [False] * m
        for i in range(self.n):
            g = self.group[i]
            self.least[g] += self.lo[i]
            self.most[g] += self.hi[i]
            self.sum[g] += self.p[i]
        for g in self.outwards:
            low, high = self.least[g], self.most[g]
            cap_lo, cap_hi = self._cap(g, 0, low), self._cap(g, 1, high)
            lower, upper = self.caps[g]
            given = lower is not None, upper is not None
            if (g == 0 and given != (False, False)) or (given == (True, True) and cap_lo > cap_hi):
                raise _group_fault(g, "not a problem: caps")
            over = max(0, low - cap_hi) if cap_hi < low else min(0, high - cap_lo)
            self.least[g] = min(high, max(low, cap_lo))
            self.most[g] = max(low, min(high, cap_hi))
            if not self.least[g] <= self.sum[g] <= self.most[g]:
                wrong = f"{self.sum[g]} W is outside {self.least[g]} to {self.most[g]}"
                raise _group_fault(g, wrong)
            if self.answer.overload_w[g] != over:
                raise _group_fault(g, f"overload {over} W is not stated")
            self.stuck[g] = g != 0 and low < high and self.least[g] == self.most[g]
            if g:
                outer = self.parent[g]
                self.least[outer] += self.least[g]
                self.most[outer] += self.most[g]
                self.sum[outer] += self.sum[g]
        for field, right in (
            ("shortage_w", max(0, self.demand_w - self.most[0])),
            ("surplus_w", max(0, self.least[0] - self.demand_w)),
        ):
            stated = getattr(self.answer, field)
            if stated != right:
                raise CertificateError(f"{field} = {stated} is not {right}")
        if self.sum[0] != self.demand_w - self.answer.shortage_w + self.answer.surplus_w:
            raise CertificateError(f"the sum of p_w is {self.sum[0]}")

    def trade(self, rises, sinks, borders, wrong) -> None:  # type: ignore[no-untyped-def]
        """No row of a better key could take a watt from a worse one; keys are (place, row) pairs.

        `rises` and `sinks` have a key per row or None; nothing passes through `borders`.
        """
        m = len(self.parent)
        best, worst = [None] * m, [None] * m
        for i in range(self.n):
            self._merge(best, worst, self.group[i], rises[i], sinks[i])
        for g in self.outwards:
            up, down = best[g], worst[g]
            if up is not None and down is not None and up[0] < down[0]:
                raise CertificateError(f"{wrong} row {down[-1]}", up[-1])
            if g and not borders[g]:
                up = up if self.sum[g] < self.most[g] else None
                down = down if self.sum[g] > self.least[g] else None
                self._merge(best, worst, self.parent[g], up, down)

    @staticmethod
    def _merge(best, worst, g, up, down) -> None:  # type: ignore[no-untyped-def]
        if up is not None and (best[g] is None or up < best[g]):
            best[g] = up
        if down is not None and (worst[g] is None or down > worst[g]):
            worst[g] = down

    def order(self) -> None:
        """Nobody of a worse rank gives what one of a better rank could."""
        rises = [(self.rank[i], i) if self.p[i] < self.hi[i] else None for i in range(self.n)]
        sinks = [(self.rank[i], i) if self.p[i] > self.lo[i] else None for i in range(self.n)]
        self.trade(rises, sinks, [False] * len(self.parent), "could give the watt of the worse")

    def levels(self) -> None:
        """The named levels explain the powers to the watt, the holds explain the levels."""
        answer, m = self.answer, len(self.parent)
        base, slope = [0] * m, [0] * m
        for i in range(self.n):
            g = self.group[i]
            if self.rank[i] < answer.ranks[g]:
                base[g] += self.hi[i]
            else:
                base[g] += self.lo[i]
                if self.rank[i] == answer.ranks[g]:
                    slope[g] += self.hi[i] - self.lo[i]
        for g in self.outwards:
            part, whole, hold = answer.parts[g], answer.wholes[g], answer.holds[g]
            if not 0 <= part <= whole or not 0 < whole <= 1073741823:
                raise _group_fault(g, f"{part} / {whole} is no fraction")
            if (hold == _FIXED) != self.stuck[g] or not _FREE <= hold <= _FIXED or (hold and not g):
                raise _group_fault(g, f"hold {hold}")
            if hold or not g:
                if _sign(slope[g], part, self.sum[g] - base[g], whole):
                    raise _group_fault(g, "its level does not make its sum")
            elif (
                _sign(slope[g], part, self.least[g] - base[g], whole) < 0
                or _sign(slope[g], part, self.most[g] - base[g], whole) > 0
            ):
                raise _group_fault(g, "its level breaks its cap")
            if g:
                self._border(g, hold)
                outer = self.parent[g]
                base[outer] += self.sum[g] if hold else base[g]
                slope[outer] += 0 if hold else slope[g]

    def _border(self, g: int, hold: int) -> None:
        answer, outer = self.answer, self.parent[g]
        above = (answer.ranks[g] > answer.ranks[outer]) - (answer.ranks[g] < answer.ranks[outer])
        if above == 0:
            above = _sign(answer.parts[g], answer.wholes[outer],
                          answer.parts[outer], answer.wholes[g])  # fmt: skip
        if hold == _FREE and above:
            raise _group_fault(g, "free, but at another level than around it")
        if hold == _UPPER and (above >= 0 or self.sum[g] != self.most[g]):
            raise _group_fault(g, "its upper cap does not hold it")
        if hold == _LOWER and (above <= 0 or self.sum[g] != self.least[g]):
            raise _group_fault(g, "its lower cap does not hold it")

    def parts(self) -> None:
        """Each row is at its level, to the watt; the larger part of a watt got the watt first."""
        answer = self.answer
        rises: list[tuple[tuple[int, int], int] | None] = [None] * self.n
        sinks: list[tuple[tuple[int, int], int] | None] = [None] * self.n
        for i in range(self.n):
            g, above = self.group[i], self.p[i] - self.lo[i]
            if self.rank[i] != answer.ranks[g]:
                if self.p[i] != (self.hi[i] if self.rank[i] < answer.ranks[g] else self.lo[i]):
                    raise CertificateError("not where its rank puts it", i)
                continue
            range_w, part, whole = self.hi[i] - self.lo[i], answer.parts[g], answer.wholes[g]
            rest = _rest(range_w, part, above, whole)
            if rest > 0:
                rises[i] = ((-rest, i), i)
            elif rest < 0:
                rest = _rest(range_w, part, above - 1, whole)
                if rest <= 0:
                    raise CertificateError("more than a watt from its fraction", i)
                sinks[i] = ((-rest, i), i)
        self.trade(rises, sinks, answer.holds, "is nearer to the watt of")


def check(lo_w, hi_w, rank, demand_w, answer, tree=None) -> None:  # type: ignore[no-untyped-def]
    """Raise CertificateError, the first fault in words and the number of its row, or be silent.

    Takes what `Watts` and `Watts.solve` took, and the answer.
    """
    checker = _Checker(lo_w, hi_w, rank, demand_w, answer, tree)
    checker.rows()
    checker.sums()
    checker.order()
    checker.levels()
    checker.parts()
