"""Long random lives: what must hold after every step, and the very same decisions everywhere."""

import hashlib

from dual_kit import ASSETS, eq
from walk import Walk, checked

STEPS = 20000

# sha256 of every decision of 20 000 random steps. A changed hash means changed decisions: look at
# why before you write the new one down (`python tests/dual/write_golden.py` prints them).
GOLDEN = {
    "poi": "629ddf451002d893f0e5ed8430c288793bb6dc430b606870dc176ff84f0dd559",
    "pv_roof": "0f4841cda189d0794d77ae195a8047c72a1aa585dbeb84fbccbe7322a39f6765",
    "battery": "59920cd46648cd6941f008a5e48bcc864541787dfd911f0206f073e45e094320",
    "load_critical": "6eacd411ac75d0c4f795fe873dafdcacb84fc847e556cc3787fe9f2923c9d58a",
    "load_priority": "ef4a0426fd5e1a3884ee5d5689014b4167a69d9c6bc040cab67147cae1a0324b",
    "load_interruptible": "1545313f24099b713b85ae097b192bbd73352479a785accd8ae0e6c1a51d0bde",
    "ev_charger": "673970dc4905f96beb56435ab39ac6fecd9fb2bfc70283dfb9ec78464d60d5c9",
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
