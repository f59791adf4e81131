"""What goes on an emulated board, and how: over its prompt, into a flash that outlives resets."""

from __future__ import annotations

from pathlib import Path

from nansha_hil.qemu.emulator import Emulator
from nansha_hil.qemu.image import flash_image
from nansha_hil.qemu.repl import RawRepl
from nansha_hil.vm import COMMON, firmware_path

SHIM = Path(__file__).parent / "shim"
FLASH = "flash.bin"
CONSOLE = "uart0.txt"
"""What the board has said on UART0: boot messages, tracebacks."""
BOOT_S = 120.0
"""Wall time from power-on to the prompt. 4 to 8.5 s were measured; a first boot formats flash."""
_OWN = ("board.py", "secret.py", "boot.txt")


def board_files(folder: Path) -> dict[str, bytes]:
    """Files of a board by their path: firmware, shim, what `deploy` put in `folder`; main.py last.

    Last, because a board that has it starts the node at its next boot.
    """
    root = firmware_path()
    files = {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.glob("nansha_*/*.py"))
    }
    shims = [*sorted(COMMON.glob("*.py")), *sorted(SHIM.glob("*.py"))]
    files |= {path.name: path.read_bytes() for path in shims}
    files |= {name: (folder / name).read_bytes() for name in _OWN if (folder / name).exists()}
    files["main.py"] = (root / "main.py").read_bytes()
    return files


def install(program: Path, image: Path, folder: Path) -> None:
    """Make `folder`/flash.bin: the image, booted once, with the node's files in its file system.

    Takes seconds and blocks: the board boots in about real time. NanshaError when it does not.
    """
    flash = folder / FLASH
    flash.write_bytes(flash_image(image.read_bytes(), str(image)))
    emulator = Emulator(program, flash, folder)
    try:
        repl = RawRepl(emulator.console, folder / CONSOLE)
        repl.enter(BOOT_S)
        repl.put(board_files(folder))
        emulator.shut_down()
    finally:
        emulator.kill()
