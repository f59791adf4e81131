"""From an asset to the NodeSpec of its node: watts, volts and hertz become scaled integers."""

from typing import Any

from nansha.site.model import AnyAsset, Battery, Broker, EvCharger, Load, Poi, Pv, SiteInfo
from nansha_boards import (
    Board,
    NodeSpec,
    RoleProfile,
    Scale,
    TripKind,
    TripRule,
    load_board,
    load_profile,
    scale_for,
    signals_of,
)

_SIGNAL_OF_PIN = {
    "pin_relay": "relay",
    "pin_alert": "alert",
    "pin_flag": "flag",
    "pin_pwm": "pwm",
    "adc_v": "adc_v",
    "adc_i": "adc_i",
    "adc_f": "adc_f",
    "adc_x": "adc_x",
}
"""NodeSpec field to key of the site file's `pins` table."""


def build_node_spec(info: SiteInfo, broker: Broker, asset: AnyAsset) -> NodeSpec:
    """The NodeSpec of an asset; BoardError for an unknown board or profile.

    Says nothing of whether the board can do it: nansha_boards.check_node does.
    """
    board = load_board(asset.board)
    rated_w, min_w, max_w, fallback_w = _powers(asset)
    rated_ma = round(rated_w * 1000 / (info.phases * info.nominal_v))
    settings = settings_of(info, asset)
    return NodeSpec(
        site=info.id,
        asset=asset.id,
        role=asset.role,
        tier=asset.tier if isinstance(asset, Load) else "",
        board=board.name,
        node_id=asset.node,
        link=asset.link.kind,
        **_link(asset, board),
        mqtt_host=broker.host if asset.link.kind == "mqtt" else "",
        mqtt_port=broker.port if asset.link.kind == "mqtt" else 0,
        **_pins(asset, board),
        relay_active=asset.relay.active_level,
        contact_nc=1 if asset.relay.contact == "NC" else 0,
        adc_atten_db=board.adc.atten_db,
        **_scales(info, asset, rated_ma),
        phases=info.phases,
        v_nom_mv=round(info.nominal_v * 1000),
        f_nom_mhz=round(info.nominal_hz * 1000),
        rated_w=rated_w,
        min_w=min_w,
        max_w=max_w,
        fallback_w=fallback_w,
        ev_min_w=round(asset.min_w) if isinstance(asset, EvCharger) else 0,
        trips=tuple(_trip(t, info.nominal_v, rated_ma) for t in settings.trips),
        v_ok_mv=_pair(settings.v_ok_pu, info.nominal_v * 1000),
        f_ok_mhz=_pair(settings.f_ok_hz, 1000),
        reconnect_ms=_milli(settings.reconnect_s),
        auto_reconnect_ms=_milli(settings.auto_reconnect_s),
        relay_min_on_ms=_milli(asset.relay.min_on_s),
        relay_min_off_ms=_milli(asset.relay.min_off_s),
        droop_mhz=_milli(settings.droop_hz),
        droop_deadband_mhz=_milli(settings.droop_deadband_hz),
        fw_start_mhz=_milli(settings.fw_start_hz),
        fw_stop_mhz=_milli(settings.fw_stop_hz),
        uf_mhz=_milli(settings.uf_hz),
        uf_delay_ms=_milli(settings.uf_delay_s),
        restore_mhz=_milli(settings.restore_hz),
        restore_delay_ms=_milli(settings.restore_delay_s),
        soc_min_pm=_milli(asset.soc_min) if isinstance(asset, Battery) else 0,
        soc_max_pm=_milli(asset.soc_max) if isinstance(asset, Battery) else 1000,
        wdt_ms=board.watchdog.default_ms,
    )


def settings_of(info: SiteInfo, asset: AnyAsset) -> RoleProfile:
    """The site's profile for the asset, with the asset's own overrides on top."""
    tier = asset.tier if isinstance(asset, Load) else ""
    settings = load_profile(info.protection).for_role(asset.role, tier)
    own = {k: v for k, v in asset.protection if v is not None}
    return settings.model_copy(update=own)


def _powers(asset: AnyAsset) -> tuple[int, int, int, int]:
    """(rated, lowest, highest, fallback) in W: from magnitudes to bus-injection sign."""
    if isinstance(asset, Poi):
        low, high = -round(asset.export_limit_w), round(asset.import_limit_w)
        return max(-low, high), low, high, 0
    rated = round(asset.rated_w)
    match asset:
        case Pv():
            # With no host it delivers what the sun gives; frequency-watt holds it back.
            return rated, 0, rated, rated
        case Battery():
            return rated, -rated, rated, 0
        case Load():
            return rated, -rated, 0, -rated
        case EvCharger():
            return rated, -rated, 0, -round(fallback_charge_w(asset))


def fallback_charge_w(asset: EvCharger) -> float:
    """Charging power with no host, W, as a magnitude."""
    return asset.min_w if asset.fallback_charge_w is None else asset.fallback_charge_w


def _link(asset: AnyAsset, board: Board) -> dict[str, Any]:
    if asset.link.kind == "mqtt":
        return dict.fromkeys(("uart_id", "uart_tx", "uart_rx", "uart_baud"))
    pins, default = asset.pins, board.default_pins
    return {
        "uart_id": default.uart_id if pins.uart_id is None else pins.uart_id,
        "uart_tx": default.uart_tx if pins.uart_tx is None else pins.uart_tx,
        "uart_rx": default.uart_rx if pins.uart_rx is None else pins.uart_rx,
        "uart_baud": asset.link.baud,
    }


def _pins(asset: AnyAsset, board: Board) -> dict[str, Any]:
    """Pins of the signals that the role has; None for the rest, even where the site names one."""
    needed = signals_of(asset.role)
    chosen: dict[str, Any] = {}
    for field, key in _SIGNAL_OF_PIN.items():
        own = getattr(asset.pins, key)
        default = getattr(board.default_pins, field)
        chosen[field] = (default if own is None else own) if field in needed else None
    return chosen


def _scales(info: SiteInfo, asset: AnyAsset, rated_ma: int) -> dict[str, Any]:
    ranges = asset.transducers
    i_max_ma = round(rated_ma * 1.5) if ranges.i_max_a is None else round(ranges.i_max_a * 1000)
    f_hz = ranges.f_hz or (info.nominal_hz - 5, info.nominal_hz + 5)
    scale_x: Scale = (0, 0, 0)
    if isinstance(asset, Battery):
        scale_x = scale_for(*_pair(ranges.soc, 1000))
    elif isinstance(asset, Pv):
        scale_x = scale_for(*_pair(ranges.irradiance_w_m2, 1))
    return {
        "scale_v": scale_for(*_pair(ranges.v_v, 1000)),
        "scale_i": scale_for(-i_max_ma, i_max_ma, centred=True),
        "scale_f": scale_for(*_pair(f_hz, 1000)),
        "scale_x": scale_x,
    }


def _trip(rule: TripRule, nominal_v: float, rated_ma: int) -> tuple[TripKind, int, int]:
    if rule.hz is not None:
        threshold = rule.hz * 1000
    else:
        assert rule.pu is not None  # TripRule has exactly one of them
        threshold = rule.pu * (rated_ma if rule.kind == "oc" else nominal_v * 1000)
    return rule.kind, round(threshold), _milli(rule.delay_s)


def _milli(value: float) -> int:
    return round(value * 1000)


def _pair(window: tuple[float, float], factor: float) -> tuple[int, int]:
    return round(window[0] * factor), round(window[1] * factor)
