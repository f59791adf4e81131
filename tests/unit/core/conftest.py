"""The modules here share helpers by bare names."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
