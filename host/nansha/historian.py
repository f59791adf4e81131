"""The record of a session: SQLite in WAL mode. What went in, what was decided, what was sent.

Rows wait in memory and are written in batches, one transaction each. A full disk does not stop the
session: the rows go on waiting, the trouble is told once, and they are written when there is room.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import Any

from nansha.errors import NanshaError

SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (run INTEGER PRIMARY KEY, t_ms INTEGER NOT NULL,
  site TEXT NOT NULL, hot_day INTEGER NOT NULL, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS frames (run INTEGER NOT NULL, t_ms INTEGER NOT NULL,
  frame BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS cycles (run INTEGER NOT NULL, t_ms INTEGER NOT NULL,
  frames INTEGER NOT NULL, mode TEXT NOT NULL, price REAL NOT NULL, residual_w REAL NOT NULL,
  shortage_w REAL NOT NULL, surplus_w REAL NOT NULL, digest BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS sent (t_ms INTEGER NOT NULL, asset TEXT NOT NULL, message TEXT NOT NULL,
  counter INTEGER NOT NULL, p_w INTEGER, closed INTEGER, armed INTEGER, reason TEXT);
CREATE TABLE IF NOT EXISTS events (t_ms INTEGER NOT NULL, asset TEXT NOT NULL, boot_id INTEGER,
  number INTEGER, event TEXT NOT NULL, value INTEGER NOT NULL, UNIQUE (asset, boot_id, number));
CREATE TABLE IF NOT EXISTS state (one INTEGER PRIMARY KEY CHECK (one = 1), t_ms INTEGER,
  state TEXT);
"""

_INSERT = {
    "runs": "INSERT INTO runs VALUES (?, ?, ?, ?, ?)",
    "frames": "INSERT INTO frames VALUES (?, ?, ?)",
    "cycles": "INSERT INTO cycles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "sent": "INSERT INTO sent VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    "events": "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?)",
    "state": "INSERT OR REPLACE INTO state VALUES (1, ?, ?)",
}
BATCH = 20_000
"""Rows of one transaction: what is tried again each cycle while the disk takes none."""
MAX_WAITING = 2_000_000
"""Rows kept in memory while the disk takes none: more than an hour of a large site."""


class Historian:
    """One session's file."""

    def __init__(self, path: Path) -> None:
        """Open or create `path`. NanshaError when that cannot be."""
        self.path = path
        self.dropped = 0
        self.written = 0
        """Frames and cycles that this session has put on disk."""
        self._waiting: list[tuple[str, tuple[Any, ...]]] = []
        self.trouble: str | None = None
        """Why rows are waiting, one line; None while all is well."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None)
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                self._db.executescript(SCHEMA)
            except sqlite3.Error:
                self._db.close()
                raise
        except (sqlite3.Error, OSError) as error:
            raise NanshaError(
                f"cannot keep a record: {error}",
                str(path),
                "name another place with --record, or make room there",
            ) from None

    @property
    def waiting(self) -> int:
        """Rows that are not on disk yet."""
        return len(self._waiting)

    def add(self, table: str, *row: Any) -> None:
        """Put a row in line for `table`."""
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.pop(0)
            self.dropped += 1
        self._waiting.append((table, row))

    def flush(self) -> bool:
        """Write all waiting rows, oldest first, in transactions of at most BATCH rows.

        False, with `trouble` set, when they must wait.
        """
        while self._waiting:
            if not self._write(self._waiting[:BATCH]):
                return False
            del self._waiting[:BATCH]
        self.trouble = None
        return True

    def _write(self, batch: list[tuple[str, tuple[Any, ...]]]) -> bool:
        by_table: dict[str, list[tuple[Any, ...]]] = {}
        for table, row in batch:
            by_table.setdefault(table, []).append(row)
        if "state" in by_table:
            by_table["state"] = by_table["state"][-1:]  # one row that is replaced each time
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for table, rows in by_table.items():
                self._db.executemany(_INSERT[table], rows)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            waiting = len(self._waiting)
            self.trouble = (
                f"{self.path}: {error}; {waiting} rows wait in memory; make room on the disk"
            )
            return False
        self.written += len(by_table.get("frames", ())) + len(by_table.get("cycles", ()))
        return True

    def limit_size(self, limited: bool) -> None:
        """Let the file grow no further, or again: then SQLite says "database or disk is full"."""
        pages = self._db.execute("PRAGMA page_count").fetchone()[0] if limited else 1 << 30
        self._db.execute(f"PRAGMA max_page_count = {pages}")

    def expect(self, site: str) -> None:
        """NanshaError when the record is of another site: its state would mean nothing here."""
        row = self._db.execute("SELECT site FROM runs ORDER BY run DESC LIMIT 1").fetchone()
        if row is not None and row[0] != site:
            raise NanshaError(
                f"this record is of {row[0]}, not of {site}",
                str(self.path),
                "name another with --record",
            )

    def next_run(self) -> int:
        """Number of the run that begins now."""
        return int(self._db.execute("SELECT COALESCE(MAX(run), 0) + 1 FROM runs").fetchone()[0])

    def last_state(self) -> tuple[int, str] | None:
        """Time and text of the controller's last recorded state, to resume from."""
        row = self._db.execute("SELECT t_ms, state FROM state").fetchone()
        return (int(row[0]), str(row[1])) if row else None

    def rows(self, query: str, *values: Any) -> Generator[tuple[Any, ...], None, None]:
        """Rows of a query, as they are on disk."""
        yield from self._db.execute(query, values)

    def close(self) -> None:
        """Write what waits and close. NanshaError when rows would be lost."""
        if not self.flush():
            raise NanshaError(
                f"{self.waiting} rows are not on disk: {self.trouble}", str(self.path)
            )
        self._db.close()

    def abandon(self) -> None:
        """Close without writing: what a crash leaves."""
        self._waiting.clear()
        self._db.close()
