"""The bench file: where node and box are, and how they are wired to one another."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from nansha.errors import NanshaError
from nansha_boards import NodeSpec

Output = Literal["A", "B", "C", "D"]
Signal = Literal["v", "i", "f", "x"]
OUTPUTS: tuple[Output, ...] = ("A", "B", "C", "D")


class _Strict(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


def analog_pins(spec: NodeSpec) -> dict[Signal, int]:
    """The converter pin of each analog input that a node has."""
    pins: dict[Signal, int | None]
    pins = {"v": spec.adc_v, "i": spec.adc_i, "f": spec.adc_f, "x": spec.adc_x}
    return {signal: pin for signal, pin in pins.items() if pin is not None}


class Calibration(_Strict):
    """What is at the node's pin for what the DAC was asked to give: gain x asked + offset."""

    gain: float = Field(default=1.0, ge=0.8, le=1.2)
    """Slope."""
    offset_mv: float = Field(default=0.0, ge=-100.0, le=100.0)
    """What is there when nothing is asked, mV."""


class BenchNode(_Strict):
    """One node on the bench and the box beside it."""

    node_port: str = Field(min_length=1)
    """Serial port of the node's link: a device file or any pyserial URL."""
    box_port: str = Field(min_length=1)
    """Serial port of the box."""
    # A DAC at 5 V could put more on an input than a 3.3 V chip survives.
    dac_supply_mv: float = Field(default=3300.0, ge=2700.0, le=3600.0)
    """Supply of the DAC as measured, its full scale, mV."""
    wires: dict[Output, Signal] = {"A": "v", "B": "i", "C": "f", "D": "x"}
    """DAC output to the node's analog input."""
    calibration: dict[Signal, Calibration] = {}
    """By analog input; ideal where none is given."""

    @field_validator("wires")
    @classmethod
    def _each_once(cls, wires: dict[Output, Signal]) -> dict[Output, Signal]:
        for signal in wires.values():
            outputs = [output for output, to in wires.items() if to == signal]
            if len(outputs) > 1:
                raise ValueError(f"{signal!r} hangs on {' and '.join(outputs)}: give it one wire")
        return wires

    def check(self, spec: NodeSpec, where: str) -> None:
        """Raises NanshaError where this node cannot be on this bench."""
        if spec.link != "serial":
            raise NanshaError(
                "a node on the bench is reached by its serial line, this one speaks MQTT",
                where,
                'link = { kind = "serial", … } in the site file',
            )
        lacking = [signal for signal in analog_pins(spec) if signal not in self.wires.values()]
        if lacking:
            raise NanshaError(
                f"no DAC output is wired to {', '.join(lacking)}",
                f"{where}.wires",
                "name one for each analog input of the node",
            )


class _File(_Strict):
    node: dict[str, BenchNode]
    """By asset."""


def load_bench(path: Path) -> Mapping[str, BenchNode]:
    """The nodes of a bench file, by asset. NanshaError on anything that is wrong with it."""
    try:
        data = tomllib.loads(path.read_text())
    except OSError as error:
        raise NanshaError(
            f"cannot be read: {error.strerror}", str(path), "name another with --bench"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise NanshaError(f"is no TOML: {error}", str(path)) from None
    try:
        return _File.model_validate(data).node
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            place = ".".join(str(part) for part in problem["loc"] if part != "[key]")
            text = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{path}: {place}: {text[:1].lower()}{text[1:]}")
        raise NanshaError("\n".join(lines)) from None


def available(path: Path | None) -> str | None:
    """Why there is no bench here, as one line; None if there is one. Opens no port."""
    if path is None:
        return "no bench file is given: name one with --bench FILE, docs/bench.md says how"
    try:
        nodes = load_bench(path)
    except NanshaError as error:
        return str(error)
    for asset, node in nodes.items():
        for name, port in (("node_port", node.node_port), ("box_port", node.box_port)):
            if "://" not in port and not Path(port).exists():
                return (
                    f"{path}: node.{asset}.{name}: there is no port {port}; "
                    "plug it in, or see `nansha doctor` for the ports here"
                )
    return None
