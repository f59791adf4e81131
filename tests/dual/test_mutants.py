"""Safety lines, broken one at a time: the dual tests must notice each. Under pytest only.

The golden hashes are left out: they notice any change at all and would prove nothing here.
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FIRMWARE = HERE.parents[1] / "firmware"
ASSETS = sorted(p.stem for p in (HERE / "dual_boards").glob("*.txt"))
MODULES = [
    "test_wire",
    "test_scaling",
    "test_protection",
    "test_commands",
    "test_roles",
    "test_control",
    "test_app",
    "test_boot",
    "test_links",
    "test_walk:" + ",".join(f"test_golden_{asset}" for asset in ASSETS),
]
NODE, WIRE = "nansha_node/", "nansha_wire/"

# (file, the line's text, what stands there instead)
MUTANTS = [
    (NODE + "control.py", "if index >= 0 and state.trip < 0:", "if False:"),
    (
        NODE + "control.py",
        "    if state.trip >= 0:\n        return False, 0, codes.TRIP",
        "    pass",
    ),
    (NODE + "control.py", "state.trip >= 0 and index < 0 and _may", "state.trip >= 0 and _may"),
    (NODE + "control.py", "AT_ONCE = (codes.TRIP, ", "AT_ONCE = ("),
    (NODE + "control.py", "codes.SHED, codes.ARMED, codes.UNPLUGGED)", "codes.ARMED)"),
    (NODE + "control.py", ", codes.UNPLUGGED)", ")"),
    (NODE + "control.py", "max(0, state.lease_left_ms - dt_ms)", "state.lease_left_ms"),
    (NODE + "control.py", "max(0, state.armed_left_ms - dt_ms)", "state.armed_left_ms"),
    (NODE + "control.py", "if dt_ms < 0 or dt_ms > MAX_DT_MS:", "if dt_ms > MAX_DT_MS:"),
    (
        NODE + "control.py",
        "    if inputs.fault:\n        # Blind",
        "    if False:\n        # Blind",
    ),
    (NODE + "control.py", "        return False, 0, codes.SENSOR\n", "        pass\n"),
    (
        NODE + "control.py",
        'if cfg.ROLE == "load":\n            return',
        "if False:\n            return",
    ),
    (NODE + "control.py", "and not _may_return(cfg, state, inputs):", "and False:"),
    (NODE + "control.py", "if not closed:\n        power_w = 0", "if False:\n        power_w = 0"),
    (NODE + "control.py", "if state.relay_left_ms > 0 and not at_once:", "if False:"),
    (NODE + "control.py", "if closed else cfg.RELAY_MIN_OFF_MS", "if closed else 0"),
    (NODE + "control.py", "healthy(cfg, inputs) and not inputs.fault", "healthy(cfg, inputs)"),
    (NODE + "control.py", "if state.doubt_ms < DOUBT_MS:", "if True:"),
    (NODE + "control.py", "        and state.want_closed\n", ""),
    (NODE + "control.py", "        and state.lease_left_ms > 0\n", ""),
    (NODE + "control.py", 'cfg.ROLE == "battery"\n', "True\n"),
    (NODE + "control.py", "        and not state.short\n", ""),
    (NODE + "control.py", "if state.oc_trips >= OC_TRIPS:", "if False:"),
    (NODE + "control.py", "if state.oc_left_ms > 0 else 1", "if True else 1"),
    (NODE + "control.py", "state.short = protection.over_current(cfg", "state.short = bool(cfg"),
    (NODE + "protection.py", 'kind == "oc" and violated_ms[index] >= 0', "False"),
    (NODE + "control.py", "and state.armed_for_ms >= state.armed_delay_ms", "and True"),
    (NODE + "control.py", "low and state.low_for_ms >= cfg.UF_DELAY_MS", "low"),
    (NODE + "control.py", "if state.restore_ms >= cfg.RESTORE_DELAY_MS:", "if True:"),
    (NODE + "control.py", "armed = state.armed_left_ms > 0 and", "armed = True and"),
    (NODE + "control.py", "below = falling or (", "below = ("),
    (NODE + "control.py", "(not state.dead or state.armed_for_ms >= 0)", "True"),
    (NODE + "control.py", "if armed and sure and", "if armed and"),
    (NODE + "roles.py", "codes.SETPOINT if state.want_closed else codes.OPEN", "codes.SETPOINT"),
    (
        NODE + "protection.py",
        "held_ms >= delay_ms:\n            first = index\n    return first\n\n\ndef restart_uv",
        "held_ms > delay_ms:\n            first = index\n    return first\n\n\ndef restart_uv",
    ),
    (NODE + "protection.py", "if held_ms >= 0 else 0", "if held_ms >= 0 else dt_ms"),
    (NODE + "protection.py", "not -threshold <= inputs.i_ma", "not -9999999 <= inputs.i_ma"),
    (NODE + "protection.py", "return inputs.v_mv < threshold", "return False"),
    (NODE + "protection.py", "    if inputs.fault & SENSOR_V:\n        return False\n", ""),
    (NODE + "protection.py", "inputs.v_mv < DEAD_BUS_MV or inputs.fault & SENSOR_F", "False"),
    (NODE + "protection.py", "<= inputs.v_mv <= cfg.V_OK_MV[1]", "<= inputs.v_mv"),
    (NODE + "commands.py", "if not frame.vouched(key, state.boot_id):", "if False:"),
    (NODE + "commands.py", "if body.counter <= state.counter:", "if body.counter < state.counter:"),
    (NODE + "commands.py", "if body.counter <= state.counter:", "if False:"),
    (NODE + "commands.py", "        state.counter = body.counter\n", "        pass\n"),
    (NODE + "commands.py", "if age_ms < 0 or age_ms > MAX_AGE_MS:", "if age_ms < 0:"),
    (NODE + "commands.py", "if age_ms < 0 or age_ms > MAX_AGE_MS:", "if age_ms > MAX_AGE_MS:"),
    (
        NODE + "commands.py",
        "power_w < cfg.MIN_W or power_w > cfg.MAX_W or",
        "power_w > cfg.MAX_W or",
    ),
    (
        NODE + "commands.py",
        "power_w < cfg.MIN_W or power_w > cfg.MAX_W or",
        "power_w < cfg.MIN_W or",
    ),
    (NODE + "commands.py", "if cfg.EV_MIN_W and power_w and", "if False and"),
    (NODE + "commands.py", "if body.lease_ms > MAX_LEASE_MS:", "if False:"),
    (NODE + "commands.py", "if body.lease_ms <= age_ms:", "if False:"),
    (
        NODE + "commands.py",
        "state.lease_left_ms = body.lease_ms - age_ms",
        "state.lease_left_ms = body.lease_ms",
    ),
    (NODE + "commands.py", "body.lease_ms - age_ms + since_ms", "body.lease_ms - age_ms"),
    (NODE + "commands.py", "body.valid_ms - age_ms + since_ms", "body.valid_ms - age_ms"),
    (NODE + "commands.py", "state.begun and 0 <= since_ms <= MAX_DT_MS", "True"),
    (NODE + "commands.py", "if frame.node != cfg.NODE_ID:", "if False:"),
    (NODE + "commands.py", "or body.valid_ms > MAX_LEASE_MS", ""),
    (NODE + "roles.py", "if power_w > 0 and inputs.x <= cfg.SOC_MIN_PM:", "if False:"),
    (NODE + "roles.py", "if power_w < 0 and inputs.x >= cfg.SOC_MAX_PM:", "if False:"),
    (
        NODE + "roles.py",
        "power_w if low_mhz > 0 else -power_w",
        "-power_w if low_mhz > 0 else power_w",
    ),
    (NODE + "roles.py", "return max(cfg.MIN_W, min(cfg.MAX_W, power_w))", "return power_w"),
    (NODE + "roles.py", "if held_w < limit_w:", "if False:"),
    (
        NODE + "roles.py",
        "if not inputs.flag:\n        return False, 0, codes.UNPLUGGED",
        "if False:\n        pass",
    ),
    (
        NODE + "roles.py",
        "and not inputs.flag:\n        return False, 0, codes.SYNC",
        "and False:\n        pass",
    ),
    (
        NODE + "roles.py",
        "(long_ms > 0 and state.healthy_ms >= long_ms)",
        "(state.healthy_ms >= long_ms)",
    ),
    (
        NODE + "roles.py",
        "limit_w, reason = cfg.FALLBACK_W, codes.FALLBACK",
        "limit_w, reason = cfg.RATED_W, codes.FALLBACK",
    ),
    (NODE + "scaling.py", "fault |= SENSOR_V", "pass"),
    (NODE + "scaling.py", "fault |= SENSOR_F", "pass"),
    (NODE + "app.py", "if self.alive.all_well(now):", "if True:"),
    (
        NODE + "app.py",
        '            self.alive.report("telemetry", now)\n            fast',
        "            fast",
    ),
    (NODE + "app.py", "self.refused |= 1 << result", "pass"),
    (NODE + "app.py", "result != codes.REPEATED and ", ""),
    (NODE + "app.py", "                self.refused = 0\n", ""),
    (NODE + "app.py", "self.outbox.held(self.state.events_seen)", "pass"),
    (NODE + "app.py", "            self.telemetry_ms = self.resend_ms = now\n", ""),
    (NODE + "app.py", "                    acted = True", "                    pass"),
    (NODE + "boot.py", "hardware.write(board.CONTACT_NC == 1, 0)", "pass"),
    (NODE + "boot.py", "        hardware.reset()", "        pass"),
    (NODE + "boot.py", "hardware.pause(CRASH_PAUSE_S)", "pass"),
    (NODE + "outbox.py", "if len(self._events) > CAPACITY:", "if False:"),
    (NODE + "link_mqtt.py", "if self._state != UP or self._pinged:", "if self._state != UP:"),
    (NODE + "link_mqtt.py", "if len(self._pending) + len(data) > MAX_PENDING:", "if False:"),
    (NODE + "link_mqtt.py", "except (OSError, mqtt.MqttError):", "except mqtt.MqttError:"),
    (NODE + "link_mqtt.py", "min(PAUSE_MAX_MS, 2 * self._pause_ms)", "self._pause_ms"),
    (NODE + "link_mqtt.py", "elif diff_ms(now_ms, self._asked_ms) >= RADIO_MS:", "elif False:"),
    (NODE + "link_mqtt.py", "            self._asked_ms = None\n", ""),
    (NODE + "link_serial.py", "self._pending = self._pending[sent:]", 'self._pending = b""'),
    (NODE + "mqtt.py", "if size > MAX_PACKET:", "if False:"),
    (WIRE + "auth.py", "wrong |= a ^ b", "pass"),
    (WIRE + "auth.py", "wrong = len(tag) ^ TAG_BYTES", "wrong = 0"),
    (WIRE + "auth.py", 'struct.pack("<I", boot_id) + data', "data"),
    (WIRE + "frames.py", "if size != want:", "if size < want:"),
    (WIRE + "serial.py", "if struct.unpack(", "if False and struct.unpack("),
    (WIRE + "serial.py", "if len(line) > _MAX_LINE or self._skipping:", "if False:"),
    (WIRE + "ticks.py", "(later - earlier + _HALF) & (PERIOD_MS - 1)", "(later - earlier + _HALF)"),
]


def _survives(folder: Path, path: str, old: str, new: str) -> str:
    """Run the dual tests on a broken copy; a line about it when they all pass, else nothing."""
    copy = folder / "firmware"
    shutil.copytree(FIRMWARE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    text = (copy / path).read_text()
    if text.count(old) != 1:
        return f"{path}: {text.count(old)} times in the file: {old!r}"
    (copy / path).write_text(text.replace(old, new))
    done = subprocess.run(
        [sys.executable, "-S", "-B", str(HERE / "run_on_vm.py"), *MODULES],
        cwd=folder,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": f"{copy}{os.pathsep}{HERE}"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return f"{path}: {old!r} -> {new!r}" if done.returncode == 0 else ""


def test_the_list_is_current() -> None:
    for path, old, new in MUTANTS:
        text = (FIRMWARE / path).read_text()
        assert text.count(old) == 1, (path, old)
        compile(text.replace(old, new), path, "exec")


@pytest.mark.soak
def test_no_mutant_survives(tmp_path: Path) -> None:
    jobs = []
    with ThreadPoolExecutor(max(1, os.cpu_count() or 1)) as pool:
        for number, mutant in enumerate(MUTANTS):
            folder = tmp_path / str(number)
            folder.mkdir()
            jobs.append(pool.submit(_survives, folder, *mutant))
        alive = [job.result() for job in jobs if job.result()]
    assert not alive, "\n".join([f"{len(alive)} of {len(MUTANTS)} mutants survive:", *alive])
