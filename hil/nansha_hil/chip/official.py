"""The official MicroPython image for the Pico, where none can be built: pinned by its checksum.

Upstream publishes no checksum beside its images, so the first who downloads one has to look at what
he has got and pin it: NANSHA_CHIP_SHA256. Without that nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from nansha.errors import NanshaError
from nansha_hil.chip import cache, uf2

URL = "https://micropython.org/resources/firmware/RPI_PICO-20250415-v1.25.0.uf2"
CHECKSUM = "NANSHA_CHIP_SHA256"
_LIMIT = 4 << 20
_TIMEOUT_S = 30.0
_MEND = "download it by other means and set NANSHA_CHIP_UF2 to the file"


def fetch(say: Callable[[str], None], url: str = URL, sha256: str | None = None) -> Path:
    """The image, from the cache or from `url`; it must have the checksum `sha256`."""
    wanted = (sha256 or os.environ.get(CHECKSUM, "")).lower()
    if len(wanted) != 64:
        raise NanshaError(
            "no checksum to hold the official image against",
            "chip",
            f"set {CHECKSUM} to its SHA-256, or NANSHA_CHIP_UF2 to a file",
        )

    def download() -> bytes:
        say("official image: download")
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
                data: bytes = answer.read(_LIMIT)
        except (OSError, urllib.error.URLError) as error:
            raise NanshaError(f"cannot be downloaded: {error}", url, _MEND) from error
        found = hashlib.sha256(data).hexdigest()
        if found != wanted:
            raise NanshaError(f"its SHA-256 is {found}, not {wanted}", url, _MEND)
        uf2.unpack(data, url)
        return data

    return cache.file("images", f"official-{wanted}.uf2", download)
