"""What is put on a board: board.py, its key and what flash holds at first."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from nansha.site import Site
from nansha_wire.auth import node_key


def rig_secret(site_id: str, seed: int) -> bytes:
    """A rig has no secrets: its site secret follows from the scenario's seed, so runs repeat."""
    return hashlib.sha256(f"rig {site_id} {seed}".encode()).digest()


def deploy(
    site: Site,
    asset: str,
    secret: bytes,
    folder: Path,
    link: Literal["serial", "mqtt"],
    mqtt_port: int = 0,
    board: str | None = None,
) -> None:
    """Fill `folder` as a board's flash, new from the factory. board: another than the site's."""
    folder.mkdir(parents=True, exist_ok=True)
    text = site.board_py(asset, link, board)
    if link == "mqtt":  # the rig's broker is on this machine
        text += f'MQTT_HOST = "127.0.0.1"\nMQTT_PORT = {mqtt_port}\n'
    (folder / "board.py").write_text(text)
    key = node_key(secret, site.asset(asset).node)
    (folder / "secret.py").write_text(f"KEY = {key!r}\n")
    (folder / "boot.txt").write_text("0")
    (folder / "console.txt").write_bytes(b"")
