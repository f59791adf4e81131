"""The charts of a run's report, as plotly figures in plain dictionaries.

Powers are in bus injection (+ delivers into the site's bus); legends say it in people's words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Figure = dict[str, Any]

MAX_POINTS = 1440
INK, MUTED, RULE = "#1d2733", "#66727f", "#e6eaee"
COLOURS = {
    "pv": "#f0b429",
    "discharging": "#2f9e6b",
    "charging": "#a5d8bf",
    "import": "#77849a",
    "export": "#c3cbd6",
    "critical": "#1c4a78",
    "priority": "#3f82b8",
    "interruptible": "#9cc3e0",
    "ev": "#8c6bc4",
    "unserved": "#d64545",
}
_PRICE_COLOURS = ("#e3f0fb", "#ffffff", "#fdf1d8", "#fbe0c4")
TIERS = ("critical", "priority", "interruptible")


@dataclass(frozen=True, slots=True)
class Asset:
    """One asset as the report shows it."""

    id: str
    name: str
    role: str
    tier: str


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, s since the start."""

    from_s: float
    to_s: float


class Day:
    """A run's series with what the charts need from them."""

    def __init__(
        self, series: Mapping[str, Array], assets: Sequence[Asset], start: datetime
    ) -> None:
        """Keep finite times only; series of another length than t_s are ignored."""
        self.t_s = np.asarray(series.get("t_s", ()), dtype=float)
        self.series = {
            key: np.asarray(values, dtype=float)
            for key, values in series.items()
            if key != "t_s" and len(values) == len(self.t_s)
        }
        self.assets = list(assets)
        self.start = start
        self.islands = _spans(self.t_s, self.series.get("islanded"))
        count = min(MAX_POINTS, max(len(self.t_s), 1))
        if len(self.t_s) > 1:
            self.edges_s = np.linspace(self.t_s[0], self.t_s[-1], count + 1)
        else:
            self.edges_s = np.zeros(0)

    @property
    def empty(self) -> bool:
        """Nothing to draw."""
        return len(self.t_s) < 2

    def times(self, t_s: Array) -> list[str]:
        """Local times as plotly wants them."""
        return [
            (self.start + timedelta(seconds=float(t))).isoformat(timespec="milliseconds")
            for t in t_s
        ]

    def clock(self, t_s: float) -> str:
        """One local time for plotly."""
        return self.times(np.array([t_s]))[0]

    def mean_kw(self, key: str) -> Array:
        """A series of watts averaged over the report's intervals, kW; zeros if it is absent."""
        values = self.series.get(key)
        if values is None or self.empty:
            return np.zeros(max(len(self.edges_s) - 1, 0))
        return time_means(self.t_s, values, self.edges_s) / 1000.0

    def role(self, role: str) -> list[Asset]:
        """Assets of one role."""
        return [asset for asset in self.assets if asset.role == role]


def time_means(t_s: Array, values: Array, edges_s: Array) -> Array:
    """Time-weighted means of a series that holds each value until the next, between edges."""
    held = np.nan_to_num(values[:-1])
    total = np.concatenate(([0.0], np.cumsum(held * np.diff(t_s))))
    width = np.maximum(np.diff(edges_s), 1e-12)
    return np.asarray(np.diff(np.interp(edges_s, t_s, total)) / width)


def power_figure(day: Day) -> Figure:
    """Everything that feeds the bus above zero, everything that draws from it below."""
    traces: list[Figure] = []
    x = day.times((day.edges_s[:-1] + day.edges_s[1:]) / 2.0)

    def stack(values: Array, name: str, colour: str, group: str) -> None:
        if not np.any(np.abs(values) > 1e-4):
            return
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": x,
                "y": np.round(values, 4),
                "customdata": np.round(np.abs(values), 4),
                "name": escape(name),
                "stackgroup": group,
                "fillcolor": colour,
                "line": {"width": 0, "color": colour},
                "hovertemplate": "%{customdata:.1f} kW<extra>" + escape(name) + "</extra>",
            }
        )

    for asset in day.role("pv"):
        stack(day.mean_kw(f"{asset.id}.p_w"), asset.name, COLOURS["pv"], "up")
    for role, up in (("battery", "discharging"), ("poi", "import")):
        for asset in day.role(role):
            power = day.mean_kw(f"{asset.id}.p_w")
            stack(np.maximum(power, 0.0), f"{asset.name}: {up}", COLOURS[up], "up")
    for tier in TIERS:
        for asset in day.role("load"):
            if asset.tier == tier:
                stack(day.mean_kw(f"{asset.id}.p_w"), asset.name, COLOURS[tier], "down")
    for asset in day.role("ev_charger"):
        stack(day.mean_kw(f"{asset.id}.p_w"), f"{asset.name}: charging", COLOURS["ev"], "down")
    for role, down in (("battery", "charging"), ("poi", "export")):
        for asset in day.role(role):
            power = day.mean_kw(f"{asset.id}.p_w")
            stack(np.minimum(power, 0.0), f"{asset.name}: {down}", COLOURS[down], "down")
    layout = _layout(day, "kW into the bus (above) and out of it (below)", 430)
    layout["shapes"] = [*_price_shapes(day), *_island_shapes(day), _zero_line()]
    layout["annotations"] = _island_labels(day)
    return {"data": traces, "layout": layout}


def demand_figure(day: Day) -> Figure:
    """Served load by tier under the line of what was wanted; the gap in red."""
    x = day.times((day.edges_s[:-1] + day.edges_s[1:]) / 2.0)
    traces: list[Figure] = []
    demand = np.zeros(len(x))
    served_all = np.zeros(len(x))
    for tier in TIERS:
        served = np.zeros(len(x))
        for asset in day.role("load"):
            if asset.tier == tier:
                served -= day.mean_kw(f"{asset.id}.p_w")
                demand += day.mean_kw(f"{asset.id}.demand_w")
        served_all += served
        traces.append(_area(x, served, f"{tier} served", COLOURS[tier]))
    gap = np.maximum(demand - served_all, 0.0)
    if np.any(gap > 0.01):
        traces.append(_area(x, gap, "unserved", COLOURS["unserved"]))
    traces.append(
        {
            "type": "scatter",
            "mode": "lines",
            "x": x,
            "y": np.round(demand, 4),
            "name": "wanted",
            "line": {"color": INK, "width": 1.2, "dash": "dot"},
            "hovertemplate": "%{y:.1f} kW<extra>wanted</extra>",
        }
    )
    layout = _layout(day, "kW", 300)
    layout["shapes"] = _island_shapes(day)
    return {"data": traces, "layout": layout}


def sun_figure(day: Day) -> Figure:
    """What the arrays could have fed and what they fed."""
    x = day.times((day.edges_s[:-1] + day.edges_s[1:]) / 2.0)
    fed = sum((day.mean_kw(f"{a.id}.p_w") for a in day.role("pv")), np.zeros(len(x)))
    offered = sum((day.mean_kw(f"{a.id}.available_w") for a in day.role("pv")), np.zeros(len(x)))
    spilled = np.maximum(offered - fed, 0.0)
    traces = [_area(x, fed, "used", COLOURS["pv"])]
    if np.any(spilled > 0.01):
        traces.append(_area(x, spilled, "curtailed", "#f8dfa3"))
    layout = _layout(day, "kW", 260)
    layout["shapes"] = _island_shapes(day)
    return {"data": traces, "layout": layout}


def soc_figure(day: Day) -> Figure:
    """State of charge, percent."""
    x = day.times(day.edges_s)
    traces: list[Figure] = []
    for asset in day.role("battery"):
        values = day.series.get(f"{asset.id}.soc")
        if values is None:
            continue
        percent = 100.0 * np.interp(day.edges_s, day.t_s, values)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": x,
                "y": np.round(percent, 3),
                "name": escape(asset.name),
                "line": {"color": COLOURS["discharging"], "width": 2},
                "hovertemplate": "%{y:.1f} %<extra>" + escape(asset.name) + "</extra>",
            }
        )
    layout = _layout(day, "% charged", 260)
    layout["yaxis"]["range"] = [0, 100]
    layout["shapes"] = [*_price_shapes(day), *_island_shapes(day)]
    layout["showlegend"] = len(traces) > 1
    return {"data": traces, "layout": layout}


def frequency_figure(day: Day, around: Span) -> Figure:
    """Bus frequency, Hz, within a stretch of time, islands shaded."""
    hertz = day.series.get("bus.f_hz", np.zeros(len(day.t_s)))
    inside = (day.t_s >= around.from_s) & (day.t_s <= around.to_s)
    t_s, values = _thin(day.t_s[inside], np.where(hertz > 1.0, hertz, np.nan)[inside])
    trace = {
        "type": "scatter",
        "mode": "lines",
        "x": day.times(t_s),
        "y": [None if np.isnan(v) else round(float(v), 4) for v in values],
        "name": "bus frequency",
        "line": {"color": COLOURS["critical"], "width": 1.6},
        "hovertemplate": "%{y:.3f} Hz<extra></extra>",
    }
    layout = _layout(day, "Hz", 260)
    layout["showlegend"] = False
    layout["xaxis"]["range"] = [day.clock(around.from_s), day.clock(around.to_s)]
    if around.to_s - around.from_s < 1200.0:
        layout["xaxis"].update(tickformat="%H:%M:%S", hoverformat="%H:%M:%S.%L", nticks=6)
    layout["yaxis"]["tickformat"] = ".2f"
    finite = values[np.isfinite(values)]
    if len(finite):  # never zoom into noise
        middle = (finite.max() + finite.min()) / 2.0
        half = max(0.06, 0.58 * (finite.max() - finite.min()))
        layout["yaxis"]["range"] = [middle - half, middle + half]
    layout["shapes"] = _island_shapes(day)
    return {"data": [trace], "layout": layout}


def _area(x: list[str], values: Array, name: str, colour: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": np.round(values, 4),
        "name": escape(name),
        "stackgroup": "one",
        "fillcolor": colour,
        "line": {"width": 0, "color": colour},
        "hovertemplate": "%{y:.1f} kW<extra>" + escape(name) + "</extra>",
    }


def _layout(day: Day, y_title: str, height: int) -> Figure:
    font = {"family": "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"}
    axis = {"gridcolor": RULE, "zeroline": False, "linecolor": RULE, "tickcolor": RULE}
    hours = (float(day.t_s[-1] - day.t_s[0]) if not day.empty else 0.0) / 3600.0
    return {
        "height": height,
        "margin": {"l": 56, "r": 16, "t": 8, "b": 36},
        "font": {**font, "size": 12, "color": MUTED},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": "#ffffff", "bordercolor": RULE},
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": -0.14,
            "yanchor": "top",
            "font": {"size": 11.5},
            "traceorder": "normal",
        },
        "xaxis": {
            **axis,
            "type": "date",
            "tickformat": "%H:%M" if hours > 0.5 else "%H:%M:%S",
            "hoverformat": "%H:%M:%S",
            "range": [] if day.empty else day.times(day.t_s[[0, -1]]),
        },
        "yaxis": {**axis, "title": {"text": y_title, "font": {"size": 11.5}, "standoff": 8}},
    }


def _zero_line() -> Figure:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": 0,
        "y1": 0,
        "line": {"color": INK, "width": 1},
    }


def _band(day: Day, span: Span, colour: str, opacity: float) -> Figure:
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": day.clock(span.from_s),
        "x1": day.clock(span.to_s),
        "y0": 0,
        "y1": 1,
        "fillcolor": colour,
        "opacity": opacity,
        "line": {"width": 0},
        "layer": "below",
    }


def _island_shapes(day: Day) -> list[Figure]:
    return [_band(day, span, "#d64545", 0.12) for span in day.islands]


def _island_labels(day: Day) -> list[Figure]:
    return [
        {
            "x": day.clock((span.from_s + span.to_s) / 2.0),
            "y": 1,
            "yref": "paper",
            "yanchor": "top",
            "text": "island",
            "showarrow": False,
            "font": {"size": 11, "color": "#b03434"},
        }
        for span in day.islands
    ]


def price_periods(day: Day) -> list[tuple[Span, float, str]]:
    """Stretches of one price: (when, CNY/kWh, colour), cheap to dear."""
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
            span = Span(float(day.t_s[left]), end_s)
            rank = levels.index(value) if len(levels) > 1 else 1
            out.append((span, value, _PRICE_COLOURS[min(rank, len(_PRICE_COLOURS) - 1)]))
    return out


def _price_shapes(day: Day) -> list[Figure]:
    return [_band(day, span, colour, 0.75) for span, _, colour in price_periods(day)]


def _spans(t_s: Array, flags: Array | None) -> list[Span]:
    if flags is None or len(t_s) < 2:
        return []
    on = np.nan_to_num(flags) > 0.5
    edges = np.diff(np.concatenate(([0], on.astype(int), [0])))
    starts, ends = np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist()
    last = len(t_s) - 1
    return [
        Span(float(t_s[a]), float(t_s[min(b, last)])) for a, b in zip(starts, ends, strict=True)
    ]


def _thin(t_s: Array, values: Array) -> tuple[Array, Array]:
    """At most some thousand points that keep every extreme."""
    count = len(t_s)
    if count <= 4000:
        return t_s, values
    keep: list[int] = []
    for chunk in np.array_split(np.arange(count), 1000):
        part = np.nan_to_num(values[chunk], nan=50.0)
        keep += sorted({int(chunk[0]), int(chunk[part.argmin()]), int(chunk[part.argmax()])})
    index: NDArray[np.int64] = np.unique(np.array(keep, dtype=np.int64))
    return t_s[index], values[index]
