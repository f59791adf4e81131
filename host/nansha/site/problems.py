"""What can be wrong with a site file, and the error that tells all of it at once."""

from dataclasses import dataclass

from nansha.errors import NanshaError


@dataclass(frozen=True, kw_only=True)
class FieldProblem:
    """One bad field."""

    field: str
    """Path of the field, such as `asset[pv_roof].rated_w`."""
    what: str
    """What is wrong with it."""
    mend: str
    """How to mend it."""

    def __str__(self) -> str:
        """`field: what; mend` on one line."""
        return f"{self.field}: {self.what}; {self.mend}"


class SiteError(NanshaError):
    """A site file that cannot be used: one line for each bad field, in the order of the file."""

    def __init__(self, file: str, problems: tuple[FieldProblem, ...]) -> None:
        """`file` as the person named it; `problems` must not be empty."""
        first = problems[0]
        super().__init__(first.what, f"{file}: {first.field}", first.mend)
        self.file, self.problems = file, problems

    def __str__(self) -> str:
        """One line a problem: `FILE: FIELD: what; how to mend it`."""
        return "\n".join(_one_line(f"{self.file}: {problem}") for problem in self.problems)


def _one_line(text: str) -> str:
    """`text` with whatever would break a line or a terminal escaped; names come from the file."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
