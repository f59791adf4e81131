"""One hint for a slip of the keyboard."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nansha_boards import board_names, known_hint, nearest

NAMES = st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=12), unique=True)


@pytest.mark.parametrize("name", board_names())
def test_one_slip_in_a_name_is_seen_through(name):
    for at in range(len(name)):
        for slip in (name[:at] + name[at + 1 :], name[:at] + "x" + name[at:]):
            assert slip in board_names() or nearest(slip, board_names()) is not None


@given(st.text(max_size=12), NAMES)
def test_only_a_known_name_is_meant_and_every_known_one_is_listed(word, known):
    meant = nearest(word, known)
    assert meant is None or meant in known
    assert nearest(word, [*known, word]) == word or not word
    hint = known_hint(word, known)
    assert hint.endswith(f"known: {', '.join(known)}")
    assert hint.startswith(f"did you mean {meant}? " if meant is not None else "known: ")


def test_the_beginning_of_a_name_is_enough_and_nothing_like_it_is_none():
    assert (
        nearest("st", ["price_per_kwh", "state_of_charge_at_start"]) == "state_of_charge_at_start"
    )
    assert (
        nearest("", ["a"]) is None and nearest("zzz", ["abc"]) is None and nearest("a", []) is None
    )
