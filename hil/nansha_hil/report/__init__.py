"""One run as one page for people.

`write_report` makes it; `page` puts it together from cards, `tables`, `figures` (plotly) and the
one-line diagram: `moments` decides what it shows when, `one_line` draws it, the .js files move it.
"""

from nansha_hil.report.page import write_report

__all__ = ["write_report"]
