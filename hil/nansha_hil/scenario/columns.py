"""Time series of a scenario: CSV or Parquet, with the units of the file made the plant's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from nansha_hil.plant import Profile, ProfileError, read_profile
from nansha_hil.plant.profile import TIME_COLUMN
from nansha_hil.scenario.model import Column

_OWN = {"irradiance": "poa_w_per_m2", "temperature": "temperature_degc"}
_TO_OWN: dict[str, Callable[[float], float]] = {
    "W": lambda v: v,
    "kW": lambda v: v * 1e3,
    "MW": lambda v: v * 1e6,
    "W/m2": lambda v: v,
    "kW/m2": lambda v: v * 1e3,
    "degC": lambda v: v,
    "K": lambda v: v - 273.15,
    "degF": lambda v: (v - 32.0) / 1.8,
}
_FITTING = {
    "poa_w_per_m2": ("W/m2", "kW/m2"),
    "temperature_degc": ("degC", "K", "degF"),
}
_POWER = ("W", "kW", "MW")


def load_profile(path: Path, columns: Mapping[str, str | Column]) -> Profile:
    """The columns that a scenario names, in W, W/m2 and degC.

    Raises ProfileError for a bad file, column or unit, OSError where it cannot be read.
    """
    profile = _read_parquet(path) if path.suffix == ".parquet" else read_profile(path)
    names, units = {}, {}
    for key, column in columns.items():
        own = _OWN.get(key, key)
        names[own] = column if isinstance(column, str) else column.column
        if isinstance(column, Column):
            fitting = _FITTING.get(own, _POWER)
            if column.unit not in fitting:
                raise ProfileError(
                    f"columns.{key}: {column.unit} is no unit of it; one of {', '.join(fitting)}"
                )
            units[own] = _TO_OWN[column.unit]
    profile = profile.renamed(names)
    return profile.converted(units) if units else profile


def _read_parquet(path: Path) -> Profile:
    import pyarrow.parquet  # a second to load: only who has such a file waits for it

    try:
        table = pyarrow.parquet.read_table(path)
    except pyarrow.ArrowException as error:
        raise ProfileError(f"{path}: no Parquet file: {error}; write it again") from None
    if TIME_COLUMN not in table.column_names:
        raise ProfileError(f"{path}: has no column {TIME_COLUMN}; it has {table.column_names}")
    columns = {name: table[name].to_pylist() for name in table.column_names}
    for name, values in columns.items():
        if not all(isinstance(v, int | float) for v in values):
            raise ProfileError(f"{path}: column {name!r} holds what is no number; mend the file")
    times = columns.pop(TIME_COLUMN)
    return Profile(times, columns, name=path.name)
