"""A run's trace as a Parquet file, and what is different between two."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nansha.errors import NanshaError

FILE = "trace.parquet"
_TIME = "t_s"


def write_trace(path: Path, series: Mapping[str, np.ndarray], summary: Mapping[str, Any]) -> None:
    """One row a sample, one column a quantity with its unit in the name; the hash in the footer."""
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({name: pyarrow.array(values) for name, values in series.items()})
    facts = {key: str(summary[key]) for key in ("scenario", "trace_sha256", "repeat")}
    pyarrow.parquet.write_table(table.replace_schema_metadata(facts), path)


def read_trace(path: Path) -> dict[str, np.ndarray]:
    """The columns of a trace, of a file or of a run's folder. Raises NanshaError."""
    import pyarrow
    import pyarrow.parquet

    file = path / FILE if path.is_dir() else path
    try:
        table = pyarrow.parquet.read_table(file)
    except (OSError, pyarrow.ArrowException) as error:
        raise NanshaError(f"no trace: {error}", str(file), "give the folder of a run") from None
    return {name: table[name].to_numpy() for name in table.column_names}


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a column first differs, and by how much at most; `only`: it is in one of the two."""

    column: str
    first_s: float | None = None
    largest: float = 0.0
    largest_s: float | None = None
    only: str = ""


def compare(
    one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray], tolerance: float = 0.0
) -> list[Difference]:
    """What differs by more than `tolerance`, the earliest first.

    Values hold between samples, so that traces with other sampling times can be compared.
    """
    found = []
    for name in sorted({*one, *other} - {_TIME}):
        if name not in one or name not in other:
            found.append(Difference(name, only="A" if name in one else "B"))
            continue
        times = np.union1d(one[_TIME], other[_TIME])
        times = times[(times >= max(one[_TIME][0], other[_TIME][0]))]
        gap = np.abs(_held(one, name, times) - _held(other, name, times))
        bad = np.flatnonzero(gap > tolerance)
        if len(bad):
            top = int(np.argmax(gap))
            found.append(Difference(name, float(times[bad[0]]), float(gap[top]), float(times[top])))
    return sorted(found, key=lambda d: (d.first_s is None, d.first_s or 0.0, d.column))


def _held(trace: Mapping[str, np.ndarray], name: str, times: np.ndarray) -> np.ndarray:
    rows = np.searchsorted(trace[_TIME], times, side="right") - 1
    held: np.ndarray = np.asarray(trace[name], dtype=float)[np.maximum(rows, 0)]
    return held


def compare_events(one: Path, other: Path) -> list[str]:
    """Events that only one of two runs has, in order of time. Raises NanshaError."""
    lines: list[tuple[float, str]] = []
    events = [_events(one), _events(other)]
    for mark, own, others in (("-", events[0], events[1]), ("+", events[1], events[0])):
        left = list(others)
        for event in own:
            if event in left:
                left.remove(event)
                continue
            t_s, asset, text = event
            lines.append((t_s, f"{mark} {t_s:10.3f} s  {asset}: {text}"))
    return [text for _, text in sorted(lines)]


def _events(folder: Path) -> list[tuple[float, str, str]]:
    file = folder / "summary.json"
    try:
        summary = json.loads(file.read_text(encoding="utf-8"))
        return [(e["t_s"], e["asset"], e["text"]) for e in summary["events"]]
    except (OSError, ValueError, KeyError) as error:
        raise NanshaError(f"no run's summary: {error}", str(file), "give its folder") from None
