"""The checker passes what is right and nothing else."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any, TypeVar

import pytest

from nansha_core import Balance, CertificateError, Reason, verify

NAN = float("nan")


@dataclass(frozen=True)
class Claim:
    """An answer that can be tampered with."""

    p_w: tuple[float, ...]
    reasons: tuple[Reason, ...]
    price: float
    residual_w: float
    shortage_w: float
    surplus_w: float


@dataclass(frozen=True)
class Case:
    a: tuple[float, ...]
    b: tuple[float, ...]
    lo: tuple[float, ...]
    hi: tuple[float, ...]
    demand: float

    def claim(self) -> Claim:
        x = Balance(self.a, self.b, self.lo, self.hi).solve(self.demand)
        return Claim(x.p_w, x.reasons, x.price, x.residual_w, x.shortage_w, x.surplus_w)

    def verify(self, claim: Claim) -> None:
        verify(self.a, self.b, self.lo, self.hi, self.demand, claim)


T = TypeVar("T", Case, Claim)

CURVED = (1e-3, 2e-3, 4e-3, 5e-3)
CASES = {
    "interior": Case(CURVED, (0.1, 0.2, -0.3, 0.0), (-500.0,) * 4, (500.0,) * 4, 333.0),
    "bounded": Case(CURVED, (0.1, 0.2, -0.3, 0.0), (0.0, 20.0, -9.0, 7.0),
                    (50.0, 99.0, 80.0, 7.0), 201.0),
    "tie": Case((0.0, 0.0, 1e-3), (0.25, 0.25, 0.0), (0.0, -40.0, 0.0),
                (100.0, 10.0, 900.0), 300.0),
    "plateau": Case((0.0, 0.0), (0.1, 0.7), (0.0, 0.0), (64.0, 32.0), 64.0),
    "shortage": Case((1e-3, 0.0), (0.1, 0.7), (0.0, 0.0), (60.0, 30.0), 100.0),
    "surplus": Case((1e-3, 0.0), (0.1, 0.7), (20.0, 50.0), (60.0, 80.0), 10.0),
    "fixed": Case((1e-3, 0.0), (0.1, 0.7), (20.0, -20.0), (20.0, -20.0), 0.0),
}  # fmt: skip
case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def flips(x: float) -> Iterator[float]:
    """X with one bit changed: every bit that is worth more than the tolerance."""
    (bits,) = struct.unpack("<Q", struct.pack("<d", x))
    for k in range(64):
        (y,) = struct.unpack("<d", struct.pack("<Q", bits ^ (1 << k)))
        if not abs(y - x) <= 1e-9 * max(abs(x), 1.0):
            yield y


def put(values: tuple[float, ...], i: int, x: float) -> tuple[float, ...]:
    return (*values[:i], x, *values[i + 1 :])


def altered(x: T, field: str, value: object) -> T:
    change: dict[str, Any] = {field: value}
    return replace(x, **change)


def rejects(case: Case, claim: Claim) -> None:
    with pytest.raises(CertificateError):
        case.verify(claim)


@case
def test_a_right_answer_is_certified(case: Case) -> None:
    certificate = verify(case.a, case.b, case.lo, case.hi, case.demand, case.claim())
    assert abs(certificate.residual_w) <= 1e-15 * certificate.largest_w


@case
def test_one_bit_of_a_power_is_noticed(case: Case) -> None:
    claim = case.claim()
    for i, p in enumerate(claim.p_w):
        for wrong in flips(p):
            rejects(case, replace(claim, p_w=put(claim.p_w, i, wrong)))


@case
def test_one_bit_of_a_figure_is_noticed(case: Case) -> None:
    claim = case.claim()
    for field in ("price", "residual_w", "shortage_w", "surplus_w"):
        for wrong in flips(getattr(claim, field)):
            rejects(case, altered(claim, field, wrong))


@case
def test_a_shift_between_two_devices_is_noticed(case: Case) -> None:
    # The sum is kept, so bounds, prices or the tie rule must tell; reasons are made to fit.
    claim = case.claim()
    for i in range(len(claim.p_w)):
        for j in range(len(claim.p_w)):
            if i != j:
                for shift in (1e-3, 5.0):
                    p_w = put(claim.p_w, i, claim.p_w[i] + shift)
                    p_w = put(p_w, j, claim.p_w[j] - shift)
                    rejects(case, replace(claim, p_w=p_w))
                    rejects(case, replace(claim, p_w=p_w, reasons=fitting(case, p_w)))


def fitting(case: Case, p_w: tuple[float, ...]) -> tuple[Reason, ...]:
    def one(i: int) -> Reason:
        if case.lo[i] == case.hi[i]:
            return Reason.fixed
        if p_w[i] == case.hi[i]:
            return Reason.at_upper
        if p_w[i] == case.lo[i]:
            return Reason.at_lower
        return Reason.interior if case.a[i] else Reason.tie

    return tuple(map(one, range(len(p_w))))


@pytest.mark.parametrize("name", ["interior", "bounded", "tie", "plateau", "shortage"])
def test_swapped_devices_are_noticed(name: str) -> None:
    case = CASES[name]
    claim = case.claim()
    for i in range(len(claim.p_w)):
        for j in range(i):
            p_w = put(put(claim.p_w, i, claim.p_w[j]), j, claim.p_w[i])
            rejects(case, replace(claim, p_w=p_w, reasons=fitting(case, p_w)))


@case
def test_flipped_signs_are_noticed(case: Case) -> None:
    claim = case.claim()
    flipped = tuple(-p for p in claim.p_w)
    rejects(case, replace(claim, p_w=flipped, reasons=fitting(case, flipped)))
    for i, p in enumerate(claim.p_w):
        if p:
            rejects(case, replace(claim, p_w=put(claim.p_w, i, -p)))


@case
def test_what_is_not_a_number_is_noticed(case: Case) -> None:
    claim = case.claim()
    for wrong in (NAN, float("inf"), -float("inf")):
        for i in range(len(claim.p_w)):
            rejects(case, replace(claim, p_w=put(claim.p_w, i, wrong)))
        for field in ("price", "residual_w", "shortage_w", "surplus_w"):
            rejects(case, altered(claim, field, wrong))
        rejects(replace(case, demand=wrong), claim)
        for field in ("a", "b", "lo", "hi"):
            rejects(altered(case, field, put(getattr(case, field), 0, wrong)), claim)


@case
def test_wrong_reasons_and_lengths_are_noticed(case: Case) -> None:
    claim = case.claim()
    for i, right in enumerate(claim.reasons):
        for wrong in set(Reason) - {right}:
            reasons = (*claim.reasons[:i], wrong, *claim.reasons[i + 1 :])
            rejects(case, replace(claim, reasons=reasons))
    rejects(case, replace(claim, p_w=claim.p_w[:-1]))
    rejects(case, replace(claim, p_w=(*claim.p_w, 0.0)))
    rejects(case, replace(claim, reasons=claim.reasons[:-1]))
    rejects(replace(case, b=case.b[:-1]), claim)


def test_false_shortage_and_surplus_are_noticed() -> None:
    case = CASES["interior"]
    claim = case.claim()
    shed = replace(case, demand=case.demand + 10.0)
    rejects(shed, replace(claim, shortage_w=10.0))
    spilled = replace(case, demand=case.demand - 10.0)
    rejects(spilled, replace(claim, surplus_w=10.0))
    rejects(case, replace(claim, shortage_w=10.0, surplus_w=10.0))
    rejects(case, replace(claim, shortage_w=-0.5))


def test_the_device_is_named() -> None:
    case = CASES["interior"]
    claim = replace(case.claim(), p_w=put(case.claim().p_w, 2, 1e6))
    with pytest.raises(CertificateError, match=r"device 2 \(pump\): p_w = 1000000.0 is outside"):
        verify(case.a, case.b, case.lo, case.hi, case.demand, claim, names=("x", "y", "pump", "z"))


def test_an_answer_to_another_problem_is_noticed() -> None:
    r = Random(1)
    for _ in range(50):
        n = r.randint(2, 12)
        a = tuple(r.uniform(1e-4, 1e-2) for _ in range(n))
        b = tuple(r.uniform(-0.5, 0.5) for _ in range(n))
        right = Case(a, b, (-5e3,) * n, (5e3,) * n, r.uniform(-1e3, 1e3))
        right.verify(right.claim())
        i = r.randrange(n)
        rejects(replace(right, b=put(b, i, b[i] + 1e-6)), right.claim())
        rejects(replace(right, a=put(a, i, a[i] * 1.001)), right.claim())
        rejects(replace(right, demand=right.demand + 1e-6), right.claim())
