"""The RP2040 emulator, compiled anew: rp2040py's own sources, changed as `patches` says.

The wheel's core is built for every Python at once and runs at a tenth of this speed. Nothing in
site-packages is touched: a copy of the package is compiled in the cache, and that copy is what
`load` imports. One process uses one of the two, so rp2040py must not have been imported before.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nansha.errors import NanshaError
from nansha_hil.chip import cache, patches
from nansha_hil.chip.run import run

PACKAGE = "rp2040py"
VERSION = "0.3.6"
"""The very version: we read its core's fields."""
RECIPE = "1"
_FLAGS = ["-O3", "-ffp-contract=off"]
_HERE = Path(__file__).parent
_STAGE = "emulator"
_MEND = "pip install 'nansha[chip]'; a C compiler and Python's headers are needed as well"
_SETUP = f"""
import glob, os, sys
from Cython.Build import cythonize
from setuptools import Extension, setup
modules = [
    Extension("rp2040py.native." + os.path.basename(p)[:-4], [p], extra_compile_args={_FLAGS!r})
    for p in sorted(glob.glob("rp2040py/native/*.pyx"))
]
directives = {{"language_level": "3", "boundscheck": False, "wraparound": False}}
setup(
    name="rp2040py-native",
    packages=[],
    ext_modules=cythonize(modules, compiler_directives=directives, quiet=True),
    script_args=["build_ext", "--inplace", "-j2"],
)
"""


def _quiet(stage: str) -> None:
    """For callers that watch nothing."""


def missing() -> str | None:
    """What the emulator lacks here, as one line; None if it can be built."""
    try:
        found = importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return f"{PACKAGE} is not installed: pip install 'nansha[chip]'"
    if found != VERSION:
        return f"{PACKAGE} is {found}, not {VERSION}: pip install 'nansha[chip]'"
    for module in ("Cython", "setuptools", "littlefs"):
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed: pip install 'nansha[chip]'"
    if shutil.which(os.environ.get("CC", "cc")) is None:
        return "no C compiler: apt install gcc"
    return None


def build(say: Callable[[str], None] = _quiet) -> Path:
    """The folder that holds the compiled copy; a minute of work when it is not there yet."""
    lacking = missing()
    if lacking:
        raise NanshaError(lacking, _STAGE)
    recipe = {
        "recipe": RECIPE,
        "package": VERSION,
        "cython": importlib.metadata.version("Cython"),
        "python": str(sysconfig.get_config_var("EXT_SUFFIX")) + platform.python_version(),
        "ours": "\0".join((_HERE / name).read_text() for name in (*patches.OURS, "patches.py")),
        "setup": _SETUP,
    }
    return cache.folder("emulator", cache.key_of(recipe), lambda place: _make(place, say))


def _make(place: Path, say: Callable[[str], None]) -> None:
    say("emulator: compile (a minute)")
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise NanshaError(f"{PACKAGE} cannot be found", _STAGE, _MEND)
    shutil.copytree(
        Path(spec.origin).parent,
        place / PACKAGE,
        ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.c"),
    )
    patches.apply(place / PACKAGE / "native", _HERE)
    (place / "setup.py").write_text(_SETUP)
    run([sys.executable, "setup.py"], place / "build.log", stage=_STAGE, mend=_MEND, cwd=place)
    shutil.rmtree(place / "build", ignore_errors=True)


def load() -> Any:
    """The package rp2040py, the compiled copy. NanshaError if another copy is loaded already."""
    place = build()
    loaded = sys.modules.get(PACKAGE)
    if loaded is None:
        sys.path.insert(0, str(place))
        try:
            importlib.import_module(f"{PACKAGE}.native._runloop")
        finally:
            sys.path.remove(str(place))
        loaded = sys.modules[PACKAGE]
    if Path(str(loaded.__file__)).parent.parent != place:
        raise NanshaError(
            f"another {PACKAGE} is loaded already ({loaded.__file__})",
            _STAGE,
            "load the chip tier before anything else imports it",
        )
    return loaded
