"""Reading board definitions and protection profiles that ship inside the package."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from nansha_boards.model import Board, BoardError
from nansha_boards.nearest import known_hint
from nansha_boards.profile import Profile


def board_names() -> tuple[str, ...]:
    """Names of the boards that ship with the package, sorted."""
    return _names("definitions")


def profile_names() -> tuple[str, ...]:
    """Names of the protection profiles that ship with the package, sorted."""
    return _names("profiles")


@cache
def load_board(name: str) -> Board:
    """The board of that name; BoardError, naming the nearest one, where there is none."""
    return Board.model_validate({"name": name, **_read("definitions", name, "board")})


@cache
def load_profile(name: str) -> Profile:
    """The protection profile of that name; BoardError where there is none."""
    return Profile.model_validate({"name": name, **_read("profiles", name, "protection profile")})


@cache
def _names(folder: str) -> tuple[str, ...]:
    entries = (files("nansha_boards") / folder).iterdir()
    return tuple(sorted(e.name[:-5] for e in entries if e.name.endswith(".toml")))


def _read(folder: str, name: str, kind: str) -> dict[str, Any]:
    known = _names(folder)
    if name not in known:
        raise BoardError(f"unknown {kind} {name!r}", mend=known_hint(name, known))
    text = (files("nansha_boards") / folder / f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
