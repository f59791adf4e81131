"""Where words go: results to standard output, notices and errors to standard error."""

from rich.console import Console

out = Console()
err = Console(stderr=True)


def notice(text: str) -> None:
    """One line for the operator, never wrapped or read as markup."""
    err.print(text, highlight=False, markup=False, soft_wrap=True)
