"""A session on the screen: one table, in words and kW."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from nansha.links import Link
from nansha.session import Session


def power_words(role: str, power_w: float) -> str:
    """A power as a person says it, never as a bare sign."""
    kw = abs(power_w) / 1000
    if kw < 0.005:
        return "nothing"
    into, out = {
        "battery": ("discharging", "charging"),
        "poi": ("importing", "exporting"),
        "pv": ("feeding", "drawing"),
        "load": ("feeding back", "using"),
        "ev_charger": ("feeding back", "charging"),
    }[role]
    return f"{into if power_w > 0 else out} {kw:.2f} kW"


def table(session: Session, links: list[Link]) -> Table:
    """The site now."""
    dispatch = session.dispatch
    mode = dispatch.mode.value.replace("_", " ") if dispatch else "starting"
    title = f"{session.site.info.name}: {mode}"
    if dispatch is not None:
        title += f", power at {dispatch.price:.3f} CNY/kWh, residual {dispatch.residual_w:.1e} W"
    view = Table(title=title)
    for name in ("asset", "power", "contact", "told", "why", "link"):
        view.add_column(name)
    state_of = {node: link.state for link in links for node in link.nodes}
    told = {item.asset: item for item in dispatch.assets} if dispatch else {}
    for asset in session.site.assets:
        sample = session.image_of(asset.id)
        item = told.get(asset.id)
        link = state_of.get(asset.node)
        if sample is None or not sample.fresh:
            power, contact = "silent", "-"
        else:
            power = power_words(asset.role, sample.p_w)
            contact = "closed" if sample.closed else "open"
            if asset.role == "battery":
                power += f", {100 * sample.x:.0f} % full"
        view.add_row(
            escape(asset.name or asset.id),
            power,
            contact,
            "-" if item is None else power_words(asset.role, item.p_w),
            "-" if item is None else item.reason.replace("_", " "),
            "up" if link and link.up else f"down: {escape(link.why) if link else 'no link'}",
        )
    return view
