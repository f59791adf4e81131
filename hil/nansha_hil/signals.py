"""What a scenario can ask about, by name: `poi.closed`, `bus.f_hz`, `battery.soc`, `host.mode`.

Two kinds of truth are told apart: what is (plant, contacts) and what the host believes (`host.*`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from nansha.image import STALE_MS
from nansha.session import Session
from nansha.site import Site
from nansha_hil.board import Board
from nansha_hil.plant import Plant

if TYPE_CHECKING:
    from nansha_hil.lockstep import Lockstep

Value = bool | float | str
Read = Callable[[], Value | None]

BUS = {
    "bus.v_v": "phase voltage of the bus, V",
    "bus.f_hz": "frequency of the bus, Hz",
    "bus.mode": "grid_connected, islanded, collapsed or black",
    "host.alive": "whether the host runs",
    "host.mode": "the mode in which the host believes the site",
    "host.heard": "how many nodes it has heard within the age that it believes",
    "site.normal": "connected, every node heard and untripped, every load fed",
}
OF_ASSET = {
    "p_w": "power into the bus, W",
    "closed": "whether its contact is closed",
    "wants_closed": "whether its node wants it closed",
    "command_w": "power that its node commands, W",
    "soc": "state of charge, 0..1",
    "available_w": "power that the sun offers, W",
    "demand_w": "power that it wants, W",
    "v_v": "voltage at its terminals, V",
    "boots": "how often its node has started",
    "reason": "why its node does what it does, as the host heard it last",
    "leased": "whether its node holds a lease, as the host heard it last",
    "refused_forged": "commands that its node called forged, as the running host was told",
    "refused_repeated": "commands that its node called repeated, as the running host was told",
    "refused_late": "commands that its node called late, as the running host was told",
    "refused_out_of_bounds": "commands outside its node's bounds, as the running host was told",
}


def signal_names(site: Site) -> dict[str, str]:
    """Every signal of a site, and what it is."""
    found = dict(BUS)
    for asset in site.assets:
        for name, text in OF_ASSET.items():
            if name != "soc" or asset.role == "battery":
                found[f"{asset.id}.{name}"] = text
    return found


def table(plant: Plant, boards: Mapping[str, Board], rig: Lockstep) -> dict[str, Read]:
    """All signals of a rig; one that has no value now reads None."""
    found: dict[str, Read] = {
        "bus.v_v": lambda: plant.bus_v,
        "bus.f_hz": lambda: plant.frequency.hz,
        "bus.mode": lambda: plant.mode.value,
        "host.alive": lambda: rig.session is not None,
        "host.mode": lambda: _mode(rig.session),
        "host.heard": lambda: float(_heard(rig)),
        "site.normal": lambda: normal(plant, boards, rig),
    }
    for asset, board in boards.items():
        found.update(_of_board(asset, board, plant, rig))
    for battery in plant.batteries:
        found[f"{battery.name}.soc"] = lambda b=battery: b.soc  # type: ignore[misc]
    return found


def _of_board(asset: str, board: Board, plant: Plant, rig: Lockstep) -> dict[str, Read]:
    def image(field: str) -> Value | None:
        sample = rig.session.image_of(asset) if rig.session is not None else None
        return getattr(sample, field) if sample is not None else None

    def refused(result: str) -> Value | None:
        session = rig.session
        return float(session.peer(asset).results.get(result, 0)) if session is not None else None

    return {
        f"{asset}.p_w": lambda: plant.power_w(asset),
        f"{asset}.closed": lambda: plant.nodes[asset].closed,
        f"{asset}.wants_closed": lambda: board.closed,
        f"{asset}.command_w": lambda: board.command_w,
        f"{asset}.available_w": lambda: plant.available_w(asset),
        f"{asset}.demand_w": lambda: plant.demand_w(asset),
        f"{asset}.v_v": lambda: plant.sense(asset)[0],
        f"{asset}.boots": lambda: float(board.boots),
        f"{asset}.reason": lambda: image("reason"),
        f"{asset}.leased": lambda: image("leased"),
        f"{asset}.refused_forged": lambda: refused("forged"),
        f"{asset}.refused_repeated": lambda: refused("repeated"),
        f"{asset}.refused_late": lambda: refused("late"),
        f"{asset}.refused_out_of_bounds": lambda: refused("out_of_bounds"),
    }


def _mode(session: Session | None) -> str | None:
    return session.dispatch.mode.value if session is not None and session.dispatch else None


def _heard(rig: Lockstep) -> int:
    session, now_ms = rig.session, rig.host_ms
    if session is None:
        return 0
    ages = [now_ms - session.peer(b.asset).arrived_ms for b in rig.boards
            if session.peer(b.asset).arrived_ms >= 0]  # fmt: skip
    return sum(age <= STALE_MS for age in ages)


def normal(plant: Plant, boards: Mapping[str, Board], rig: Lockstep) -> bool:
    """Whether the site is as on a quiet day."""
    session = rig.session
    if session is None or session.dispatch is None or plant.mode.value != "grid_connected":
        return False
    if session.dispatch.mode.value != "grid_connected" or _heard(rig) < len(boards):
        return False
    for asset, board in boards.items():
        sample = session.image_of(asset)
        if sample is None or sample.tripped or not sample.leased:
            return False
        if board.spec.role in ("load", "poi") and not plant.nodes[asset].closed:
            return False
    return True
