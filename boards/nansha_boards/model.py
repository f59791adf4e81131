"""Frozen models: what a board is, what a node on it is told, and what can be wrong with that."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nansha_boards.scale import NUM_MAX, Scale

Role = Literal["pv", "battery", "load", "poi", "ev_charger"]
PinRule = Literal["never", "input_only", "not_relay", "warn_output", "adc_refused"]
TripKind = Literal["ov", "uv", "of", "uf", "oc"]

SMALL_INT_MAX = 2**30 - 1
Int31 = Annotated[int, Field(ge=-(2**30), le=SMALL_INT_MAX)]
"""An integer that MicroPython keeps in a register on 32-bit chips."""


class BoardError(ValueError):
    """A board or node definition that cannot be used; says what, where and how to mend it."""

    def __init__(self, what: str, where: str = "", mend: str = "") -> None:
        """Keep the three parts and join them into one line."""
        self.what, self.where, self.mend = what, where, mend
        super().__init__((f"{where}: " if where else "") + what + (f"; {mend}" if mend else ""))


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PinNote(_Frozen):
    """A rule that holds for some pins of a board, and why."""

    pins: tuple[int, ...]
    """GPIO numbers."""
    rule: PinRule
    """never: no use at all; input_only: no output; not_relay: error on a relay, warning elsewhere;
    warn_output: warning on an output; adc_refused: an ADC input that must not be used as one."""
    why: str
    """Reason, shown to the person who chose the pin."""


class Uart(_Frozen):
    """One UART of a board."""

    id: int
    """Number given to machine.UART."""
    tx: tuple[int, ...] = ()
    """Pins that can transmit; empty: any output pin (GPIO matrix)."""
    rx: tuple[int, ...] = ()
    """Pins that can receive; empty: any pin."""
    repl: bool = False
    """The REPL lives here: byte 0x03 of a frame would interrupt the program."""


class Pwm(_Frozen):
    """PWM facts of a board."""

    min_hz: int
    """Lowest frequency the timer reaches."""
    max_hz: int
    """Highest useful frequency."""
    shared: Literal["slice", "timer"]
    """What shares a frequency: pin pairs of a slice (RP2040), or channels of a timer (ESP32)."""


class Watchdog(_Frozen):
    """Watchdog facts of a board, ms."""

    min_ms: int
    """Shortest time-out that holds."""
    max_ms: int
    """Longest time-out that holds."""
    default_ms: int
    """Time-out a node gets unless told otherwise."""


class Adc(_Frozen):
    """ADC facts of a board."""

    pins: tuple[int, ...]
    """Pins that may be used as analog inputs."""
    atten_db: int | None = None
    """Attenuation to set, dB; None where the chip has no attenuator."""
    floor_mv: int
    """Inputs below this read as zero, mV."""
    full_scale_mv: int
    """Input that reads 65535, about, mV; a transducer's top of range is wired to it."""


class DefaultPins(_Frozen):
    """Pins a node gets when the site file names none; None where the board has no pin left."""

    pin_relay: int
    """Relay coil."""
    pin_alert: int
    """Meter's alarm output."""
    pin_flag: int
    """Plug or sync-check contact."""
    pin_pwm: int
    """Analog power command."""
    adc_v: int
    """Voltage."""
    adc_i: int
    """Current."""
    adc_f: int
    """Frequency."""
    adc_x: int | None = None
    """State of charge or irradiance."""
    uart_id: int
    """UART of the link."""
    uart_tx: int
    """Transmit."""
    uart_rx: int
    """Receive."""


class Board(_Frozen):
    """A board as data: what its pins can do and how long its watchdog waits."""

    name: str
    """Name used in a site file, the same as the file's."""
    title: str
    """What a person would call it."""
    chip: Literal["esp32", "esp32s3", "rp2040"]
    """Chip family."""
    source: str
    """Where the facts come from."""
    wifi: bool
    """Whether MQTT over Wi-Fi is possible."""
    heap_kwords: int
    """Heap for the program, thousands of machine words (VM: `-X heapsize=<n>wK`)."""
    gpio: tuple[int, ...]
    """Pins that exist on the board's headers."""
    timer_ids: tuple[int, ...]
    """Ids that machine.Timer takes; -1 is a software timer."""
    adc: Adc
    """ADC facts."""
    pwm: Pwm
    """PWM facts."""
    watchdog: Watchdog
    """Watchdog facts."""
    uart: tuple[Uart, ...]
    """UARTs."""
    note: tuple[PinNote, ...] = ()
    """Rules for single pins."""
    default_pins: DefaultPins
    """Pins by default."""

    def notes_on(self, pin: int) -> tuple[PinNote, ...]:
        """Every rule that mentions `pin`."""
        return tuple(n for n in self.note if pin in n.pins)


class Problem(_Frozen):
    """One thing wrong with a node on a board."""

    severity: Literal["error", "warning"]
    """error: the node must not be flashed; warning: it works, but know this."""
    where: str
    """Field of the NodeSpec, lower case."""
    what: str
    """What is wrong."""
    mend: str
    """How to mend it."""

    def __str__(self) -> str:
        """`where: what; mend` on one line."""
        return f"{self.where}: {self.what}; {self.mend}"


class NodeSpec(_Frozen):
    """Everything a node is told by its board.py, under the lower-case name of each constant.

    Powers are in W with bus-injection sign (+ delivers into the site's bus). A pin is None where
    the role has no such signal; a number is 0 where the role has no such function.
    """

    site: str
    """Site id."""
    asset: str
    """Asset id."""
    role: Role
    """pv, battery, load, poi or ev_charger."""
    tier: Literal["", "critical", "priority", "interruptible"] = ""
    """Load tier; empty for other roles."""
    board: str
    """Board name."""
    node_id: int = Field(ge=1, le=65534)
    """Address on the link."""
    link: Literal["serial", "mqtt"]
    """How the node reaches the host."""
    uart_id: int | None
    """machine.UART number; None on an mqtt link."""
    uart_tx: int | None
    """Transmit pin."""
    uart_rx: int | None
    """Receive pin."""
    uart_baud: int | None
    """Baud rate."""
    mqtt_host: str = ""
    """Broker as the node reaches it; empty on a serial link."""
    mqtt_port: int = 0
    """Broker port; 0 on a serial link."""
    pin_relay: int | None
    """Relay coil output."""
    relay_active: Literal[0, 1] = 1
    """Pin level that energises the coil."""
    contact_nc: Literal[0, 1] = 0
    """1: a de-energised coil means a closed contact."""
    pin_alert: int | None
    """Input, high while the meter sees a disturbance."""
    pin_flag: int | None = None
    """Input: car plugged (ev_charger), sync-check contact (poi)."""
    pin_pwm: int | None = None
    """Analog power command output."""
    pwm_hz: int = 1000
    """PWM frequency, Hz."""
    adc_v: int | None
    """Voltage input."""
    adc_i: int | None
    """Current input."""
    adc_f: int | None
    """Frequency input."""
    adc_x: int | None = None
    """State-of-charge or irradiance input."""
    adc_atten_db: int | None
    """ADC attenuation, dB; None on RP2040."""
    scale_v: Scale
    """Reading to mV."""
    scale_i: Scale
    """Reading to mA, bus injection."""
    scale_f: Scale
    """Reading to mHz."""
    scale_x: Scale = (0, 0, 0)
    """Reading to per mille of SoC, or W/m2; zeros where the role has neither."""
    phases: Literal[1, 3]
    """Number of phases; the power is phases x V x I, V phase to neutral."""
    v_nom_mv: Int31 = Field(gt=0)
    """Nominal voltage, phase to neutral, mV."""
    f_nom_mhz: Int31 = Field(gt=0)
    """Nominal frequency, mHz."""
    rated_w: Int31 = Field(gt=0)
    """Rating, W."""
    min_w: Int31
    """Lowest allowed setpoint, W, bus injection."""
    max_w: Int31
    """Highest allowed setpoint, W, bus injection."""
    ev_min_w: Int31 = 0
    """Smallest charging power that a car accepts, W, as a magnitude; 0 if not ev_charger."""
    trips: tuple[tuple[TripKind, Int31, Int31], ...]
    """(kind, threshold in mV, mHz or mA, delay in ms)."""
    v_ok_mv: tuple[Int31, Int31]
    """Voltage window for reconnection, mV."""
    f_ok_mhz: tuple[Int31, Int31]
    """Frequency window for reconnection, mHz."""
    reconnect_ms: Int31 = Field(ge=0)
    """Time inside both windows before reconnection, ms."""
    relay_min_on_ms: Int31 = Field(ge=0)
    """Shortest closed time, ms; a trip does not wait for it."""
    relay_min_off_ms: Int31 = Field(ge=0)
    """Shortest open time, ms."""
    droop_mhz: Int31 = 0
    """battery: frequency deviation for full power, mHz."""
    droop_deadband_mhz: Int31 = 0
    """battery: deviation that is left alone, mHz."""
    fw_start_mhz: Int31 = 0
    """pv: frequency at which power starts to fall, mHz."""
    fw_stop_mhz: Int31 = 0
    """pv: frequency at which power is zero, mHz."""
    uf_mhz: Int31 = 0
    """load: under-frequency step, mHz."""
    uf_delay_ms: Int31 = 0
    """load: delay of that step, ms."""
    restore_mhz: Int31 = 0
    """load: frequency above which it may come back, mHz."""
    restore_delay_ms: Int31 = 0
    """load: time above restore_mhz before it comes back, ms."""
    fallback_w: Int31
    """Setpoint when the lease has lapsed, W, bus injection."""
    auto_reconnect_ms: Int31 = 0
    """poi: time of a healthy grid before it closes with no host, ms."""
    soc_min_pm: int = Field(default=0, ge=0, le=1000)
    """Lowest state of charge, per mille."""
    soc_max_pm: int = Field(default=1000, ge=0, le=1000)
    """Highest state of charge, per mille."""
    calm_ms: int = 1000
    """Control period while nothing happens, ms."""
    fast_ms: int = 10
    """Control period in a disturbance, ms."""
    fast_hold_ms: int = 2000
    """Time the fast period lasts after the alert has gone, ms."""
    telemetry_ms: int = 1000
    """Telemetry period, ms."""
    wdt_ms: int = Field(gt=0)
    """Watchdog time-out, ms."""

    @model_validator(mode="after")
    def _scales_fit(self) -> "NodeSpec":
        for name in ("scale_v", "scale_i", "scale_f", "scale_x"):
            num, shift, offset = getattr(self, name)
            if not 0 <= num <= NUM_MAX or not 0 <= shift <= 30 or abs(offset) > SMALL_INT_MAX:
                what = f"{name} {(num, shift, offset)} leaves 31-bit integers: "
                raise ValueError(f"{what}num must be 0…{NUM_MAX}, shift 0…30")
        return self
