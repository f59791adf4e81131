"""The page itself: a self-contained HTML file that needs no network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from nansha_hil.report.cards import footer, header, headline
from nansha_hil.report.chart_sections import chart_data, chart_sections
from nansha_hil.report.day import Array, Asset, Day
from nansha_hil.report.looks import Figure
from nansha_hil.report.moments import Moments, moments
from nansha_hil.report.one_line import MODES, draw
from nansha_hil.report.style import STYLE
from nansha_hil.report.tables import MAX_EVENTS, event_table, node_table, verdict_table
from nansha_hil.report.text import number, section
from nansha_hil.report.timebar import time_bar


def write_report(
    path: Path | str,
    summary: Mapping[str, Any],
    series: Mapping[str, Array],
    events: Sequence[Mapping[str, Any]],
) -> Path:
    """Write the page and return its path. Missing figures and series leave their place out.

    summary as `summarise` makes it, all optional: title, start, duration_s, site, scenario,
    real_time_factor, cost_cny, tariff, co2_kg, carbon, plant, assets, verdicts; and nodes
    [{column: value}]. series: t_s with <asset>.p_w, .closed, .demand_w, .available_w, .soc,
    bus.f_hz, bus.v_v, price_cny_per_kwh, islanded. events: t_s, asset, text. Raises OSError if the
    file cannot be written.
    """
    path = Path(path)
    start = _start(summary)
    assets = _assets(summary)
    events_s = [t for e in events[:MAX_EVENTS] if (t := number(e.get("t_s"))) is not None]
    verdicts = list(summary.get("verdicts") or ())
    looked_s = [t for v in verdicts if (t := number(v.get("t_s"))) is not None]
    recorded = [a for a in assets if f"{a.id}.p_w" in series]
    day = Day(series, recorded, start, [*events_s, *looked_s])
    charts: list[Figure] = []
    sections = chart_sections(day, charts)
    told = None if day.empty or not assets else moments(day, assets, events)
    body = [
        header(summary, start),
        headline(summary),
        *_one_line(day, assets, told, events_s),
        verdict_table(verdicts, start),
        *sections,
        event_table(events, start),
        node_table(summary.get("nodes") or ()),
        footer(summary),
    ]
    title = escape(str(summary.get("title") or "Run"))
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><main>"
        + "\n".join(part for part in body if part)
        + "</main>"
        + _chart_script(day, charts)
        + _diagram_script(day, told, events_s)
        + "</body></html>\n"
    )
    path.write_text(page, encoding="utf-8")
    return path


def _one_line(
    day: Day, assets: Sequence[Asset], told: Moments | None, events_s: Sequence[float]
) -> list[str]:
    if told is None:
        return []
    lead = (
        "The site at the moment that is set below. A contact stands as it truly was, whatever its "
        "node says; dashed, the trace does not have it."
    )
    diagram = f"<div class=scroll>{draw(assets, told)}</div>"
    return [section("One-line diagram", lead, diagram, "one-line"), time_bar(day, events_s)]


def _chart_script(day: Day, charts: Sequence[Figure]) -> str:
    if not charts:
        return ""
    # Only a page with charts needs plotly; it is an optional dependency and slow to import.
    from plotly.io.json import to_json_plotly
    from plotly.offline import get_plotlyjs

    # to_json_plotly writes < and > as escapes, so no string can end the script.
    data = to_json_plotly(chart_data(day, charts))
    return (
        f"<script>{get_plotlyjs()}</script>"
        f"<script type='application/json' id=charts>{data}</script>"
        f"<script>{_code('charts.js')}</script>"
    )


def _diagram_script(day: Day, told: Moments | None, events_s: Sequence[float]) -> str:
    if told is None:
        return ""
    data = {
        "t_s": told.t_s.tolist(),
        "start_ms": day.start_ms,
        "events_s": sorted(set(events_s)),
        "modes": MODES,
        "bus": asdict(told.bus),
        "said": asdict(told.said),
        "branches": {asset: asdict(track) for asset, track in told.branches.items()},
    }
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for mark in "<>&'":  # so no string can end the script
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return (
        f"<script type='application/json' id=moments>{text}</script>"
        f"<script>{_code('one_line.js')}</script>"
    )


@cache
def _code(name: str) -> str:
    return files("nansha_hil.report").joinpath(name).read_text(encoding="utf-8")


def _start(summary: Mapping[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(str(summary.get("start"))).replace(tzinfo=None)
    except ValueError:
        return datetime(2000, 1, 1)


def _assets(summary: Mapping[str, Any]) -> list[Asset]:
    described = summary.get("assets")
    described = described if isinstance(described, Mapping) else {}
    return [
        Asset(name, str(info["name"]), str(info["role"]), str(info["tier"] or ""))
        for name, info in described.items()
    ]
