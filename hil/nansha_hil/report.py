"""One run as one page: a self-contained HTML file that needs no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from nansha_hil import report_figures as figures
from nansha_hil.report_figures import Array, Asset, Day, Span
from nansha_hil.report_style import STYLE
from nansha_hil.verdicts import limits_text

MAX_EVENTS = 300
_CONFIG = {"displaylogo": False, "responsive": True, "displayModeBar": False}


def write_report(
    path: Path | str,
    summary: Mapping[str, Any],
    series: Mapping[str, Array],
    events: Sequence[Mapping[str, Any]],
) -> Path:
    """Write the page and return its path. Missing figures and series leave their place out.

    summary as `summarise` makes it, all optional: title, start, duration_s, site, scenario,
    real_time_factor, cost_cny, tariff, co2_kg, carbon, plant, assets, verdicts; and nodes
    [{column: value}]. series: t_s with <asset>.p_w, .demand_w, .available_w, .soc, bus.f_hz,
    bus.v_v, price_cny_per_kwh, islanded. events: t_s, asset, text. Raises OSError if the file
    cannot be written.
    """
    path = Path(path)
    start = _start(summary)
    day = Day(series, _assets(summary, series), start)
    charts: list[figures.Figure] = []
    body = [
        _header(summary, start),
        _headline(summary),
        _verdicts(summary.get("verdicts") or ()),
        *_sections(day, charts),
        _events(events, start),
        _nodes(summary.get("nodes") or ()),
        _footer(summary),
    ]
    title = escape(str(summary.get("title") or "Run"))
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><main>"
        + "\n".join(part for part in body if part)
        + "</main>"
        + _scripts(charts)
        + "</body></html>\n"
    )
    path.write_text(page, encoding="utf-8")
    return path


def _scripts(charts: Sequence[figures.Figure]) -> str:
    if not charts:
        return ""
    # Only a page with charts needs plotly; it is an optional dependency and slow to import.
    from plotly.io.json import to_json_plotly
    from plotly.offline import get_plotlyjs

    # to_json_plotly writes < and > as escapes, so no string can end the script.
    data = to_json_plotly({"charts": list(charts), "config": _CONFIG})
    draw = (
        "const page=" + data + ";"
        "page.charts.forEach((c,i)=>Plotly.newPlot('chart'+i,c.data,c.layout,page.config));"
    )
    return f"<script>{get_plotlyjs()}</script><script>{draw}</script>"


def _start(summary: Mapping[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(str(summary.get("start"))).replace(tzinfo=None)
    except ValueError:
        return datetime(2000, 1, 1)


def _assets(summary: Mapping[str, Any], series: Mapping[str, Array]) -> list[Asset]:
    described = summary.get("assets")
    described = described if isinstance(described, Mapping) else {}
    return [
        Asset(name, str(info["name"]), str(info["role"]), str(info["tier"] or ""))
        for name, info in described.items()
        if f"{name}.p_w" in series
    ]


def _header(summary: Mapping[str, Any], start: datetime) -> str:
    facts = []
    if summary.get("start"):
        facts.append(f"{start:%d %B %Y, %H:%M}")
    seconds = _number(summary.get("duration_s"))
    if seconds is not None:
        facts.append(f"{seconds / 3600:g} h" if seconds >= 3600 else f"{seconds / 60:.3g} min")
    for key in ("site", "scenario"):
        if summary.get(key) is not None:
            facts.append(f"{key} {summary[key]}")
    return (
        f"<header><h1>{escape(str(summary.get('title') or 'Run'))}</h1>"
        f"<p class=facts>{escape(' · '.join(facts))}</p></header>"
    )


def _headline(summary: Mapping[str, Any]) -> str:
    plant = summary.get("plant")
    plant = plant if isinstance(plant, Mapping) else {}

    def find(key: str) -> float | None:
        return _number(summary.get(key, plant.get(key)))

    cards = []

    def card(label: str, value: float | None, form: str, unit: str, small: str = "") -> None:
        if value is None:
            return
        below = f"<small>{escape(small)}</small>" if small else ""
        cards.append(
            f"<div class=card><span>{escape(label)}</span>"
            f"<b>{value:{form}}<i>{escape(unit)}</i></b>{below}</div>"
        )

    card("Cost of energy", find("cost_cny"), ",.2f", "CNY", _basis(summary, "tariff"))
    card("CO₂ of the grid's share", find("co2_kg"), ",.1f", "kg", _basis(summary, "carbon"))
    offered = find("pv_available_wh")
    card(
        "PV absorbed",
        find("pv_absorbed_percent"),
        ".1f",
        "%",
        f"of {offered / 1000:,.1f} kWh offered" if offered is not None else "",
    )
    for tier in figures.TIERS:
        missing = find(f"unserved_{tier}_wh")
        if missing is None:
            continue
        if missing < 100.0:
            card(f"Unserved, {tier}", missing, ".1f", "Wh")
        else:
            card(f"Unserved, {tier}", missing / 1000.0, ",.2f", "kWh")
    bought, sold = find("import_wh"), find("export_wh")
    if bought is not None and sold is not None:
        card("Bought", bought / 1000.0, ",.1f", "kWh", f"sold {sold / 1000:,.1f} kWh")
    card("Speed", find("real_time_factor"), ",.0f", "× real time")
    return f"<section class=cards>{''.join(cards)}</section>" if cards else ""


def _basis(summary: Mapping[str, Any], key: str) -> str:
    """What a figure stands on, with its confidence: 'name: caveat'."""
    basis = summary.get(key)
    return f"{basis['id']}: {basis['caveat']}" if isinstance(basis, Mapping) else ""


def _sections(day: Day, charts: list[figures.Figure]) -> list[str]:
    if day.empty:
        return ["<section><p class=quiet>This run recorded no series.</p></section>"]

    def chart(figure: figures.Figure) -> str:
        charts.append(figure)
        return f"<div id=chart{len(charts) - 1} class=chart></div>"

    out = [
        _section(
            "Power on the bus",
            "Above the line what feeds the bus, below what draws from it; the two always cancel.",
            chart(figures.power_figure(day)) + _price_key(day),
        )
    ]
    if any(f"{a.id}.demand_w" in day.series for a in day.role("load")):
        out.append(
            _section(
                "Wanted and served",
                "Load by tier, without the charging post.",
                chart(figures.demand_figure(day)),
            )
        )
    pair = []
    if any(f"{a.id}.available_w" in day.series for a in day.role("pv")):
        pair.append(
            _section("Sun", "What the arrays could have fed.", chart(figures.sun_figure(day)))
        )
    if any(f"{a.id}.soc" in day.series for a in day.role("battery")):
        pair.append(_section("Battery", "State of charge.", chart(figures.soc_figure(day))))
    if pair:
        out.append(f"<div class=pair>{''.join(pair)}</div>")
    if "bus.f_hz" in day.series:
        out.append(_frequency(day, chart))
    return out


def _frequency(day: Day, chart: Any) -> str:
    if not day.islands:
        figure = chart(figures.frequency_figure(day, Span(day.t_s[0], day.t_s[-1])))
        return _section("Frequency", "No island in this run.", figure)
    first = day.islands[0]
    margin_s = max(2.0, 0.08 * (first.to_s - first.from_s))
    whole = Span(first.from_s - margin_s, first.to_s + margin_s)
    instant = Span(first.from_s - 1.0, first.from_s + 5.0)
    parts = [
        _section(
            "Island frequency",
            f"The island lasted {_span_text(first.to_s - first.from_s)}; shaded.",
            chart(figures.frequency_figure(day, whole)),
        )
    ]
    points = int(np.count_nonzero((day.t_s >= instant.from_s) & (day.t_s <= instant.to_s)))
    if points >= 12:
        parts.append(
            _section(
                "The moment of islanding",
                "From one second before to five after.",
                chart(figures.frequency_figure(day, instant)),
            )
        )
    return f"<div class=pair>{''.join(parts)}</div>"


def _price_key(day: Day) -> str:
    shown: dict[float, str] = {}
    for _, price, colour in figures.price_periods(day):
        shown.setdefault(price, colour)
    if len(shown) < 2:
        return ""
    keys = "".join(
        f'<span><i style="background:{colour}"></i>{price:.4g}</span>'
        for price, colour in sorted(shown.items())
    )
    return f"<p class=key>Background, CNY/kWh: {keys}</p>"


def _section(title: str, lead: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2><p class=lead>{escape(lead)}</p>{body}</section>"


def _verdicts(verdicts: Iterable[Mapping[str, Any]]) -> str:
    rows = []
    failed = 0
    for verdict in verdicts:
        outcome = str(verdict.get("outcome", "missing"))
        failed += outcome != "pass"
        value = _number(verdict.get("value"))
        limits = limits_text(verdict.get("minimum"), verdict.get("maximum"))
        style = outcome if outcome in ("pass", "fail") else "missing"
        cells = (
            f"<td><span class='badge {style}'>{escape(outcome)}</span></td>"
            f"<td>{escape(str(verdict.get('name', '')))}</td>"
            f"<td class=n>{'-' if value is None else _short(value)}</td>"
            f"<td class=n>{escape(limits)}</td>"
            f"<td>{escape(str(verdict.get('unit', '')))}</td>"
            f"<td class=quiet>{escape(str(verdict.get('why', '')))}</td>"
        )
        rows.append(f"<tr>{cells}</tr>")
    if not rows:
        return ""
    lead = "All limits kept." if not failed else f"{failed} of {len(rows)} limits not kept."
    head = "<tr><th></th><th>Measurement</th><th class=n>Value</th><th class=n>Limit</th>"
    head += "<th>Unit</th><th>Why</th></tr>"
    return _section("Verdicts", lead, f"<table>{head}{''.join(rows)}</table>")


def _events(events: Sequence[Mapping[str, Any]], start: datetime) -> str:
    if not events:
        return ""
    rows = []
    for event in events[:MAX_EVENTS]:
        t_s = _number(event.get("t_s"))
        when = "" if t_s is None else f"{start + timedelta(seconds=t_s):%H:%M:%S.%f}"[:-3]
        rows.append(
            f"<tr><td class=n>{when}</td><td>{escape(str(event.get('text', '')))}</td>"
            f"<td>{escape(str(event.get('asset') or ''))}</td></tr>"
        )
    more = len(events) - MAX_EVENTS
    lead = f"{len(events)} in all" + (f", the first {MAX_EVENTS} shown." if more > 0 else ".")
    head = "<tr><th class=n>Time</th><th>What</th><th>Where</th></tr>"
    return _section("Events", lead, f"<table>{head}{''.join(rows)}</table>")


def _nodes(nodes: Iterable[Mapping[str, Any]]) -> str:
    nodes = list(nodes)
    if not nodes:
        return ""
    columns = list(dict.fromkeys(str(key) for node in nodes for key in node))
    numeric = {
        column
        for column in columns
        if all(isinstance(node.get(column, 0), int | float) for node in nodes)
        and not any(isinstance(node.get(column), bool) for node in nodes)
    }
    head = "".join(
        f"<th{' class=n' if column in numeric else ''}>{escape(column.replace('_', ' '))}</th>"
        for column in columns
    )
    rows = []
    for node in nodes:
        cells = []
        for column in columns:
            value = node.get(column, "")
            number = _number(value) if not isinstance(value, str | bool) else None
            if number is not None:
                cells.append(f"<td class=n>{_short(number)}</td>")
            else:
                words = {True: "yes", False: "no", None: ""}
                text = words[value] if isinstance(value, bool) or value is None else str(value)
                cells.append(f"<td>{escape(text)}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return _section(
        "Nodes and relays", "What each board did.", f"<table><tr>{head}</tr>{''.join(rows)}</table>"
    )


def _footer(summary: Mapping[str, Any]) -> str:
    plant = summary.get("plant")
    plant = plant if isinstance(plant, Mapping) else {}
    residual = _number(plant.get("residual_percent"))
    if residual is None:
        return ""
    return f"<footer>Energy closes to {residual:.1e} % of what passed through the bus.</footer>"


def _span_text(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.1f} s"


def _short(value: float) -> str:
    if value == 0.0:
        return "0"
    if abs(value) < 1e-3:
        return f"{value:.1e}"
    if abs(value) >= 10_000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _number(value: Any) -> float | None:
    if value is None or isinstance(value, str):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None
