"""The command line. Each command is thin: it reads its words, calls the library, and tells the
end."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.live import Live

from nansha import __version__
from nansha.broker import Broker
from nansha.console import notice, out
from nansha.doctor import check, healthy, print_findings
from nansha.errors import NanshaError
from nansha.keys import create_secret, load_secret, load_wifi
from nansha.links import Link
from nansha.replay import replay
from nansha.run import Runner, Wiring
from nansha.session import Session
from nansha.site import Site, load_site, site_json_schema
from nansha.status import table
from nansha_boards import BoardError, board_names
from nansha_wire.auth import node_key

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Run microgrids: nodes on boards, exact setpoints, a record of everything.",
)
site_app = typer.Typer(no_args_is_help=True, help="Site files: a microgrid as data.")
app.add_typer(site_app, name="site")

SiteArg = Annotated[Path, typer.Argument(metavar="SITE", help="The site file, sites/….toml")]


@app.command(
    epilog="Examples: `nansha run sites/nansha_campus.toml` · "
    "`nansha run SITE --port battery=/dev/ttyUSB0 --broker 192.168.10.2:1883`"
)
def run(
    site: SiteArg,
    record: Annotated[
        Path | None,
        typer.Option(help="Record file; an existing one is resumed. Default: out/SITE.sqlite"),
    ] = None,
    port: Annotated[
        list[str] | None,
        typer.Option(metavar="ASSET=PORT", help="Serial port of an asset, instead of the site's."),
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="A running MQTT broker, instead of the embedded one."
        ),
    ] = None,
    secret: Annotated[
        Path | None, typer.Option(help="Secret file, instead of the site's secret_file.")
    ] = None,
) -> None:
    """Run a session on SITE until Ctrl-C; every row is on disk when it ends.

    Stop it and start it again with the same record: it goes on where it was.
    """
    plan = load_site(site)
    for warning in plan.warnings():
        notice(f"warning: {warning}")
    key = load_secret(secret or _secret_path(plan, site))
    path = record or Path("out") / f"{plan.id}.sqlite"
    wiring = Wiring(_ports(port or []), _address(broker) if broker else None)
    asyncio.run(_run(plan, key, path, wiring))
    notice(f"stopped; the record is {path}")


async def _run(site: Site, key: bytes, record: Path, wiring: Wiring) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if not out.is_terminal:
        await Runner(site, key, record, wiring, notice).run(stop)
        return
    with Live(console=out, refresh_per_second=4) as live:

        def show(session: Session, links: list[Link]) -> None:
            live.update(table(session, links))

        def tell(text: str) -> None:
            live.console.print(text, highlight=False, markup=False, soft_wrap=True)

        await Runner(site, key, record, wiring, tell, show).run(stop)


@app.command(epilog="Example: `nansha broker --host 0.0.0.0` lets nodes on Wi-Fi in.")
def broker(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="MQTT port.", min=1, max=65535)] = 1883,
    folder: Annotated[Path, typer.Option(help="Where it keeps its state.")] = Path("out/broker"),
) -> None:
    """Run the embedded MQTT broker by itself until Ctrl-C."""
    server = Broker(folder, host, port)
    server.start()
    notice(f"MQTT 3.1.1 on {host}:{port}; log {server.log}; Ctrl-C ends it")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = server.wait()
    except KeyboardInterrupt:
        return
    finally:
        server.stop()
    raise NanshaError(f"the broker ended by itself with code {code}", str(server.log))


@app.command()
def doctor() -> None:
    """Say what is missing on this machine, and how to get it."""
    findings = check()
    print_findings(findings, out)
    raise typer.Exit(0 if healthy(findings) else 1)


@app.command(epilog="Example: `nansha board sites/nansha_campus.toml battery --out flash/battery`")
def board(
    site: SiteArg,
    asset: Annotated[str, typer.Argument(help="Asset whose node this is.")],
    folder: Annotated[
        Path | None,
        typer.Option("--out", help="Write board.py and secret.py there; else print board.py."),
    ] = None,
) -> None:
    """Generate what is particular to one node: its board.py, and its key."""
    plan = load_site(site)
    text = plan.board_py(asset)
    if folder is None:
        out.print(text, end="", markup=False, highlight=False, soft_wrap=True)
        return
    path = _secret_path(plan, site)
    key = node_key(load_secret(path), plan.asset(asset).node)
    lines = [f"KEY = {key!r}"]
    if plan.asset(asset).link.kind == "mqtt":
        wifi = load_wifi(path)
        if wifi is None:
            raise NanshaError(
                "this node speaks over Wi-Fi and there is no wifi_ssid",
                str(path),
                'add wifi_ssid = "…" and wifi_password = "…" there',
            )
        lines += [f"WIFI_SSID = {wifi[0]!r}", f"WIFI_PASSWORD = {wifi[1]!r}"]
    secret_file = folder / "secret.py"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "board.py").write_text(text)
        secret_file.touch(mode=0o600)
        secret_file.chmod(0o600)
        secret_file.write_text("\n".join(lines) + "\n")
    except OSError as error:
        raise NanshaError(
            f"cannot be written: {error.strerror}", str(folder), "name another folder with --out"
        ) from None
    notice(f"{folder}: board.py and secret.py; copy them beside main.py with mpremote")


@app.command()
def boards() -> None:
    """List the boards that a node can be built on."""
    for name in board_names():
        out.print(name)


@app.command()
def keys(site: SiteArg) -> None:
    """Make the site's secret, from which every node's key comes. Once, before flashing."""
    plan = load_site(site)
    path = _secret_path(plan, site)
    create_secret(path)
    notice(f"{path}: made, readable by you alone; keep a copy where the site file is not")


@app.command("replay")
def replay_command(
    site: SiteArg,
    record: Annotated[Path, typer.Argument(help="The record, a session.sqlite")],
) -> None:
    """Decide a recorded session once more and compare every decision to the bit."""
    result = replay(load_site(site), record)
    out.print(
        f"{result.runs} runs, {result.frames} frames, {result.cycles} cycles: "
        f"{result.different} decisions differ"
    )
    if result.different:
        raise NanshaError(
            f"the first different decision is at {result.first_different_ms} ms",
            str(record),
            "replay with the version and the site file of the recording",
        )


@site_app.command("check")
def site_check(site: SiteArg) -> None:
    """Check a site file and every node in it."""
    plan = load_site(site)
    for asset in plan.assets:
        plan.board_py(asset.id)
    for warning in plan.warnings():
        notice(f"warning: {warning}")
    out.print(
        f"{site}: {plan.info.name}, {len(plan.assets)} nodes, all can be built", soft_wrap=True
    )


@site_app.command("schema")
def site_schema() -> None:
    """Print the JSON schema of a site file, for editors that complete and check."""
    out.print_json(json.dumps(site_json_schema()))


def _secret_path(site: Site, file: Path) -> Path:
    path = site.secret_path
    if path is None:
        raise NanshaError(
            "names no secret_file, so no command could be signed",
            f"{file}: site.secret_file",
            f'write secret_file = "{site.id}.secrets.toml" in [site]',
        )
    return path


def _ports(words: list[str]) -> dict[str, str]:
    ports = {}
    for word in words:
        asset, equals, path = word.partition("=")
        if not equals or not asset or not path:
            raise NanshaError(
                f"{word!r} is not ASSET=PORT", "--port", "such as battery=/dev/ttyUSB0"
            )
        ports[asset] = path
    return ports


def _address(word: str) -> tuple[str, int]:
    host, colon, port = word.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise NanshaError(f"{word!r} is not HOST:PORT", "--broker", "such as 192.168.10.2:1883")
    return host, int(port)


def _version(show: bool) -> None:
    if show:
        out.print(f"nansha {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


for _point in entry_points(group="nansha.commands"):
    app.add_typer(_point.load(), name=_point.name)


def main() -> None:
    """Run the command line; an error that a person can mend is one line, not a traceback."""
    try:
        app()
    except (NanshaError, BoardError) as error:
        _fail([error])
    except ExceptionGroup as group:
        mendable, rest = group.split((NanshaError, BoardError))
        if mendable is None or rest is not None:
            raise
        _fail(list(_leaves(mendable)))


def _leaves(group: ExceptionGroup) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _fail(errors: list[Exception]) -> NoReturn:
    for error in errors:
        for line in str(error).splitlines():
            notice(f"error: {line}")
    sys.exit(2)
