"""Where rows and groups lie: children before their parent, each group's rows side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nansha_core.errors import ProblemError
from nansha_core.problem import SITE, Tree

DEEPEST = 200
"""Groups in groups in groups; the searches go down as deep."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The groups of a tree in post-order, the site last."""

    order: tuple[int, ...]
    """The user's number of each group."""
    parent: tuple[int, ...]
    """Place in `order` of each group's parent, -1 for the site."""
    first: tuple[int, ...]
    """Place in `order` of the first group of each group's subtree."""


def lay_out(tree: Tree | None) -> Layout:
    """Order the groups; a ProblemError names the group that has no way to the site."""
    if tree is None:
        return Layout(order=(0,), parent=(-1,), first=(0,))
    parents, names = _parents(tree)
    children: list[list[int]] = [[] for _ in parents]
    for group, parent in enumerate(parents):
        if parent >= 0:
            children[parent].append(group)
    order: list[int] = []
    first = [0] * len(parents)
    stack = [(SITE, False)]
    while stack:
        group, done = stack.pop()
        if done:
            order.append(group)
            continue
        first[group] = len(order)  # the innermost first child ends up here
        stack.append((group, True))
        stack.extend((child, False) for child in reversed(children[group]))
    if len(order) < len(parents):
        lost = min(set(range(len(parents))) - set(order))
        raise ProblemError(
            "tree.parent", parents[lost],
            "its parents go round in a circle: every group has to lead to the site, group 0",
            lost, names[lost] if names else None, "group",
        )  # fmt: skip
    _check_depth(order, parents, names)
    place = {group: at for at, group in enumerate(order)}
    return Layout(
        order=tuple(order),
        parent=tuple(-1 if g == SITE else place[parents[g]] for g in order),
        first=tuple(first[g] for g in order),
    )


def _check_depth(order: list[int], parents: list[int], names: Sequence[str] | None) -> None:
    depth = [0] * len(parents)
    for group in reversed(order):  # parents before their children
        if group != SITE:
            depth[group] = depth[parents[group]] + 1
        if depth[group] > DEEPEST:
            raise ProblemError(
                "tree.parent", parents[group],
                f"it lies in {depth[group]} others: groups go {DEEPEST} deep",
                group, names[group] if names else None, "group",
            )  # fmt: skip


def _parents(tree: Tree) -> tuple[list[int], Sequence[str] | None]:
    m = len(tree.parent)
    names = tree.names
    if names is not None and len(names) != m:
        raise ProblemError("tree.names", f"{len(names)} names", f"give {m}, one per group")
    if m == 0:
        raise ProblemError("tree.parent", "0 groups", "give at least the site, with parent -1")
    parents = []
    for group, value in enumerate(tree.parent):
        name = names[group] if names else None
        try:
            parent = value.__index__()
        except AttributeError:
            raise ProblemError(
                "tree.parent", value, "give the number of a group", group, name, "group"
            ) from None
        if group == SITE and parent != -1:
            raise ProblemError(
                "tree.parent", parent, "the site is the root: give -1", group, name, "group"
            )
        if group != SITE and not 0 <= parent < m:
            raise ProblemError(
                "tree.parent", parent, f"give a group from 0 to {m - 1}", group, name, "group"
            )
        parents.append(parent)
    return parents, names
