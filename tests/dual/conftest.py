"""The modules here import their helpers by bare names, as they do on the VM."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
