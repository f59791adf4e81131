"""The firmware image of the chip tier: `python -m nansha_hil.chip.build [--out DIR] [--iobox]`.

Three ways to one, in this order: the file that NANSHA_CHIP_UF2 names; on Debian, MicroPython built
from Debian's sources with our packages frozen in; elsewhere the official image, and our packages go
into the board's file system.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nansha.errors import NanshaError
from nansha_hil.chip import cache, micropython, official, packages, uf2
from nansha_hil.vm import firmware_path

OWN_IMAGE = "NANSHA_CHIP_UF2"
NODE, IOBOX = "manifest.py", "iobox_manifest.py"
"""What a firmware folder can be made into: a node, or the bench tier's I/O box."""


@dataclass(frozen=True, slots=True)
class Firmware:
    """What a chip is given."""

    path: Path
    """A UF2 file."""
    frozen: Path | None
    """The firmware folder that is frozen into it; None: our packages go into the file system."""

    def image(self) -> bytes:
        """The bytes of flash, from its start."""
        return uf2.unpack(self.path.read_bytes(), str(self.path))


def _quiet(stage: str) -> None:
    """For callers that watch nothing."""


def build(
    firmware_dir: Path | None = None,
    say: Callable[[str], None] = _quiet,
    manifest: str = NODE,
) -> Firmware:
    """The image for `firmware_dir` (ours, if None), from the cache or built now.

    `say` is told each stage as it begins. `manifest`: what is frozen. An image that is given and
    not built is a node's, or bare. NanshaError says what, where and how to mend it.
    """
    named = os.environ.get(OWN_IMAGE)
    if manifest != NODE and (named or packages.machine_release() is None):
        raise NanshaError(
            "only a node's image can be given, this one has to be built",
            manifest,
            f"build it on Debian, without {OWN_IMAGE}",
        )
    if named:
        path = Path(named)
        if not path.is_file():
            raise NanshaError("no such file", named, f"set {OWN_IMAGE} to a UF2 for the Pico")
        uf2.unpack(path.read_bytes(), named)
        return Firmware(path, None)
    if packages.machine_release() is None:
        return Firmware(official.fetch(say), None)
    source = (firmware_dir or firmware_path()).resolve()
    if not (source / manifest).is_file():
        raise NanshaError(f"has no {manifest}", str(source), "give a folder like firmware/")
    built = micropython.tree(say)
    recipe = {"tree": built.root.name, "firmware": cache.digest_of_files(source, "*.py")}
    if manifest != NODE:
        recipe["manifest"] = manifest
    key = cache.key_of(recipe)

    def make() -> bytes:
        say("firmware: freeze and link")
        return uf2.pack(micropython.image(built, source, manifest))

    return Firmware(cache.file("images", f"{key}.uf2", make), source)


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0, or 1 with one line that says what is wrong."""
    parser = argparse.ArgumentParser(prog="nansha_hil.chip.build", description=__doc__)
    parser.add_argument("--out", type=Path, help="copy it there: firmware.uf2 or iobox.uf2")
    parser.add_argument("--iobox", action="store_true", help="the bench tier's I/O box, no node")
    parser.add_argument("--firmware", type=Path, help="freeze this folder instead of ours")
    options = parser.parse_args(arguments)
    begun = time.monotonic()

    def say(stage: str) -> None:
        print(f"{time.monotonic() - begun:6.1f} s  {stage}", flush=True)

    try:
        firmware = build(options.firmware, say, IOBOX if options.iobox else NODE)
        path = firmware.path
        if options.out:
            path = options.out / ("iobox.uf2" if options.iobox else "firmware.uf2")
            cache.publish(path, firmware.path.read_bytes())
    except NanshaError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    say(f"done: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
