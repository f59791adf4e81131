"""Colours of the report, by day and by night, and what all its charts have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from nansha_hil.report.day import Array, Day, Span

Figure = dict[str, Any]

INK, MUTED, RULE, PAPER = "#1d2733", "#66727f", "#e6eaee", "#ffffff"
COLOURS = {
    "pv": "#f0b429",
    "curtailed": "#f8dfa3",
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
PRICES = ("#e3f0fb", "#fefefe", "#fdf1d8", "#fbe0c4")
ISLAND = "#d64546"
NIGHT = {
    INK: "#e3e9ef",
    MUTED: "#9aa7b4",
    RULE: "#2b3541",
    PAPER: "#1a222b",
    COLOURS["curtailed"]: "#7d672f",
    COLOURS["charging"]: "#3f6b57",
    COLOURS["export"]: "#4a5666",
    COLOURS["critical"]: "#3f7fbd",
    COLOURS["priority"]: "#6aa8d8",
    COLOURS["interruptible"]: "#b4d3e9",
    PRICES[0]: "#16303f",
    PRICES[1]: "#1a232b",
    PRICES[2]: "#33301f",
    PRICES[3]: "#402c1f",
}
"""The partner of each colour that would not do on a dark page."""


def area(x: list[float], values: Array, name: str, colour: str, group: str = "one") -> Figure:
    """A stacked area that holds each value until the next; its label has the magnitude, kW."""
    held = np.append(values, values[-1:])
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": np.round(held, 3),
        "customdata": np.round(np.abs(held), 3),
        "name": name,
        "stackgroup": group,
        "fillcolor": colour,
        "line": {"width": 0, "color": colour, "shape": "hv"},
        "hovertemplate": "%{customdata:.1f} kW<extra>" + name + "</extra>",
    }


def line(x: list[float], values: Array, name: str, colour: str, hover: str) -> Figure:
    """A line; gaps where there is no number."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": [None if np.isnan(v) else round(float(v), 4) for v in values],
        "name": name,
        "line": {"color": colour, "width": 1.6, "shape": "hv"},
        "hovertemplate": hover + f"<extra>{name}</extra>",
    }


def layout(day: Day, y_title: str, height: int) -> Figure:
    """One look for all charts, on the whole run's time axis."""
    font = {"family": "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"}
    axis = {"gridcolor": RULE, "zeroline": False, "linecolor": RULE, "tickcolor": RULE}
    return {
        "height": height,
        "margin": {"l": 68, "r": 16, "t": 8, "b": 36},
        "font": {**font, "size": 12, "color": MUTED},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": PAPER, "bordercolor": RULE},
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
            "tickformatstops": [
                {"dtickrange": [None, 999], "value": "%H:%M:%S.%L"},
                {"dtickrange": [1000, 59_999], "value": "%H:%M:%S"},
                {"dtickrange": [60_000, None], "value": "%H:%M"},
            ],
            "hoverformat": "%H:%M:%S" if day.length_s > 1800.0 else "%H:%M:%S.%L",
            "range": [] if day.empty else day.times(day.t_s[[0, -1]]),
        },
        "yaxis": {**axis, "title": {"text": y_title, "font": {"size": 11.5}, "standoff": 8}},
    }


def zero_line() -> Figure:
    """Where what feeds the bus and what draws from it meet."""
    ink = {"color": INK, "width": 1}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0, "line": ink}


def band(day: Day, span: Span, colour: str, opacity: float) -> Figure:
    """A stretch of time, shaded."""
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


def island_shapes(day: Day) -> list[Figure]:
    """Islands, shaded."""
    return [band(day, span, ISLAND, 0.12) for span in day.islands]


def island_labels(day: Day) -> list[Figure]:
    """Islands, named."""
    return [
        {
            "x": day.clock((span.from_s + span.to_s) / 2.0),
            "y": 1,
            "yref": "paper",
            "yanchor": "top",
            "text": "island",
            "showarrow": False,
            "font": {"size": 11, "color": ISLAND},
        }
        for span in day.islands
    ]
