"""Numbers and stretches of time as a person reads them."""

from __future__ import annotations

import math
from html import escape
from typing import Any


def number(value: Any) -> float | None:
    """A finite number, or None for all else."""
    if value is None or isinstance(value, str):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def short(value: float) -> str:
    """A number of any size in few characters."""
    if value == 0.0:
        return "0"
    if abs(value) < 1e-3:
        return f"{value:.1e}"
    if abs(value) >= 10_000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.4g}"


def span_text(seconds: float) -> str:
    """How long, in s, min or h."""
    if seconds >= 3600:
        return f"{seconds / 3600:g} h"
    return f"{seconds / 60:.3g} min" if seconds >= 60 else f"{seconds:.3g} s"


def section(title: str, lead: str, body: str, ident: str = "") -> str:
    """A part of the page under its heading; `body` is HTML, the rest is text."""
    opening = f"<section id={ident}>" if ident else "<section>"
    return f"{opening}<h2>{escape(title)}</h2><p class=lead>{escape(lead)}</p>{body}</section>"
