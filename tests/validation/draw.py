"""The three pictures of a validation: ours in blue, the other side as red rings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from compare import Sides

mpl.use("agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

OURS = "#1f5fa8"
THEIRS: dict[str, Any] = {
    "marker": "o",
    "linestyle": "none",
    "fillstyle": "none",
    "color": "#d1495b",
    "ms": 5,
}


def _beside(axes: Axes, sides: Sides, label: str, every: int = 1) -> None:
    axes.plot(sides.x, sides.ours, color=OURS, lw=1.4, label="nansha")
    axes.plot(sides.x[::every], sides.theirs[::every], label=label, **THEIRS)


def _finish(axes: Axes, x: str, y: str, title: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.25)
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    axes.legend(once.values(), once.keys(), frameon=False, fontsize=9)


def _save(figure: Figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    plt.close(figure)


def pv(curves: dict[int, Sides], powers: dict[int, Sides], path: Path) -> None:
    """I-V curves at 25 degC by irradiance, maximum power by cell temperature."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    for sun, sides in curves.items():
        _beside(left, sides, "pvlib")
        left.annotate(f"{sun} W/m²", (0.5, sides.ours[0] + 0.12), fontsize=8)
    left.set_ylim(0.0)
    left.set_xlim(0.0, 50.0)
    _finish(left, "V", "A", "One 400 W module, cells at 25 °C")
    left.legend(loc="lower left", frameon=False, fontsize=9, labels=["nansha", "pvlib"])
    for heat, sides in powers.items():
        _beside(right, sides, "pvlib")
        right.annotate(
            f"{heat} °C",
            (sides.x[-1], sides.ours[-1]),
            (6, -3),
            textcoords="offset points",
            fontsize=8,
        )
    right.set_xlim(0.0, 1380.0)
    _finish(right, "irradiance, W/m²", "W", "Its maximum power, by cell temperature")
    _save(figure, path)


def battery(sides: Sides, path: Path) -> None:
    """The pulse, and the difference of the two."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    _beside(left, sides, "closed form", every=200)
    _finish(left, "s", "V", "LFP cell, 1 C for 300 s, then rest")
    right.plot(sides.x, (sides.ours - sides.theirs) * 1e15, color=OURS, lw=0.8, label="difference")
    _finish(right, "s", "fV", "Difference: rounding")
    _save(figure, path)


def grids(points: dict[str, Sides], path: Path) -> None:
    """Voltages of all buses of the published networks."""
    figure, every = plt.subplots(1, len(points), figsize=(10, 4), squeeze=False)
    for axes, (name, sides) in zip(every[0], points.items(), strict=True):
        axes.plot(sides.x, sides.ours, "+", color=OURS, ms=9, label="nansha")
        axes.plot(sides.x, sides.theirs, label="pandapower", **THEIRS)
        _finish(axes, "bus, from the source outwards", "|V|, per unit", name)
    _save(figure, path)
