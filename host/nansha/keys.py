"""The site's secret, from which each node's key is made. It lives beside the site file, never in
it."""

from __future__ import annotations

import os
import secrets
import tomllib
from pathlib import Path

from nansha.errors import NanshaError

_BYTES = 32


def load_secret(path: Path) -> bytes:
    """The secret in `path`. NanshaError when it is missing, readable by others, or no secret."""
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise NanshaError(
            "there is no secret, so no command could be signed",
            str(path),
            "make one with `nansha keys SITE`, then flash the boards again",
        ) from None
    except (OSError, ValueError) as error:
        raise NanshaError(f"cannot be read: {error}", str(path), "restore it from a copy") from None
    if os.name == "posix" and mode & 0o077:
        raise NanshaError("others can read the site's secret", str(path), f"chmod 600 {path}")
    try:
        secret = bytes.fromhex(table["site_secret"])
    except (KeyError, ValueError, TypeError):
        secret = b""
    if len(secret) < _BYTES:
        raise NanshaError(
            f"site_secret must be {_BYTES} bytes in hex", str(path), "restore it from a copy"
        )
    return secret


def load_wifi(path: Path) -> tuple[str, str] | None:
    """Name and password of the site's Wi-Fi, beside the secret in `path`; None when not given."""
    with path.open("rb") as file:
        table = tomllib.load(file)
    if "wifi_ssid" not in table:
        return None
    return str(table["wifi_ssid"]), str(table.get("wifi_password", ""))


def create_secret(path: Path) -> bytes:
    """Make a new secret in `path`, for its owner alone. NanshaError when there is one already."""
    secret = secrets.token_bytes(_BYTES)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise NanshaError(
            "there is a secret already, and the boards hold keys made from it",
            str(path),
            "delete it yourself if you mean to flash every board again",
        ) from None
    except OSError as error:
        raise NanshaError(f"cannot be written: {error.strerror}", str(path)) from None
    try:
        with os.fdopen(handle, "w") as file:
            file.write(f'site_secret = "{secret.hex()}"\n')
    except OSError as error:
        path.unlink()  # half a secret would stand in the way of a whole one
        raise NanshaError(f"cannot be written: {error.strerror}", str(path)) from None
    return secret
