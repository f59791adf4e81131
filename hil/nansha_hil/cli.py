"""`nansha hil …`: scenarios on the rig."""

from __future__ import annotations

import asyncio
import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from nansha.console import err, notice, out
from nansha.errors import NanshaError
from nansha.site import load_site
from nansha_hil.experiment import Experiment
from nansha_hil.pages import write_pages
from nansha_hil.realtime_run import RealtimeRun
from nansha_hil.scenario import load_scenario

app = typer.Typer(
    no_args_is_help=True, help="Scenarios on the rig: real firmware, simulated plant."
)
ScenarioArg = Annotated[Path, typer.Argument(metavar="SCENARIO", help="A file in scenarios/")]


@app.command(
    epilog="Examples: `nansha hil run scenarios/guangzhou_day.toml --out out/demo` · "
    "`nansha hil run scenarios/outage_minute.toml --realtime --for 90`"
)
def run(
    scenario: ScenarioArg,
    folder: Annotated[
        Path, typer.Option("--out", help="Where the report, the summary and the record go.")
    ] = Path("out/run"),
    realtime: Annotated[
        bool,
        typer.Option(
            "--realtime", help="On the wall's clock: ports that pyserial opens, MQTT by a broker."
        ),
    ] = False,
    for_s: Annotated[
        float | None, typer.Option("--for", min=1, help="Real time: end after so many seconds.")
    ] = None,
) -> None:
    """Run SCENARIO with the unmodified firmware on every node.

    Without --realtime in lock-step: on virtual time, as fast as it goes, and the same every time.
    Ends with 1 when a limit of the scenario does not hold.
    """
    if for_s is not None and not realtime:
        raise NanshaError(
            "only real time can be cut short", "--for", "add --realtime, or edit duration_s"
        )
    plan = load_scenario(scenario)
    _prepare(folder)
    if realtime:
        duration_s = min(for_s or plan.duration_s, plan.duration_s)
        with _progress(f"{plan.title}, real time") as told:
            live = RealtimeRun(plan, folder, notice)
            summary = asyncio.run(live.run(duration_s, told))
            series = live.series()
    else:
        experiment = Experiment(plan, folder, notice)
        with _progress(plan.title) as told:
            summary = experiment.run(told)
        series = experiment.series()
    report = write_pages(folder, summary, series)
    _tell(summary)
    out.print(
        f"report: {report}\nsummary: {folder / 'summary.json'}", highlight=False, soft_wrap=True
    )
    if any(verdict["outcome"] != "pass" for verdict in summary["verdicts"]):
        raise typer.Exit(1)


@app.command()
def check(scenario: ScenarioArg) -> None:
    """Check a scenario, its data, its site and every node in it without running them."""
    plan = load_scenario(scenario)
    site = load_site(plan.site_path)
    for asset in site.assets:
        site.board_py(asset.id)
        site.board_py(asset.id, "serial")  # what lock-step puts on it
    plan.build_plant(site)
    out.print(
        f"{scenario}: {plan.title}, {plan.duration_s} s, {len(plan.events)} events", soft_wrap=True
    )


def _prepare(folder: Path) -> None:
    """The output folder, writable, before anything runs for minutes."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".probe"
        probe.write_bytes(b"0" * 4096)
        probe.unlink()
    except OSError as error:
        raise NanshaError(
            f"nothing can be written there: {os.strerror(error.errno or 0)}",
            str(folder),
            "make room or name another folder with --out",
        ) from None


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


def _progress(title: str) -> AbstractContextManager[Any]:
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


def _tell(summary: dict[str, Any]) -> None:
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
