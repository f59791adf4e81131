"""Prints GOLDEN for test_walk.py: `PYTHONPATH=firmware python tests/dual/write_golden.py`."""

from dual_kit import ASSETS
from test_walk import digest

for asset in ASSETS:
    print(f'    "{asset}": "{digest(asset)}",')
