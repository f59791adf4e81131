"""A node's heap after hours is its heap after one hour. Counts bytes where the interpreter can."""

import gc

from dual_kit import BOOT, KEY, Cfg, FakeHardware, FakeLink, Lcg, command, eq, healthy

from nansha_node.app import App
from nansha_wire import messages as m

HOUR_MS = 3600000
HOURS = 8
# After a collection a still node frees the same bytes each time, but what the moment holds (an
# event on its way, a number that has just outgrown a small int) differs: a few small objects.
# A leak of one block (32 bytes here, 16 on a chip) an event or a minute would be 15 kB a night.
TOLERANCE_BYTES = 1024


class _Quiet(FakeLink):
    """Counts what is sent and keeps nothing."""

    count = 0

    def send(self, frame):
        self.count += 1


def _hours(asset, hours):
    """Run; give back the free bytes after each hour."""
    cfg = Cfg(asset)
    hw, link = FakeHardware(cfg), _Quiet()
    hw.max_wait_ms = cfg.CALM_MS
    app = App(cfg, hw, link, KEY, BOOT, True)
    rnd = Lcg(31)
    calm, moved = healthy(cfg), healthy(cfg, f_mhz=cfg.F_NOM_MHZ + 40, v_mv=190000)
    free = []
    end = hw.now_ms
    for _ in range(hours):
        end += HOUR_MS
        while hw.now_ms < end:
            dice = rnd.bits(8)
            hw.inputs = (lambda: moved) if dice < 1 else (lambda: calm)
            if dice == 2:
                link.session += 1
            elif dice == 3:
                link.up = not link.up
            elif dice < 40:
                values = (app.state.counter + 1, hw.ticks_ms(), 0, 1, 60000)
                link.inbox.append(command(cfg, m.SETPOINT, values))
            elif dice < 60:
                values = (app.state.counter + 1, hw.ticks_ms(), 0, app.outbox._number)
                link.inbox.append(command(cfg, m.TIME, values))
            elif dice == 60:
                link.inbox.append(b"noise")
            app.turn()
        app.outbox.held(1 << 30)  # how many events wait is chance, not growth
        calm.alert = moved.alert = False
        gc.collect()
        free.append(gc.mem_free() if hasattr(gc, "mem_free") else 0)
    assert link.count > 1000 * hours
    return free


def test_free_memory_does_not_fall():
    hours = HOURS if hasattr(gc, "mem_free") else 1
    for asset in ("battery", "load_interruptible"):
        free = _hours(asset, hours)
        assert free[-1] >= free[0] - TOLERANCE_BYTES, free


def test_the_outbox_and_the_state_do_not_grow_without_a_host():
    cfg = Cfg("battery")
    hw, link = FakeHardware(cfg), _Quiet()
    link.up = False
    app = App(cfg, hw, link, KEY, BOOT, True)
    for turn in range(6000):
        hw.inputs = lambda turn=turn: healthy(cfg, v_mv=0 if turn % 100 > 50 else cfg.V_NOM_MV)
        hw.now_ms += 700
        app.turn()
    assert app.outbox.waiting() <= 32 and app.outbox.dropped > 20
    eq(link.count, 0)
