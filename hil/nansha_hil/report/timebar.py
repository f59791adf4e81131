"""The bar that sets the moment: play, slider with the events on it, ranges of the charts."""

from __future__ import annotations

from collections.abc import Sequence

from nansha_hil.report.day import Day
from nansha_hil.report.text import span_text

_RANGES_S = (3600, 300, 10)


def time_bar(day: Day, events_s: Sequence[float]) -> str:
    """The bar as HTML. Ranges longer than the run are left out."""
    first, last = float(day.t_s[0]), float(day.t_s[-1])
    marks = "".join(
        f"<i style='--share:{(t - first) / (last - first):.5f}'></i>"
        for t in sorted(set(events_s))
        if first <= t <= last
    )
    ranges = "".join(
        f"<button data-show={seconds}>{span_text(seconds)}</button>"
        for seconds in _RANGES_S
        if seconds < day.length_s
    )
    return (
        "<section class=time aria-label='Time of the diagram and of the charts'>"
        "<button id=play aria-label=Play data-on=no></button>"
        "<div class=at><output id=clock></output><span id=since></span></div>"
        "<div class=track><input type=range id=slider aria-label='Moment of the run' step=any "
        f"min={first:.4f} max={last:.4f} value={first:.4f}>"
        f"<div class=marks aria-hidden=true>{marks}</div><p id=said></p></div>"
        "<div class=ranges role=group aria-label='What the charts show'>"
        f"<button data-show=whole>whole</button>{ranges}</div></section>"
    )
