"""The charts of a run's report, as plotly figures in plain dictionaries.

Powers are in bus injection (+ delivers into the site's bus); legends say it in people's words.
"""

from __future__ import annotations

from html import escape
from itertools import pairwise

import numpy as np

from nansha_hil.report.day import Array, Day, Span, thin
from nansha_hil.report.looks import (
    COLOURS,
    INK,
    PRICES,
    Figure,
    area,
    band,
    island_labels,
    island_shapes,
    layout,
    line,
    zero_line,
)

TIERS = ("critical", "priority", "interruptible")


def power_figure(day: Day) -> Figure:
    """Everything that feeds the bus above zero, everything that draws from it below."""
    traces: list[Figure] = []
    x = day.times(day.edges_s)

    def stack(values: Array, name: str, colour: str, group: str) -> None:
        if np.any(np.abs(values) > 1e-4):
            traces.append(area(x, values, escape(name), COLOURS[colour], group))

    for asset in day.role("pv"):
        stack(day.mean_kw(f"{asset.id}.p_w"), asset.name, "pv", "up")
    for role, up in (("battery", "discharging"), ("poi", "import")):
        for asset in day.role(role):
            power = day.mean_kw(f"{asset.id}.p_w")
            stack(np.maximum(power, 0.0), f"{asset.name}: {up}", up, "up")
    for tier in TIERS:
        for asset in day.role("load"):
            if asset.tier == tier:
                stack(day.mean_kw(f"{asset.id}.p_w"), asset.name, tier, "down")
    for asset in day.role("ev_charger"):
        stack(day.mean_kw(f"{asset.id}.p_w"), f"{asset.name}: charging", "ev", "down")
    for role, down in (("battery", "charging"), ("poi", "export")):
        for asset in day.role(role):
            power = day.mean_kw(f"{asset.id}.p_w")
            stack(np.minimum(power, 0.0), f"{asset.name}: {down}", down, "down")
    looks = layout(day, "kW into the bus (above) and out of it (below)", 430)
    looks["shapes"] = [*_price_shapes(day), *island_shapes(day), zero_line()]
    looks["annotations"] = island_labels(day)
    return {"data": traces, "layout": looks}


def demand_figure(day: Day) -> Figure:
    """Served load by tier under the line of what was wanted; the gap in red."""
    x = day.times(day.edges_s)
    traces: list[Figure] = []
    demand = np.zeros(len(x) - 1)
    served_all = np.zeros(len(x) - 1)
    for tier in TIERS:
        served = np.zeros(len(x) - 1)
        for asset in day.role("load"):
            if asset.tier == tier:
                served -= day.mean_kw(f"{asset.id}.p_w")
                demand += day.mean_kw(f"{asset.id}.demand_w")
        served_all += served
        traces.append(area(x, served, f"{tier} served", COLOURS[tier]))
    gap = np.maximum(demand - served_all, 0.0)
    if np.any(gap > 0.01):
        traces.append(area(x, gap, "unserved", COLOURS["unserved"]))
    wanted = line(x, np.append(demand, demand[-1:]), "wanted", INK, "%{y:.1f} kW")
    wanted["line"].update(width=1.2, dash="dot")
    traces.append(wanted)
    looks = layout(day, "kW", 300)
    looks["shapes"] = island_shapes(day)
    return {"data": traces, "layout": looks}


def sun_figure(day: Day) -> Figure:
    """What the arrays could have fed and what they fed."""
    x = day.times(day.edges_s)
    nothing = np.zeros(len(x) - 1)
    fed = sum((day.mean_kw(f"{a.id}.p_w") for a in day.role("pv")), nothing)
    offered = sum((day.mean_kw(f"{a.id}.available_w") for a in day.role("pv")), nothing)
    spilled = np.maximum(offered - fed, 0.0)
    traces = [area(x, fed, "used", COLOURS["pv"])]
    if np.any(spilled > 0.01):
        traces.append(area(x, spilled, "curtailed", COLOURS["curtailed"]))
    looks = layout(day, "kW", 260)
    looks["shapes"] = island_shapes(day)
    return {"data": traces, "layout": looks}


def soc_figure(day: Day) -> Figure:
    """State of charge, percent."""
    x = day.times(day.edges_s)
    traces: list[Figure] = []
    for asset in day.role("battery"):
        values = day.series.get(f"{asset.id}.soc")
        if values is not None:
            percent = 100.0 * np.interp(day.edges_s, day.t_s, values)
            name = escape(asset.name)
            traces.append(line(x, percent, name, COLOURS["discharging"], "%{y:.1f} %"))
    looks = layout(day, "% charged", 260)
    looks["yaxis"]["range"] = [0, 100]
    looks["shapes"] = [*_price_shapes(day), *island_shapes(day)]
    looks["showlegend"] = len(traces) > 1
    return {"data": traces, "layout": looks}


def bus_figure(day: Day, key: str, unit: str, digits: int, least_span: float) -> Figure:
    """A quantity of the bus, every extreme kept; gaps where it is below a fiftieth of its top.

    least_span: the axis never zooms further than this, into noise.
    """
    raw = day.series.get(key, np.full(len(day.t_s), np.nan))
    t_s, values = thin(day.t_s, raw, day.close)
    top = float(np.nan_to_num(values).max(initial=0.0))
    shown = np.where(values > top / 50.0, values, np.nan) if unit == "Hz" else values
    looks = layout(day, unit, 260)
    looks["showlegend"] = False
    finite = shown[np.isfinite(shown)]
    if len(finite):
        middle = (finite.max() + finite.min()) / 2.0
        half = max(least_span / 2.0, 0.58 * (finite.max() - finite.min()))
        looks["yaxis"]["range"] = [float(middle - half), float(middle + half)]
    looks["shapes"] = island_shapes(day)
    hover = f"%{{y:.{digits}f}} {unit}"
    trace = line(day.times(t_s), shown, f"bus, {unit}", COLOURS["critical"], hover)
    return {"data": [trace], "layout": looks}


def price_periods(day: Day) -> list[tuple[Span, float, int]]:
    """Stretches of one price: (when, CNY/kWh, rank of the colour), cheap to dear."""
    price = day.series.get("price_cny_per_kwh")
    if price is None or day.empty:
        return []
    cuts = [0, *(np.flatnonzero(np.abs(np.diff(price)) > 1e-9) + 1), len(price)]
    levels = sorted({round(float(price[cut]), 6) for cut in cuts[:-1] if np.isfinite(price[cut])})
    out = []
    for left, right in pairwise(cuts):
        value = round(float(price[left]), 6)
        if value in levels:
            end_s = float(day.t_s[min(right, len(price) - 1)])
            rank = levels.index(value) if len(levels) > 1 else 1
            out.append((Span(float(day.t_s[left]), end_s), value, min(rank, len(PRICES) - 1)))
    return out


def _price_shapes(day: Day) -> list[Figure]:
    return [band(day, span, PRICES[rank], 0.75) for span, _, rank in price_periods(day)]
