"""The JSON schema of a scenario file, for editors: put `#:schema scenario.schema.json` on top."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nansha_hil.scenario.model import ScenarioFile
from nansha_hil.scenario.source import EXTENDS


def schema() -> dict[str, Any]:
    """The schema as the checker has it; what may stand in an extended file is optional."""
    made = ScenarioFile.model_json_schema(by_alias=True)
    made["title"] = "A Nansha scenario"
    made["properties"][EXTENDS] = {
        "type": "string",
        "description": "path of a scenario whose tables this one takes over and changes",
    }
    # Whatever is missing may come from the extended file; `nansha hil check` sees the whole.
    made.pop("required", None)
    made["$defs"]["Head"].pop("required", None)
    made["$defs"]["Data"].pop("required", None)
    return made


def write_schema(path: Path) -> None:
    """Write it to a file."""
    path.write_text(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
