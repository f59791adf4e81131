"""The record: full disks, crashes, places that cannot be; and replays of what it holds."""

import gc
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import warnings
from contextlib import contextmanager

import pytest
from fake_site import FakeSite
from host_kit import NOON, SECRET, demo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nansha import historian as historian_module
from nansha.errors import NanshaError
from nansha.historian import Historian
from nansha.replay import replay
from nansha.session import Session
from nansha_wire import codes, frames
from nansha_wire import messages as m

SITE = demo()
QUICK = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def add_frames(history, numbers, size=500):
    for number in numbers:
        history.add("frames", 1, number, bytes(size))


def numbers(path):
    with sqlite3.connect(path) as db:
        rows = [row[0] for row in db.execute("SELECT t_ms FROM frames ORDER BY rowid")]
    db.close()
    return rows


def test_a_full_disk_keeps_rows_waiting_and_loses_none(tmp_path):
    path = tmp_path / "s.sqlite"
    history = Historian(path)
    db = history._db
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages + 2}")
    told = set()
    for begin in range(0, 300, 30):
        add_frames(history, range(begin, begin + 30))
        if not history.flush():
            told.add(history.trouble.split(";")[0])
            assert "make room" in history.trouble and "\n" not in history.trouble
            assert str(history.waiting) in history.trouble
    assert len(told) == 1 and history.waiting
    with pytest.raises(NanshaError, match="make room"):
        history.close()
    db.execute("PRAGMA max_page_count = 100000")
    assert history.flush() and history.trouble is None and not history.waiting
    history.close()
    assert numbers(path) == list(range(300))


def test_rows_of_many_batches_keep_their_order(tmp_path, monkeypatch):
    """Room runs out in the middle of several batches: what is written is a beginning."""
    monkeypatch.setattr(historian_module, "BATCH", 7)
    path = tmp_path / "s.sqlite"
    history = Historian(path)
    pages = history._db.execute("PRAGMA page_count").fetchone()[0]
    history._db.execute(f"PRAGMA max_page_count = {pages + 4}")
    add_frames(history, range(100))
    assert not history.flush()
    held = 100 - history.waiting
    assert 0 < held < 100 and numbers(path) == list(range(held))
    history._db.execute("PRAGMA max_page_count = 100000")
    assert history.flush()
    history.close()
    assert numbers(path) == list(range(100))


def test_memory_is_bounded_too(tmp_path, monkeypatch):
    monkeypatch.setattr(historian_module, "MAX_WAITING", 50)
    history = Historian(tmp_path / "s.sqlite")
    add_frames(history, range(80), 4)
    assert (history.waiting, history.dropped) == (50, 30)
    history.close()
    assert numbers(tmp_path / "s.sqlite") == list(range(30, 80))


def python(code, *args):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, args)],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limit there")
def test_a_file_that_may_not_grow(tmp_path):
    """The operating system itself refuses the write, then there is room again."""
    path = tmp_path / "s.sqlite"
    code = """
        import resource, sys
        from pathlib import Path
        from nansha.historian import Historian
        history = Historian(Path(sys.argv[1]))
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, hard))
        refused = 0
        for begin in range(0, 1000, 50):
            for number in range(begin, begin + 50):
                history.add("frames", 1, number, bytes(500))
            refused += not history.flush()
        waiting = history.waiting
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        print(refused > 0, waiting > 0, history.flush(), history.trouble, history.waiting)
        history.close()
    """
    child = python(code, path)
    assert child.communicate(timeout=20)[0].strip() == "True True True None 0"
    assert numbers(path) == list(range(1000))


def test_a_killed_process_leaves_every_row_it_had_written(tmp_path):
    path = tmp_path / "s.sqlite"
    code = """
        import sys
        from pathlib import Path
        from nansha.historian import Historian
        history = Historian(Path(sys.argv[1]))
        for number in range(10**9):
            history.add("frames", 1, number, bytes(50))
            if number % 5 == 4 and history.flush():
                print(number, flush=True)
    """
    child = python(code, path)
    with child:
        for line in child.stdout:
            last = int(line)
            if last > 300:
                break
        child.send_signal(signal.SIGKILL)
        last = max([last, *(int(line) for line in child.stdout if line.endswith("\n"))])
    rows = numbers(path)
    assert rows == list(range(len(rows))) and len(rows) > last
    again = Historian(path)
    assert again.flush()
    again.close()


def test_abandoned_like_a_crash(tmp_path):
    path = tmp_path / "s.sqlite"
    history = Historian(path)
    add_frames(history, range(10))
    assert history.flush()
    add_frames(history, range(10, 20))
    history.abandon()
    assert numbers(path) == list(range(10))


def one_line_with_a_mend(path):
    with pytest.raises(NanshaError) as caught:
        Historian(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert "--record" in caught.value.mend
    return str(caught.value)


def test_places_where_no_record_can_be(tmp_path):
    (tmp_path / "file").write_text("x")
    one_line_with_a_mend(tmp_path / "file" / "s.sqlite")
    one_line_with_a_mend(tmp_path)
    noise = tmp_path / "noise.sqlite"
    noise.write_bytes(b"this is no database at all\n" * 100)
    assert "not a database" in one_line_with_a_mend(noise)
    assert noise.read_bytes().startswith(b"this is no database"), "it is left as it was"


@contextmanager
def as_nobody():
    """A superuser may write anywhere, so be somebody else."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(sys.platform == "win32", reason="no such rights there")
def test_a_folder_that_may_not_be_written(tmp_path):
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    with as_nobody():
        one_line_with_a_mend(locked / "s.sqlite")
        one_line_with_a_mend(locked / "deeper" / "s.sqlite")


def test_events_are_kept_once(tmp_path):
    history = Historian(tmp_path / "s.sqlite")
    for _ in range(3):
        history.add("events", 5, "battery", 7, 1, "trip", 0)
        history.add("events", 5, "battery", None, None, "refused_late", 0)
        history.flush()
    got = [row[0] for row in history.rows("SELECT event FROM events")]
    assert sorted(got) == ["refused_late"] * 3 + ["trip"]
    history.close()


# replay


@contextmanager
def no_complaints():
    """Whatever is said while objects die is an error."""
    said = []
    hook, sys.unraisablehook = sys.unraisablehook, said.append
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
            gc.collect()
    finally:
        sys.unraisablehook = hook
    assert not said


def recorded(path, seconds=40):
    world = FakeSite(SITE, historian=Historian(path))
    world.run(seconds)
    world.session.historian.close()
    return world


def test_a_session_replays_to_the_bit(tmp_path):
    path = tmp_path / "s.sqlite"
    recorded(path)
    world = FakeSite(SITE, historian=Historian(path))  # a second run, resumed
    world.run(20)
    world.boot("battery")
    world.run(10)
    world.session.historian.close()
    with no_complaints():
        got = replay(SITE, path)
    assert (got.runs, got.different, got.first_different_ms) == (2, 0, None)
    assert got.cycles >= 70 and got.frames >= 400


@QUICK
@given(data=st.data())
def test_random_telemetry_replays(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("replay") / "s.sqlite"
    history = Historian(path)
    session = Session(SITE, SECRET, history, now_ms=NOON)
    t_ms = NOON
    ints = {"I": (0, 2**32 - 1), "i": (-(2**31), 2**31 - 1), "H": (0, 65535)}
    ints |= {"h": (-(2**15), 2**15 - 1), "B": (0, 255)}
    kinds = m.FORMATS[m.TELEMETRY][1:]
    row = st.tuples(
        *(
            st.integers(*ints[k])
            | st.sampled_from([0, 50_000]).map(lambda v, k=k: max(ints[k][0], min(ints[k][1], v)))
            for k in kinds
        )
    )
    for _ in range(data.draw(st.integers(1, 12))):
        for node in data.draw(st.lists(st.integers(1, 7), max_size=5)):
            seen = (t_ms - NOON) & 0x3FFFFFFF
            session.receive(t_ms, frames.encode(m.TELEMETRY, node, 0, seen, data.draw(row)))
        t_ms += data.draw(st.sampled_from([2, 1000, 60_000]))
        session.cycle(t_ms)
    history.close()
    got = replay(SITE, path)
    assert got.different == 0 and got.cycles >= 1


def change(path, query, *values):
    with sqlite3.connect(path) as db:
        assert db.execute(query, values).rowcount == 1
    db.close()


def test_a_changed_digest_is_found(tmp_path):
    path = tmp_path / "s.sqlite"
    recorded(path, 10)
    t_ms = NOON + 3500
    change(path, "UPDATE cycles SET digest = ? WHERE t_ms = ?", bytes(16), t_ms)
    got = replay(SITE, path)
    assert (got.different, got.first_different_ms) == (1, t_ms)


def test_a_changed_frame_is_found(tmp_path):
    path = tmp_path / "s.sqlite"
    recorded(path, 20)
    with sqlite3.connect(path) as db:
        rows = db.execute("SELECT rowid, frame FROM frames ORDER BY rowid").fetchall()
    db.close()
    rowid, frame = [(n, frames.decode(f)) for n, f in rows if frames.decode(f).node == 4][-3]
    body = frame.body._replace(p_w=-777, flags=codes.FLAG_CLOSED)
    other = frames.encode(m.TELEMETRY, 4, frame.seq, frame.t_ms, body)
    change(path, "UPDATE frames SET frame = ? WHERE rowid = ?", other, rowid)
    assert replay(SITE, path).different >= 1


@pytest.mark.parametrize("damage", ["UPDATE frames SET frame = x'01' ", "DELETE FROM frames "])
def test_a_damaged_record_is_named(tmp_path, damage):
    path = tmp_path / "s.sqlite"
    recorded(path, 10)
    change(path, damage + "WHERE rowid = 20")
    with no_complaints(), pytest.raises(NanshaError) as caught:
        replay(SITE, path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_records_that_are_none_of_ours(tmp_path):
    with pytest.raises(NanshaError, match="no record"):
        replay(SITE, tmp_path / "none.sqlite")
    assert not (tmp_path / "none.sqlite").exists()
    path = tmp_path / "s.sqlite"
    recorded(path, 3)
    other = SITE.model_copy(update={"info": SITE.info.model_copy(update={"id": "elsewhere"})})
    with no_complaints(), pytest.raises(NanshaError, match="of nansha_campus, not of elsewhere"):
        replay(other, path)
