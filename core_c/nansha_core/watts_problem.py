"""The problem of `watts`: read, refused by name, and its groups put in order.

Runs the same under CPython and MicroPython.
"""

from collections import namedtuple

from nansha_core.errors import ProblemError

LIMIT_W = (1 << 29) - 1
"""Greatest demand, cap, and sum of the rows' largest powers, so that differences fit in 31 bits."""

MOST = (1 << 30) - 1
"""Greatest small integer of a 32-bit chip."""

WattTree = namedtuple("WattTree", ("group", "parent", "cap_lo_w", "cap_hi_w"))
"""The group of each row; of each group the one around it (group 0, the site: -1) and its caps in
whole watts, None for no cap; the site has none."""


def whole_number(
    field: str, value: object, limit: int, index: int | None = None, what: str = "device"
) -> int:
    """Give the value back if it is whole and within limits. Raises ProblemError."""
    if not isinstance(value, int):
        raise ProblemError(field, value, "give a whole number", index, None, what)
    if not -limit <= value <= limit:
        raise ProblemError(field, value, f"keep it within +-{limit}", index, None, what)
    return value


def caps(tree: WattTree, g: int) -> tuple[int | None, int | None]:
    """The caps of one group, if they are such."""
    cap_lo, cap_hi = tree.cap_lo_w[g], tree.cap_hi_w[g]
    for field, cap in (("cap_lo_w", cap_lo), ("cap_hi_w", cap_hi)):
        if cap is not None:
            if g == 0:
                mend = "give None: the site has no cap, but a demand"
                raise ProblemError(field, cap, mend, g, None, "group")
            whole_number(field, cap, LIMIT_W, g, "group")
    if cap_lo is not None and cap_hi is not None and cap_lo > cap_hi:
        mend = f"lower it to cap_hi_w = {cap_hi}"
        raise ProblemError("cap_lo_w", cap_lo, mend, g, None, "group")
    return cap_lo, cap_hi


def read_rows(lo_w: list[int], hi_w: list[int], rank: list[int]) -> None:
    """Refuse rows that are none. Raises ProblemError with the row."""
    n = len(lo_w)
    for field, values in (("hi_w", hi_w), ("rank", rank)):
        if len(values) != n:
            raise ProblemError(field, len(values), f"give {n} items, as in lo_w")
    most_w = 0
    for i in range(n):
        whole_number("lo_w", lo_w[i], LIMIT_W, i)
        whole_number("hi_w", hi_w[i], LIMIT_W, i)
        whole_number("rank", rank[i], MOST, i)
        if lo_w[i] > hi_w[i]:
            raise ProblemError("lo_w", lo_w[i], f"lower it to hi_w = {hi_w[i]}", i)
        most_w += max(-lo_w[i], hi_w[i])
        if most_w > LIMIT_W:
            mend = f"all rows up to this one pass {LIMIT_W} W together: share out less"
            raise ProblemError("hi_w", hi_w[i], mend, i)


def plant(tree: WattTree, n: int) -> tuple[list[int], list[int], list[int], list[int]]:
    """Number m groups anew, so that all that is in a group follows it at once.

    Returns the new number of each group; then, by new numbers, the group around each and the number
    after the last in it; then the new number of the group of each of n rows. Raises ProblemError.
    """
    parent = tree.parent
    m = len(parent)
    for field, count, kind in (
        ("cap_lo_w", m, "group"),
        ("cap_hi_w", m, "group"),
        ("group", n, "row"),
    ):
        if len(getattr(tree, field)) != count:
            raise ProblemError(field, len(getattr(tree, field)), "give one per " + kind)
    if m == 0 or parent[0] != -1:
        raise ProblemError("parent", list(parent), "give group 0, the site, the parent -1")
    by_depth = []
    for g in range(m):
        depth, at = 0, g
        while at != 0:
            at = parent[at]
            depth += 1
            if not isinstance(at, int) or not 0 <= at < m or depth >= m:
                mend = "give one that leads to group 0"
                raise ProblemError("parent", parent[g], mend, g, None, "group")
        by_depth.append((depth, g))
    by_depth.sort()
    size = [1] * m
    for _, g in reversed(by_depth[1:]):
        size[parent[g]] += size[g]
    place, free = [0] * m, [1] * m
    for _, g in by_depth[1:]:  # outer groups first: `free` is the next place in the one around
        place[g] = free[parent[g]]
        free[parent[g]] += size[g]
        free[g] = place[g] + 1
    up, end = [-1] * m, [0] * m
    for g in range(m):
        up[place[g]] = place[parent[g]] if g else -1
        end[place[g]] = place[g] + size[g]
    at_place = []
    for i in range(n):
        g = tree.group[i]
        if not isinstance(g, int) or not 0 <= g < m:
            raise ProblemError("group", g, f"give a group, 0 to {m - 1}", i)
        at_place.append(place[g])
    return place, up, end, at_place
