"""`nansha hil …`: scenarios on the rig."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from nansha.console import err, notice, out
from nansha.errors import NanshaError
from nansha.site import load_site
from nansha_hil.bench import load_bench
from nansha_hil.deploy import deploy, rig_secret
from nansha_hil.experiment import Experiment
from nansha_hil.pages import write_pages
from nansha_hil.realtime_run import RealtimeRun
from nansha_hil.scenario import ScenarioError, load_scenario, load_variants
from nansha_hil.scenario.schema import write_schema
from nansha_hil.show import progress, tell_run, tell_suite
from nansha_hil.signals import signal_names
from nansha_hil.suite import find_scenarios, run_suite
from nansha_hil.tiers import parse_tiers, why_not
from nansha_hil.trace import FILE, compare, compare_events, read_trace, write_trace
from nansha_hil.watch import check_names

app = typer.Typer(
    no_args_is_help=True, help="Scenarios on the rig: real firmware, simulated plant."
)
ScenarioArg = Annotated[Path, typer.Argument(metavar="SCENARIO", help="A file in scenarios/")]
SetsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change one field, `scenario.seed=7` or `timeline.ID.at=+30 s`. Repeat it freely.",
    ),
]


@app.command(
    epilog="Examples: `nansha hil run scenarios/guangzhou_day.toml --out out/demo` · "
    "`nansha hil run scenarios/outage_minute.toml --set plant.battery.soc_start=0.3 "
    "--tier battery=chip` · `nansha hil run scenarios/outage_minute.toml --realtime --for 90`"
)
def run(
    scenario: ScenarioArg,
    folder: Annotated[
        Path, typer.Option("--out", help="Where the report, the summary and the record go.")
    ] = Path("out/run"),
    sets: SetsOption = None,
    tier: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[ASSET=]TIER",
            help="What the boards run on: vm, chip, qemu, bench; all, or one by its asset.",
        ),
    ] = None,
    realtime: Annotated[
        bool,
        typer.Option(
            "--realtime", help="On the wall's clock: ports that pyserial opens, MQTT by a broker."
        ),
    ] = False,
    for_s: Annotated[
        float | None, typer.Option("--for", min=1, help="Real time: end after so many seconds.")
    ] = None,
    bench: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Ports and wires of the boards on the tier bench."),
    ] = None,
) -> None:
    """Run SCENARIO with the unmodified firmware on every node.

    Without --realtime in lock-step: on virtual time, as fast as it goes, and the same every time.
    Of a swept scenario the first variant runs; `nansha hil suite` runs them all.
    Ends with 1 when a limit of the scenario does not hold.
    """
    if for_s is not None and not realtime:
        raise NanshaError(
            "only real time can be cut short", "--for", "add --realtime, or edit duration_s"
        )
    plan = load_scenario(scenario, sets or ())
    site = load_site(plan.site_path)
    tiers = parse_tiers(tier or (), [asset.id for asset in site.assets])
    if realtime:
        used = {tiers.of(asset.id) for asset in site.assets}
        not_live = used - {"vm", "qemu", "bench"}
        if not_live:
            what = f"the tier {', '.join(sorted(not_live))} does not run on the wall's clock"
            raise NanshaError(what, "--realtime", "leave it out, or name vm, qemu or bench")
        reason = why_not("bench", bench) if "bench" in used else None
        if reason is not None:
            raise NanshaError(reason, "tier bench")
    _prepare(folder)
    if realtime:
        duration_s = min(for_s or plan.duration_s, plan.duration_s)
        with progress(f"{plan.title}, real time") as told:
            nodes = load_bench(bench) if bench else {}
            live = RealtimeRun(plan, folder, notice, tiers, nodes)
            summary = asyncio.run(live.run(duration_s, told))
            series = live.series()
    else:
        experiment = Experiment(plan, folder, notice, tiers)
        with progress(plan.title) as told:
            summary = experiment.run(told)
        series = experiment.series()
    write_trace(folder / FILE, series, summary)
    report = write_pages(folder, summary, series)
    tell_run(summary)
    out.print(
        f"report: {report}\nsummary: {folder / 'summary.json'}\ntrace: {folder / FILE}",
        highlight=False,
        soft_wrap=True,
    )
    if any(verdict["outcome"] != "pass" for verdict in summary["verdicts"]):
        repeat = " ".join(filter(None, [plan.repeat_command(), tiers.text]))
        out.print(f"repeat: {repeat}", highlight=False, soft_wrap=True)
        raise typer.Exit(1)


@app.command(
    epilog="Examples: `nansha hil suite scenarios` · `nansha hil suite scenarios/suite --tier vm`"
)
def suite(
    places: Annotated[
        list[Path], typer.Argument(metavar="SCENARIO…", help="Files, or folders of them.")
    ],
    folder: Annotated[
        Path, typer.Option("--out", help="Where junit.xml, summary.json and the runs go.")
    ] = Path("out/hil"),
    tier: Annotated[
        list[str] | None, typer.Option(help="vm, chip: those that are meant; both if not given.")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Runs at a time; 0: one a core.")] = 0,
) -> None:
    """Run scenarios, all their variants, on all tiers that can run here.

    Ends with 1 when anything does not hold; each failure comes with the command that repeats it.
    """
    for name in tier or ():
        if name not in ("vm", "chip"):
            raise NanshaError(f"{name!r} is no tier of a suite", "--tier", "vm or chip")
    _prepare(folder)
    begun = time.perf_counter()

    def told(result: dict[str, Any], done: int, of: int) -> None:
        colour = {"pass": "green", "fail": "red", "error": "red"}[result["status"]]
        err.print(
            f"[{colour}]{result['status']:5}[/] {done:3}/{of} {result['name']} "
            f"({result['wall_s']:.1f} s)",
            highlight=False,
        )
        for line in result["failures"][:6]:
            err.print(f"      {line}", highlight=False, markup=False, soft_wrap=True)
        if result["failures"]:
            err.print(f"      repeat: {result['repeat']}", markup=False, soft_wrap=True)

    summary = run_suite(
        find_scenarios(places),
        folder,
        tiers=tier or ("vm", "chip"),
        workers=workers,
        told=told,
        notice=notice,
    )
    tell_suite(summary, folder, time.perf_counter() - begun)
    if summary["count"]["fail"] or summary["count"]["error"]:
        raise typer.Exit(1)


@app.command()
def check(
    places: Annotated[
        list[Path], typer.Argument(metavar="SCENARIO…", help="Files, or folders of them.")
    ],
) -> None:
    """Check scenarios, their data, their sites and every node in them without running them."""
    problems: list[str] = []
    for scenario in find_scenarios(places):
        try:
            out.print(_checked(scenario), soft_wrap=True, highlight=False)
        except NanshaError as error:
            problems += str(error).splitlines()
    if problems:
        raise ScenarioError(problems)


@app.command()
def node(
    scenario: ScenarioArg,
    asset: Annotated[str, typer.Argument(help="Asset whose node goes on the bench.")],
    folder: Annotated[Path, typer.Option("--out", help="Where board.py and secret.py go.")],
    sets: SetsOption = None,
) -> None:
    """Write what a real node needs to take part in SCENARIO on the tier bench.

    The key is the rig's, and is no secret: it follows from the site and the scenario's seed. Give
    the same --set as the run gets.
    """
    plan = load_scenario(scenario, sets or ())
    site = load_site(plan.site_path)
    site.asset(asset)
    _prepare(folder)
    deploy(site, asset, rig_secret(site.id, plan.seed), folder, "serial")
    out.print(f"node: {folder}; copy board.py and secret.py to the board", soft_wrap=True)


def _checked(scenario: Path) -> str:
    variants = load_variants(scenario)
    for plan in variants:
        site = load_site(plan.site_path)
        for asset in site.assets:
            site.board_py(asset.id)
            site.board_py(asset.id, "serial")  # what lock-step puts on it
        plan.build_plant(site)
        check_names(plan.checks(), signal_names(site), str(plan.path))
    plan = variants[0]
    many = f", {len(variants)} variants" if len(variants) > 1 else ""
    return (
        f"{scenario}: {plan.title}, {plan.duration_s:g} s{many}, "
        f"{len(plan.timeline())} happenings, {len(plan.checks())} checks"
    )


@app.command()
def schema(
    file: Annotated[Path, typer.Argument(help="Where to write it.")] = Path(
        "scenarios/scenario.schema.json"
    ),
) -> None:
    """Write the JSON schema of scenario files, with which editors complete and check them."""
    write_schema(file)
    out.print(f"schema: {file}; scenarios name it on top: `#:schema {file.name}`")


@app.command()
def signals(scenario: ScenarioArg) -> None:
    """List what a scenario's `expect` and `measure` can ask about."""
    view = Table("signal", "what it is")
    for name, text in signal_names(load_site(load_scenario(scenario).site_path)).items():
        view.add_row(name, text)
    out.print(view)


@app.command(epilog="Example: `nansha hil diff out/a out/b --tolerance 1e-6`")
def diff(
    one: Annotated[Path, typer.Argument(metavar="A", help="Folder of a run, or its trace.")],
    other: Annotated[Path, typer.Argument(metavar="B", help="Another.")],
    tolerance: Annotated[float, typer.Option(min=0, help="Differences up to here are none.")] = 0.0,
) -> None:
    """Tell where two runs part: the first moment and the largest gap of each quantity, and events.

    Ends with 1 when they differ.
    """
    found = compare(read_trace(one), read_trace(other), tolerance)
    view = Table("quantity", "first at", "largest gap", "at", title=f"{one} and {other}")
    for row in found:
        if row.only:
            view.add_row(row.column, f"only in {row.only}", "", "")
        else:
            view.add_row(
                row.column, f"{row.first_s:.3f} s", f"{row.largest:.6g}", f"{row.largest_s:.3f} s"
            )
    events = compare_events(one, other) if one.is_dir() and other.is_dir() else []
    if found:
        out.print(view)
    for line in events:
        out.print(line, highlight=False, markup=False)
    if found or events:
        raise typer.Exit(1)
    out.print("the same")


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
