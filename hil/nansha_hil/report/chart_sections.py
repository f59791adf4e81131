"""Which charts a run gets, and under which headings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nansha_hil.report import figures
from nansha_hil.report.day import Day
from nansha_hil.report.looks import NIGHT, Figure
from nansha_hil.report.text import section, span_text

_CONFIG = {"displaylogo": False, "responsive": True, "displayModeBar": False, "doubleClick": False}


def chart_sections(day: Day, charts: list[Figure]) -> list[str]:
    """The sections as HTML; their figures are added to `charts`."""
    if day.empty:
        return ["<section><p class=quiet>This run recorded no series.</p></section>"]

    def chart(figure: Figure) -> str:
        charts.append(figure)
        return f"<div id=chart{len(charts) - 1} class=chart></div>"

    out = [
        section(
            "Power on the bus",
            "Above the line what feeds the bus, below what draws from it; the two always cancel.",
            chart(figures.power_figure(day)) + _price_key(day),
        )
    ]
    if any(f"{a.id}.demand_w" in day.series for a in day.role("load")):
        out.append(
            section(
                "Wanted and served",
                "Load by tier, without the charging post.",
                chart(figures.demand_figure(day)),
            )
        )
    pair = []
    if any(f"{a.id}.available_w" in day.series for a in day.role("pv")):
        pair.append(
            section("Sun", "What the arrays could have fed.", chart(figures.sun_figure(day)))
        )
    if any(f"{a.id}.soc" in day.series for a in day.role("battery")):
        pair.append(section("Battery", "State of charge.", chart(figures.soc_figure(day))))
    out += _pair(pair)
    return out + _pair(_bus_sections(day, chart))


def _bus_sections(day: Day, chart: Callable[[Figure], str]) -> list[str]:
    out = []
    if "bus.f_hz" in day.series:
        lead = "No island in this run."
        if day.islands:
            lasted_s = sum(span.to_s - span.from_s for span in day.islands)
            count = len(day.islands)
            islands = "The island" if count == 1 else f"{count} islands"
            lead = f"{islands} lasted {span_text(lasted_s)}; shaded."
        out.append(
            section("Frequency", lead, chart(figures.bus_figure(day, "bus.f_hz", "Hz", 3, 0.12)))
        )
    if "bus.v_v" in day.series:
        figure = figures.bus_figure(day, "bus.v_v", "V", 1, 4.0)
        out.append(section("Voltage", "Phase to neutral, at the bus.", chart(figure)))
    return out


def _pair(parts: Sequence[str]) -> list[str]:
    return [f"<div class=pair>{''.join(parts)}</div>"] if parts else []


def _price_key(day: Day) -> str:
    shown: dict[float, int] = {}
    for _, price, rank in figures.price_periods(day):
        shown.setdefault(price, rank)
    if len(shown) < 2:
        return ""
    keys = "".join(
        f'<span><i style="background:var(--price{rank})"></i>{price:.4g}</span>'
        for price, rank in sorted(shown.items())
    )
    return f"<p class=key>Background, CNY/kWh: {keys}</p>"


def chart_data(day: Day, charts: Sequence[Figure]) -> dict[str, Any]:
    """What the page's script draws from. Charts share their times: each list is sent once."""
    times: list[list[float]] = []
    for figure in charts:
        for trace in figure["data"]:
            if trace["x"] not in times:
                times.append(trace["x"])
            trace["x"] = times.index(trace["x"])
    return {
        "charts": list(charts),
        "times": times,
        "start_ms": day.start_ms,
        "whole": day.times(day.t_s[[0, -1]]),
        "night": NIGHT,
        "config": _CONFIG,
    }
