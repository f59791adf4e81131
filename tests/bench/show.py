"""The tables that the bench prints."""

from __future__ import annotations

from collections.abc import Sequence

from figures import Figure, Table, number
from rich import box
from rich.console import Console
from rich.table import Table as RichTable

TEXT = {"solver", "name", "note", "bar", "holds", "value"}
WIDE = 130
"""Columns from which on there is room for the notes; summary.json has them in any case."""


def show(
    console: Console, figures: Sequence[Figure], tables: Sequence[Table], wrong: Sequence[str]
) -> None:
    """Print the measured tables, then name, value, bar and whether it holds, then what is wrong."""
    if not console.is_terminal:
        console.width = 170  # a file has no width; lines that wrap are hard to read
    for table in tables:
        _print(console, table.title, table.columns, table.rows)
    rows = [
        [
            figure.name,
            f"{number(figure.value)} {figure.unit}".strip(),
            figure.bar_words,
            ("" if figure.bar is None else "yes" if figure.holds else "[bold red]missed[/]"),
            figure.note,
        ]
        for figure in figures
    ]
    columns = ["name", "value", "bar", "holds", "note"]
    if console.width < WIDE:
        columns.pop()
        rows = [row[:-1] for row in rows]
    _print(console, "Bars", columns, rows)
    for text in wrong:
        console.print(f"wrong: {text}", style="bold red", markup=False)


def _print(
    console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    table = RichTable(box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, justify="left" if column in TEXT else "right")
    for row in rows:
        table.add_row(*row)
    console.print(f" {title}", style="bold")
    console.print(table)
