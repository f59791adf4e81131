"""Long random lives: what must hold after every step, and the very same decisions everywhere."""

import hashlib

from dual_kit import ASSETS, eq
from walk import Walk, checked

STEPS = 20000

# sha256 of every decision of 20 000 random steps. A changed hash means changed decisions: look at
# why before you write the new one down (`python tests/dual/write_golden.py` prints them).
GOLDEN = {
    "poi": "941aae0b2adb53276d03c66345c1df3f706ab4af1b80720e6ef89c80b4ddd8dc",
    "pv_roof": "36b2d6edcf25aabbb0aaed7c9f4304ac822213eda565fb3457d913c54e73851f",
    "battery": "738236d2ba8bf599af888bdee6a38b6f0fe74fdd72f7054c2548489765ea8df9",
    "load_critical": "4b636d8fafbff26c6d87b38d31d2515e4f87884f190e8be93c14dea0cb9ba096",
    "load_priority": "7299b811bd3cf7d6ac2784098c678ef4ac15d831a44c5940f5596df24fe2d35c",
    "load_interruptible": "0e352a319f6f8b15a09b7463336fb2aa24637742fd75272aa909bd946fe569ef",
    "ev_charger": "e515cb82735217a2f24c6b45fdb23c1737286df960b26b8d7d1114512ad66f7c",
}


def digest(asset, steps=STEPS):
    """The hash of a walk's decisions, as text."""
    walk = Walk(asset, 20260501)
    sha = hashlib.sha256()
    for _ in range(steps):
        walk.advance()
        sha.update(walk.line())
    return "".join(f"{b:02x}" for b in sha.digest())


def test_invariants_hold_in_every_role():
    for asset in ASSETS:
        for seed in (1, 2):
            checked(asset, seed, 5000)


def test_walks_meet_what_they_are_to_meet():
    """A walk that never trips, sheds or leases would prove nothing."""
    for asset in ASSETS:
        walk = Walk(asset, 3)
        seen = set()
        results = set()
        closed = 0
        for _ in range(6000):
            out = walk.advance()
            seen.add(out.reason)
            results.add(walk.result)
            closed += out.closed
        for reason in (0, 2, 4, 12):  # setpoint, fallback, trip, sensor
            ok = reason in seen or (reason == 0 and walk.cfg.ROLE in ("load",)) or asset == "poi"
            assert ok, (asset, reason, sorted(seen))
        assert {0, 1, 3, 4} <= results, (asset, sorted(results))
        assert closed > 100, (asset, closed)
        if walk.cfg.ROLE == "load":
            assert {6, 7} <= seen, (asset, sorted(seen))


def golden_test(asset):
    """One golden test, so that each role fails by its own name."""

    def test():
        eq(digest(asset), GOLDEN[asset], asset)

    return test


test_golden_poi = golden_test("poi")
test_golden_pv_roof = golden_test("pv_roof")
test_golden_battery = golden_test("battery")
test_golden_load_critical = golden_test("load_critical")
test_golden_load_priority = golden_test("load_priority")
test_golden_load_interruptible = golden_test("load_interruptible")
test_golden_ev_charger = golden_test("ev_charger")
