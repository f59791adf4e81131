"""The text of a node's board.py: constants only, so that a chip imports it without thinking."""

from nansha_boards.check import check_node, errors_only
from nansha_boards.model import Board, BoardError, NodeSpec

_HEADER = """\
# generated from site {site!r}, asset {asset!r}, board {board!r}; do not edit.
# Units: mV, mA, W, mHz, ms; powers with bus-injection sign (+ delivers into the site's bus).
# SCALE_*: value = (raw_u16 * num >> shift) + offset, as (num, shift, offset).
"""


def generate_board_py(spec: NodeSpec, board: Board) -> str:
    """The module text for `spec` on `board`: one constant a line, the same for the same spec.

    Raises BoardError where check_node finds an error: a node that cannot work is not generated.
    """
    problems = errors_only(check_node(spec, board))
    if problems:
        raise BoardError(
            "; ".join(f"{p.where}: {p.what}" for p in problems),
            where=f"{spec.site}/{spec.asset} on {board.name}",
            mend="; ".join(dict.fromkeys(p.mend for p in problems)),
        )
    lines = [f"{name.upper()} = {_literal(getattr(spec, name))}" for name in NodeSpec.model_fields]
    header = _HEADER.format(site=spec.site, asset=spec.asset, board=spec.board)
    return header + "\n".join(lines) + "\n"


def constant_names() -> tuple[str, ...]:
    """Names that every generated board.py defines, in order."""
    return tuple(name.upper() for name in NodeSpec.model_fields)


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, tuple):
        inner = ", ".join(_literal(v) for v in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value)
