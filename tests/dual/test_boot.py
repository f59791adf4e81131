"""From reset to the loop, and out of it: whatever fails, the outputs are safe and it starts anew.

`nansha_node.boot` runs on import; board, secret and hardware are put in its way.
"""

import sys

from dual_kit import Cfg, FakeHardware, eq


class Reset(BaseException):
    """What machine.reset() is here: nothing runs after it."""


class _Module:
    pass


class _Uart:
    def any(self):
        return 0

    def write(self, data):
        return len(data)


def _boot(asset, prepare, asked=False):
    """Import boot anew with a board of its own; the hardware after it has reset."""
    made = []

    class Hardware(FakeHardware):
        def __init__(self, cfg):
            FakeHardware.__init__(self, cfg)
            made.append(self)
            self.log = []
            prepare(self)

        def uart(self):
            return _Uart()

        def reset(self):
            self.resets += 1
            raise Reset

    hardware = _Module()
    hardware.Hardware = Hardware
    secret = _Module()
    secret.KEY = b"k" * 32
    store = _Module()
    store.next_boot_id = lambda: (5, True)
    store.service_asked_for = lambda: asked
    store.ask_for_service = lambda: made[0].log.append("service")
    puts = {
        "board": Cfg(asset),
        "secret": secret,
        "nansha_node.hardware": hardware,
        "nansha_node.store": store,
    }
    kept = {name: sys.modules.get(name) for name in puts}
    if not hasattr(sys, "print_exception"):
        sys.print_exception = lambda error: None
    sys.modules.update(puts)
    sys.modules.pop("nansha_node.boot", None)
    try:
        __import__("nansha_node.boot")
    except Reset:
        pass
    finally:
        sys.modules.pop("nansha_node.boot", None)
        for name, module in kept.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module
    return made[0]


def _fail_after(count, error):
    def prepare(hw):
        left = [count]
        read = hw.read

        def failing():
            left[0] -= 1
            if left[0] < 0:
                raise error
            return read()

        hw.read = failing

    return prepare


def test_any_failure_ends_in_safe_outputs_and_a_reset():
    for asset in ("battery", "load_critical", "load_priority", "poi"):
        for error in (ValueError("x"), MemoryError(), OSError(5), ZeroDivisionError()):
            hw = _boot(asset, _fail_after(100, error))
            eq(hw.written, (hw.cfg.CONTACT_NC == 1, 0), asset)
            eq(hw.resets, 1)
            assert hw.feeds >= 99
            # A pause before the next boot's write to flash: safe, and no feeding.
            eq(hw.pauses, [(5, hw.written, hw.feeds)])


def test_an_interrupt_asks_for_service_from_safe_outputs():
    hw = _boot("battery", _fail_after(20, KeyboardInterrupt()))
    eq((hw.written, hw.resets, hw.log), ((False, 0), 1, ["service"]))
    eq(hw.pauses, [])


def test_in_service_nothing_runs_and_no_watchdog_waits():
    for asset in ("battery", "load_critical"):
        hw = _boot(asset, lambda hw: None, asked=True)
        eq((hw.resets, hw.feeds, hw.watching), (0, 0, False), asset)


def test_the_watchdog_waits_from_the_first_round_on():
    hw = _boot("battery", _fail_after(1, ValueError("x")))
    assert hw.watching


def test_a_node_that_fails_at_once_is_safe():
    def prepare(hw):
        hw.ticks_ms = lambda: 1 // 0

    hw = _boot("load_critical", prepare)
    eq((hw.written, hw.resets), ((True, 0), 1))
    eq(hw.pauses, [(5, (True, 0), 0)])


def test_who_presses_a_key_in_the_pause_gets_service():
    def prepare(hw):
        _fail_after(20, ValueError("x"))(hw)
        hw.pause = _interrupted

    hw = _boot("battery", prepare)
    eq((hw.written, hw.resets, hw.log), ((False, 0), 1, ["service"]))


def test_outputs_that_fail_do_not_keep_a_node_from_starting_anew():
    def prepare(hw):
        hw.write = lambda closed, power_w: 1 // 0

    eq(_boot("battery", prepare).resets, 1)


def _interrupted(seconds):
    raise KeyboardInterrupt
