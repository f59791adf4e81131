import pytest

from nansha.carbon import emissions_kgco2, grid_factor, grid_factors
from nansha.errors import NanshaError


def test_the_published_factors():
    assert {f.id: (f.year, f.kgco2_per_kwh, f.confidence) for f in grid_factors()} == {
        "national_2021": (2021, 0.5568, "C"),
        "national_2022": (2022, 0.5366, "A"),
        "national_2023": (2023, 0.5306, "A"),
        "national_residual_2023": (2023, 0.6096, "A"),
        "south_china_2023": (2023, 0.4042, "A"),
        "guangdong_2021": (2021, 0.4715, "B"),
        "guangdong_2022": (2022, 0.4403, "B"),
    }
    assert all(f.source and f.area for f in grid_factors())
    assert grid_factor("national_residual_2023").kind == "residual"


def test_emissions():
    assert emissions_kgco2(2_000_000, grid_factor("south_china_2023")) == pytest.approx(808.4)
    assert emissions_kgco2(0, grid_factor("south_china_2023")) == 0
    with pytest.raises(NanshaError, match="imported energy is -1 Wh; give imports and exports"):
        emissions_kgco2(-1, grid_factor("south_china_2023"))


def test_unknown_factor_says_the_nearest():
    with pytest.raises(NanshaError, match=r"unknown grid factor 'guangdong_22'; did you mean "):
        grid_factor("guangdong_22")
