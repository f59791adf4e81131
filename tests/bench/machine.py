"""Where and with what it was measured; nothing that names a host, a user or a path."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from rivals import PACKAGES


def kind() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{platform.machine().replace('_', '-')}, {cores} cores"


def circumstances(command: str) -> dict[str, Any]:
    """The head of summary.json."""
    packages = ["nansha", "numpy", "scipy", *PACKAGES]
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "command": command,
        "machine": kind(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }
