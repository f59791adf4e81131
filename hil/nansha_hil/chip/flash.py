"""A board's file system as an image of flash, and back: littlefs as MicroPython's rp2 mounts it.

Layout: ports/rp2/boards/RPI_PICO (1408 KiB of storage at the end of 2 MiB) and modules/_boot.py
(VfsLfs2, program size 256, block size 4096) of MicroPython 1.25.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from littlefs import LittleFS, LittleFSError, UserContext

SIZE = 2 << 20
BLOCK = 4096
FS_BLOCKS = 352
FS_START = SIZE - FS_BLOCKS * BLOCK
_PROGRAM = 256
_VERSION = 0x00020000
"""The format that littlefs 2.0 to 2.4 write; MicroPython reads it and does not convert it."""


def pack(files: Mapping[str, bytes]) -> bytes:
    """A file system that holds `files`, by path."""
    context = UserContext(buffsize=FS_BLOCKS * BLOCK)
    system = LittleFS(
        context=context,
        block_size=BLOCK,
        block_count=FS_BLOCKS,
        prog_size=_PROGRAM,
        disk_version=_VERSION,
    )
    for name in sorted(files):
        parent = name.rpartition("/")[0]
        if parent:
            system.makedirs(parent, exist_ok=True)
        with system.open(name, "wb") as handle:
            handle.write(files[name])
    system.unmount()
    return bytes(context.buffer)


def unpack(image: bytes) -> dict[str, bytes] | None:
    """The files of a file system, by path; None if it cannot be mounted."""
    context = UserContext(buffsize=len(image))
    context.buffer[:] = image
    try:
        system = LittleFS(
            context=context,
            block_size=BLOCK,
            block_count=FS_BLOCKS,
            prog_size=_PROGRAM,
            mount=False,  # it would format what it cannot mount
        )
        system.mount()
        files = {}
        for folder, _folders, names in system.walk("/"):
            for name in names:
                path = f"{folder.rstrip('/')}/{name}"
                with system.open(path, "rb") as handle:
                    files[path.lstrip("/")] = bytes(handle.read())
    except LittleFSError:
        return None
    return files


def read_folder(folder: Path, skip: frozenset[str]) -> dict[str, bytes]:
    """The files under `folder`, but those named in `skip`."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in skip
    }


def write_folder(folder: Path, files: Mapping[str, bytes], skip: frozenset[str]) -> None:
    """Make `folder` hold `files`, and nothing else but what is named in `skip`."""
    for name in read_folder(folder, skip).keys() - files.keys():
        (folder / name).unlink()
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != data:
            path.write_bytes(data)
