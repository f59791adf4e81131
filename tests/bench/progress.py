"""How far the bench is: a bar on a terminal, plain lines elsewhere and in CI."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter

from figures import Say
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

QUIET_S = 10.0
"""Between two plain lines."""


class Bar:
    """Parts with the seconds they are known to take, so that the bar moves evenly."""

    def __init__(self, seconds: Mapping[str, float], console: Console) -> None:
        self._seconds = seconds
        self._console = console
        self._began = perf_counter()
        self._spoke = -QUIET_S
        self._done_s = 0.0
        self._progress: Progress | None = None
        if sys.stdout.isatty() and not os.environ.get("CI"):
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )
            self._task = self._progress.add_task("starting", total=sum(seconds.values()))
            self._progress.start()

    @contextmanager
    def part(self, name: str) -> Iterator[Say]:
        """Open one part; what it says moves the bar."""

        def say(share: float, text: str) -> None:
            if self._progress is not None:
                done = self._done_s + share * self._seconds[name]
                self._progress.update(self._task, completed=done, description=text)
                return
            now = perf_counter() - self._began
            if now - self._spoke >= QUIET_S:
                self._spoke = now
                self._console.print(f"{now:5.0f} s  {text}", highlight=False)

        try:
            yield say
        finally:
            self._done_s += self._seconds[name]
            say(0.0, f"{name}: done")

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
