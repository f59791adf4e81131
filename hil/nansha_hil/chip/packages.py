"""Debian packages for one purpose, in a folder of their own: no root, nothing installed.

The mirror is the one that this machine's apt uses, the keys are the distribution's. The sources are
trixie's, which has MicroPython 1.25.0 and a pico-sdk; the ARM compiler is of the machine's own
release, since it has to run on the machine's libraries.
"""

from __future__ import annotations

import platform
import shutil
from collections import Counter
from pathlib import Path

from nansha.errors import NanshaError
from nansha_hil.chip.run import run

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SOURCES = ("micropython=1.25.0+ds-1", "mbedtls/trixie")
"""Source packages. MicroPython's build wants mbedtls to be there; a Pico links none of it."""
SDK = ("pico-sdk-source=2.1.1-1", "tinyusb-source=0.18.0+dfsg-1")
TOOLCHAIN = (
    "gcc-arm-none-eabi",
    "binutils-arm-none-eabi",
    "libnewlib-arm-none-eabi",
    "libnewlib-dev",
    "libstdc++-arm-none-eabi-newlib",
    "libstdc++-arm-none-eabi-dev",
    "libmpc3",
    "libmpfr6",
    "libisl23",
    "libgmp10",
)
STAGE = "toolchain and sources"
_MEND = "see that `apt-get update` works here, or set NANSHA_CHIP_UF2 to an image"


def machine_release() -> str | None:
    """Debian's name of this machine's release, or None: no Debian, or no apt."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return None
    if not KEYRING.exists():
        return None
    facts = platform.freedesktop_os_release()
    return facts.get("VERSION_CODENAME") if facts.get("ID") == "debian" else None


class PrivateApt:
    """apt with lists, cache and status of its own under `folder`."""

    def __init__(self, folder: Path, release: str) -> None:
        self._folder = folder
        self._log = folder / "apt.log"
        self._release = release
        self._extra = {"APT_CONFIG": str(folder / "apt.conf")}
        mirror = self._mirror()
        (folder / "lists" / "partial").mkdir(parents=True)
        (folder / "archives" / "partial").mkdir(parents=True)
        (folder / "status").touch()
        signed = f"[signed-by={KEYRING}] {mirror}"
        (folder / "sources.list").write_text(
            "".join(f"deb {signed} {name} main\n" for name in sorted({release, "trixie"}))
            + f"deb-src {signed} trixie main\n"
        )
        settings = {
            "Dir::State::lists": folder / "lists",
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder,
            "Dir::Etc::sourcelist": folder / "sources.list",
            "Dir::Etc::sourceparts": "-",
            "Dir::Etc::preferences": "-",
            "Dir::Etc::preferencesparts": "-",
            "APT::Get::AllowUnauthenticated": "false",
            "Acquire::Retries": "3",
        }
        (folder / "apt.conf").write_text(
            "".join(f'{name} "{value}";\n' for name, value in settings.items())
            # apt drops to a user who may not write here; without root it cannot, and need not
            + 'APT::Sandbox::User "";\n'
        )

    def _mirror(self) -> str:
        """The place from which this machine takes most of its packages."""
        told = run(
            ["apt-get", "indextargets", "--format", "$(SITE)"],
            self._log,
            stage=STAGE,
            mend=_MEND,
        )
        found = Counter(line.strip() for line in told.splitlines() if line.strip())
        if not found:
            raise NanshaError("apt knows no mirror", STAGE, _MEND)
        return found.most_common(1)[0][0]

    def _apt(self, *arguments: str) -> None:
        run(
            ["apt-get", "-q", *arguments],
            self._log,
            stage=STAGE,
            mend=_MEND,
            cwd=self._folder,
            extra=self._extra,
        )

    def fetch(self) -> None:
        """Download toolchain, kit and sources into the folder; apt checks signatures and hashes."""
        self._apt("update")
        self._apt("source", "--download-only", *SOURCES)
        self._apt("download", *SDK, *(f"{name}/{self._release}" for name in TOOLCHAIN))

    def unpack(self, into: Path) -> None:
        """Packages to `into`/root, sources to `into`/micropython and `into`/mbedtls."""
        for package in sorted(self._folder.glob("*.deb")):
            self._do("dpkg-deb", "-x", str(package), str(into / "root"))
        for name in ("micropython", "mbedtls"):
            (archive,) = self._folder.glob(f"{name}_*.orig.tar.*[!c]")
            (into / name).mkdir()
            self._do("tar", "-xf", str(archive), "-C", str(into / name), "--strip-components=1")

    def _do(self, *command: str) -> None:
        run(command, self._log, stage=STAGE, mend=_MEND)
