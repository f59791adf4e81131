"""What goes in: refused by name before anything changes, and what comes out never changes."""

import pickle
from array import array
from collections.abc import Callable

import pytest

from nansha_core import Answer, Balance, CertificateError, ProblemError, Reason

NAN, INF = float("nan"), float("inf")


@pytest.fixture
def site() -> Balance:
    return Balance([1.0, 0.0], [0.0, 0.5], [-10.0, 0.0], [10.0, 5.0], names=("battery", "pv"))


BAD: list[tuple[str, int | None, Callable[[Balance], object]]] = [
    ("a", 1, lambda s: s.set_costs([1.0, -1e-9], [0.0, 0.0])),
    ("a", 0, lambda s: s.set_costs([NAN, 1.0], [0.0, 0.0])),
    ("a", 0, lambda s: s.set_costs([INF, 1.0], [0.0, 0.0])),
    ("a", 0, lambda s: s.set_costs([1e-101, 1.0], [0.0, 0.0])),
    ("b", 1, lambda s: s.set_costs([1.0, 1.0], [0.0, -INF])),
    ("b", 1, lambda s: s.set_costs([1.0, 1.0], [0.0, "x"])),  # type: ignore[list-item]
    ("b", None, lambda s: s.set_costs([1.0, 1.0], [0.0])),
    ("a", None, lambda s: s.set_costs(3.0, [0.0, 0.0])),  # type: ignore[arg-type]
    ("lo_w", 0, lambda s: s.set_bounds([2.0, 0.0], [1.0, 1.0])),
    ("lo_w", 1, lambda s: s.set_bounds(array("d", [0.0, NAN]), [1.0, 1.0])),
    ("hi_w", 1, lambda s: s.set_bounds([0.0, 0.0], array("d", [1.0, INF]))),
    ("hi_w", None, lambda s: s.set_bounds([0.0, 0.0], [1.0, 1.0, 1.0])),
    ("hi_w", 0, lambda s: s.set_bounds([0.0, 0.0], [1e101, 1.0])),
    ("lo_w", 1, lambda s: s.set_device(1, 0.0, 0.0, 2.0, 1.0)),
    ("a", 1, lambda s: s.set_device(1, -1.0, 0.0, 0.0, 1.0)),
    ("b", 0, lambda s: s.set_device(0, 1.0, NAN, 0.0, 1.0)),
    ("i", None, lambda s: s.set_device(2, 1.0, 0.0, 0.0, 1.0)),
    ("i", None, lambda s: s.set_device(-1, 1.0, 0.0, 0.0, 1.0)),
    ("demand_w", None, lambda s: s.solve(NAN)),
    ("demand_w", None, lambda s: s.solve(-INF)),
    ("demand_w", None, lambda s: s.solve("5")),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("field", "index", "call"), BAD)
def test_bad_input_is_named_and_changes_nothing(
    site: Balance, field: str, index: int | None, call: Callable[[Balance], object]
) -> None:
    before, answer = site.devices, site.solve(3.0)
    with pytest.raises(ProblemError) as caught:
        call(site)
    assert (caught.value.field, caught.value.index) == (field, index)
    assert caught.value.mend in str(caught.value)
    if index is not None:
        assert f"device {index} ({('battery', 'pv')[index]})" in str(caught.value)
    assert site.devices == before
    again = site.solve(3.0)
    assert (again.p_w, again.price) == (answer.p_w, answer.price)


def test_a_bad_problem_makes_no_balance() -> None:
    with pytest.raises(ProblemError, match=r"device 0: lo_w = 2\.0: lower it to hi_w = 1\.0"):
        Balance([1.0], [0.0], [2.0], [1.0])
    with pytest.raises(ProblemError, match="names = 2: give 1 names"):
        Balance([1.0], [0.0], [0.0], [1.0], names=("x", "y"))


def test_lists_tuples_and_buffers_read_alike() -> None:
    def build(kind: Callable[[list[float]], object]) -> Balance:
        a, b, lo, hi = (kind(x) for x in ([1.0, 0.0], [0.0, 0.5], [-10.0, 0.0], [10.0, 5.0]))
        return Balance(a, b, lo, hi)  # type: ignore[arg-type]

    kinds: list[Callable[[list[float]], object]] = [
        list,
        tuple,
        lambda x: array("d", x),
        lambda x: array("f", x),
    ]
    assert len({build(kind).devices for kind in kinds}) == 1


def test_updates_are_seen_by_the_next_solve(site: Balance) -> None:
    assert site.solve(12.0).p_w == (7.0, 5.0)
    site.set_device(0, 1.0, 0.0, -10.0, 6.0)
    assert (site.solve(12.0).p_w, site.solve(12.0).shortage_w) == ((6.0, 5.0), 1.0)
    site.set_bounds([0.0, 0.0], [8.0, 8.0])
    assert site.solve(12.0).p_w == (4.0, 8.0)
    site.set_costs([0.0, 0.0], [1.0, 2.0])
    assert site.solve(12.0).p_w == (8.0, 4.0)
    assert (len(site), site.names) == (2, ("battery", "pv"))


def test_an_answer_never_changes(site: Balance) -> None:
    first = site.solve(3.0)
    kept = first.p_w, first.price
    site.solve(-4.0)
    assert (first.p_w, first.price) == kept
    with pytest.raises(AttributeError):
        first.price = 0.0  # type: ignore[misc]
    with pytest.raises(TypeError, match="never changes"):
        first.__init__((), 0.0)  # type: ignore[misc]
    view = memoryview(first)
    assert view.readonly and view.format == "d" and view.tolist() == list(first.p_w)


def test_answers_and_errors_survive_pickling(site: Balance) -> None:
    answer = site.solve(3.0)
    assert pickle.loads(pickle.dumps(answer)) == answer
    assert hash(pickle.loads(pickle.dumps(answer))) == hash(answer)
    for error in (ProblemError("a", 1.0, "mend", 2, "x"), CertificateError("wrong", 2, "x")):
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), again.index) == (str(error), 2)


def test_an_answer_reads_as_text() -> None:
    text = repr(Answer((1.0,), 2.0, reasons=(Reason.tie,)))
    assert text.startswith("Answer(p_w=(1.0,), price=2.0") and "tie" in text
