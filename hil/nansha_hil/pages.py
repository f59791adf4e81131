"""What a run leaves: summary.json for machines, report.html for people. Whole or not at all."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nansha.errors import NanshaError
from nansha_hil.report import write_report


def write_pages(folder: Path, summary: dict[str, Any], series: Mapping[str, Any]) -> Path:
    """Write both; the report's path. NanshaError, and no half file, on a full disk."""
    clean = _without_nan(summary)
    report = folder / "report.html"
    try:
        _whole(folder / "summary.json", json.dumps(clean, indent=1, allow_nan=False) + "\n")
        draft = folder / "report.part"
        columns = {name: np.asarray(values) for name, values in series.items()}
        write_report(draft, {**clean, "nodes": _nodes(clean)}, columns, clean["events"])
        draft.replace(report)
    except OSError as error:
        for part in folder.glob("*.part"):
            part.unlink(missing_ok=True)
        raise NanshaError(
            f"the report could not be written: {error.strerror}",
            str(folder),
            "make room there and run again, or name another folder with --out",
        ) from None
    return report


def _whole(path: Path, text: str) -> None:
    draft = path.with_suffix(".part")
    draft.write_text(text)
    draft.replace(path)


def _without_nan(value: Any) -> Any:
    """The same with null for what is no number: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _nodes(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row a node for the report's table."""
    return [
        {
            "asset": asset,
            "relay operations": operations,
            "boots": summary["boots"].get(asset, 0),
        }
        for asset, operations in summary["relay_operations"].items()
    ]
