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
    "load_critical": "162a4283f62cab4c99efb0b8a293d5cbd5e3b7913c211f518a4ae3a04b8a9ff2",
    "load_priority": "e0046a4ce4b1343de1097965618f54421d00af5062cd64a941777d1344614ef7",
    "load_interruptible": "b7ff5d7a87e60c37fde4d4de4de3f71869c7da6273ade85c83379e0db82a1384",
    "ev_charger": "498c508b91da1562c9d705352ec3da55712bcbac8b6fe004b5726f5e8983cfa9",
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
