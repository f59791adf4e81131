"""The modules here import their helpers by bare names, as they do on the VM."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "dual")]
