"""MicroPython for the Pico, in two parts: what takes a minute and what takes seconds.

The minute: toolchain, unmodified MicroPython and every object of it, once for a recipe. The
seconds: freeze a firmware folder and link it to these objects, once for a firmware. The linker is
given the very command that ninja gave it, with one object in another's place.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nansha.doctor import find_program
from nansha.errors import NanshaError
from nansha_hil.chip import cache, packages
from nansha_hil.chip.run import run

RECIPE = "1"
"""Goes up when this file builds something else."""
BOARD = "RPI_PICO"
EPOCH = "1745020800"
"""The build date that MicroPython prints at its prompt, 19 April 2025: the same in every build."""
_MEND = "see the log; remove the folder to begin anew, or set NANSHA_CHIP_UF2 to an image"
_JOBS = "2"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Tree:
    """A built MicroPython."""

    root: Path

    @property
    def source(self) -> Path:
        """MicroPython's sources."""
        return self.root / "micropython"

    @property
    def build(self) -> Path:
        """Where ninja has built."""
        return self.root / "build"

    @property
    def mpy_cross(self) -> Path:
        """The compiler to .mpy, of the same version."""
        return self.source / "mpy-cross" / "build" / "mpy-cross"

    @property
    def tools(self) -> Path:
        """The programs of the toolchain."""
        return self.root / "root" / "usr" / "bin"


def tree(say: Progress) -> Tree:
    """The built MicroPython of this recipe: from the cache, or a few minutes from now."""
    release = packages.machine_release()
    if release is None:
        raise NanshaError(
            "the firmware is built from Debian's packages, and this is no Debian",
            "chip",
            "set NANSHA_CHIP_UF2 to an image, or let the official one be downloaded",
        )
    programs = {name: _program(name) for name in ("cmake", "ninja", "make", "cc", "c++")}
    recipe = {
        "recipe": RECIPE,
        "board": BOARD,
        "release": release,
        "packages": " ".join(packages.SOURCES + packages.SDK + packages.TOOLCHAIN),
    }
    return Tree(
        cache.folder(
            "micropython",
            cache.key_of(recipe),
            lambda place: _make_tree(place, release, programs, say),
        )
    )


def _program(name: str) -> str:
    found = find_program(name)
    if found is None:
        raise NanshaError(
            f"{name} is not installed", "chip", f"pip install 'nansha[chip]' or apt install {name}"
        )
    return found


def _make_tree(place: Path, release: str, programs: dict[str, str], say: Progress) -> None:
    say("toolchain and sources: download (120 MB)")
    apt_folder = place / "apt"
    apt_folder.mkdir()
    apt = packages.PrivateApt(apt_folder, release)
    apt.fetch()
    say("toolchain and sources: unpack")
    apt.unpack(place)
    shutil.rmtree(apt_folder)
    _prune(place / "root")
    built = Tree(place)
    _arrange(built)
    say("mpy-cross")
    run(
        [programs["make"], "-s", "-C", str(built.source / "mpy-cross"), f"-j{_JOBS}"],
        place / "mpy-cross.log",
        stage="mpy-cross",
        mend=_MEND,
        extra={"SOURCE_DATE_EPOCH": EPOCH},
    )
    say("MicroPython: configure")
    environment = _environment(built)
    run(
        [
            programs["cmake"],
            *("-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={programs['ninja']}"),
            *("-S", str(built.source / "ports" / "rp2"), "-B", str(built.build)),
            f"-DMICROPY_BOARD={BOARD}",
            f"-DPICO_SDK_PATH_OVERRIDE={place / 'root/usr/src/pico-sdk'}",
            "-DPICO_NO_PICOTOOL=1",
            f"-DMICROPY_FROZEN_MANIFEST={place / 'manifest.py'}",
            f"-DMICROPY_LIB_DIR={place / 'no-library'}",
            f"-DPython3_EXECUTABLE={sys.executable}",
        ],
        place / "configure.log",
        stage="configure",
        mend=_MEND,
        extra=environment,
    )
    say("MicroPython: compile")
    run(
        [programs["ninja"], "-C", str(built.build), f"-j{_JOBS}"],
        place / "compile.log",
        stage="compile",
        mend=_MEND,
        extra=environment,
    )
    commands = run(
        [programs["ninja"], "-C", str(built.build), "-t", "commands", "firmware.elf"],
        place / "commands.log",
        stage="compile",
        mend=_MEND,
    )
    (place / "commands.txt").write_text(commands)


def _arrange(built: Tree) -> None:
    """Put the libraries where MicroPython looks for them; Debian keeps them in other packages."""
    place = built.root
    for name, target in (
        ("mbedtls", place / "mbedtls"),
        ("tinyusb", place / "root/usr/src/tinyusb"),
    ):
        link = built.source / "lib" / name
        if link.is_dir() and not link.is_symlink():
            link.rmdir()
        link.symlink_to(target)
    # An installed Debian has these two as alternatives; the compiler looks for them beside itself.
    target = place / "root/usr/lib/arm-none-eabi"
    (target / "lib").symlink_to("newlib")
    (target / "include").symlink_to("../../include/newlib")
    (place / "no-library").mkdir()
    (place / "no-library" / "README.md").touch()  # what its build looks for
    (place / "manifest.py").write_text('freeze("$(PORT_DIR)/modules")\n')


def _prune(root: Path) -> None:
    """Take away what a Cortex-M0+ needs nothing of: 2 GB of libraries for other processors."""
    shutil.rmtree(root / "usr/share", ignore_errors=True)
    families = [root / "usr/lib/arm-none-eabi/newlib", *(root / "usr/lib/gcc").glob("*/*")]
    families += (root / "usr/include/newlib/c++").glob("*/arm-none-eabi")
    for family in families:
        shutil.rmtree(family / "arm", ignore_errors=True)
        for other in (family / "thumb").glob("*"):
            if other.name != "v6-m":
                shutil.rmtree(other)


def _environment(built: Tree) -> dict[str, str]:
    libraries = built.root / "root/usr/lib" / f"{os.uname().machine}-linux-gnu"
    path_map = f"-ffile-prefix-map={built.root}=."  # the same bytes wherever the cache lies
    return {
        "PATH": f"{built.tools}:{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
        "LD_LIBRARY_PATH": str(libraries),
        "SOURCE_DATE_EPOCH": EPOCH,
        "PYTHONHASHSEED": "0",
        "CFLAGS": path_map,
        "CXXFLAGS": path_map,
        "ASMFLAGS": path_map,
    }


def image(built: Tree, firmware_dir: Path, manifest: str = "manifest.py") -> bytes:
    """The flash image of `built` with what `firmware_dir`/`manifest` names frozen in.

    Takes seconds; any number may run at once. NanshaError when the firmware does not compile.
    """
    stage = "freeze and link"
    mend = f"see what {firmware_dir / manifest} names; every module in it must compile"
    freeze, compile_frozen, link = _commands(built)
    with tempfile.TemporaryDirectory(prefix="nansha-link-") as name:
        work = Path(name)
        log = work / "link.log"
        (work / "genhdr").symlink_to(built.build / "genhdr")
        source, frozen, elf, flat = (
            work / part for part in ("frozen_content.c", "frozen.o", "firmware.elf", "firmware.bin")
        )
        _replace(freeze, "-o", str(source))
        _replace(freeze, "-b", str(work))
        freeze[-1] = str(firmware_dir / manifest)
        _replace(compile_frozen, "-c", str(source))
        _replace(compile_frozen, "-o", str(frozen))
        _replace(compile_frozen, "-MF", str(work / "frozen.d"))
        # the name that the file would have had in the tree, so that a byte depends on no folder
        compile_frozen.append(f"-ffile-prefix-map={work}=.")
        _replace(link, "-o", str(elf))
        link = [
            str(frozen) if part.endswith("frozen_content.c.o") else part
            for part in link
            if not part.startswith("-Wl,-Map=")
        ]
        objcopy = [str(built.tools / "arm-none-eabi-objcopy"), "-Obinary", str(elf), str(flat)]
        for command in (freeze, compile_frozen, link, objcopy):
            run(
                command,
                log,
                stage=stage,
                mend=mend,
                cwd=built.build,
                extra=_environment(built),
            )
        return flat.read_bytes()


def _commands(built: Tree) -> tuple[list[str], list[str], list[str]]:
    """How ninja froze, compiled the frozen modules, and linked."""
    freeze: list[str] = []
    compile_frozen: list[str] = []
    link: list[str] = []
    for line in (built.root / "commands.txt").read_text().splitlines():
        if "makemanifest.py" in line:
            freeze = shlex.split(line.split(" && ")[-1])
        elif line.endswith("frozen_content.c"):
            compile_frozen = shlex.split(line)
        elif " -o firmware.elf" in line:
            link = shlex.split(line.split(" && ")[1])
    if not (freeze and compile_frozen and link):
        raise NanshaError("the build's commands are not as expected", str(built.root), _MEND)
    return freeze, compile_frozen, link


def _replace(command: list[str], option: str, value: str) -> None:
    command[command.index(option) + 1] = value
