"""Runs the parts of a bench one after the other, each with its bar, and writes what they found."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from figures import Figure, Part, Say, WrongAnswer
from progress import Bar
from rich.console import Console
from show import show


def measure(
    parts: Mapping[str, Callable[[Say], Part]],
    seconds: Mapping[str, float],
    out: Path,
    console: Console,
    wrong: list[str],
) -> dict[str, Part]:
    """What each part found, its raw figures written to `out`; wrong answers are added to `wrong`.

    seconds: how long each part takes, for the bar.
    """
    out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Part] = {}
    bar = Bar({name: seconds[name] for name in parts}, console)
    try:
        for name, part in parts.items():
            with bar.part(name) as say:
                try:
                    found[name] = part(say)
                except WrongAnswer as error:
                    wrong.append(f"{name}: {error}")
                    continue
            _write(out / f"{name}.json", found[name].raw)
    finally:
        bar.close()
    return found


def conclude(
    summary: dict[str, Any],
    found: Mapping[str, Part],
    wrong: list[str],
    out: Path,
    console: Console,
    more: tuple[Figure, ...] = (),
) -> int:
    """Write summary.json on top of `summary`, show it; 1 where an answer was wrong, else 0."""
    figures = [figure for part in found.values() for figure in part.figures] + list(more)
    tables = [table for part in found.values() for table in part.tables]
    summary |= {
        "wrong": wrong,
        "tables": [{"title": t.title, "columns": t.columns, "rows": t.rows} for t in tables],
        "measurements": [figure.as_dict() for figure in figures],
    }
    _write(out / "summary.json", summary)
    show(console, figures, tables, wrong)
    return 1 if wrong else 0


def _write(path: Path, value: Any) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
