"""What every line of a timeline has: when, for how long, and how to speak of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import Field

from nansha_hil.scenario.words import Duration, Model, When

if TYPE_CHECKING:
    from nansha_hil.stage import Stage

Assets = str | list[str]


class Entry(Model):
    """One line of the timeline.

    at: a time of day, an offset, or random moments. after: the id of another entry; `at` then
    counts from each time that one happens. why: shown where it fails.
    """

    id: str = Field(default="", pattern=r"^[a-z0-9_]*$")
    at: When
    after: str = ""
    why: str = ""


class Happening(Entry):
    """Something done to the site: a fault or a setting. for: it undoes itself after so long."""

    lasts_s: Duration = Field(default=0.0, alias="for")

    def names(self) -> list[str]:
        """The assets it names, as written; '*' is every node."""
        named: Assets = getattr(self, "asset", [])
        return [named] if isinstance(named, str) else list(named)

    def kind(self) -> str:
        """Its word in the file."""
        raise NotImplementedError

    def roles(self) -> tuple[str, ...]:
        """Roles of the assets that it fits; empty for any."""
        return ()

    def blinds_s(self) -> float:
        """How long it breaks contact, sensor or program: what cannot protect is not judged."""
        return 0.0

    def lockstep_only(self) -> bool:
        """Whether it needs the rig's own clock."""
        return False

    def text(self) -> str:
        """What begins, for people."""
        raise NotImplementedError

    def end_text(self) -> str:
        """What ends, for people."""
        return f"{self.kind().replace('_', ' ')} ends"

    def begin(self, stage: Stage) -> None:
        """Do it."""
        raise NotImplementedError

    def end(self, stage: Stage) -> None:
        """Undo it; only called where `for` is given."""


def listed(names: Iterable[str]) -> str:
    """Names for people."""
    return ", ".join("every node" if name == "*" else name for name in names)
