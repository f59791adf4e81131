"""The numbers that stand for words on the wire. A number, once used, keeps its meaning."""

# Why a node's output is what it is.
REASONS = (
    "setpoint",  # 0 the host's setpoint is obeyed
    "boot",  # 1 safe outputs, nothing decided yet
    "fallback",  # 2 no valid lease: the role's own rule
    "frequency",  # 3 frequency-watt or droop holds the power back
    "trip",  # 4 a protection element has opened the relay
    "reconnect",  # 5 waiting until the bus has been healthy long enough
    "shed",  # 6 under-frequency step of the load's tier
    "armed",  # 7 the contingency that the host armed has fired
    "hold",  # 8 the relay's minimum on or off time
    "soc",  # 9 the battery's window
    "unplugged",  # 10 no car
    "sync",  # 11 waiting for the synchronism check
    "sensor",  # 12 a reading that cannot be true
    "open",  # 13 the host commands the relay open
)
SETPOINT, BOOT, FALLBACK, FREQUENCY, TRIP, RECONNECT, SHED = 0, 1, 2, 3, 4, 5, 6
ARMED, HOLD, SOC, UNPLUGGED, SYNC, SENSOR, OPEN = 7, 8, 9, 10, 11, 12, 13

# What a node did with a command.
RESULTS = (
    "accepted",  # 0
    "forged",  # 1 the tag does not match: wrong key, wrong boot or changed on the way
    "repeated",  # 2 the counter is not above the last one accepted
    "late",  # 3 it answers a telemetry that is too old, or from the future
    "out_of_bounds",  # 4 the node's own bounds forbid it
    "unknown",  # 5 no such message in this version, or not a command
)
ACCEPTED, FORGED, REPEATED, LATE, OUT_OF_BOUNDS, UNKNOWN = 0, 1, 2, 3, 4, 5

# What happened at a node.
EVENTS = (
    "boot",  # 0 value: reset cause
    "trip",  # 1 value: index of the protection element
    "trip_cleared",  # 2
    "relay_opened",  # 3 value: reason
    "relay_closed",  # 4 value: reason
    "lease_lost",  # 5
    "lease_gained",  # 6
    "command_refused",  # 7 value: result
    "sensor_fault",  # 8 value: channel
    "flash_fault",  # 9 the boot counter could not be kept
    "events_dropped",  # 10 value: how many
)
(
    EV_BOOT,
    EV_TRIP,
    EV_TRIP_CLEARED,
    EV_OPENED,
    EV_CLOSED,
    EV_LEASE_LOST,
    EV_LEASE_GAINED,
    EV_REFUSED,
    EV_SENSOR,
    EV_FLASH,
    EV_DROPPED,
) = range(11)

# Bits of a telemetry's flags.
FLAG_CLOSED = 1
FLAG_LEASE = 2
FLAG_ALERT = 4
FLAG_INPUT = 8
FLAG_ARMED = 16
FLAG_TRIPPED = 32
FLAG_FAST = 64
