"""Long random lives: what must hold after every step, and the very same decisions everywhere."""

import hashlib

from dual_kit import ASSETS, eq
from walk import Walk, checked

STEPS = 20000

# sha256 of every decision of 20 000 random steps. A changed hash means changed decisions: look at
# why before you write the new one down (`python tests/dual/write_golden.py` prints them).
GOLDEN = {
    "poi": "99cadd2712e0a8705dcd15e8c2d6d5d10e7c923976d11efa56877d09431d904d",
    "pv_roof": "be4831b3cddcc1ac640595e81f332043d3ed4df7d7ea5bd7b1d4a45cab1bb298",
    "battery": "54402b97f76c2b02be2e0a4174896fc830b7f45d284574caaa3350f1febf2a79",
    "load_critical": "4844a29b5bb996264cce4927a707c65aa2ca8e0d21423e7bb6feeeca29cd92b0",
    "load_priority": "34ab648b09deaa6731101f0b3c1cdca3a296cde7eeadcc44f006959cad4aee55",
    "load_interruptible": "60bdda8cdd610aaff8d97a777ca79e3ec8f9316f499a03e80a83828cb0def745",
    "ev_charger": "f20af13c454d7a3a51ebf53edf4e30becfe4faf775e67ded353d9b63ee04e074",
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
