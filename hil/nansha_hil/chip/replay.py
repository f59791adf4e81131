"""The node's decisions again, from recorded inputs, on any interpreter: a hash a hundred steps.

A recording is a file of lines, so that a chip reads one at a time: `I v_mv i_ma f_mhz x alert flag
fault t_ms` is a look at the terminals, `F hex t_ms` a frame that came in. `PROGRAM` runs on
CPython, on the MicroPython VM and on a chip (from its file system); it prints, or sends over its
UART, one line a hundred looks: how many, and a SHA-256 over all decisions so far.
`recording_firmware` makes such a recording of a run of the rig, and the same hashes of what was
decided in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from nansha.errors import NanshaError
from nansha_hil.chip import flash
from nansha_hil.chip.build import Firmware
from nansha_hil.chip.rp2040 import Chip
from nansha_hil.vm import copy_firmware

EVERY = 100
RECORDING, SETTINGS, DECIDED = "recording.txt", "board.txt", "decided.txt"
_PATIENCE_US = 60_000_000.0

_DIGEST = '''
import hashlib

class Digest:
    """A hash over decisions, told every so many looks."""

    def __init__(self, say):
        self.say = say
        self.told = bytearray()
        self.hash = b""
        self.count = 0

    def result(self, result):
        self.told += repr(result).encode()

    def look(self, out, state):
        self.told += repr([int(out.closed), out.power_w, out.period_ms, out.reason, out.events,
            state.lease_left_ms, state.armed_left_ms, state.trip, state.shed, state.relay_ops,
            state.healthy_ms, state.restore_ms, state.counter]).encode()
        self.count += 1
        if self.count % EVERY == 0:
            sha = hashlib.sha256(self.hash)
            sha.update(self.told)
            self.hash = sha.digest()
            self.told = bytearray()
            self.say("%d %d %d %s" % (self.count, int(out.closed), out.power_w,
                "".join(["%02x" % b for b in self.hash])))
'''.replace("EVERY", str(EVERY))

PROGRAM = (
    _DIGEST
    + '''
from binascii import unhexlify
from nansha_node.commands import handle
from nansha_node.control import step
from nansha_node.state import Inputs, State
from nansha_wire import frames
from nansha_wire.auth import Key

class Cfg:
    pass

def replay(settings, lines, key, boot_id, say):
    """Decide `lines` again with the constants in the text `settings`."""
    names = {}
    exec(settings, names)
    cfg = Cfg()
    for name in names:
        if not name.startswith("_"):
            setattr(cfg, name, names[name])
    state = State(cfg)
    state.boot_id = boot_id
    key = Key(key)
    digest = Digest(say)
    for line in lines:
        parts = line.split()
        if parts[0] == "F":
            try:
                frame = frames.decode(unhexlify(parts[1]))
            except frames.FrameError:
                continue
            state, result = handle(cfg, state, frame, key, int(parts[2]))
            digest.result(result)
            continue
        v, i, f, x, alert, flag, fault, t_ms = [int(part) for part in parts[1:]]
        inputs = Inputs(v, i, f, x, bool(alert), bool(flag), fault)
        state, out = step(cfg, state, inputs, t_ms)
        digest.look(out, state)
'''
)

_RECORDER = (
    _DIGEST
    + """
from binascii import hexlify
import nansha_node.app as app
from nansha_wire import frames

_lines = open("RECORDING", "w")
_decided = open("DECIDED", "w")
_digest = Digest(lambda text: _decided.write(text + "\\n"))
_decode, _handle, _step = frames.decode, app.handle, app.step
_raw = b""

def decode(data):
    global _raw
    _raw = bytes(data)
    return _decode(data)

def handle(cfg, state, frame, key, now):
    _lines.write("F %s %d\\n" % (hexlify(_raw).decode(), now))
    state, result = _handle(cfg, state, frame, key, now)
    _digest.result(result)
    return state, result

def step(cfg, state, i, now):
    _lines.write("I %d %d %d %d %d %d %d %d\\n" % (
        i.v_mv, i.i_ma, i.f_mhz, i.x, i.alert, i.flag, i.fault, now))
    state, out = _step(cfg, state, i, now)
    _digest.look(out, state)
    return state, out

frames.decode, app.handle, app.step = decode, handle, step
"""
)

_ON_CHIP = """
from machine import UART, Pin
uart = UART(0, 921600, tx=Pin(0), rx=Pin(1), txbuf=512)
with open({recording!r}) as lines, open({settings!r}) as settings:
    replay(settings.read(), lines, {key!r}, {boot_id}, lambda text: uart.write(text + "\\n"))
uart.write("end\\n")
while True:
    pass
"""


def recording_firmware(folder: Path) -> Path:
    """Our firmware in `folder`, and it notes its inputs and decisions beside its board.py.

    In RECORDING and DECIDED, of its last boot; for boards that run in the MicroPython VM.
    """
    firmware = copy_firmware(folder)
    text = _RECORDER.replace("RECORDING", RECORDING).replace("DECIDED", DECIDED)
    (firmware / "recorder.py").write_text(text)
    boot = firmware / "nansha_node" / "boot.py"
    boot.write_text(boot.read_text().replace("\nmain()\n", "\nimport recorder\n\nmain()\n"))
    return firmware


def here(settings: str, lines: Iterable[str], key: bytes, boot_id: int) -> list[str]:
    """What the program says on this interpreter."""
    names: dict[str, Callable[..., None]] = {}
    exec(PROGRAM, names)
    said: list[str] = []
    names["replay"](settings, lines, key, boot_id, said.append)
    return said


def on_chip(
    firmware: Firmware, settings: str, lines: Iterable[str], key: bytes, boot_id: int
) -> list[str]:
    """What the program says on an emulated RP2040, our packages frozen into its image."""
    program = PROGRAM + _ON_CHIP.format(
        recording=RECORDING, settings=SETTINGS, key=key, boot_id=boot_id
    )
    memory = bytearray(b"\xff" * flash.SIZE)
    image = firmware.image()
    memory[: len(image)] = image
    memory[flash.FS_START :] = flash.pack(
        {
            "boot.py": program.encode(),
            RECORDING: "\n".join(lines).encode(),
            SETTINGS: settings.encode(),
        }
    )
    chip = Chip(bytes(memory))
    end_ns = _PATIENCE_US * 1000.0
    text = b""
    while not text.endswith(b"end\n"):
        if chip.now_ns > end_ns:
            raise NanshaError(f"no end of the replay, the last was {text[-80:]!r}", "chip")
        chip.run_for_us(10_000)
        text = bytes(byte for _ns, byte in chip.uarts[0].sent)
    return text.decode().split("\n")[:-2]
