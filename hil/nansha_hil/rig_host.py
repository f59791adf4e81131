"""The host of a lock-step run: started, killed, paused, out of disk, and doubled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nansha.historian import Historian
from nansha.session import Session
from nansha.site import Site
from nansha_hil.lockstep import Lockstep


class RigHost:
    """The host's life. Times are the rig's; the record is a real file."""

    def __init__(
        self,
        rig: Lockstep,
        site: Site,
        secret: bytes,
        record: Path,
        notice: Callable[[str], None],
        hot_day: bool,
    ) -> None:
        self._hot_day = hot_day
        self._rig = rig
        self._site = site
        self._secret = secret
        self._record = record
        self._notice = notice
        self._historian: Historian | None = None
        self._full = False
        self._kept = 0
        """Rows that earlier lives of the host had put on disk."""

    def start(self) -> None:
        """Start the host, or start it again: it resumes from its record."""
        if self._rig.session is not None:
            return
        self._historian = Historian(self._record)
        if self._full:
            self._historian.limit_size(True)
        self._rig.session = self._session(self._historian)

    def _session(self, historian: Historian | None) -> Session:
        return Session(
            self._site,
            self._secret,
            historian,
            now_ms=self._rig.host_ms,
            hot_day=self._hot_day,
            notice=self._notice,
        )

    def kill(self) -> None:
        """The host dies between two instructions; what was not on disk is gone."""
        if self._historian is not None:
            self._kept += self._historian.written
            self._historian.abandon()
        self._historian = None
        self._rig.session = None

    def pause(self, paused: bool) -> None:
        """Stand still, or go on: what arrived meanwhile comes in at once."""
        if paused:
            self._rig.paused = True
        else:
            self._rig.resume()

    def jump(self, by_s: float) -> None:
        """The wall clock jumps; who starts from now on starts with it."""
        self._rig.epoch_ms += round(by_s * 1000)

    def fill_disk(self, full: bool) -> None:
        """The disk takes no more, or does again."""
        self._full = full
        if self._historian is not None:
            self._historian.limit_size(full)

    def rival(self, present: bool) -> None:
        """A second host on the same links, without a record of its own."""
        self._rig.rival = self._session(None) if present else None

    def flush(self) -> None:
        """Put everything on disk, as a real host does; trouble is told."""
        session, historian = self._rig.session, self._historian
        if session is None or historian is None or self._rig.paused:
            return
        if not session.flush(self._rig.host_ms) and historian.trouble:
            self._notice(historian.trouble)

    @contextmanager
    def reading(self) -> Iterator[Historian]:
        """The record, for reading: the host's own, or opened where the host is dead."""
        historian = self._historian or Historian(self._record)
        historian.flush()
        try:
            yield historian
        finally:
            if historian is not self._historian:
                historian.close()

    def rows(self) -> dict[str, int]:
        """Rows that were told to be on disk, rows that are there, rows still in memory."""
        with self.reading() as historian:
            found = sum(
                next(historian.rows(f"SELECT COUNT(*) FROM {name}"))[0]
                for name in ("frames", "cycles")
            )
            waiting, dropped = historian.waiting, historian.dropped
            written = self._kept + (historian.written if self._historian is not None else 0)
        return {"written": written, "found": found, "waiting": waiting,
                "lost": max(0, written - found) + dropped}  # fmt: skip

    def close(self) -> None:
        """The run is over."""
        if self._historian is not None:
            self._historian.limit_size(False)
            self._historian.close()
            self._historian = None
