"""How `nansha hil` shows progress and results on a terminal, and in a log."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from nansha.console import err, notice, out


class _Told:
    """Progress where there is no terminal: a line every tenth."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._tenths = 0

    def __call__(self, share: float) -> None:
        tenths = int(share * 10)
        if tenths > self._tenths:
            self._tenths = tenths
            notice(f"{self._title}: {tenths * 10} %")


def progress(title: str) -> AbstractContextManager[Any]:
    """A bar on a terminal, lines elsewhere; calling what it gives moves it."""
    if not err.is_terminal:
        return nullcontext(_Told(title))
    return _Bar(title)


class _Bar:
    def __init__(self, title: str) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=err,
        )
        self._task = self._bar.add_task(title, total=1.0)

    def __enter__(self) -> Any:
        self._bar.start()
        return lambda share: self._bar.update(self._task, completed=share)

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()


def tell_run(summary: dict[str, Any]) -> None:
    """The summary as a person reads it."""
    view = Table(title=f"{summary['title']}: {summary['site']}", show_header=False)
    available = summary["pv_available_wh"]
    absorbed = 1 - summary["pv_curtailed_wh"] / available if available > 0 else 1.0
    rows = [
        ("simulated", f"{summary['duration_s'] / 3600:.2f} h in {summary['wall_s']:.1f} s"),
        ("factor over real time", f"{summary['real_time_factor']:.0f} ×"),
        ("nodes", f"{summary['nodes']} on {summary['interpreter']}"),
        ("PV absorbed", f"{100 * absorbed:.4f} % of {available / 1000:.3f} kWh"),
    ]
    for tier, energy_wh in summary["unserved_wh_by_tier"].items():
        rows.append((f"unserved, {tier}", f"{max(0.0, energy_wh) / 1000:.4f} kWh"))
    rows += [
        ("cost of energy", f"{summary['cost_cny']:.2f} CNY, {summary['tariff']['caveat']}"),
        ("CO2 of imports", f"{summary['co2_kg']:.1f} kg, {summary['carbon']['caveat']}"),
        ("largest residual of a dispatch", f"{summary['max_balance_residual_w']:.1e} W"),
        ("relay operations", str(sum(summary["relay_operations"].values()))),
        ("trace", summary["trace_sha256"][:16]),
    ]
    for name, value in rows:
        view.add_row(name, value)
    for verdict in summary["verdicts"]:
        mark = "[green]pass[/]" if verdict["outcome"] == "pass" else f"[red]{verdict['outcome']}[/]"
        value = verdict["value"]
        shown = "missing" if value is None else f"{value:.4g} {verdict['unit']}"
        view.add_row(f"limit: {verdict['name']}", f"{mark} {shown}")
    for row in summary["measurements"]:
        if not row["holds"]:
            value = f"[red]missed[/] {row['value']:.4g} {row['unit']}, bar {row['bar']:g}"
            view.add_row(f"bar: {row['name']}", value)
    out.print(view)


def tell_suite(summary: dict[str, Any], folder: Path, wall_s: float) -> None:
    """What a suite came to."""
    count = summary["count"]
    view = Table(title="scenarios on the rig", show_header=False)
    view.add_row("runs", ", ".join(f"{n} {word}" for word, n in count.items() if n))
    for tier, runs in summary["tiers"].items():
        absent = summary["absent_tiers"].get(tier)
        view.add_row(f"tier {tier}", f"{runs} runs" if absent is None else f"skipped: {absent}")
    for run in summary["runs"]:
        for name, cycles in run.get("chip", {}).items():
            view.add_row(f"{run['name']}: {name}", str(cycles))
    view.add_row("wall time", f"{wall_s:.0f} s")
    for row in summary["measurements"]:
        mark = "[green]holds[/]" if row["holds"] else "[red]missed[/]"
        view.add_row(row["name"], f"{mark} {row['value']:.4g} {row['unit']}, bar {row['bar']:g}")
    out.print(view)
    out.print(f"junit: {folder / 'junit.xml'}\nsummary: {folder / 'summary.json'}", highlight=False)
