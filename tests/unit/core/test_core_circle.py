"""Inside the circle in exact fractions, on it to the last bit, and never further than asked."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from nansha_core.circle import (
    First,
    Inverter,
    Limit,
    category_a,
    category_b,
    clip,
    p_range_w,
    q_most_var,
    q_range_var,
    q_reach_var,
    within,
)
from nansha_core.errors import ProblemError

INF, NAN = math.inf, math.nan
RATINGS = st.one_of(
    st.floats(1.0, 1e6),
    st.floats(1e-100, 1e100),
    st.sampled_from((1.0, 5000.0, math.nextafter(1.0, 2.0), 1e-100, 1e100)),
)
FACTORS = st.one_of(
    st.none(),
    st.floats(0.0, 1.0, exclude_min=True),
    st.sampled_from((0.8, 0.9, 0.95, 1.0, math.nextafter(1.0, 0.0), 5e-324)),
)
SHARES = st.one_of(st.floats(-1.0, 1.0), st.sampled_from((0.0, 1.0, -1.0, 1e-300, 5e-324)))
WISHES = st.one_of(SHARES, st.floats(allow_nan=False))


@st.composite
def inverters(draw: st.DrawFn) -> Inverter:
    s_va = draw(RATINGS)
    most = st.one_of(st.just(INF), st.floats(0.0, 1.0).map(lambda share: share * s_va))
    return Inverter(
        s_va=s_va,
        pf_over=draw(FACTORS),
        pf_under=draw(FACTORS),
        q_over_var=draw(most),
        q_under_var=draw(most),
    )


def exact(p: float, q: float, inverter: Inverter) -> bool:
    """The limits in fractions, written down anew."""
    p2, q2, s2 = Fraction(p) ** 2, Fraction(q) ** 2, Fraction(inverter.s_va) ** 2
    pf = inverter.pf_over if q > 0 else inverter.pf_under
    least = inverter.q_under_var, inverter.q_over_var
    if q and pf is not None and p2 < Fraction(pf) ** 2 * (p2 + q2):
        return False
    return p2 + q2 <= s2 and -least[0] <= q <= least[1]


def after(x: float) -> float:
    return math.nextafter(x, INF)


@given(inverters(), SHARES)
@example(Inverter(s_va=5.0), 0.6)
@example(Inverter(s_va=1e100, pf_over=0.95), 1.0)
def test_q_goes_to_the_last_float_within(inverter: Inverter, share: float) -> None:
    p = share * inverter.s_va
    low, high = q_range_var(p, inverter)
    assert low <= 0 <= high
    for q, further in ((low, -after(-low)), (high, after(high))):
        assert exact(p, q, inverter) and within(p, q, inverter)
        assert not exact(p, further, inverter) and not within(p, further, inverter)
    assert q_range_var(-p, inverter) == (low, high)


@given(inverters(), SHARES)
def test_p_goes_from_the_first_to_the_last_float_within(inverter: Inverter, share: float) -> None:
    q = share * inverter.s_va
    try:
        least, most = p_range_w(q, inverter)
    except ProblemError:
        over = q > 0
        assert abs(q) > q_reach_var(0.0, inverter.s_va, inverter, over)[0] * (1 - 1e-9)
        return
    assert 0 <= least <= most
    for p in (least, most, -least, -most):
        assert exact(p, q, inverter)
    assert not exact(after(most), q, inverter)
    assert least == 0 or not exact(math.nextafter(least, 0.0), q, inverter)


@given(inverters(), WISHES, WISHES, st.sampled_from(("p", "q")), st.booleans())
@example(Inverter(s_va=0.5, pf_over=5e-324), 0.25, 0.6, "q", False)
def test_clip_keeps_every_limit_and_only_shrinks(
    inverter: Inverter, p: float, q: float, first: First, scaled: bool
) -> None:
    if scaled:
        p, q = p * inverter.s_va, q * inverter.s_va
        assume(not math.isnan(p) and not math.isnan(q))
    got_p, got_q = clip(p, q, inverter, first)
    assert exact(got_p, got_q, inverter)
    assert abs(got_p) <= abs(p) and abs(got_q) <= abs(q)
    assert math.copysign(1, got_p) == math.copysign(1, p)
    assert math.copysign(1, got_q) == math.copysign(1, q)
    if math.isfinite(p) and math.isfinite(q) and exact(p, q, inverter):
        assert (got_p, got_q) == (p, q)
    assert clip(got_p, got_q, inverter, first) == (got_p, got_q)


@given(RATINGS, st.floats(0.0, 2.0), st.floats(0.0, 2.0), st.sampled_from(("p", "q")))
def test_a_wish_beyond_the_circle_ends_on_it(s: float, p: float, q: float, first: First) -> None:
    inverter = Inverter(s_va=s)
    assume(Fraction(p) ** 2 + Fraction(q) ** 2 > 1)
    got_p, got_q = clip(p * s, q * s, inverter, first)
    kept = got_p if first == "p" else got_q
    assert kept == min(p * s if first == "p" else q * s, s)
    inside = 1 - (Fraction(got_p) ** 2 + Fraction(got_q) ** 2) / Fraction(s) ** 2
    assert 0 <= inside <= 4 * Fraction(1, 2**52)


@given(inverters(), st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.booleans())
@example(Inverter(s_va=0.5, pf_over=5e-324), 0.0, 0.5, True)
def test_no_active_power_reaches_further(
    inverter: Inverter, share: float, other: float, over: bool
) -> None:
    """Within any active bounds, no point has more Q than `q_reach_var` says, but for last bits."""
    low, high = sorted((share * inverter.s_va, other * inverter.s_va))
    reach = q_reach_var(low, high, inverter, over)[0]
    slack = 1e-14 * inverter.s_va
    for k in range(9):
        p = min(high, low + (high - low) * k / 8)
        assert q_most_var(p, inverter, over)[0] <= reach + slack
    assert q_reach_var(-high, -low, inverter, over)[0] == reach


def test_a_right_triangle() -> None:
    inverter = Inverter(s_va=5.0)
    assert q_range_var(3.0, inverter) == (-4.0, 4.0)
    assert p_range_w(-4.0, inverter) == (0.0, 3.0)
    assert clip(3.0, 9.0, inverter, "p") == (3.0, 4.0)
    assert clip(-9.0, 4.0, inverter, "q") == (-3.0, 4.0)
    assert q_range_var(5.0, inverter) == (0.0, 0.0)


def test_a_power_factor_needs_active_power() -> None:
    inverter = Inverter(s_va=10.0, pf_over=0.8)
    assert q_range_var(4.0, inverter)[1] == pytest.approx(3.0)
    assert p_range_w(3.0, inverter)[0] == pytest.approx(4.0)
    assert q_range_var(0.0, inverter) == (-10.0, 0.0)
    assert clip(10.0, 10.0, inverter, "q") == pytest.approx((8.0, 6.0))
    assert clip(4.0, 10.0, inverter, "q") == pytest.approx((4.0, 3.0))
    assert q_range_var(4.0, replace(inverter, pf_over=1.0))[1] == 0.0


def test_who_says_so() -> None:
    inverter = Inverter(s_va=10.0, pf_over=0.8, q_over_var=5.0)
    assert q_most_var(1.0, inverter, True)[1] is Limit.power_factor
    assert q_most_var(8.0, inverter, True) == (5.0, Limit.rating)
    assert q_most_var(9.5, inverter, True)[1] is Limit.circle
    assert q_most_var(1.0, inverter, False)[1] is Limit.circle


def test_categories_of_ieee_1547() -> None:
    assert q_range_var(0.0, category_a(100.0)) == (-25.0, 44.0)
    assert q_range_var(0.0, category_b(100.0)) == (-44.0, 44.0)


@pytest.mark.parametrize("s_va", [0.0, -1.0, NAN, INF, 1e-101, 1e101])
def test_a_rating_that_is_none(s_va: float) -> None:
    with pytest.raises(ProblemError, match="s_va"):
        q_range_var(0.0, Inverter(s_va=s_va))


@pytest.mark.parametrize("pf", [0.0, -0.5, 1.1, NAN, INF])
@pytest.mark.parametrize("field", ["pf_over", "pf_under"])
def test_a_power_factor_that_is_none(field: str, pf: float) -> None:
    with pytest.raises(ProblemError, match=field):
        clip(0.0, 0.0, replace(Inverter(s_va=1.0), **{field: pf}))  # type: ignore[arg-type]


@pytest.mark.parametrize("most", [-1.0, NAN])
@pytest.mark.parametrize("field", ["q_over_var", "q_under_var"])
def test_a_reactive_rating_that_is_none(field: str, most: float) -> None:
    with pytest.raises(ProblemError, match=field):
        p_range_w(0.0, replace(Inverter(s_va=1.0), **{field: most}))  # type: ignore[arg-type]


@pytest.mark.parametrize("power", [NAN, INF, -INF, 1.5])
def test_a_power_that_is_none(power: float) -> None:
    inverter = Inverter(s_va=1.0)
    with pytest.raises(ProblemError, match="p_w"):
        q_range_var(power, inverter)
    with pytest.raises(ProblemError, match="q_var"):
        p_range_w(power, inverter)
    if math.isnan(power):
        with pytest.raises(ProblemError, match="p_w"):
            clip(power, 0.0, inverter)
        with pytest.raises(ProblemError, match="q_var"):
            clip(0.0, power, inverter)
