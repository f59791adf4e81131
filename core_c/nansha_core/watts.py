"""The balance in whole watts, for a node: a merit order on a tree of caps, exact, no floats.

It is the linear case of `docs/balance.md`, one cost per row. A cost counts by its order only, so a
row has a *rank* instead: rows of the least rank give first. Rows of one rank take the same fraction
of their range, as far as caps let them; then whole watts are made of it: everybody's fraction of a
watt is dropped, and what is missing goes, a watt each, to the largest fractions dropped, the lower
row first among equals, again as far as caps let. Bounds and caps always hold.

The way: a *level* is a rank and a fraction t. At a level, rows of a better rank are at hi, of a
worse one at lo, of the same at lo + t (hi - lo), and a group gives what is in it, clipped to its
cap. That grows with the level, so there is a level at which the site gives its sum. A group that is
clipped there has a sum of its own, its cap, and with it a level of its own: it is the next site.
Groups that are not clipped share the level of the group around them.

Why that is best: take two rows, the one at a better level giving less than it could, the other more
than it must. Somewhere between them lies a clipped group, and the watt that would mend the order
would break its cap. Caps of groups within groups make a base polyhedron; there an answer that no
exchange of one watt between two rows betters is the best of all answers. Its corners are whole
numbers, so the fractions dropped can be given back within every cap, best first.

A level proves the powers, and where several would, one is named: so a hold may name a cap where the
float core calls the group free, if nothing outside it could give or take the watt anyway.

Fractions are pairs of whole numbers, and no product leaves 31 bits. One solve costs about
(bound groups + 1) * (log2(ranks) + bound groups) walks over rows and groups.
Runs the same under CPython and MicroPython; a node needs `watts_problem.py` and `errors.py` too.
"""

from collections import namedtuple

from nansha_core.watts_problem import LIMIT_W, MOST, WattTree, caps, plant, read_rows, whole_number

AT_UPPER, AT_LOWER, FIXED, TIE = 1, 2, 3, 4
"""Numbers of `answer.Reason`, for rows; the first three are those of `answer.Hold` as well."""
FREE = 0
"""Number of `answer.Hold` for a group that nothing holds."""

WattAnswer = namedtuple(
    "WattAnswer",
    (
        "p_w",  # of each row
        "reasons",  # of each row: FIXED, AT_UPPER, AT_LOWER, TIE, the first that is true
        "holds",  # of each group: FREE, AT_UPPER, AT_LOWER, FIXED
        "ranks",  # of each group: the rank that shares in it
        "parts",  # of each group: the fraction at which it shares is part / whole,
        "wholes",  # in lowest terms
        "overload_w",  # of each group: above cap_hi_w (+) or below cap_lo_w (-) by so much, else 0
        "shortage_w",  # demand that nobody can give
        "surplus_w",  # what is given beyond the demand
    ),
)
"""What `Watts.solve` says. Lists, fresh with each answer."""


def _part(x: int, part: int, whole: int) -> tuple[int, int]:
    """Floor of x * part / whole and what is left, for 0 <= part <= whole, x >= 0, in 31 bits."""
    if part == 0 or part == whole:
        return (x if part else 0), 0
    if x <= MOST // part:
        return x * part // whole, x * part % whole
    bit = 1
    while bit <= x >> 1:
        bit <<= 1
    floor = rest = 0
    while bit:  # long multiplication, reduced at each step: 2 rest and rest + part may not appear
        floor += floor
        if rest >= whole - rest:
            rest -= whole - rest
            floor += 1
        else:
            rest += rest
        if x & bit:
            if rest >= whole - part:
                rest -= whole - part
                floor += 1
            else:
                rest += part
        bit >>= 1
    return floor, rest


def _lowest(part: int, whole: int) -> tuple[int, int]:
    """The same fraction in lowest terms."""
    a, b = part, whole
    while b:
        a, b = b, a % b
    return part // a, whole // a


class Watts:
    """n rows in m groups, read once, then solved for any demand.

    `lo_w`, `hi_w` and `rank` have n whole numbers each; without a tree the site is the only group.
    Raises ProblemError, which names the row, or with the fields of the tree the group.
    """

    def __init__(
        self,
        lo_w: list[int],
        hi_w: list[int],
        rank: list[int],
        tree: WattTree | None = None,
    ) -> None:
        read_rows(lo_w, hi_w, rank)
        self._lo, self._hi, self._rank = list(lo_w), list(hi_w), list(rank)
        self._levels = sorted(set(rank)) or [0]
        if tree is None:
            tree = WattTree([0] * len(lo_w), [-1], [None], [None])
        self._place, self._up, self._end, self._at = plant(tree, len(lo_w))
        self._rows = [i for _, i in sorted([(g, i) for i, g in enumerate(self._at)])]
        self._first = [0] * (len(self._up) + 1)  # of each group, where its rows begin in `_rows`
        for g in self._at:
            self._first[g + 1] += 1
        for g in range(len(self._up)):
            self._first[g + 1] += self._first[g]
        self._reach(tree)

    def _reach(self, tree: WattTree) -> None:
        """From the innermost groups outwards, what bounds and caps leave: nothing is infeasible."""
        m = len(self._up)
        low, high = [0] * m, [0] * m
        for i, g in enumerate(self._at):
            low[g] += self._lo[i]
            high[g] += self._hi[i]
        self._over, self._stuck = [0] * m, [False] * m
        old_of = [0] * m
        for old in range(m):
            old_of[self._place[old]] = old
        for g in range(m - 1, -1, -1):
            cap_lo, cap_hi = caps(tree, old_of[g])
            choice = low[g] < high[g]
            if cap_hi is not None and low[g] > cap_hi:
                self._over[g] = low[g] - cap_hi
                high[g] = low[g]
            elif cap_lo is not None and high[g] < cap_lo:
                self._over[g] = high[g] - cap_lo
                low[g] = high[g]
            else:
                if cap_lo is not None and low[g] < cap_lo:
                    low[g] = cap_lo
                if cap_hi is not None and high[g] > cap_hi:
                    high[g] = cap_hi
            self._stuck[g] = choice and low[g] == high[g] and g > 0
            if g:
                low[self._up[g]] += low[g]
                high[self._up[g]] += high[g]
        self._low, self._high = low, high
        self._const, self._slope, self._held = [0] * m, [0] * m, [0] * m
        self._clip = [0] * m

    def solve(self, demand_w: int) -> WattAnswer:
        """The one answer for a demand, which may be beyond reach. Raises ProblemError."""
        whole_number("demand_w", demand_w, LIMIT_W, None)
        m = len(self._up)
        given_w = max(self._low[0], min(self._high[0], demand_w))
        p_w = [0] * len(self._lo)
        holds, ranks, parts, wholes = [FREE] * m, [0] * m, [0] * m, [1] * m
        sites = [(0, given_w)]
        while sites:
            top, total_w = sites.pop()
            level, part, whole = self._level(top, total_w)
            # The groups of this level; each that is clipped is a site of its own.
            inside = [top]
            ranks[top], parts[top], wholes[top] = level, part, whole
            left_w = total_w
            g = top + 1
            while g < self._end[top]:
                if self._clip[g]:
                    holds[g] = self._clip[g]
                    cap_w = self._low[g] if holds[g] == AT_LOWER else self._high[g]
                    left_w -= cap_w
                    sites.append((g, cap_w))
                    g = self._end[g]
                else:
                    inside.append(g)
                    ranks[g], parts[g], wholes[g] = level, part, whole
                    g += 1
            self._fill(inside, sites, left_w, level, part, whole, p_w)
        place = self._place
        return WattAnswer(
            p_w,
            [self._reason(i, p_w[i]) for i in range(len(p_w))],
            [holds[g] for g in place],
            [ranks[g] for g in place],
            [parts[g] for g in place],
            [wholes[g] for g in place],
            [self._over[g] for g in place],
            max(0, demand_w - given_w),
            max(0, given_w - demand_w),
        )

    def _reason(self, i: int, p_w: int) -> int:
        if self._lo[i] == self._hi[i]:
            return FIXED
        if p_w == self._hi[i]:
            return AT_UPPER
        return AT_LOWER if p_w == self._lo[i] else TIE

    def _level(self, top: int, total_w: int) -> tuple[int, int, int]:
        """The level at which `top`, as a site, gives its sum: (rank, part, whole)."""
        for g in range(top, self._end[top]):
            self._held[g] = FIXED if self._stuck[g] else FREE
        first, last = 0, len(self._levels) - 1
        while first < last:  # the first rank that suffices when it gives all it has
            middle = (first + last) // 2
            if self._gives(top, self._levels[middle], 1, 1, total_w) >= 0:
                last = middle
            else:
                first = middle + 1
        level = self._levels[first]
        while True:
            # Guess as if no further group were clipped. A group that is clipped at its lower cap
            # while too much is given stays so, for the level sinks; and the other way round.
            # Each round holds at least one group more, else the guess was right.
            part, whole = self._guess(top, level, total_w)
            sign = self._gives(top, level, part, whole, total_w)
            if sign == 0:
                return level, part, whole
            stays = AT_LOWER if sign > 0 else AT_UPPER
            for g in range(top + 1, self._end[top]):
                if self._clip[g] == stays:
                    self._held[g] = stays

    def _pour(self, top: int, level: int) -> None:
        """Watts that are certain at this rank, and ranges that share, from the rows to groups."""
        const, slope = self._const, self._slope
        end = self._end[top]
        for g in range(top, end):
            const[g] = slope[g] = 0
        for j in range(self._first[top], self._first[end]):
            i = self._rows[j]
            g = self._at[i]
            if self._rank[i] < level:
                const[g] += self._hi[i]
            else:
                const[g] += self._lo[i]
                if self._rank[i] == level:
                    slope[g] += self._hi[i] - self._lo[i]

    def _guess(self, top: int, level: int, total_w: int) -> tuple[int, int]:
        """The fraction that would do, were only held groups at their caps."""
        const, slope = self._const, self._slope
        self._pour(top, level)
        for g in range(self._end[top] - 1, top, -1):
            if self._held[g]:
                const[g] = self._low[g] if self._held[g] == AT_LOWER else self._high[g]
                slope[g] = 0
            const[self._up[g]] += const[g]
            slope[self._up[g]] += slope[g]
        if slope[top] == 0:
            return 0, 1
        return _lowest(max(0, min(slope[top], total_w - const[top])), slope[top])

    def _gives(self, top: int, level: int, part: int, whole: int, total_w: int) -> int:
        """Whether a level gives more (+1), less (-1) or exactly the total; marks who is clipped."""
        const, slope, clip = self._const, self._slope, self._clip
        self._pour(top, level)
        for g in range(self._end[top] - 1, top, -1):
            floor, rest = _part(slope[g], part, whole)
            floor += const[g]
            clip[g] = self._held[g]
            if clip[g] == FREE:
                if floor < self._low[g]:
                    clip[g] = AT_LOWER
                elif floor > self._high[g] or (floor == self._high[g] and rest):
                    clip[g] = AT_UPPER
            if clip[g]:
                const[g] = self._low[g] if clip[g] == AT_LOWER else self._high[g]
                slope[g] = 0
            const[self._up[g]] += const[g]
            slope[self._up[g]] += slope[g]
        floor, rest = _part(slope[top], part, whole)
        floor += const[top]
        if floor < total_w:
            return -1
        return 1 if floor > total_w or rest else 0

    def _fill(
        self,
        inside: list[int],
        sites: list[tuple[int, int]],
        left_w: int,
        level: int,
        part: int,
        whole: int,
        p_w: list[int],
    ) -> None:
        """Set the rows of the groups `inside`, which share one level, in whole watts."""
        sums_w = self._const  # of groups, as far as whole watts are given
        for g in inside:
            sums_w[g] = 0
        for g, cap_w in sites:
            if inside[0] < g < self._end[inside[0]]:
                sums_w[self._up[g]] += cap_w
        dropped = []
        for g in inside:
            for j in range(self._first[g], self._first[g + 1]):
                i = self._rows[j]
                rest = 0
                p_w[i] = self._hi[i] if self._rank[i] < level else self._lo[i]
                if self._rank[i] == level:
                    floor, rest = _part(self._hi[i] - self._lo[i], part, whole)
                    p_w[i] += floor
                if rest:
                    dropped.append((-rest, i))
                left_w -= p_w[i]
                sums_w[g] += p_w[i]
        if not dropped:
            return
        dropped.sort()  # the largest fraction first, the lower row first among equals
        out, may, must = 0, 1, 2
        state = [may] * len(dropped)
        for g in reversed(inside):
            if g == inside[0]:
                need = room = left_w
            else:
                need, room = self._low[g] - sums_w[g], self._high[g] - sums_w[g]
                sums_w[self._up[g]] += sums_w[g]
            mine = [
                k
                for k in range(len(dropped))
                if state[k] and g <= self._at[dropped[k][1]] < self._end[g]
            ]
            taken = sum([state[k] == must for k in mine])
            for k in mine:
                if state[k] == may:
                    if taken < need:
                        state[k] = must
                    elif taken >= room:
                        state[k] = out
                    taken += state[k] != out
        for k in range(len(dropped)):
            if state[k]:
                p_w[dropped[k][1]] += 1
