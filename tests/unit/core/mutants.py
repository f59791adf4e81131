"""Wrong answers made from right ones, each wrong for a reason that is known without the checker.

The right answer is unique in every field. What is yielded differs from it by at least a hundred
times the checker's tolerance, so it is wrong; each maker says how it knows that the difference is
one that counts (`mutant_case` has the measures). Changes that might still be right within tolerance
are not yielded.
"""

import struct
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from math import fsum, inf, isfinite, nan
from random import Random

from mutant_case import MARGIN, Case
from problems import fitting, rounded

from nansha_core.answer import Answer, Hold, Reason
from nansha_core.problem import Problem, Tier
from nansha_core.reference import solve_exact

FLIPS = 8  # bits tried of each number

Mutant = tuple[str, Problem, Answer]


def mutants(problem: Problem, answer: Answer, random: Random) -> Iterator[Mutant]:
    """Yield (what was done, problem, wrong answer); `answer` is a right answer to `problem`."""
    case = Case(problem, answer)
    for make in (_flips, _words, _prices, _powers, _lengths, _no_numbers, _other_data):
        yield from make(case, random)
    yield from _other_problems(case, random)


def _flipped(x: float, r: Random) -> Iterator[float]:
    (bits,) = struct.unpack("<Q", struct.pack("<d", x))
    for k in r.sample(range(64), FLIPS):
        (y,) = struct.unpack("<d", struct.pack("<Q", bits ^ (1 << k)))
        yield y


def _put(values: tuple[float, ...], i: int, x: float) -> tuple[float, ...]:
    return (*values[:i], x, *values[i + 1 :])


def _with_price(answer: Answer, k: int, groups: set[int], price: float) -> Answer:
    tier = tuple(price if g in groups else x for g, x in enumerate(answer.prices[k]))
    return replace(answer, prices=(*answer.prices[:k], tier, *answer.prices[k + 1 :]))


def _flips(case: Case, r: Random) -> Iterator[Mutant]:
    """One bit of one number. A lone power breaks the sum; every other number is unique."""
    problem, answer, big = case.problem, case.answer, case.big

    def counts(x: float, y: float) -> bool:
        return not abs(y - x) <= MARGIN * max(big, abs(x))

    for i, p in enumerate(answer.p_w):
        for y in _flipped(p, r):
            if counts(p, y):
                p_w = _put(answer.p_w, i, y)
                yield "bit of p_w", problem, replace(answer, p_w=p_w)
    for y in _flipped(answer.residual_w, r):
        if counts(answer.residual_w, y):
            yield "bit of residual_w", problem, replace(answer, residual_w=y)
    for y in _flipped(answer.shortage_w, r):
        if counts(answer.shortage_w, y):
            yield "bit of shortage_w", problem, replace(answer, shortage_w=y)
    for y in _flipped(answer.surplus_w, r):
        if counts(answer.surplus_w, y):
            yield "bit of surplus_w", problem, replace(answer, surplus_w=y)
    for g, x in enumerate(answer.overload_w):
        for y in _flipped(x, r):
            if counts(x, y):
                overload = _put(answer.overload_w, g, y)
                yield "bit of overload_w", problem, replace(answer, overload_w=overload)
    for k, tier in enumerate(answer.prices):
        for g, x in enumerate(tier):
            noise = case.price_noise(k, g)
            for y in _flipped(x, r):
                if not abs(y - x) <= noise:
                    yield "bit of a price", problem, _with_price(answer, k, {g}, y)


def _words(case: Case, r: Random) -> Iterator[Mutant]:
    """Wrong reasons and holds."""
    problem, answer = case.problem, case.answer
    for i, right in enumerate(answer.reasons):
        for wrong in r.sample(sorted(set(Reason) - {right}), 2):
            reasons = (*answer.reasons[:i], wrong, *answer.reasons[i + 1 :])
            yield "reason", problem, replace(answer, reasons=reasons)
    for g, right in enumerate(answer.holds):
        for hold in sorted(set(Hold) - {right}):
            if Hold.fixed in (right, hold) and not case.m > 1:
                continue
            if right == Hold.fixed and not _surely_fixed(case, g):
                continue  # a single sum by the last bit of a cap: nobody can tell
            if hold == Hold.fixed and not case.cap_hi[g] - case.cap_lo[g] > MARGIN * case.big:
                continue
            if hold == Hold.fixed and not _can_move(case, g):
                continue
            holds = (*answer.holds[:g], hold, *answer.holds[g + 1 :])
            yield "hold", problem, replace(answer, holds=holds)


def _surely_fixed(case: Case, g: int) -> bool:
    """Its caps are equal or out of reach, and a row right in it has a range worth the name."""
    least = MARGIN * case.big
    caps = abs(case.answer.overload_w[g]) > least or case.cap_lo[g] == case.cap_hi[g]
    return caps and any(case.group[i] == g and w > least for i, w in enumerate(case.range))


def _can_move(case: Case, g: int) -> bool:
    """It is not fixed: a row right in it has room, and its sum is clear of both caps."""
    least = MARGIN * case.big
    total = case.totals(case.answer.p_w)[g]
    return case.cap_lo[g] + least < total < case.cap_hi[g] - least and any(
        case.group[i] == g and w > least for i, w in enumerate(case.range)
    )


def _prices(case: Case, r: Random) -> Iterator[Mutant]:
    """A price changed for a whole zone, so that no group tells by its neighbour; a foreign price.

    The price rule has one price. A drawn number is none that another reading of the rule gives.
    """
    problem, answer = case.problem, case.answer
    for k, tier in enumerate(answer.prices):
        for g, x in enumerate(tier):
            noise = case.price_noise(k, g)
            zone = {h for h, y in enumerate(tier) if y == x} if r.random() < 0.5 else {g}
            y = x + r.choice((-1, 1)) * noise * 10 ** r.uniform(0.5, 7)
            if abs(y - x) > noise:
                yield "price of a zone", problem, _with_price(answer, k, zone, y)
            others = [y for other in answer.prices for y in other if abs(y - x) > noise]
            if others and case.m > 1:
                # Only this group's, so it does not fit its zone, or it is no row's cost.
                y = r.choice(others) + noise * r.uniform(1, 2)
                if abs(y - x) > noise:
                    yield "price of another", problem, _with_price(answer, k, {g}, y)


def _powers(case: Case, r: Random) -> Iterator[Mutant]:
    """Powers swapped, negated, shifted, with reasons that fit them; the sum often stays right."""
    problem, answer, n = case.problem, case.answer, case.n
    tries: list[tuple[str, tuple[float, ...]]] = [
        ("wrong sign", tuple(-p for p in answer.p_w)),
    ]
    for _ in range(min(2 * n, 24) if n > 1 else 0):
        i, j = r.sample(range(n), 2)
        if answer.p_w[i] == problem.hi_w[i] or answer.p_w[j] == problem.lo_w[j]:
            i, j = j, i
        p, q = answer.p_w[i], answer.p_w[j]
        tries.append(("swap", _put(_put(answer.p_w, i, q), j, p)))
        tries.append(("one wrong sign", _put(answer.p_w, i, -p)))
        room = min(problem.hi_w[i] - p, q - problem.lo_w[j])
        for part in (1.0, r.random(), 10 ** r.uniform(-6, 0)):
            x, y = p + part * room, q - part * room
            x = problem.hi_w[i] if part == 1 and room == problem.hi_w[i] - p else x
            y = problem.lo_w[j] if part == 1 and room == q - problem.lo_w[j] else y
            tries.append(("shift", _put(_put(answer.p_w, i, x), j, y)))
    for what, p_w in tries:
        if case.powers_break(p_w):
            yield what, problem, replace(answer, p_w=p_w)
            yield what + ", fitting", problem, _refit(problem, answer, p_w)


def _refit(problem: Problem, answer: Answer, p_w: tuple[float, ...]) -> Answer:
    residual = fsum((*p_w, -problem.demand_w, answer.shortage_w, -answer.surplus_w))
    return replace(answer, p_w=p_w, reasons=fitting(problem, p_w), residual_w=residual)


def _lengths(case: Case, r: Random) -> Iterator[Mutant]:
    """Lists that are too short or too long."""
    problem, answer = case.problem, case.answer
    yield "prices too short", problem, replace(answer, prices=answer.prices[:-1])
    yield "holds too long", problem, replace(answer, holds=(*answer.holds, Hold.free))
    yield "overload too short", problem, replace(answer, overload_w=answer.overload_w[:-1])
    yield "p_w too long", problem, replace(answer, p_w=(*answer.p_w, 0.0))
    yield "reasons too long", problem, replace(answer, reasons=(*answer.reasons, Reason.fixed))
    short = (*answer.prices[:-1], answer.prices[-1][:-1])
    yield "shares too short", problem, replace(answer, prices=short)
    if case.n:
        yield "p_w too short", problem, replace(answer, p_w=answer.p_w[:-1])
        yield "lo_w too short", replace(problem, lo_w=problem.lo_w[:-1]), answer


def _no_numbers(case: Case, r: Random) -> Iterator[Mutant]:
    """Not a number, or without end."""
    problem, answer = case.problem, case.answer
    x = r.choice((nan, inf, -inf))
    yield "demand_w no number", replace(problem, demand_w=x), answer
    yield "residual_w no number", problem, replace(answer, residual_w=x)
    yield "shortage_w no number", problem, replace(answer, shortage_w=x)
    yield "surplus_w no number", problem, replace(answer, surplus_w=x)
    g, k = r.randrange(case.m), r.randrange(len(answer.prices))
    yield "price no number", problem, _with_price(answer, k, {g}, x)
    yield "overload no number", problem, replace(answer, overload_w=_put(answer.overload_w, g, x))
    if case.n:
        i = r.randrange(case.n)
        yield "p_w no number", problem, replace(answer, p_w=_put(answer.p_w, i, x))
        yield "lo_w no number", replace(problem, lo_w=_put(tuple(problem.lo_w), i, x)), answer
        yield "hi_w no number", replace(problem, hi_w=_put(tuple(problem.hi_w), i, x)), answer
        k = r.randrange(len(problem.tiers))
        tier = problem.tiers[k]
        yield "a no number", _with_tier(problem, k, Tier(_put(tuple(tier.a), i, x), tier.b)), answer
        yield "b no number", _with_tier(problem, k, Tier(tier.a, _put(tuple(tier.b), i, x))), answer
        low = Tier(_put(tuple(tier.a), i, -1.0), tier.b)
        yield "a below 0", _with_tier(problem, k, low), answer


def _with_tier(problem: Problem, k: int, tier: Tier) -> Problem:
    return replace(problem, tiers=(*problem.tiers[:k], tier, *problem.tiers[k + 1 :]))


def _other_data(case: Case, r: Random) -> Iterator[Mutant]:
    """An answer to slightly other data: a bound, cap or cost that it does not keep."""
    problem, answer = case.problem, case.answer
    step = case.big * 10 ** r.uniform(-6, 0)
    yield "demand of another", replace(problem, demand_w=problem.demand_w + step), answer
    if case.n:
        i = r.randrange(case.n)
        above, below = answer.p_w[i] + step, answer.p_w[i] - step
        hi = _put(tuple(problem.hi_w), i, below)
        yield "hi_w of another", replace(problem, hi_w=hi), answer
        lo = _put(tuple(problem.lo_w), i, above)
        yield "lo_w of another", replace(problem, lo_w=lo), answer
        # A row inside its range that decides in this tier has the price as marginal cost.
        k = next((k for k, t in enumerate(problem.tiers) if t.a[i] > 0), len(problem.tiers))
        if answer.reasons[i] == Reason.interior and _inside(case, i):
            tier = problem.tiers[k]
            size = max(case.price_noise(k) / MARGIN, abs(answer.p_w[i]) * tier.a[i])
            for sign in (-1, 1):
                b = tier.b[i] + sign * size * 10 ** r.uniform(-6, 0)
                other = Tier(tier.a, _put(tuple(tier.b), i, b))
                yield "b of another", _with_tier(problem, k, other), answer
    tree = problem.tree
    if tree is not None and case.m > 1:
        g = r.randrange(1, case.m)
        total = case.totals(answer.p_w)[g]
        if total - step > case.cap_lo[g] and not answer.overload_w[g]:
            cap = _put(tuple(tree.cap_hi_w), g, total - step)
            yield "cap of another", replace(problem, tree=replace(tree, cap_hi_w=cap)), answer
        if total + step < case.cap_hi[g] and not answer.overload_w[g]:
            cap = _put(tuple(tree.cap_lo_w), g, total + step)
            yield "cap of another", replace(problem, tree=replace(tree, cap_lo_w=cap)), answer
        around = list(tree.parent)
        around[g] = g
        yield "a cycle", replace(problem, tree=replace(tree, parent=tuple(around))), answer


def _inside(case: Case, i: int) -> bool:
    """Well inside, as seen from the largest power."""
    p, least = case.answer.p_w[i], MARGIN * case.big
    return case.problem.lo_w[i] + least < p < case.problem.hi_w[i] - least


def _other_problems(case: Case, r: Random) -> Iterator[Mutant]:
    """Right answers to other problems: another demand, no cap, no tier."""
    problem, answer = case.problem, case.answer
    step = case.big * r.choice((-1, 1)) * 10 ** r.uniform(-6, 0)
    other = _solved(replace(problem, demand_w=problem.demand_w + step))
    # Its sum is that of another demand, or its shortage or surplus is.
    yield "answer of another demand", problem, other
    tree = problem.tree
    if tree is not None and case.m > 1:
        g = r.randrange(1, case.m)
        bare = replace(
            tree,
            cap_lo_w=_put(tuple(tree.cap_lo_w), g, -inf),
            cap_hi_w=_put(tuple(tree.cap_hi_w), g, inf),
        )
        other = _solved(replace(problem, tree=bare))
        total = case.totals(other.p_w)[g]
        least = MARGIN * max((case.big, *map(abs, other.p_w)))
        over = answer.overload_w[g]
        # The cap was what kept the sum where it was.
        if (
            total > case.cap_hi[g] + max(over, 0) + least
            or total < case.cap_lo[g] + min(over, 0) - least
        ):
            yield (
                "no cap",
                problem,
                replace(other, holds=answer.holds, overload_w=answer.overload_w),
            )
            yield "no cap, as it is", problem, other
    # Consistent in themselves, but dearer in a tier of this problem: no price can make them right.
    for what, tiers, order in _other_tiers(case, r):
        other = _solved(replace(problem, tiers=tiers))
        if _worse(case, other.p_w):
            named = [answer.prices[k] if at is None else other.prices[at] for k, at in order]
            yield what, problem, replace(other, prices=(*named, other.prices[-1]))
            yield what + ", fitting", problem, _refit(problem, answer, other.p_w)


def _other_tiers(
    case: Case, r: Random
) -> Iterator[tuple[str, tuple[Tier, ...], list[tuple[int, int | None]]]]:
    """Other tiers, and for each tier of the problem where to find its price in their answer."""
    tiers = tuple(case.problem.tiers)
    count, k = len(tiers), r.randrange(len(tiers))
    same: list[tuple[int, int | None]] = [(at, at) for at in range(count)]
    if count > 1:
        order = [(at, None if at == k else at - (at > k)) for at in range(count)]
        yield "no tier", (*tiers[:k], *tiers[k + 1 :]), order
        yield (
            "tiers the other way round",
            tiers[::-1],
            [(at, count - 1 - at) for at in range(count)],
        )
    if case.n > 1:
        i, j = r.sample(range(case.n), 2)
        b = _put(_put(tuple(tiers[k].b), i, tiers[k].b[j]), j, tiers[k].b[i])
        yield "costs swapped", (*tiers[:k], Tier(tiers[k].a, b), *tiers[k + 1 :]), same
        b = _put(tuple(tiers[k].b), i, tiers[k].b[i] + r.choice((-1, 1)) * 10 ** r.uniform(-6, 2))
        yield "costs of another", (*tiers[:k], Tier(tiers[k].a, b), *tiers[k + 1 :]), same


def _solved(problem: Problem) -> Answer:
    return rounded(problem, solve_exact(problem))


def _worse(case: Case, p_w: tuple[float, ...]) -> bool:
    """These powers cost more in the first tier that tells, and by more than the margin."""
    for k, tier in enumerate(case.problem.tiers):
        gain, size = Fraction(0), case.price_noise(k) / MARGIN * case.big
        for a, b, p, q in zip(tier.a, tier.b, p_w, case.answer.p_w, strict=True):
            x, y = Fraction(p), Fraction(q)
            gain += Fraction(a) / 2 * (x * x - y * y) + Fraction(b) * (x - y)
        if abs(gain) > MARGIN * size:
            return gain > 0 and isfinite(size)
        if gain:
            return False  # too near to tell
    return False
