"""Firmware with one safety line removed, run through the suite: does the rig notice? `make hunt`.

Each mutant runs through the scenarios that put its line to use, until a verdict fails. Prints a
table of survivors and leaves out/hunt/mutants.json.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from nansha_hil.experiment import Experiment
from nansha_hil.scenario import load_scenario
from nansha_hil.side_by_side import side_by_side
from nansha_hil.vm import copy_firmware

ROOT = Path(__file__).resolve().parents[2]
SUITE = ROOT / "scenarios" / "suite"
OUT = ROOT / "out" / "hunt"
BAR = 0.95

CONTROL, ROLES = "nansha_node/control.py", "nansha_node/roles.py"
PROTECTION, COMMANDS = "nansha_node/protection.py", "nansha_node/commands.py"
AUTH, SERIAL, APP = "nansha_wire/auth.py", "nansha_wire/serial.py", "nansha_node/app.py"
ALONE = ("alone_swell", "alone_sag", "alone_frequency_low", "alone_frequency_high")

# (file, the line's text, what stands there instead, the scenarios that need the line)
MUTANTS = [
    (CONTROL, "if index >= 0 and state.trip < 0:", "if False:", ("grid_outage",)),
    (CONTROL, "    if state.trip >= 0:\n        return False, 0, codes.TRIP", "    pass", ALONE),
    (CONTROL, "AT_ONCE = (codes.TRIP, ", "AT_ONCE = (", ("trip_after_closing",)),
    (CONTROL, "codes.SENSOR, codes.SHED", "codes.SHED", ("opens_at_once",)),
    (CONTROL, "codes.SHED, codes.ARMED, ", "", ("opens_at_once",)),
    (CONTROL, "codes.ARMED, codes.UNPLUGGED)", "codes.ARMED)", ("opens_at_once",)),
    (CONTROL, "max(0, state.lease_left_ms - dt_ms)", "state.lease_left_ms",
     ("lease_expiry", "link_loss")),
    (CONTROL, "if dt_ms < 0 or dt_ms > MAX_DT_MS:", "if True:", ("boot", "grid_outage")),
    (CONTROL, "    if inputs.fault:\n        # Blind", "    if False:\n        # Blind",
     ("sensor_nan", "blind_pv", "blind_load")),
    (CONTROL, "        return False, 0, codes.SENSOR\n", "        pass\n", ("blind_pv",)),
    (CONTROL, 'if cfg.ROLE == "load":\n            return', "if False:\n            return",
     ("blind_load",)),
    (CONTROL, "and not _may_return(cfg, state, inputs):", "and False:",
     ("node_brownout", "reconnect")),
    (CONTROL, "if state.relay_left_ms > 0 and not at_once:", "if False:", ("relay_times",)),
    (CONTROL, "if closed else cfg.RELAY_MIN_OFF_MS", "if closed else 0", ("relay_times",)),
    (CONTROL, "if state.doubt_ms < DOUBT_MS:", "if True:", ("blind_load",)),
    (CONTROL, "state.healthy_ms = -1  #", "pass  #", ("over_current",)),
    (CONTROL, "state.healthy_ms >= cfg.RECONNECT_MS or", "True or", ("reconnect", "over_current")),
    (CONTROL, "if state.oc_trips >= OC_TRIPS:", "if False:", ("load_over_current",)),
    (CONTROL, "        and state.lease_left_ms > 0\n        and state.want_closed\n", "",
     ("dead_bus_alone",)),
    (CONTROL, "sure = state.doubt_ms < 0", "sure = True", ("blind_load_voltage",)),
    (CONTROL, "if armed and sure and state.armed_for_ms >= state.armed_delay_ms", "if False",
     ("overload",)),
    (CONTROL, "low and state.low_for_ms >= cfg.UF_DELAY_MS", "False",
     ("under_frequency_island",)),
    (CONTROL, "if state.restore_ms >= cfg.RESTORE_DELAY_MS:", "if False:",
     ("under_frequency_car",)),
    (CONTROL, "if state.restore_ms >= cfg.RESTORE_DELAY_MS:", "if True:",
     ("under_frequency_car",)),
    (PROTECTION, "if first < 0 <= held_ms and held_ms >= delay_ms:\n            first = index\n"
     "    return first\n\n\ndef restart_uv", "if False:\n            first = index\n"
     "    return first\n\n\ndef restart_uv", ALONE),
    (PROTECTION, "not -threshold <= inputs.i_ma", "not -9999999 <= inputs.i_ma",
     ("load_over_current",)),
    (PROTECTION, "<= inputs.i_ma <= threshold", "<= inputs.i_ma", ("over_current",)),
    (PROTECTION, "return inputs.v_mv < threshold", "return False", ("alone_sag", "grid_outage")),
    (PROTECTION, "return inputs.v_mv > threshold", "return False", ("alone_swell",)),
    (PROTECTION, "return inputs.f_mhz < threshold", "return False", ("alone_frequency_low",)),
    (PROTECTION, "return inputs.f_mhz > threshold", "return False", ("alone_frequency_high",)),
    (COMMANDS, "if not frame.vouched(key, state.boot_id):", "if False:", ("link_forged",)),
    (COMMANDS, "if body.counter <= state.counter:", "if False:",
     ("link_replay_fresh", "link_replay")),
    (COMMANDS, "if age_ms < 0 or age_ms > MAX_AGE_MS:", "if age_ms < 0:", ("commands_underway",)),
    (COMMANDS, "power_w < cfg.MIN_W or power_w > cfg.MAX_W or", "", ("host_of_another_site",)),
    (COMMANDS, "state.lease_left_ms = body.lease_ms - age_ms", "state.lease_left_ms = 60000",
     ("lease_expiry", "link_loss")),
    # The same line for PV is no safety line: its fallback is its rating, frequency-watt cuts it.
    (ROLES, "power_w, reason = cfg.FALLBACK_W, codes.FALLBACK",
     "power_w, reason = cfg.MIN_W, codes.FALLBACK", ("charger_alone",)),
    (ROLES, "    if not inputs.flag:\n        return False, 0, codes.UNPLUGGED", "    pass",
     ("opens_at_once",)),
    (ROLES, "if power_w > 0 and inputs.x <= cfg.SOC_MIN_PM:", "if False:",
     ("battery_empty_alone",)),
    (ROLES, "if power_w < 0 and inputs.x >= cfg.SOC_MAX_PM:", "if False:",
     ("battery_full_alone",)),
    (ROLES, "and not inputs.flag:\n        return False, 0, codes.SYNC", "and False:\n        pass",
     ("reconnect_alone",)),
    (ROLES, "power_w if low_mhz > 0 else -power_w", "-power_w if low_mhz > 0 else power_w",
     ("droop_alone",)),
    (ROLES, "if held_w < limit_w:", "if False:", ("frequency_watt",)),
    (AUTH, "wrong |= a ^ b", "pass", ("link_forged",)),
    # Without the boot in its tag the node would be deaf to the host: it takes the last boot's too.
    (COMMANDS, "not frame.vouched(key, state.boot_id)",
     "not (frame.vouched(key, state.boot_id) or frame.vouched(key, state.boot_id - 1))",
     ("link_replay_boot",)),
    (SERIAL, "if struct.unpack(", "if False and struct.unpack(", ("link_corruption",)),
    (APP, "if self.alive.all_well(now):", "if False:", ("boot",)),
]  # fmt: skip


def work(number: int) -> dict[str, Any]:
    """Run one mutant until a verdict fails."""
    file, old, new, scenarios = MUTANTS[number]
    result: dict[str, Any] = {"number": number, "file": file, "old": old, "new": new,
                              "found_by": None, "why": ""}  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        firmware = copy_firmware(Path(folder))
        text = (firmware / file).read_text()
        if text.count(old) != 1:
            result["why"] = f"its text is there {text.count(old)} times"
            return result
        (firmware / file).write_text(text.replace(old, new))
        for name in scenarios:
            path = SUITE / f"{name}.toml"
            try:
                run = Experiment(load_scenario(path), Path(folder) / name, firmware=firmware)
                verdicts = run.run()["verdicts"]
            except Exception as error:
                result.update(found_by=name, why=f"{type(error).__name__}: {error}")
                return result
            bad = [v for v in verdicts if v["outcome"] != "pass"]
            if bad:
                result.update(found_by=name, why=bad[0]["name"])
                return result
    return result


def told(result: dict[str, Any]) -> str:
    """A mutant in a line."""
    what = f"{result['file']}: {result['old'].strip()[:50]!r}"
    if result["found_by"]:
        return f"found    {what} by {result['found_by']}: {result['why'][:60]}"
    return f"SURVIVED {what} {result['why']}"


def main() -> int:
    """Run all; 1 when fewer than BAR are found."""
    OUT.mkdir(parents=True, exist_ok=True)
    results = []
    for result in side_by_side(work, range(len(MUTANTS))):
        results.append(result)
        print(f"{len(results):3}/{len(MUTANTS)} {told(result)}", flush=True)
    found = sum(result["found_by"] is not None for result in results)
    (OUT / "mutants.json").write_text(json.dumps(results, indent=1))
    print(f"{found} of {len(results)} mutants found; the bar is {100 * BAR:.0f} %")
    return 0 if found >= BAR * len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
