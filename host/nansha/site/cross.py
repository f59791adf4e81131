"""Checks between fields, between assets, and of each node against its board."""

import zoneinfo
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from pydantic import ValidationError

from nansha.carbon import grid_factor
from nansha.errors import NanshaError
from nansha.site.model import AnyAsset, Battery, Broker, EvCharger, Load, Poi, Pv, SiteInfo
from nansha.site.node import build_node_spec, fallback_charge_w, settings_of
from nansha.site.problems import FieldProblem
from nansha.site.units import plain
from nansha.tariff import load_tariff
from nansha_boards import (
    BoardError,
    RoleProfile,
    TripRule,
    check_node,
    errors_only,
    load_board,
    load_profile,
    signals_of,
    with_article,
)


def label_of(row: Any, index: int) -> str:
    """How an asset is named in a problem: by its id, or by its place where it has none."""
    name = row.get("id") if isinstance(row, dict) else None
    return f"asset[{name}]" if isinstance(name, str) and name else f"asset[#{index + 1}]"


def check_info(info: SiteInfo) -> list[FieldProblem]:
    """Problems of the names that [site] refers to."""
    problems = []
    try:
        zoneinfo.ZoneInfo(info.timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        what, mend = f"unknown time zone {info.timezone!r}", "use an IANA name, like Asia/Shanghai"
        if not zoneinfo.available_timezones():
            mend = "this machine has no time zone database: pip install tzdata"
        problems.append(FieldProblem(field="site.timezone", what=what, mend=mend))
    for field, name, load in (
        ("tariff", info.tariff, load_tariff),
        ("carbon", info.carbon, grid_factor),
        ("protection", info.protection, load_profile),
    ):
        try:
            load(name)
        except (NanshaError, BoardError) as error:
            problems.append(FieldProblem(field=f"site.{field}", what=error.what, mend=error.mend))
    if not any(p.field == "site.protection" for p in problems):
        nominal_hz = load_profile(info.protection).nominal_hz
        if nominal_hz != info.nominal_hz:
            what = f"{info.protection!r} is for {plain(nominal_hz)} Hz, "
            what += f"the site has {plain(info.nominal_hz)} Hz"
            mend = "choose a profile for the site's frequency, or mend nominal_hz"
            problems.append(FieldProblem(field="site.protection", what=what, mend=mend))
    return problems


def check_asset(
    info: SiteInfo | None, broker: Broker | None, asset: AnyAsset
) -> list[FieldProblem]:
    """Problems of one asset, its node on its board included.

    `info` and `broker` are None where they are bad themselves: then the node is not looked at.
    """
    found = [*_ranges(asset), *_names(asset)]
    if info is not None:
        found += _settings(asset, info)
        if broker is not None and not found:
            found += _on_board(asset, info, broker)
    return [
        FieldProblem(field=f"asset[{asset.id}].{p.field}", what=p.what, mend=p.mend) for p in found
    ]


def check_together(rows: Sequence[Any], assets: Sequence[AnyAsset | None]) -> list[FieldProblem]:
    """Problems between assets: shared names and addresses, the number of poi, fallback powers."""
    problems = _shared(rows, "id", "id") + _shared(rows, "node", "node address")
    problems += _shared_ports(rows)
    roles = [row.get("role") if isinstance(row, dict) else None for row in rows]
    poi = [label_of(row, i) for i, row in enumerate(rows) if roles[i] == "poi"]
    if not poi:
        what, mend = "the site has no poi", 'add one [[asset]] with role = "poi"'
        problems.append(FieldProblem(field="asset", what=what, mend=mend))
    for extra in poi[1:]:
        what = f"a second poi; {poi[0]} is one already"
        mend = "keep one: a site has a single point of interconnection"
        problems.append(FieldProblem(field=f"{extra}.role", what=what, mend=mend))
    return problems + _fallback_sum(assets)


def cautions(info: SiteInfo, broker: Broker, assets: Sequence[AnyAsset]) -> list[FieldProblem]:
    """What works but should be known: risky pins, and what happens with no host."""
    found = []
    for asset in assets:
        spec = build_node_spec(info, broker, asset)
        found += [
            _problem(f"asset[{asset.id}].{_site_field(p.where)}", p.what, p.mend)
            for p in check_node(spec, load_board(asset.board))
            if p.severity == "warning"
        ]
    if any(a.link.kind == "mqtt" for a in assets) and not _is_address(broker.host):
        what = (
            f"{broker.host!r} is a name, and a node that looks it up waits longer than its watchdog"
        )
        found.append(_problem("broker.host", what, "give the broker's IP address"))
    pv_w = sum(a.rated_w for a in assets if isinstance(a, Pv))
    for poi in (a for a in assets if isinstance(a, Poi)):
        if pv_w > poi.export_limit_w:
            what = f"with no host PV may feed {plain(pv_w)} W, "
            what += f"above export_limit_w {plain(poi.export_limit_w)} W"
            mend = "set the converters' own limit, or a reverse-power relay at the poi"
            found.append(_problem(f"asset[{poi.id}].export_limit_w", what, mend))
    return found


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _problem(field: str, what: str, mend: str) -> FieldProblem:
    return FieldProblem(field=field, what=what, mend=mend)


def _ranges(asset: AnyAsset) -> list[FieldProblem]:
    """Bounds that cross, and values outside their bounds."""
    problems = []
    if isinstance(asset, Battery):
        if asset.soc_min >= asset.soc_max:
            what = f"{plain(asset.soc_min)} is not below soc_max {plain(asset.soc_max)}"
            problems.append(_problem("soc_min", what, "lower soc_min or raise soc_max"))
        elif asset.soc_reserve is not None and not (
            asset.soc_min <= asset.soc_reserve <= asset.soc_max
        ):
            what = f"{plain(asset.soc_reserve)} is outside soc_min…soc_max"
            mend = f"choose {plain(asset.soc_min)}…{plain(asset.soc_max)}"
            problems.append(_problem("soc_reserve", what, mend))
    if isinstance(asset, EvCharger):
        fallback_w = fallback_charge_w(asset)
        if asset.min_w > asset.rated_w:
            what = f"{plain(asset.min_w)} W is above rated_w {plain(asset.rated_w)} W"
            problems.append(_problem("min_w", what, "lower min_w or raise rated_w"))
        elif fallback_w and not asset.min_w <= fallback_w <= asset.rated_w:
            what = f"{plain(fallback_w)} W is neither 0 nor between min_w and rated_w"
            mend = f"choose 0, or {plain(asset.min_w)}…{plain(asset.rated_w)}"
            problems.append(_problem("fallback_charge_w", what, mend))
    for name, window in asset.transducers:
        if isinstance(window, tuple) and window[0] >= window[1]:
            what = f"range {plain(window[0])}…{plain(window[1])} is empty"
            problems.append(_problem(f"transducers.{name}", what, "write it as [low, high]"))
    return problems


def _names(asset: AnyAsset) -> list[FieldProblem]:
    """Names that do not exist: the board, pins of signals that the role does not have."""
    problems = []
    try:
        load_board(asset.board)
    except BoardError as error:
        problems.append(_problem("board", error.what, error.mend))
    has = {name.removeprefix("pin_") for name in signals_of(asset.role)}
    for key, pin in asset.pins:
        if pin is None or key in has or (key.startswith("uart_") and asset.link.kind == "serial"):
            continue
        owner = with_article(asset.role)
        if key.startswith("uart_"):
            owner = f"{with_article(asset.link.kind)} link"
        problems.append(_problem(f"pins.{key}", f"{owner} has no such signal", "remove the line"))
    return problems


def _settings(asset: AnyAsset, info: SiteInfo) -> list[FieldProblem]:
    """Protection settings that contradict each other, the profile's and the asset's together."""
    s = settings_of(info, asset)
    problems = []
    for name in ("v_ok_pu", "f_ok_hz"):
        low, high = getattr(s, name)
        if low >= high:
            what, mend = f"window {plain(low)}…{plain(high)} is empty", "write it as [low, high]"
            problems.append(_problem(f"protection.{name}", what, mend))
    pairs: list[tuple[str, float, str, float]] = []
    if isinstance(asset, Pv):
        pairs.append(("fw_start_hz", s.fw_start_hz, "fw_stop_hz", s.fw_stop_hz))
    elif isinstance(asset, Battery):
        pairs.append(("droop_deadband_hz", s.droop_deadband_hz, "droop_hz", s.droop_hz))
    elif isinstance(asset, Load):
        pairs.append(("uf_hz", s.uf_hz, "restore_hz", s.restore_hz))
    for low_name, low, high_name, high in pairs:
        if low >= high:
            what = f"{plain(low)} Hz is not below {high_name} {plain(high)} Hz"
            mend = f"lower {low_name} or raise {high_name}"
            problems.append(_problem(f"protection.{low_name}", what, mend))
    return problems + _windows_inside_trips(s)


def _windows_inside_trips(s: RoleProfile) -> list[FieldProblem]:
    """A reconnection window beyond a trip would close, trip and close again for ever."""
    problems = []
    for name, window, over, under in (
        ("v_ok_pu", s.v_ok_pu, "ov", "uv"),
        ("f_ok_hz", s.f_ok_hz, "of", "uf"),
    ):
        tops = [_threshold(t) for t in s.trips if t.kind == over]
        bottoms = [_threshold(t) for t in s.trips if t.kind == under]
        if (tops and window[1] > min(tops)) or (bottoms and window[0] < max(bottoms)):
            what = f"window {plain(window[0])}…{plain(window[1])} reaches beyond the {over} or "
            what += f"{under} trips"
            mend = "narrow it, or it reconnects only to trip again"
            problems.append(_problem(f"protection.{name}", what, mend))
    return problems


def _threshold(trip: TripRule) -> float:
    return trip.hz if trip.hz is not None else trip.pu or 0.0


def _on_board(asset: AnyAsset, info: SiteInfo, broker: Broker) -> list[FieldProblem]:
    """What the board says of the node, with the site file's names for its fields."""
    try:
        spec = build_node_spec(info, broker, asset)
    except ValidationError as error:
        # The models bound every rating, so only an odd transducer or voltage gets here.
        what = error.errors()[0]["msg"].removeprefix("Value error, ")
        return [_problem("transducers", what, "give ranges that fit the rating")]
    except ValueError as error:
        return [_problem("transducers", str(error), "give ranges that fit the rating")]
    return [
        _problem(_site_field(p.where), p.what, p.mend)
        for p in errors_only(check_node(spec, load_board(asset.board)))
    ]


def _site_field(where: str) -> str:
    if where.startswith("pin_"):
        return f"pins.{where.removeprefix('pin_')}"
    if where.startswith(("adc_", "uart_")):
        return "link.baud" if where == "uart_baud" else f"pins.{where}"
    if where.startswith("trips"):
        return f"protection.{where}"
    return {"mqtt_host": "link"}.get(where, where)


def _shared(rows: Sequence[Any], key: str, noun: str) -> list[FieldProblem]:
    """Values of `key` that two assets have."""
    first: dict[Any, str] = {}
    problems = []
    for index, row in enumerate(rows):
        value = row.get(key) if isinstance(row, dict) else None
        if not isinstance(value, str | int):
            continue
        label = label_of(row, index)
        if value in first:
            # Two assets of one id have one label too: tell them apart by their places.
            where = f"asset[#{index + 1}]" if key == "id" else label
            what = f"{noun} {value!r} is already used by {first[value]}"
            problems.append(_problem(f"{where}.{key}", what, f"give each asset its own {noun}"))
        first.setdefault(value, f"asset[#{index + 1}]" if key == "id" else label)
    return problems


def _shared_ports(rows: Sequence[Any]) -> list[FieldProblem]:
    first: dict[str, str] = {}
    problems = []
    for index, row in enumerate(rows):
        link = row.get("link") if isinstance(row, dict) else None
        port = link.get("port") if isinstance(link, dict) else None
        if not isinstance(port, str) or not port:
            continue
        label = label_of(row, index)
        if port in first:
            what = f"port {port!r} is already used by {first[port]}"
            problems.append(_problem(f"{label}.link.port", what, "give each node its own port"))
        first.setdefault(port, label)
    return problems


def _fallback_sum(assets: Sequence[AnyAsset | None]) -> list[FieldProblem]:
    """With the host gone, all chargers together must stay below the import limit."""
    chargers = [a for a in assets if isinstance(a, EvCharger)]
    limit_w = min((a.import_limit_w for a in assets if isinstance(a, Poi)), default=None)
    total_w = sum(fallback_charge_w(a) for a in chargers)
    if limit_w is None or total_w <= limit_w:
        return []
    what = f"with no host the chargers draw {plain(total_w)} W, "
    what += f"above import_limit_w {plain(limit_w)} W"
    mend = "lower fallback_charge_w (0 pauses a charger) or raise the limit"
    return [_problem(f"asset[{a.id}].fallback_charge_w", what, mend) for a in chargers]
