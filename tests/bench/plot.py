"""The picture of the scaling table: time of a solve over the number of devices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from timing import words

INK = "#1d2733"
QUIET = "#8a94a0"
OURS = "#c8102e"
THEIRS = ("#2f6db5", "#79a9dd", "#7b4fa3", "#2a8f7a", "#b07a1e", "#6b7280")


def draw(series: dict[str, list[tuple[int, float]]], title: str, path: Path) -> None:
    """Write the picture; names starting with "nansha" are ours."""
    figure, axes = plt.subplots(figsize=(10, 6.2), dpi=150)
    colours = iter(THEIRS)
    ends: list[tuple[float, float, str, str]] = []
    for name, points in series.items():
        if not points:
            continue
        n, seconds = zip(*points, strict=True)
        ours = name.startswith("nansha")
        colour = OURS if ours else next(colours)
        axes.plot(
            n,
            seconds,
            color=colour,
            linewidth=2.6 if ours else 1.5,
            linestyle="--" if "first" in name else "-",
            marker="o",
            markersize=4 if ours else 3,
            zorder=3 if ours else 2,
        )
        ends.append((n[-1], seconds[-1], name, colour))
    axes.set_xscale("log")
    axes.set_yscale("log")
    _guide(axes, series)
    axes.set_xlim(right=axes.get_xlim()[1] * 1.2)
    axes.set_ylim(top=axes.get_ylim()[1] * 2)
    _label(axes, ends)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{int(n):,}".replace(",", " ")))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda s, _: words(s * (1 + 1e-9))))
    axes.yaxis.set_major_locator(LogLocator(numticks=20))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("devices", color=INK)
    axes.set_ylabel("time of one solve", color=INK)
    axes.set_title(title, loc="left", color=INK, fontsize=12)
    axes.grid(color="#e6e9ed", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, length=0)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, bbox_inches="tight", facecolor="white")
    plt.close(figure)


def _guide(axes: plt.Axes, series: dict[str, list[tuple[int, float]]]) -> None:
    """Draw a dotted line of slope 1 well below all others."""
    points = [point for line in series.values() for point in line]
    left, right = min(n for n, _ in points), max(n for n, _ in points)
    through = min(s / n for n, s in points) / 3
    axes.plot([left, right], [through * left, through * right], color=QUIET, linestyle=":")
    middle = (left * right) ** 0.5
    axes.annotate(
        "time grows as n",
        (middle, through * middle),
        xytext=(4, -12),
        textcoords="offset points",
        color=QUIET,
        fontsize=9,
    )


def _label(axes: plt.Axes, ends: list[tuple[float, float, str, str]]) -> None:
    """Write each name at the end of its line: beside it, or above where other lines pass beside."""
    axes.figure.canvas.draw()
    last_of_theirs = max((n for n, _, name, _ in ends if not name.startswith("nansha")), default=0)
    taken: list[tuple[float, float, float]] = []
    for n, seconds, name, colour in sorted(ends, key=lambda end: end[1]):
        x, y = axes.transData.transform((n, seconds))
        wide = len(name) * 13.0
        if n < last_of_theirs and seconds == max(s for m, s, _, _ in ends if m == n):
            style = {"xytext": (0, 6), "ha": "center"}
            _write(axes, name, (n, seconds), colour, style)
            continue
        at = y
        while any(
            abs(at - other_y) < 24 and other_x < x + wide and x < other_x + other_wide
            for other_x, other_y, other_wide in taken
        ):
            at += 4
        taken.append((x, at, wide))
        style = {"xytext": (8, (at - y) * 72 / axes.figure.dpi - 3)}
        _write(axes, name, (n, seconds), colour, style)


def _write(
    axes: plt.Axes, name: str, end: tuple[float, float], colour: str, style: dict[str, Any]
) -> None:
    axes.annotate(
        name,
        end,
        textcoords="offset points",
        color=colour,
        fontsize=9.5,
        fontweight="bold" if name.startswith("nansha") else "normal",
        path_effects=[withStroke(linewidth=3, foreground="white")],
        annotation_clip=False,
        **style,
    )
