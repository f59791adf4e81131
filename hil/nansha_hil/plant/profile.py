"""Time series that drive the plant, read from a CSV and interpolated.

Hourly means stand at the centre of their hour; between two centres the value is a straight line;
before the first and after the last it is held. A mean over an hour of that line therefore differs a
little from the mean in the file (3/4 of it and 1/8 of each neighbour): smoother than steps, which
no sun and no building makes.
"""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

TIME_COLUMN = "time_s"


class ProfileError(ValueError):
    """A profile that cannot be used: says file, line, column, reason and how to mend it."""


class Cursor:
    """One column read forwards in time at little cost; going backwards works and costs a search."""

    __slots__ = ("_left_s", "_offset_s", "_right_s", "_slope", "_times", "_value", "_values")

    def __init__(self, times_s: Sequence[float], values: Sequence[float], offset_s: float) -> None:
        """Read values over times_s, shifted so that the experiment starts at offset_s."""
        self._times = times_s
        self._values = values
        self._offset_s = offset_s
        self._left_s = math.inf
        self._right_s = -math.inf
        self._value = 0.0
        self._slope = 0.0

    def at(self, t_s: float) -> float:
        """Value at t_s seconds after the start of the experiment, in the column's unit."""
        t = t_s + self._offset_s
        if not self._left_s <= t < self._right_s:
            self._seek(t)
            if self._slope == 0.0:
                return self._value
        return self._value + self._slope * (t - self._left_s)

    def _seek(self, t: float) -> None:
        times, values = self._times, self._values
        right = bisect_right(times, t)
        if right == 0:
            self._left_s, self._right_s = -1e18, times[0]
            self._value, self._slope = values[0], 0.0
        elif right == len(times):
            self._left_s, self._right_s = times[-1], 1e18
            self._value, self._slope = values[-1], 0.0
        else:
            left = right - 1
            self._left_s, self._right_s = times[left], times[right]
            self._value = values[left]
            self._slope = (values[right] - values[left]) / (times[right] - times[left])


class Profile:
    """Columns of numbers over time.

    times_s: seconds since the local midnight of the day of the data, strictly rising. offset_s:
    where the experiment starts on that scale. Raises ProfileError if lengths differ, times do not
    rise or a value is not finite.
    """

    def __init__(
        self,
        times_s: Iterable[float],
        columns: Mapping[str, Iterable[float]],
        *,
        offset_s: float = 0.0,
        name: str = "profile",
    ) -> None:
        """Check and keep the columns."""
        self.name = name
        self.times_s = tuple(float(t) for t in times_s)
        self.offset_s = float(offset_s)
        self._columns = {key: tuple(float(v) for v in values) for key, values in columns.items()}
        if not self.times_s:
            raise ProfileError(f"{name}: no rows; add at least one")
        for before, after in pairwise(self.times_s):
            if not before < after:
                raise ProfileError(
                    f"{name}: {TIME_COLUMN} {after:g} follows {before:g}; "
                    "sort the rows and drop repeats"
                )
        for key, values in self._columns.items():
            if len(values) != len(self.times_s):
                raise ProfileError(
                    f"{name}: column {key!r} has {len(values)} values for {len(self.times_s)} times"
                )
            if not all(map(math.isfinite, values)):
                raise ProfileError(f"{name}: column {key!r} holds a value that is not finite")

    @classmethod
    def constant(cls, **values: float) -> Profile:
        """A profile that never changes: ``Profile.constant(poa_w_per_m2=1000.0)``."""
        return cls((0.0,), {key: (value,) for key, value in values.items()}, name="constant")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, without the time."""
        return tuple(self._columns)

    def cursor(self, column: str) -> Cursor:
        """A fresh cursor over one column. Raises ProfileError if there is no such column."""
        if column not in self._columns:
            have = ", ".join(sorted(self._columns)) or "none"
            raise ProfileError(f"{self.name}: no column {column!r}; it has: {have}")
        return Cursor(self.times_s, self._columns[column], self.offset_s)

    def table(self, column: str) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """(times, values, offset) of one column, s, its unit, s: for compiled code.

        Raises ProfileError if there is no such column.
        """
        self.cursor(column)
        return np.array(self.times_s), np.array(self._columns[column]), self.offset_s

    def starting_at(self, offset_s: float) -> Profile:
        """The same profile for an experiment that starts offset_s after the data's midnight."""
        return Profile(self.times_s, self._columns, offset_s=offset_s, name=self.name)

    def renamed(self, mapping: Mapping[str, str]) -> Profile:
        """The same profile with more names for its columns: new name -> name in the file."""
        columns = dict(self._columns)
        for new, old in mapping.items():
            if old not in self._columns:
                self.cursor(old)
            columns[new] = self._columns[old]
        return Profile(self.times_s, columns, offset_s=self.offset_s, name=self.name)

    def converted(self, functions: Mapping[str, Callable[[float], float]]) -> Profile:
        """The same profile with some columns in another unit."""
        columns: dict[str, tuple[float, ...]] = dict(self._columns)
        for name, function in functions.items():
            columns[name] = tuple(map(function, columns[name]))
        return Profile(self.times_s, columns, offset_s=self.offset_s, name=self.name)


def read_profile(path: Path | str) -> Profile:
    """Read a CSV: comment lines with #, one header row with units in the names, then numbers.

    The first column must be time_s, seconds since local midnight. Raises ProfileError naming file,
    line, column, reason and remedy; OSError if the file cannot be read.
    """
    path = Path(path)
    header: list[str] = []
    times: list[float] = []
    columns: list[list[float]] = []
    with path.open(encoding="utf-8-sig", newline="") as file:  # a spreadsheet writes a byte mark
        for line, row in _rows(path, file):
            if not row or row[0].lstrip().startswith("#"):
                continue
            if not header:
                header = _header(path, line, row)
                columns = [[] for _ in header[1:]]
                continue
            if len(row) != len(header):
                raise ProfileError(
                    f"{path}:{line}: {len(row)} values for {len(header)} columns; "
                    "give every row one value a column"
                )
            numbers = [
                _number(path, line, name, text) for name, text in zip(header, row, strict=True)
            ]
            if times and not times[-1] < numbers[0]:
                raise ProfileError(
                    f"{path}:{line}: column {TIME_COLUMN}: {numbers[0]:g} follows {times[-1]:g}; "
                    "sort the rows by time and drop repeats"
                )
            times.append(numbers[0])
            for column, number in zip(columns, numbers[1:], strict=True):
                column.append(number)
    if not header:
        raise ProfileError(f"{path}: no header row; the first must name the columns, time_s first")
    if not times:
        raise ProfileError(f"{path}: no rows below the header; add at least one")
    return Profile(times, dict(zip(header[1:], columns, strict=True)), name=str(path))


def _rows(path: Path, file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Line number and fields of each row; ProfileError where the file is no CSV in UTF-8."""
    reader = csv.reader(file)
    try:
        for row in reader:
            yield reader.line_num, row
    except (UnicodeDecodeError, csv.Error) as error:
        raise ProfileError(
            f"{path}:{reader.line_num + 1}: not a CSV in UTF-8 ({error}); save it as such"
        ) from None


def _header(path: Path, line: int, row: list[str]) -> list[str]:
    names = [name.strip() for name in row]
    if names[0] != TIME_COLUMN:
        raise ProfileError(
            f"{path}:{line}: the first column is {names[0]!r}; "
            f"name it {TIME_COLUMN}, seconds since local midnight"
        )
    for name in names:
        if not name or names.count(name) > 1:
            raise ProfileError(
                f"{path}:{line}: column name {name!r} is empty or repeated; give each its own"
            )
    return names


def _number(path: Path, line: int, column: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ProfileError(
            f"{path}:{line}: column {column}: {text.strip()!r} is not a finite number; "
            "write it like 1234.5"
        )
    return number
