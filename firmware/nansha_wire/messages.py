"""The one table of messages: id, name, way, struct format, fields with their units.

Every frame is a header, a body and, for a command, a tag (see `auth`). `docs/wire.md` is generated
from this table, so that the page and the code cannot disagree. Signs are bus injection: + delivers
power into the site's bus, - draws it.
"""

import struct
from collections import namedtuple

VERSION = 1
MAX_FRAME = 240  # bytes, so that COBS needs no second block and a chip no second buffer

UP = "node to host"
DOWN = "host to node"

IDENTITY, TELEMETRY, ACK, EVENT = 1, 2, 3, 4
SETPOINT, CONTINGENCY, TIME = 16, 17, 18

# A row: (id, name, way, struct format or None for JSON, ((field, what it means), ...))
TABLE = (
    (
        IDENTITY,
        "identity",
        UP,
        None,
        (
            ("site", "the site's id"),
            ("asset", "the asset's id"),
            ("role", "pv, battery, load, poi or ev_charger"),
            ("board", "the board's name"),
            ("fw", "firmware version"),
            ("boot_id", "number of this boot, never used twice"),
            ("reset", "why it booted: machine.reset_cause()"),
        ),
    ),
    (
        TELEMETRY,
        "telemetry",
        UP,
        "<IiIiHhiIIBBIHI",
        (
            ("boot_id", "number of this boot"),
            ("p_w", "active power, W"),
            ("v_mv", "RMS voltage at the terminals, mV (poi: on the grid's side)"),
            ("i_ma", "signed active current per phase, mA"),
            ("f_mhz", "frequency, mHz; 0 on a dead bus"),
            ("x", "battery: state of charge, per mille; pv: irradiance, W/m2; else 0"),
            ("p_set_w", "the power the node is holding to now, W"),
            ("lease_left_ms", "what is left of the lease, ms; 0 when lapsed"),
            ("counter", "counter of the last command accepted"),
            ("flags", "bits: 1 closed, 2 lease, 4 alert, 8 input, 16 armed, 32 tripped, 64 fast"),
            ("reason", "why the output is what it is"),
            ("relay_ops", "relay operations since boot"),
            ("dropped", "events dropped since boot"),
            ("heap_free", "free heap after the last collection, bytes"),
        ),
    ),
    (
        ACK,
        "acknowledgement",
        UP,
        "<IBi",
        (
            ("counter", "the command's counter"),
            ("result", "what the node did with it"),
            ("p_set_w", "the power the node holds to now, W"),
        ),
    ),
    (
        EVENT,
        "event",
        UP,
        "<IIIIBi",
        (
            ("boot_id", "number of this boot"),
            ("number", "counts the events of this boot, from 1"),
            ("oldest", "number of the oldest event that the node still holds"),
            ("at_ms", "node clock when it happened, ms"),
            ("code", "what happened"),
            ("value", "its detail"),
        ),
    ),
    (
        SETPOINT,
        "setpoint",
        DOWN,
        "<IIiBI",
        (
            ("counter", "never goes back"),
            ("seen_ms", "node clock of the telemetry that this answers, ms"),
            ("p_w", "power to hold, W; pv and ev_charger: the limit"),
            ("closed", "1: relay closed, 0: open"),
            ("lease_ms", "valid for so long after seen_ms, ms"),
        ),
    ),
    (
        CONTINGENCY,
        "contingency",
        DOWN,
        "<IIBHHI",
        (
            ("counter", "never goes back"),
            ("seen_ms", "node clock of the telemetry that this answers, ms"),
            (
                "armed",
                "1: shed by itself, below f_mhz or in a sag below half the voltage; 0: not",
            ),
            ("f_mhz", "frequency that fires it, mHz"),
            ("delay_ms", "for so long, ms"),
            ("valid_ms", "valid for so long after seen_ms, ms"),
        ),
    ),
    (
        TIME,
        "time",
        DOWN,
        "<IIQI",
        (
            ("counter", "never goes back"),
            ("seen_ms", "node clock of the telemetry that this answers, ms"),
            ("unix_ms", "the host's clock, ms since 1970 UTC"),
            ("events_seen", "number up to which the host holds this boot's events"),
        ),
    ),
)

COMMANDS = (SETPOINT, CONTINGENCY, TIME)
FORMATS = {row[0]: row[3] for row in TABLE if row[3] is not None}
SIZES = {ident: struct.calcsize(fmt) for ident, fmt in FORMATS.items()}


def _fields(ident: int) -> tuple:
    for row in TABLE:
        if row[0] == ident:
            return tuple(name for name, _ in row[4])
    raise ValueError(ident)


Telemetry = namedtuple("Telemetry", _fields(TELEMETRY))
Ack = namedtuple("Ack", _fields(ACK))
Event = namedtuple("Event", _fields(EVENT))
Setpoint = namedtuple("Setpoint", _fields(SETPOINT))
Contingency = namedtuple("Contingency", _fields(CONTINGENCY))
Time = namedtuple("Time", _fields(TIME))

TYPES = {
    TELEMETRY: Telemetry,
    ACK: Ack,
    EVENT: Event,
    SETPOINT: Setpoint,
    CONTINGENCY: Contingency,
    TIME: Time,
}
