"""Can this node run on this board? Every reason why not, each with its mend."""

from nansha_boards.model import Board, NodeSpec, Problem
from nansha_boards.roles import SIGNAL_MEANING, signals_of, with_article
from nansha_boards.scale import value_from_raw

_OUTPUTS = ("pin_relay", "pin_pwm", "uart_tx")
_KIND_SCALE = {"ov": "scale_v", "uv": "scale_v", "of": "scale_f", "uf": "scale_f", "oc": "scale_i"}
_KIND_UNIT = {"ov": "mV", "uv": "mV", "of": "mHz", "uf": "mHz", "oc": "mA"}


def check_node(spec: NodeSpec, board: Board) -> list[Problem]:
    """Every problem of `spec` on `board`, errors and warnings, in a stable order."""
    if spec.board != board.name:
        return [
            _error("board", f"made for {spec.board!r}, checked on {board.name!r}", "use one board")
        ]
    problems = _link(spec, board)
    pins = _pins_of(spec)
    for field in pins:
        problems += _one_pin(field, pins[field], spec, board)
    problems += _twice(pins)
    problems += _pwm(spec, board)
    problems += _watchdog(spec, board)
    problems += _bounds(spec)
    problems += _measurable(spec, board)
    return problems


def errors_only(problems: list[Problem]) -> list[Problem]:
    """The problems that forbid flashing."""
    return [p for p in problems if p.severity == "error"]


def _error(where: str, what: str, mend: str) -> Problem:
    return Problem(severity="error", where=where, what=what, mend=mend)


def _warning(where: str, what: str, mend: str) -> Problem:
    return Problem(severity="warning", where=where, what=what, mend=mend)


def _pins_of(spec: NodeSpec) -> dict[str, int | None]:
    """The pins the role and the link need, and any other that was given."""
    needed = set(signals_of(spec.role))
    if spec.link == "serial":
        needed |= {"uart_tx", "uart_rx"}
    return {
        field: getattr(spec, field)
        for field in SIGNAL_MEANING
        if field in needed or getattr(spec, field) is not None
    }


def _free(field: str, pins: dict[str, int | None], board: Board) -> str:
    """A hint that lists the pins which would do."""
    taken = {p for f, p in pins.items() if f != field and p is not None}
    good = [p for p in board.gpio if p not in taken and not _refusal(field, p, board)]
    plain = [p for p in good if not _caution(field, p, board)]
    listed = ", ".join(str(p) for p in (plain or good)[:12])
    return f"use one of {listed}" if listed else "no pin is left; use a board with more of them"


def _refusal(field: str, pin: int, board: Board) -> str | None:
    """Why `pin` cannot serve as `field` at all."""
    if pin not in board.gpio:
        return f"GPIO{pin} does not exist on {board.name}"
    for note in board.notes_on(pin):
        if note.rule == "never":
            return f"GPIO{pin} is not free: {note.why}"
        if note.rule == "input_only" and field in _OUTPUTS:
            return f"GPIO{pin} cannot drive an output: {note.why}"
        if note.rule == "not_relay" and field == "pin_relay":
            return f"GPIO{pin} must not drive a relay: {note.why}"
        if note.rule == "adc_refused" and field.startswith("adc_"):
            return f"GPIO{pin} must not be an analog input: {note.why}"
    if field.startswith("adc_") and pin not in board.adc.pins:
        return f"GPIO{pin} is no analog input"
    return None


def _caution(field: str, pin: int, board: Board) -> str | None:
    """Why `pin` had better not serve as `field`."""
    for note in board.notes_on(pin):
        strapping = note.rule == "not_relay" and field != "pin_relay"
        output = note.rule == "warn_output" and field in _OUTPUTS
        if strapping or output:
            return f"GPIO{pin}: {note.why}"
    return None


def _one_pin(field: str, pin: int | None, spec: NodeSpec, board: Board) -> list[Problem]:
    pins = _pins_of(spec)
    if pin is None:
        return [_missing(field, spec, board)]
    if field in ("uart_tx", "uart_rx") and pin in board.gpio:
        uart = next((u for u in board.uart if u.id == spec.uart_id), None)
        allowed = () if uart is None else (uart.tx if field == "uart_tx" else uart.rx)
        if allowed and pin not in allowed:
            listed = ", ".join(str(p) for p in allowed)
            what = f"UART{spec.uart_id} cannot use GPIO{pin} as {field[5:]}"
            return [_error(field, what, f"use one of {listed}")]
    refusal = _refusal(field, pin, board)
    if refusal:
        return [_error(field, refusal, _free(field, pins, board))]
    caution = _caution(field, pin, board)
    if caution:
        return [_warning(field, caution, _free(field, pins, board))]
    return []


def _missing(field: str, spec: NodeSpec, board: Board) -> Problem:
    what = f"no pin for the {SIGNAL_MEANING[field]} of {with_article(spec.role)}"
    inputs = [f for f in signals_of(spec.role) if f.startswith("adc_")]
    have = len(board.adc.pins)
    if field.startswith("adc_") and have < len(inputs):
        what += f": it needs {len(inputs)} analog inputs, {board.name} has {have}"
        return _error(field, what, "use a board with more, such as esp32_devkitc or rp2040_bare")
    return _error(field, what, f"name one under pins; {_free(field, _pins_of(spec), board)}")


def _twice(pins: dict[str, int | None]) -> list[Problem]:
    first: dict[int, str] = {}
    problems = []
    for field, pin in pins.items():
        if pin is None:
            continue
        if pin in first:
            what = f"GPIO{pin} is already used by {first[pin]}"
            problems.append(_error(field, what, "give each signal a pin of its own"))
        first.setdefault(pin, field)
    return problems


def _link(spec: NodeSpec, board: Board) -> list[Problem]:
    if spec.link == "mqtt":
        if not board.wifi:
            what = f"an mqtt link needs Wi-Fi, {board.name} has none"
            return [_error("link", what, "use a serial link or a board with Wi-Fi")]
        if not spec.mqtt_host or not 1 <= spec.mqtt_port <= 65535:
            what = "an mqtt link needs the broker's host and a port 1…65535"
            return [_error("mqtt_host", what, "give the address by which nodes reach the broker")]
        return []
    uart = next((u for u in board.uart if u.id == spec.uart_id), None)
    good = ", ".join(str(u.id) for u in board.uart if not u.repl)
    problems = []
    if uart is None:
        what = f"UART {spec.uart_id} does not exist on {board.name}"
        problems.append(_error("uart_id", what, f"use one of {good}"))
    elif uart.repl:
        what = f"UART{uart.id} carries the REPL: byte 0x03 of a frame would stop the program"
        problems.append(_error("uart_id", what, f"use one of {good}"))
    if spec.uart_baud is None or not 9600 <= spec.uart_baud <= 921_600:
        what = f"baud rate {spec.uart_baud} is outside 9600…921600"
        problems.append(_error("uart_baud", what, "115200 suits every board"))
    return problems


def _pwm(spec: NodeSpec, board: Board) -> list[Problem]:
    low, high = board.pwm.min_hz, board.pwm.max_hz
    if spec.pin_pwm is None or low <= spec.pwm_hz <= high:
        return []
    what = f"{spec.pwm_hz} Hz is outside {low}…{high} Hz of {board.name}"
    return [_error("pwm_hz", what, "1000 suits a filter of 10 ms")]


def _watchdog(spec: NodeSpec, board: Board) -> list[Problem]:
    dog = board.watchdog
    if not dog.min_ms <= spec.wdt_ms <= dog.max_ms:
        what = f"watchdog {spec.wdt_ms} ms is outside {dog.min_ms}…{dog.max_ms} ms of {board.name}"
        return [_error("wdt_ms", what, f"{dog.default_ms} suits the node's loop")]
    if spec.wdt_ms < 2 * spec.calm_ms:
        what = f"watchdog {spec.wdt_ms} ms is less than two calm periods of {spec.calm_ms} ms"
        return [_warning("wdt_ms", what, f"use at least {2 * spec.calm_ms}")]
    return []


def _bounds(spec: NodeSpec) -> list[Problem]:
    problems = []
    if spec.min_w > spec.max_w:
        what = f"lowest setpoint {spec.min_w} W is above the highest, {spec.max_w} W"
        problems.append(_error("min_w", what, "swap them"))
    elif not spec.min_w <= spec.fallback_w <= spec.max_w:
        what = f"fallback {spec.fallback_w} W is outside {spec.min_w}…{spec.max_w} W"
        problems.append(_error("fallback_w", what, "choose one inside, with bus-injection sign"))
    if spec.soc_min_pm >= spec.soc_max_pm:
        what = f"state of charge from {spec.soc_min_pm} to {spec.soc_max_pm} per mille is empty"
        problems.append(_error("soc_min_pm", what, "make the lowest less than the highest"))
    for name in ("v_ok_mv", "f_ok_mhz"):
        low, high = getattr(spec, name)
        if low >= high:
            problems.append(_error(name, f"window {low}…{high} is empty", "give (low, high)"))
    return problems


def _measurable(spec: NodeSpec, board: Board) -> list[Problem]:
    """A trip beyond what the transducer and the converter can show would never come."""
    floor_raw = board.adc.floor_mv * 65535 // board.adc.full_scale_mv
    problems = []
    for index, (kind, threshold, _) in enumerate(spec.trips):
        scale = getattr(spec, _KIND_SCALE[kind])
        low, high = value_from_raw(floor_raw, scale), value_from_raw(65535, scale)
        # A current trip must be seen in both directions.
        reach = min(high, -low) if kind == "oc" else high
        bottom = 0 if kind == "oc" else low
        if not bottom <= threshold < reach:
            unit = _KIND_UNIT[kind]
            what = f"trip {kind} at {threshold} {unit} is beyond what is measured, "
            what += f"{bottom}…{reach} {unit}"
            mend = "widen the transducer's range or move the threshold"
            problems.append(_error(f"trips[{index}]", what, mend))
    return problems
