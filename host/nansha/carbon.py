"""Grid emission factors: dated rows, each with its source and confidence."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nansha.errors import NanshaError
from nansha_boards import known_hint


class GridFactor(BaseModel):
    """CO2 of a kWh taken from a grid."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    id: str
    """Name used in a site file."""
    area: str
    """The grid it is for."""
    year: int
    """Year of the electricity."""
    kgco2_per_kwh: float = Field(gt=0, lt=2)
    """Factor, kgCO2/kWh."""
    kind: Literal["average", "residual"] = "average"
    """average: location-based; residual: market-based, without the renewables sold as such."""
    source: str
    """Where the number comes from."""
    confidence: Literal["A", "B", "C"]
    """A: read in a public text; B: a secondary source; C: recalled."""


@cache
def grid_factors() -> tuple[GridFactor, ...]:
    """Every factor that ships with the package, in the order of the file."""
    text = (files("nansha") / "data" / "carbon.toml").read_text(encoding="utf-8")
    return tuple(GridFactor.model_validate(row) for row in tomllib.loads(text)["grid"])


def grid_factor(factor_id: str) -> GridFactor:
    """The factor of that id; NanshaError, naming the nearest one, where there is none."""
    known = {factor.id: factor for factor in grid_factors()}
    if factor_id not in known:
        raise NanshaError(f"unknown grid factor {factor_id!r}", mend=known_hint(factor_id, known))
    return known[factor_id]


def emissions_kgco2(import_wh: float, factor: GridFactor) -> float:
    """Emissions of energy taken from the grid, kgCO2; negative energy is refused.

    Exports are not a negative import: what they displace is another account.
    """
    if import_wh < 0:
        raise NanshaError(
            f"imported energy is {import_wh} Wh", mend="give imports and exports apart"
        )
    return import_wh / 1000 * factor.kgco2_per_kwh
