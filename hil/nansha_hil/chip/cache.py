"""Where what is expensive to build is kept: by recipe, complete or not there at all.

Two builders at once wait for one another. A builder that is killed leaves either an unfinished
folder, which the next one throws away, or a temporary file that nobody reads.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from nansha.errors import NanshaError

COMPLETE = ".complete"
"""Written last into a folder that is whole."""


def cache_root() -> Path:
    """$NANSHA_CACHE, else ~/.cache/nansha. NanshaError if it cannot be written to."""
    named = os.environ.get("NANSHA_CACHE")
    root = Path(named) if named else Path.home() / ".cache" / "nansha"
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NanshaError(
            f"cannot make the cache: {error.strerror}", str(root), "set NANSHA_CACHE to a folder"
        ) from error
    return root.resolve()


def key_of(recipe: Mapping[str, str]) -> str:
    """20 hex digits that stand for `recipe`: whatever could change what comes out."""
    text = "".join(f"{name}\0{recipe[name]}\0" for name in sorted(recipe))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def digest_of_files(root: Path, pattern: str) -> str:
    """A hash over names and contents of the files under `root` that match `pattern`."""
    sha = hashlib.sha256()
    for path in sorted(root.rglob(pattern)):
        sha.update(str(path.relative_to(root)).encode() + b"\0")
        sha.update(hashlib.sha256(path.read_bytes()).digest())
    return sha.hexdigest()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold `path` against other processes; the kernel lets go when the holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def folder(kind: str, key: str, fill: Callable[[Path], None]) -> Path:
    """The folder `kind`/`key`, made by `fill` if it is not there yet.

    It is built in its final place, since build trees know their own path; a marker that is
    written last says that it is whole.
    """
    place = cache_root() / kind / key
    if (place / COMPLETE).exists():
        return place
    with locked(place.with_name(f"{key}.lock")):
        if not (place / COMPLETE).exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            fill(place)
            (place / COMPLETE).touch()
    return place


def file(kind: str, name: str, make: Callable[[], bytes]) -> Path:
    """The file `kind`/`name`, with what `make` gives if it is not there yet."""
    place = cache_root() / kind / name
    if place.exists():
        return place
    with locked(place.with_name(f"{name}.lock")):
        if not place.exists():
            publish(place, make())
    return place


def publish(place: Path, data: bytes) -> None:
    """Put `data` at `place` in one step: readers see the old file or the whole new one."""
    place.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=place.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(place)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
