"""The report's tables: verdicts, events, nodes. A time in them is a button that jumps there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Any

from nansha_hil.report.text import number, section, short
from nansha_hil.verdicts import limits_text

MAX_EVENTS = 300


def verdict_table(verdicts: Iterable[Mapping[str, Any]], start: datetime) -> str:
    """Measurements against their limits; nothing where there are none."""
    verdicts = list(verdicts)
    if not verdicts:
        return ""
    failed = sum(str(v.get("outcome", "missing")) != "pass" for v in verdicts)
    lead = "All limits kept." if not failed else f"{failed} of {len(verdicts)} limits not kept."
    head = "<tr><th></th><th>Measurement</th><th class=n>Value</th><th class=n>Limit</th>"
    timed = any(number(verdict.get("t_s")) is not None for verdict in verdicts)
    head += f"<th>Unit</th><th>Why</th>{'<th class=when>When</th>' if timed else ''}</tr>"
    rows = "".join(_verdict(verdict, start, timed) for verdict in verdicts)
    return section("Verdicts", lead, f"<table>{head}{rows}</table>")


def _verdict(verdict: Mapping[str, Any], start: datetime, timed: bool) -> str:
    when = f"<td class=when>{_jump(number(verdict.get('t_s')), start)}</td>" if timed else ""
    outcome = str(verdict.get("outcome", "missing"))
    value = number(verdict.get("value"))
    limits = limits_text(verdict.get("minimum"), verdict.get("maximum"))
    style = outcome if outcome in ("pass", "fail") else "missing"
    return (
        f"<tr><td><span class='badge {style}'>{escape(outcome)}</span></td>"
        f"<td>{escape(str(verdict.get('name', '')))}</td>"
        f"<td class=n>{'-' if value is None else short(value)}</td>"
        f"<td class=n>{escape(limits)}</td>"
        f"<td>{escape(str(verdict.get('unit', '')))}</td>"
        f"<td class=quiet>{escape(str(verdict.get('why', '')))}</td>"
        f"{when}</tr>"
    )


def event_table(events: Sequence[Mapping[str, Any]], start: datetime) -> str:
    """What happened, in order; the first so many of a storm."""
    if not events:
        return ""
    rows = [
        f"<tr><td class=when>{_jump(number(event.get('t_s')), start)}</td>"
        f"<td>{escape(str(event.get('text', '')))}</td>"
        f"<td>{escape(str(event.get('asset') or ''))}</td></tr>"
        for event in events[:MAX_EVENTS]
    ]
    more = len(events) - MAX_EVENTS
    lead = f"{len(events)} in all" + (f", the first {MAX_EVENTS} shown." if more > 0 else ".")
    lead += " A time shows that moment in the diagram; ±2 s zooms all charts to it as well."
    head = "<tr><th class=when>Time</th><th>What</th><th>Where</th></tr>"
    return section("Events", lead, f"<table>{head}{''.join(rows)}</table>")


def _jump(t_s: float | None, start: datetime) -> str:
    if t_s is None:
        return ""
    when = f"{start + timedelta(seconds=t_s):%H:%M:%S.%f}"[:-3]
    return (
        f"<button data-t={t_s:.4f} aria-label='Show {when}'>{when}</button>"
        f"<button data-t={t_s:.4f} data-span=4 aria-label='Zoom to {when}'>±2 s</button>"
    )


def node_table(nodes: Iterable[Mapping[str, Any]]) -> str:
    """A row a node, whatever its columns."""
    nodes = list(nodes)
    if not nodes:
        return ""
    columns = list(dict.fromkeys(str(key) for node in nodes for key in node))
    numeric = {
        column
        for column in columns
        if all(isinstance(node.get(column, 0), int | float) for node in nodes)
        and not any(isinstance(node.get(column), bool) for node in nodes)
    }
    head = "".join(
        f"<th{' class=n' if column in numeric else ''}>{escape(column.replace('_', ' '))}</th>"
        for column in columns
    )
    rows = "".join(
        f"<tr>{''.join(_cell(node.get(column, '')) for column in columns)}</tr>" for node in nodes
    )
    return section(
        "Nodes and relays", "What each board did.", f"<table><tr>{head}</tr>{rows}</table>"
    )


def _cell(value: Any) -> str:
    found = number(value) if not isinstance(value, str | bool) else None
    if found is not None:
        return f"<td class=n>{short(found)}</td>"
    words = {True: "yes", False: "no", None: ""}
    text = words[value] if isinstance(value, bool) or value is None else str(value)
    return f"<td>{escape(text)}</td>"
