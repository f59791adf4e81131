"""Run a build tool: output to a log, its last lines in the one error that a person reads."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from nansha.errors import NanshaError

_TAIL = 3


def run(
    command: Sequence[str],
    log: Path,
    *,
    stage: str,
    mend: str,
    cwd: Path | None = None,
    extra: Mapping[str, str] | None = None,
) -> str:
    """Run `command` and give back what it printed. NanshaError names stage, log and `mend`."""
    environment = {**os.environ, "LC_ALL": "C", **(extra or {})}
    try:
        done = subprocess.run(
            list(command),
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise NanshaError(f"{command[0]}: {error.strerror}", stage, mend) from error
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as handle:
        handle.write(f"$ {' '.join(command)}\n{done.stdout}\n")
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        said = " / ".join(lines[-_TAIL:]) or "no output"
        raise NanshaError(
            f"{Path(command[0]).name} ended with {done.returncode}: {said} (whole log: {log})",
            stage,
            mend,
        )
    return done.stdout
