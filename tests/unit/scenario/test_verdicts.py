"""Measurements against limits."""

import math

import pytest

from nansha_hil.scenario.model import Limit
from nansha_hil.verdicts import Outcome, judge, limits_text


def limit(measure="a.b", **bounds):
    return Limit(name="n", measure=measure, unit="W", why="because", **bounds)


@pytest.mark.parametrize(
    ("value", "bounds", "outcome", "text"),
    [
        (5.0, {"max": 5.0}, Outcome.PASS, "≤ 5"),
        (5.1, {"max": 5.0}, Outcome.FAIL, "≤ 5"),
        (1, {"min": 1}, Outcome.PASS, "≥ 1"),
        (0, {"min": 1}, Outcome.FAIL, "≥ 1"),
        (2, {"min": 1, "max": 3}, Outcome.PASS, "1 to 3"),
        (0, {"min": 0, "max": 0}, Outcome.PASS, "= 0"),
        (True, {"min": 1}, Outcome.PASS, "≥ 1"),
        (None, {"max": 1}, Outcome.MISSING, "≤ 1"),
        ("5 W", {"max": 1}, Outcome.MISSING, "≤ 1"),
        (math.nan, {"max": 1}, Outcome.MISSING, "≤ 1"),
        ({}, {"max": 1}, Outcome.MISSING, "≤ 1"),
    ],
)
def test_outcomes(value, bounds, outcome, text):
    (verdict,) = judge([limit(**bounds)], {"a": {"b": value}})
    assert verdict.outcome is outcome
    assert limits_text(verdict.minimum, verdict.maximum) == text
    assert (verdict.where, verdict.unit, verdict.why) == ("a.b", "W", "because")
    assert verdict.as_dict()["outcome"] == outcome.value


@pytest.mark.parametrize("path", ["a", "x.b", "a.b.c", ""])
def test_absent_paths_are_missing(path):
    assert judge([limit(path or "z", max=1)], {"a": {"b": 1}})[0].outcome is Outcome.MISSING
