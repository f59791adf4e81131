"""The pieces an asset is made of: link, pins, relay, transducers, protection overrides."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from nansha_boards import TripRule


class Part(BaseModel):
    """A frozen table of a site file: no unknown field, no silent conversion, no NaN."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


def _list_to_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Range = Annotated[tuple[float, float], BeforeValidator(_list_to_tuple)]
"""(low, high), written as a TOML array of two numbers."""

Seconds = Annotated[float, Field(ge=0, le=86_400)]
Hz = Annotated[float, Field(gt=0, le=100)]
Pin = Annotated[int, Field(ge=0, le=48)]


class SerialLink(Part):
    """A wire to the node: USB serial adapter, RS-232 or RS-485."""

    kind: Literal["serial"] = "serial"
    """serial."""
    port: str = Field(min_length=1)
    """Device, best by serial number: /dev/serial/by-id/… (a URL such as socket:// works too)."""
    baud: int = Field(default=115_200, ge=9600, le=921_600)
    """Baud rate."""


class MqttLink(Part):
    """Wi-Fi to the site's broker."""

    kind: Literal["mqtt"] = "mqtt"
    """mqtt."""


Link = Annotated[SerialLink | MqttLink, Field(discriminator="kind")]


class Pins(Part):
    """Pins other than the board's defaults."""

    relay: Pin | None = None
    """Relay coil."""
    alert: Pin | None = None
    """Meter's alarm output."""
    flag: Pin | None = None
    """Car plugged (ev_charger) or sync-check contact (poi)."""
    pwm: Pin | None = None
    """Analog power command."""
    adc_v: Pin | None = None
    """Voltage."""
    adc_i: Pin | None = None
    """Current."""
    adc_f: Pin | None = None
    """Frequency."""
    adc_x: Pin | None = None
    """State of charge (battery) or irradiance (pv)."""
    uart_id: Annotated[int, Field(ge=0, le=2)] | None = None
    """UART of a serial link."""
    uart_tx: Pin | None = None
    """Its transmit pin."""
    uart_rx: Pin | None = None
    """Its receive pin."""


class Relay(Part):
    """The relay or contactor of an asset."""

    contact: Literal["NO", "NC"] = "NO"
    """NO: open while the coil is de-energised; NC: closed then, so a dead node keeps it fed."""
    active_level: Literal[0, 1] = 1
    """Pin level that energises the coil."""
    min_on_s: Seconds = 1.0
    """Shortest closed time, s; a trip does not wait for it."""
    min_off_s: Seconds = 1.0
    """Shortest open time, s."""


class Transducers(Part):
    """Ranges of the analog inputs: what 0 and full scale of the converter stand for."""

    v_v: Range = (0.0, 300.0)
    """Voltage, phase to neutral, V."""
    i_max_a: Annotated[float, Field(ge=0.01, le=10_000)] | None = None
    """Current at full scale, A; the transducer is bidirectional. Default: 1.5 x rated."""
    f_hz: Range | None = None
    """Frequency, Hz. Default: nominal -5…+5."""
    soc: Range = (0.0, 1.0)
    """battery: state of charge."""
    irradiance_w_m2: Range = (0.0, 1500.0)
    """pv: irradiance, W/m2."""


Trips = Annotated[tuple[TripRule, ...], BeforeValidator(_list_to_tuple), Field(max_length=12)]


class Protection(Part):
    """Settings that replace those of the site's protection profile, for any role."""

    trips: Trips | None = None
    """All trips of the asset: {kind, pu or hz, delay_s}."""
    v_ok_pu: Range | None = None
    """Voltage window for reconnection, of nominal."""
    f_ok_hz: Range | None = None
    """Frequency window for reconnection, Hz."""
    reconnect_s: Seconds | None = None
    """Time inside both windows before reconnection, s."""


class PvProtection(Protection):
    """Overrides of a PV asset."""

    fw_start_hz: Hz | None = None
    """Power starts to fall, Hz."""
    fw_stop_hz: Hz | None = None
    """Power is zero, Hz."""


class BatteryProtection(Protection):
    """Overrides of a battery."""

    droop_hz: Annotated[float, Field(gt=0, le=5)] | None = None
    """Deviation for full power, Hz."""
    droop_deadband_hz: Annotated[float, Field(ge=0, le=5)] | None = None
    """Deviation that is left alone, Hz."""


class LoadProtection(Protection):
    """Overrides of a load."""

    uf_hz: Hz | None = None
    """Under-frequency step, Hz."""
    uf_delay_s: Seconds | None = None
    """Its delay, s."""
    restore_hz: Hz | None = None
    """Frequency above which it may come back, Hz."""
    restore_delay_s: Seconds | None = None
    """Time above restore_hz before it comes back, s."""


class PoiProtection(Protection):
    """Overrides of the point of interconnection."""

    auto_reconnect_s: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """Time of a healthy grid before it closes with no host, s."""
