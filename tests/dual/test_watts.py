"""The balance in whole watts: right, proved by its checker, and the same bits everywhere."""

import hashlib

from dual_kit import Lcg, eq, raises

from nansha_core.errors import CertificateError, ProblemError
from nansha_core.watts import AT_LOWER, AT_UPPER, FIXED, FREE, TIE, Watts
from nansha_core.watts_check import check
from nansha_core.watts_problem import LIMIT_W, WattTree

# sha256 of 4000 random answers. A changed hash means changed decisions: look at why first.
GOLDEN = "b21887ff9d041d96b777e81904132d9b64cee07909b825c4c662216c1298c89f"

KW = 1000


def _solve(lo_w, hi_w, rank, demand_w, tree=None):
    """A checked answer."""
    answer = Watts(lo_w, hi_w, rank, tree).solve(demand_w)
    check(lo_w, hi_w, rank, demand_w, answer, tree)
    return answer


def _random(rnd, n, m, most_w, ranks):
    """A problem with n rows in m groups: (lo_w, hi_w, rank, demand_w, tree)."""
    lo_w = [rnd.below(2 * most_w + 1) - most_w for _ in range(n)]
    hi_w = [low + rnd.below(most_w + 1) for low in lo_w]
    rank = [rnd.below(ranks) for _ in range(n)]
    # Group 0 is the site; the others are numbered backwards as often as forwards.
    parent, names = [-1] * m, list(range(m))
    if rnd.bits(1):
        names = [-g % m for g in names]
    for g in range(1, m):
        parent[names[g]] = names[rnd.below(g)]
    cap_lo_w, cap_hi_w = [None] * m, [None] * m
    for g in range(1, m):
        caps = sorted([rnd.below(4 * most_w + 1) - 2 * most_w for _ in range(2)])
        if rnd.bits(2):
            cap_lo_w[g] = caps[0]
        if rnd.bits(2):
            cap_hi_w[g] = caps[1]
    tree = WattTree([rnd.below(m) for _ in range(n)], parent, cap_lo_w, cap_hi_w)
    return lo_w, hi_w, rank, rnd.below(2 * n * most_w + 1) - n * most_w, tree


# what people expect


def test_ranks_give_in_order():
    lo_w, hi_w, rank = [0, 0, 0], [3 * KW, 4 * KW, 5 * KW], [2, 0, 1]
    for demand_w, p_w in ((0, [0, 0, 0]), (4001, [0, 4000, 1]), (9500, [500, 4000, 5000])):
        eq(_solve(lo_w, hi_w, rank, demand_w).p_w, p_w)
    answer = _solve(lo_w, hi_w, rank, 9500)
    eq(answer.reasons, [TIE, AT_UPPER, AT_UPPER])
    eq((answer.ranks, answer.parts, answer.wholes), ([2], [1], [6]))


def test_equal_ranks_share_by_their_range_to_the_watt():
    eq(_solve([0, 0, 0], [10, 10, 10], [5, 5, 5], 20).p_w, [7, 7, 6])
    eq(_solve([0, 0, 0], [10, 20, 30], [5, 5, 5], 10).p_w, [2, 3, 5])
    eq(_solve([-10, 0], [10, 5], [1, 1], 0).p_w, [-2, 2])


def test_what_nobody_can_give_is_said():
    answer = _solve([0, -5], [10, -5], [1, 1], 20)
    eq((answer.p_w, answer.shortage_w, answer.surplus_w), ([10, -5], 15, 0))
    eq(answer.reasons, [AT_UPPER, FIXED])
    answer = _solve([0, -5], [10, -5], [1, 1], -6)
    eq((answer.p_w, answer.shortage_w, answer.surplus_w), ([0, -5], 0, 1))
    eq(_solve([], [], [], 7).shortage_w, 7)


def test_a_cap_holds_and_the_next_rank_fills_in():
    tree = WattTree([0, 1, 1], [-1, 0], [None, None], [None, 6 * KW])
    answer = _solve([0, 0, 0], [10 * KW] * 3, [1, 0, 0], 9 * KW, tree)
    eq(answer.p_w, [3 * KW, 3 * KW, 3 * KW])
    eq(answer.holds, [FREE, AT_UPPER])
    tree = WattTree([0, 1], [-1, 0], [None, 2 * KW], [None, None])
    answer = _solve([0, 0], [10 * KW] * 2, [0, 1], 5 * KW, tree)
    eq((answer.p_w, answer.holds), ([3 * KW, 2 * KW], [FREE, AT_LOWER]))


def test_a_cap_out_of_reach_is_an_overload():
    tree = WattTree([0, 1], [-1, 0], [None, None], [None, 3 * KW])
    answer = _solve([0, 4 * KW], [10 * KW] * 2, [1, 0], 10 * KW, tree)
    eq((answer.p_w, answer.overload_w, answer.holds), ([6000, 4000], [0, 1000], [FREE, FIXED]))


def test_fractions_of_a_watt_keep_within_inner_caps():
    # Three rows at 2 3/4 W reach 8 1/4 W: only two of them may round up.
    tree = WattTree([1, 1, 1, 0], [-1, 0], [None, None], [None, 9])
    eq(_solve([0] * 4, [11, 11, 11, 3], [0] * 4, 9, tree).p_w, [3, 3, 3, 0])
    tree.cap_hi_w[1] = 8
    eq(_solve([0] * 4, [11, 11, 11, 3], [0] * 4, 9, tree).p_w, [3, 3, 2, 1])
    # Five rows at 2.4 W owe 12 W, though ten others have dropped 0.9 W each.
    lo_w, hi_w, rank = [0] * 15, [8] * 5 + [3] * 10, [0] * 15
    tree = WattTree([1] * 5 + [0] * 10, [-1, 0], [None, None], [None, None])
    eq(_solve(lo_w, hi_w, rank, 21, tree).p_w, [3, 2, 2, 2, 2] + [1] * 10)
    tree.cap_lo_w[1] = 12
    eq(_solve(lo_w, hi_w, rank, 21, tree).p_w, [3, 3, 2, 2, 2] + [1] * 9 + [0])


def test_caps_just_around_the_fair_share():
    """Groups in groups whose caps leave the fair sums, but few of the ways to round them."""
    rnd = Lcg(17)
    for _ in range(400):
        n, m = 4 + rnd.below(20), 2 + rnd.below(5)
        hi_w = [1 + rnd.below(12) for _ in range(n)]
        parent = [-1] + [rnd.below(g) for g in range(1, m)]
        tree = WattTree([rnd.below(m) for _ in range(n)], parent, [None] * m, [None] * m)
        ranges_w, demand_w = _sums(hi_w, tree), rnd.below(sum(hi_w) + 1)
        for g in range(1, m):
            tree.cap_lo_w[g] = ranges_w[g] * demand_w // ranges_w[0]
            tree.cap_hi_w[g] = -(-ranges_w[g] * demand_w // ranges_w[0])
        answer = _solve([0] * n, hi_w, [0] * n, demand_w, tree)
        for i in range(n):
            floor_w, rest = divmod(hi_w[i] * demand_w, ranges_w[0])
            assert floor_w <= answer.p_w[i] <= floor_w + (rest > 0), (hi_w, demand_w, tree)


# the checker and the plain search


def test_random_answers_are_proved_and_their_mutants_refused():
    rnd = Lcg(7)
    seen, refused = set(), 0
    for _ in range(2500):
        n, m = 1 + rnd.below(8), 1 + rnd.below(5)
        lo_w, hi_w, rank, demand_w, tree = _random(
            rnd, n, m, rnd.pick((3, 20, 1000, 1000000)), 1 + rnd.below(3)
        )
        answer = _solve(lo_w, hi_w, rank, demand_w, tree)
        seen.update(answer.holds)
        given, taken = rnd.below(n), rnd.below(n)
        if given == taken:
            continue
        p_w = list(answer.p_w)
        p_w[given] += 1
        p_w[taken] -= 1
        mutant = _with(answer, p_w, _reasons(lo_w, hi_w, p_w))
        raises(CertificateError, check, lo_w, hi_w, rank, demand_w, mutant, tree)
        refused += 1
    eq(seen, {FREE, AT_UPPER, AT_LOWER, FIXED})
    assert refused > 1500, refused


def _with(answer, p_w, reasons):
    return type(answer)(p_w, reasons, *list(answer)[2:])


def _reasons(lo_w, hi_w, p_w):
    words = []
    for i, power in enumerate(p_w):
        if lo_w[i] == hi_w[i]:
            words.append(FIXED)
        elif power == hi_w[i]:
            words.append(AT_UPPER)
        else:
            words.append(AT_LOWER if power == lo_w[i] else TIE)
    return words


def test_words_that_are_wrong_are_refused():
    tree = WattTree([0, 1, 1], [-1, 0], [None, None], [None, 6])
    lo_w, hi_w, rank, demand_w = [0, 0, 0], [10, 10, 10], [1, 0, 0], 9
    right = list(_solve(lo_w, hi_w, rank, demand_w, tree))
    record = type(_solve(lo_w, hi_w, rank, demand_w, tree))
    wrongs = (
        (0, [3, 3]),
        (0, [3.0, 3, 3]),
        (0, [2, 3, 3]),
        (1, [TIE, TIE, AT_UPPER]),
        (2, [FREE, FREE]),
        (2, [FREE, AT_LOWER]),
        (2, [AT_UPPER, AT_UPPER]),
        (3, [0, 0]),
        (3, [1, 1]),
        (4, [4, 3]),
        (4, [3, 7]),
        (5, [10, 0]),
        (6, [0, 1]),
        (7, 1),
        (8, 1),
    )
    for field, value in wrongs:
        mutant = list(right)
        assert mutant[field] != value or field == 0
        mutant[field] = value
        raises(CertificateError, check, lo_w, hi_w, rank, demand_w, record(*mutant), tree)


def _every(lo_w, hi_w):
    """All whole answers within bounds."""
    p_w = list(lo_w)
    while True:
        yield p_w
        i = 0
        while i < len(p_w) and p_w[i] == hi_w[i]:
            p_w[i] = lo_w[i]
            i += 1
        if i == len(p_w):
            return
        p_w[i] += 1


def _sums(p_w, tree):
    """The sum of each group."""
    sums_w = [0] * len(tree.parent)
    for i, g in enumerate(tree.group):
        while g >= 0:
            sums_w[g] += p_w[i]
            g = tree.parent[g]
    return sums_w


def test_against_every_whole_answer():
    """Tiny problems, all answers tried: caps kept as well as any, then what the
    best rank gives, then the best two together, and so on."""
    rnd = Lcg(11)
    tried = 0
    for k in range(400):
        n, m = 1 + rnd.below(4), 1 + rnd.below(3)
        lo_w, hi_w, rank, demand_w, tree = _random(rnd, n, m, 5, 1 + rnd.below(3))
        answer = _solve(lo_w, hi_w, rank, demand_w, tree)
        sums_w = _sums(answer.p_w, tree)
        best = None
        for p_w in _every(lo_w, hi_w):
            tried += 1
            other_w = _sums(p_w, tree)
            if other_w[0] != sums_w[0] or not _no_worse(other_w, tree, answer):
                continue
            order = _by_rank(p_w, rank)
            if best is None or order > best:
                best = order
        eq(_by_rank(answer.p_w, rank), best, k)
    assert tried > 10000, tried


def _by_rank(p_w, rank):
    """What the ranks up to each give together."""
    return [sum([p_w[i] for i, r in enumerate(rank) if r <= most]) for most in range(3)]


def _no_worse(sums_w, tree, answer):
    """Whether caps are kept, or broken by no more than what the answer says it cannot help."""
    for g in range(1, len(sums_w)):
        cap_lo, cap_hi, over_w = tree.cap_lo_w[g], tree.cap_hi_w[g], answer.overload_w[g]
        if cap_hi is not None and sums_w[g] > cap_hi + max(0, over_w):
            return False
        if cap_lo is not None and sums_w[g] < cap_lo + min(0, over_w):
            return False
    return True


def test_flat_sites_share_by_the_largest_remainders():
    rnd = Lcg(13)
    for _ in range(300):
        n = 1 + rnd.below(9)
        ranges_w = [rnd.below(3000) for _ in range(n)]
        all_w = sum(ranges_w)
        demand_w = rnd.below(all_w + 1)
        want = [r * demand_w // all_w if all_w else 0 for r in ranges_w]
        rests = sorted([(-(r * demand_w % all_w), i) for i, r in enumerate(ranges_w) if all_w])
        for _, i in rests[: demand_w - sum(want)]:
            want[i] += 1
        eq(_solve([0] * n, ranges_w, [4] * n, demand_w).p_w, want)


# limits


def test_31_bits_are_enough_at_the_limits():
    share_w = LIMIT_W // 3
    for demand_w in (-LIMIT_W, -12345678, -1, 0, 1, 99999989, LIMIT_W):
        for lo_w in ([-share_w] * 3, [-share_w, 0, -7], [0, 0, 0]):
            for rank in ([0, 0, 0], [0, 1, 0]):
                tree = WattTree([0, 1, 1], [-1, 0], [None, -LIMIT_W], [None, share_w + 1])
                _solve(lo_w, [share_w, share_w - 1, share_w - 5], rank, demand_w, tree)


def test_what_is_no_problem_is_refused_by_its_row():
    def error(*args):
        return raises(ProblemError, Watts, *args)

    def tree_error(*tree):
        return str(error([0, 0], [1, 1], [0, 0], WattTree(*tree)))

    eq(error([0, 2], [1, 1], [0, 0]).index, 1)
    eq(error([0, 0], [1, 1.0], [0, 0]).index, 1)
    eq(error([0, 0], [1, 1], [0, None]).index, 1)
    eq(error([0, -LIMIT_W - 1], [1, 1], [0, 0]).index, 1)
    eq(error([0, 0, 0], [LIMIT_W // 2, LIMIT_W // 2, 2], [0, 0, 0]).index, 2)
    eq(error([0, 0], [1], [0, 0]).field, "hi_w")
    eq(error([0, 0], [1, 1], [0]).field, "rank")
    assert "device 1: group = 2" in tree_error([0, 2], [-1, 0], [None] * 2, [None] * 2)
    assert "group 1: parent" in tree_error([0, 0], [-1, 2, 1], [None] * 3, [None] * 3)
    assert "group 1: parent" in tree_error([0, 0], [-1, 5], [None] * 2, [None] * 2)
    assert "parent" in tree_error([0, 0], [0], [None], [None])
    assert "site has no cap" in tree_error([0, 0], [-1], [3], [None])
    assert "group 1: cap_lo_w" in tree_error([0, 0], [-1, 0], [None, 3], [None, 2])
    assert "group 1: cap_hi_w" in tree_error([0, 0], [-1, 0], [None] * 2, [None, 0.5])
    assert "cap_hi_w" in tree_error([0, 0], [-1, 0], [None] * 2, [None])
    for demand_w in (1.0, None, LIMIT_W + 1):
        eq(raises(ProblemError, Watts([0], [1], [0]).solve, demand_w).field, "demand_w")


# the same bits


def digest(count=4000):
    """The hash of `count` answers to random problems, as text."""
    rnd = Lcg(20260501)
    sha = hashlib.sha256()
    for _ in range(count):
        n, m = rnd.below(17), 1 + rnd.below(6)
        most_w = rnd.pick((4, 100, 30000, 1000000))
        lo_w, hi_w, rank, demand_w, tree = _random(rnd, n, m, most_w, 1 + rnd.below(4))
        answer = Watts(lo_w, hi_w, rank, tree).solve(demand_w)
        sha.update(repr(list(answer)).encode())
    return "".join(f"{b:02x}" for b in sha.digest())


def test_golden():
    eq(digest(), GOLDEN)
