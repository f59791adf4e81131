"""The modules here share helpers by bare names, and need the programs they compare with."""

import sys
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

if any(find_spec(name) is None for name in ("pandapower", "power_grid_model", "pvlib")):
    collect_ignore = ["test_validation.py"]
