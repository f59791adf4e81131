"""Boards as data: definitions, their checker, and the generator of a node's board.py.

Imports nothing of the project, so firmware tools, the host and the rig can all use it.
"""

from nansha_boards.check import check_node, errors_only
from nansha_boards.generate import generate_board_py
from nansha_boards.load import board_names, load_board, load_profile, profile_names
from nansha_boards.model import Board, BoardError, NodeSpec, Problem, TripKind
from nansha_boards.nearest import known_hint, nearest
from nansha_boards.profile import Profile, RoleProfile, TripRule
from nansha_boards.roles import ROLES, TIERS, signals_of, with_article
from nansha_boards.scale import (
    Scale,
    quantise_12bit,
    raw_from_value,
    scale_for,
    value_from_raw,
)

__all__ = [
    "ROLES",
    "TIERS",
    "Board",
    "BoardError",
    "NodeSpec",
    "Problem",
    "Profile",
    "RoleProfile",
    "Scale",
    "TripKind",
    "TripRule",
    "board_names",
    "check_node",
    "errors_only",
    "generate_board_py",
    "known_hint",
    "load_board",
    "load_profile",
    "nearest",
    "profile_names",
    "quantise_12bit",
    "raw_from_value",
    "scale_for",
    "signals_of",
    "value_from_raw",
    "with_article",
]
