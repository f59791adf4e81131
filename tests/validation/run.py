"""`make validate`: the plant's kernels beside pvlib, a closed form, pandapower, power-grid-model.

Prints a table; writes summary.json and three pictures. The exit code is 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

NEEDED = {
    "pvlib": "pvlib",
    "pandapower": "pandapower",
    "power_grid_model": "power-grid-model",
    "matplotlib": "matplotlib",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/validation/run.py", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/validate"))
    out: Path = parser.parse_args().out
    if missing := [package for name, package in NEEDED.items() if find_spec(name) is None]:
        print(f"{', '.join(missing)}: not installed; pip install -e '.[validate]'", file=sys.stderr)
        return 2
    sys.path.append(str(Path(__file__).parents[1] / "bench"))
    # Only now, for these need what may have been missing.
    import draw
    import numpy as np
    from closes import day
    from compare import (
        HEATS_DEGC,
        SUNS_W_PER_M2,
        maximum_power,
        module_current,
        published_point,
        pulse,
        random_points,
    )
    from figures import Figure
    from networks import case33bw, cigre_lv
    from rich.console import Console
    from show import show

    out.mkdir(parents=True, exist_ok=True)
    figures: list[Figure] = []

    def add(name: str, value: float, unit: str, bar: float, note: str) -> None:
        figures.append(Figure(name=name, value=float(value), unit=unit, at_most=bar, note=note))

    powers = {heat: maximum_power(heat) for heat in HEATS_DEGC}
    worst = max(sides.percent for sides in powers.values())
    spread = f"{SUNS_W_PER_M2[0]}..{SUNS_W_PER_M2[-1]} W/m2, {HEATS_DEGC[0]}..{HEATS_DEGC[-1]} degC"
    add("pv_maximum_power_vs_pvlib", worst, "%", 0.5, f"one module, {spread}")
    off_a = max(
        float(np.abs((sides := module_current(sun, heat)).ours - sides.theirs).max())
        for sun in SUNS_W_PER_M2
        for heat in HEATS_DEGC
    )
    short_a = module_current(1000, 25).theirs[0]
    note = "of the short-circuit current, 0..48 V, as above"
    add("pv_current_vs_pvlib", 100.0 * off_a / short_a, "%", 0.5, note)
    draw.pv({sun: module_current(sun, 25, 60) for sun in (200, 600, 1000)}, powers, out / "pv.png")

    cell = pulse()
    add("battery_pulse_vs_closed_form", cell.percent, "%", 0.1, "terminal V, 1 C for 300 s, rest")
    draw.battery(cell, out / "battery.png")

    points = {}
    for make in (cigre_lv, case33bw):
        network, sides = published_point(make)
        points[network.name] = sides
        short = make.__name__
        off_pu = np.abs(sides.ours - sides.theirs).max()
        add(f"{short}_vs_pandapower", off_pu, "p.u.", 1e-9, "|V| of all buses, its own loads")
        for phases in (1, 3):
            name = f"{short}_{phases}_phase_vs_power_grid_model"
            note = "complex V of all buses, 50 random load vectors"
            add(name, random_points(make, phases), "p.u.", 1e-9, note)
    draw.grids(points, out / "grids.png")

    residual_wh, throughput_wh = day()
    note = (
        f"of {throughput_wh / 1000:.0f} kWh: a day with outage, clouds, car, battery to both ends"
    )
    add("energy_residual", abs(residual_wh) / throughput_wh, "", 1e-6, note)

    summary = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": "make validate",
        "versions": {name: version(name) for name in ("nansha", "numpy", *NEEDED.values())},
        "measurements": [figure.as_dict() for figure in figures],
    }
    text = json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False)
    (out / "summary.json").write_text(text + "\n", encoding="utf-8")
    show(Console(highlight=False), figures, [], [])
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
