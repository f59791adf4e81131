"""Profiles: interpolation and what is said about a bad file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nansha_hil.plant import Profile, ProfileError, read_profile


def test_straight_lines_between_points_and_held_ends():
    cursor = Profile([0, 10, 30], {"x": [0, 100, 0]}).cursor("x")
    assert [cursor.at(t) for t in (-5, 0, 5, 10, 20, 30, 99)] == [0, 0, 50, 100, 50, 0, 0]
    assert cursor.at(5) == 50  # backwards too


@given(st.lists(st.floats(-100, 200), max_size=30))
def test_order_of_reading_does_not_matter(times):
    profile = Profile([0, 10, 30, 90], {"x": [1, 5, 2, 8]})
    cursor = profile.cursor("x")
    assert [cursor.at(t) for t in times] == [profile.cursor("x").at(t) for t in times]


def test_offset_shifts_the_start():
    profile = Profile([0, 100], {"x": [0, 100]}).starting_at(40)
    assert profile.cursor("x").at(10) == 50


def test_reads_a_commented_csv(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("# where from, and so on\n#\ntime_s, load_w\n-1800,5\n1800,7\n")
    assert read_profile(path).cursor("load_w").at(0) == 6


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["no header row"]),
        ("# only words\n", ["no header row"]),
        ("time_s,x_w\n", ["no rows"]),
        ("hour,x_w\n1,2\n", [":1:", "'hour'", "time_s"]),
        ("time_s,x_w,x_w\n1,2,3\n", [":1:", "'x_w'", "repeated"]),
        ("# c\ntime_s,x_w\n0,1\n1,oops\n", [":4:", "column x_w", "'oops'", "1234.5"]),
        ("time_s,x_w\n0,nan\n", [":2:", "column x_w", "not a finite number"]),
        ("time_s,x_w\n0,1\n1\n", [":3:", "1 values for 2 columns"]),
        ("time_s,x_w\n5,1\n5,2\n", [":3:", "time_s", "5 follows 5", "sort"]),
    ],
)
def test_bad_files_are_told_file_line_column_reason_and_remedy(tmp_path, text, parts):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(ProfileError) as error:
        read_profile(path)
    for part in ["bad.csv", *parts]:
        assert part in str(error.value)
    assert "\n" not in str(error.value)


def test_bad_values_in_code_are_refused():
    with pytest.raises(ProfileError, match="sort the rows"):
        Profile([1, 0], {"x": [1, 2]})
    with pytest.raises(ProfileError, match="3 values for 2 times"):
        Profile([0, 1], {"x": [1, 2, 3]})
    with pytest.raises(ProfileError, match="not finite"):
        Profile([0], {"x": [float("inf")]})
    with pytest.raises(ProfileError, match="no column 'y'; it has: x"):
        Profile([0], {"x": [1]}).cursor("y")
    with pytest.raises(ProfileError, match="no column 'y'"):
        Profile([0], {"x": [1]}).renamed({"z": "y"})
