"""The head of the report: title, facts, the figures that matter most."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any

from nansha_hil.report.figures import TIERS
from nansha_hil.report.text import number, span_text


def header(summary: Mapping[str, Any], start: datetime) -> str:
    """The title, and when, how long and where."""
    facts = []
    if summary.get("start"):
        facts.append(f"{start:%d %B %Y, %H:%M}")
    seconds = number(summary.get("duration_s"))
    if seconds is not None:
        facts.append(span_text(seconds))
    for key in ("site", "scenario"):
        if summary.get(key) is not None:
            facts.append(f"{key} {summary[key]}")
    return (
        f"<header><h1>{escape(str(summary.get('title') or 'Run'))}</h1>"
        f"<p class=facts>{escape(' · '.join(facts))}</p></header>"
    )


def headline(summary: Mapping[str, Any]) -> str:
    """A card a figure that the run has."""
    plant = summary.get("plant")
    plant = plant if isinstance(plant, Mapping) else {}

    def find(key: str) -> float | None:
        return number(summary.get(key, plant.get(key)))

    cards = []

    def card(label: str, value: float | None, form: str, unit: str, small: str = "") -> None:
        if value is None:
            return
        below = f"<small>{escape(small)}</small>" if small else ""
        cards.append(
            f"<div class=card><span>{escape(label)}</span>"
            f"<b>{value:{form}}<i>{escape(unit)}</i></b>{below}</div>"
        )

    card("Cost of energy", find("cost_cny"), ",.2f", "CNY", _basis(summary, "tariff"))
    card("CO₂ of the grid's share", find("co2_kg"), ",.1f", "kg", _basis(summary, "carbon"))
    offered = find("pv_available_wh")
    card(
        "PV absorbed",
        find("pv_absorbed_percent"),
        ".1f",
        "%",
        f"of {offered / 1000:,.1f} kWh offered" if offered is not None else "",
    )
    for tier in TIERS:
        missing = find(f"unserved_{tier}_wh")
        if missing is None:
            continue
        missing = max(missing, 0.0)
        if missing < 100.0:
            card(f"Unserved, {tier}", missing, ".1f", "Wh")
        else:
            card(f"Unserved, {tier}", missing / 1000.0, ",.2f", "kWh")
    bought, sold = find("import_wh"), find("export_wh")
    if bought is not None and sold is not None:
        card("Bought", bought / 1000.0, ",.1f", "kWh", f"sold {sold / 1000:,.1f} kWh")
    card("Speed", find("real_time_factor"), ",.0f", "× real time")
    return f"<section class=cards>{''.join(cards)}</section>" if cards else ""


def footer(summary: Mapping[str, Any]) -> str:
    """How well the plant's energy closes."""
    plant = summary.get("plant")
    residual = number(plant.get("residual_percent")) if isinstance(plant, Mapping) else None
    if residual is None:
        return ""
    return f"<footer>Energy closes to {residual:.1e} % of what passed through the bus.</footer>"


def _basis(summary: Mapping[str, Any], key: str) -> str:
    """What a figure stands on, with its confidence: 'name: caveat'."""
    basis = summary.get(key)
    return f"{basis['id']}: {basis['caveat']}" if isinstance(basis, Mapping) else ""
