"""Well-formed commands that no node may obey: without the key, or beyond its bounds."""

from __future__ import annotations

import random

from nansha_boards import NodeSpec
from nansha_wire import frames
from nansha_wire import messages as m
from nansha_wire.auth import Key
from nansha_wire.serial import Deframer, pack

FORGERIES = 20


def forged_setpoints(spec: NodeSpec, heard: list[bytes], luck: random.Random) -> list[bytes]:
    """Setpoints under a wrong key, made from what was heard: right node, counters just ahead.

    heard: line bytes of earlier commands to this node. Half ask for all the power the node has, the
    other way round; half turn its contact over. Raises nothing: without anything heard they start
    at counter 1.
    """
    counter, seen_ms, t_ms, boot_id = 0, 0, 0, 0
    for data in heard:
        for frame in Deframer().feed(data):
            command = frames.decode(frame)
            counter = max(counter, command.body.counter)
            seen_ms, t_ms = command.body.seen_ms, command.t_ms
    key = Key(bytes(luck.randrange(256) for _ in range(32)))
    made = []
    for number in range(1, FORGERIES + 1):
        power_w = spec.min_w if number % 2 else spec.max_w
        values = (counter + number, seen_ms, power_w, number // 2 % 2, 10_000)
        frame = frames.encode_command(m.SETPOINT, spec.node_id, number, t_ms, values, key, boot_id)
        made.append(pack(frame))
    return made


def excessive_setpoints(spec: NodeSpec, heard: list[bytes], key: Key) -> list[bytes]:
    """Setpoints under the right key for twice the power that a node may command.

    heard: line bytes of the node's telemetry; the last one's clock, boot and counter are used, so
    that nothing but the power is wrong. Nothing heard: nothing is made.
    """
    last = None
    for data in heard:
        for raw in Deframer().feed(data):
            frame = frames.decode(raw)
            if frame.ident == m.TELEMETRY:
                last = frame
    if last is None:
        return []
    power_w = 2 * (spec.min_w if spec.min_w < 0 else spec.max_w)
    return [
        pack(
            frames.encode_command(
                m.SETPOINT,
                spec.node_id,
                number,
                last.t_ms,
                (last.body.counter + number, last.t_ms, power_w, 1, 10_000),
                key,
                last.body.boot_id,
            )
        )
        for number in range(5, 5 + FORGERIES)
    ]
