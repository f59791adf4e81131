"""The node's shell: one loop that looks, decides, acts, speaks and waits.

One loop and no tasks: a superloop has one order of events on every board, wakes once a period, and
its worst case is the sum of its parts. Hardware and link come in from outside, so the same loop
runs under tests, on the rig and on a chip.
"""

import gc
import struct

from nansha_node import FIRMWARE
from nansha_node.alive import Alive
from nansha_node.commands import handle
from nansha_node.control import step
from nansha_node.outbox import Outbox
from nansha_node.scaling import power_w
from nansha_node.state import State
from nansha_wire import codes, frames
from nansha_wire import messages as m
from nansha_wire.ticks import diff_ms

RESEND_MS = 2000  # unconfirmed events go out again
COLLECT_MS = 60000  # a garbage collection in calm, rather than whenever the heap is full
FAST_TELEMETRY_MS = 200
# MicroPython has no struct.error: some versions raise OverflowError, older ones cut the value off.
_TOO_BIG = (getattr(struct, "error", ValueError), OverflowError)


class App:
    """A node. `hw` is the board, `link` the way to the host, `cfg` the generated board.py."""

    def __init__(self, cfg, hw, link, key, boot_id, flash_ok):
        now = hw.ticks_ms()
        self.cfg = cfg
        self.hw = hw
        self.link = link
        self.key = key
        self.state = State(cfg)
        self.state.boot_id = boot_id
        self.outbox = Outbox(boot_id)
        self.outbox.add(now, codes.EV_BOOT, hw.reset_cause)
        if not flash_ok:
            self.outbox.add(now, codes.EV_FLASH, 0)
        self.alive = Alive(
            {
                "link": 3 * cfg.CALM_MS,  # what came in has been read and obeyed
                "control": 3 * cfg.CALM_MS,  # the outputs of a step have been written
                "telemetry": 3 * max(cfg.CALM_MS, cfg.TELEMETRY_MS),  # said, or nobody to hear
            },
            now,
        )
        self.refused = 0  # bits of the results told since a command was last accepted
        self.seq = 0
        self.identified = -1  # the link's session in which the identity has been sent
        self.inputs = None
        self.control_ms = now
        self.telemetry_ms = now
        self.resend_ms = now
        self.collect_ms = now
        self.heap_free = 0
        self._collect()

    def turn(self):
        """One round: commands in, one step if it is due, messages out, wait."""
        now = self.hw.ticks_ms()
        acted = self._hear(now)
        alerted = self.hw.alerted()
        if acted or alerted or diff_ms(now, self.control_ms) >= 0:
            self._control(now, alerted)
        self._speak(now)
        if diff_ms(now, self.collect_ms) >= 0 and self.state.fast_left_ms == 0:
            self._collect()
            self.collect_ms = now + COLLECT_MS
        if self.alive.all_well(now):
            self.hw.feed()
        self.hw.wait(max(0, min(diff_ms(self.control_ms, now), self.link.due_ms(now))))

    def _hear(self, now):
        """Obey what came in. True when a command was accepted, so that it acts now."""
        acted = False
        for data in self.link.receive(now):
            try:
                frame = frames.decode(data)
            except frames.FrameError:
                continue
            self.state, result = handle(self.cfg, self.state, frame, self.key, now)
            if result is None:
                continue
            if result == codes.ACCEPTED:
                self.refused = 0
                if frame.ident == m.TIME:
                    self.outbox.held(self.state.events_seen)
                else:
                    acted = True
            elif frame.ident in m.COMMANDS:
                self._refuse(now, result)
            if frame.ident in m.COMMANDS:
                self._send(m.ACK, now, (frame.body.counter, result, self.state.p_set_w))
        self.alive.report("link", now)
        return acted

    def _refuse(self, now, result):
        """Tell of a refused command once a result, until a command is accepted: what comes in must
        not push other events out. A repeated one is no event: links deliver twice and out of order.
        """
        if result != codes.REPEATED and not self.refused >> result & 1:
            self.refused |= 1 << result
            self.outbox.add(now, codes.EV_REFUSED, result)

    def _control(self, now, alerted):
        self.inputs = self.hw.read()
        if alerted:
            self.inputs.alert = True  # however short it was
        was_fast = self.state.fast_left_ms > 0
        self.state, out = step(self.cfg, self.state, self.inputs, now)
        self.hw.write(out.closed, out.power_w)
        self.alive.report("control", now)
        for code, value in out.events:
            self.outbox.add(now, code, value)
            if code == codes.EV_LEASE_GAINED:
                self.identified = -1  # a host that comes to a running node wants to know it too
        if out.period_ms < self.cfg.CALM_MS and not was_fast:
            self.telemetry_ms = now  # the host should see the first sign too
        # Due times stand on the period's grid: a command in between does not shift it.
        self.control_ms = now - now % out.period_ms + out.period_ms

    def _speak(self, now):
        if not self.link.up:
            # Due as soon as there is somebody to hear: a clock left standing for a week would wrap.
            self.telemetry_ms = self.resend_ms = now
            self.alive.report("telemetry", now)
            return
        if self.identified != self.link.session:
            self.identified = self.link.session
            self.link.send(
                frames.encode_identity(self.cfg.NODE_ID, self._next(), now, self._facts())
            )
            self.outbox.again()
        if self.outbox.waiting():
            if diff_ms(now, self.resend_ms) >= 0:
                self.outbox.again()
                self.resend_ms = now + RESEND_MS
            for event in self.outbox.unsent():
                self._send(m.EVENT, now, event)
        else:
            self.resend_ms = now
        if diff_ms(now, self.telemetry_ms) >= 0 and self.inputs is not None:
            self._telemetry(now, self.inputs)
            self.alive.report("telemetry", now)
            fast = self.state.fast_left_ms > 0
            period = FAST_TELEMETRY_MS if fast else self.cfg.TELEMETRY_MS
            self.telemetry_ms = now - now % period + period

    def _telemetry(self, now, i):
        s = self.state
        flags = (
            (codes.FLAG_CLOSED if s.closed else 0)
            | (codes.FLAG_LEASE if s.lease_left_ms else 0)
            | (codes.FLAG_ALERT if i.alert else 0)
            | (codes.FLAG_INPUT if i.flag else 0)
            | (codes.FLAG_ARMED if s.armed_left_ms else 0)
            | (codes.FLAG_TRIPPED if s.trip >= 0 else 0)
            | (codes.FLAG_FAST if s.fast_left_ms else 0)
        )
        self._send(
            m.TELEMETRY,
            now,
            (
                s.boot_id,
                power_w(self.cfg, i.v_mv, i.i_ma),
                i.v_mv,
                i.i_ma,
                i.f_mhz,
                i.x,
                s.power_w,
                s.lease_left_ms,
                s.counter,
                flags,
                s.reason,
                s.relay_ops,
                min(self.outbox.dropped, 0xFFFF),
                self.heap_free,
            ),
        )

    def _facts(self):
        cfg = self.cfg
        return {
            "site": cfg.SITE,
            "asset": cfg.ASSET,
            "role": cfg.ROLE,
            "board": cfg.BOARD,
            "fw": FIRMWARE,
            "boot_id": self.state.boot_id,
            "reset": self.hw.reset_cause,
        }

    def _send(self, ident, now, values):
        try:
            frame = frames.encode(ident, self.cfg.NODE_ID, self._next(), now, values)
        except _TOO_BIG:
            return  # a value that does not fit: better no telemetry than a wrong one
        self.link.send(frame)

    def _next(self):
        self.seq = (self.seq + 1) & 0xFFFF
        return self.seq

    def _collect(self):
        gc.collect()
        if hasattr(gc, "mem_free"):
            self.heap_free = gc.mem_free()  # pyright: ignore[reportAttributeAccessIssue]
