"""The boards that the dual tests run on are what the site file gives today. Under pytest only."""

from pathlib import Path

import pytest
from dual_kit import ASSETS

from nansha.site import load_site

HERE = Path(__file__).parent
SITE = HERE.parents[1] / "sites" / "nansha_campus.toml"


@pytest.mark.parametrize("asset", ASSETS)
def test_golden_board_is_current(asset: str) -> None:
    text = (HERE / "dual_boards" / f"{asset}.txt").read_text()
    assert text == load_site(SITE).board_py(asset), "run: python tests/dual/write_boards.py"
