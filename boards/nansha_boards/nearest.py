"""The hint for a slip of the keyboard, one for boards, sites, tariffs and scenarios."""

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be, or begins."""
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1)
    close += [name for name in known if word and name.startswith(word)]
    return close[0] if close else None


def known_hint(word: str, known: Iterable[str]) -> str:
    """How to mend an unknown name: `did you mean rp2040_pico? known: rp2040_bare, …`."""
    known = list(known)
    meant = nearest(word, known)
    guess = f"did you mean {meant}? " if meant is not None else ""
    return f"{guess}known: {', '.join(known)}"
