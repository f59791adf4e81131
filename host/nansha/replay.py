"""A recorded session once more: the same frames at the same times must give the same decisions."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from nansha.dispatch import ControlState
from nansha.errors import NanshaError
from nansha.historian import Historian
from nansha.session import digest, make_builder, make_controller
from nansha.site import Site
from nansha_wire import frames

_FRAMES = "SELECT t_ms, frame FROM frames WHERE run = ? ORDER BY rowid"
_CYCLES = "SELECT t_ms, frames, digest FROM cycles WHERE run = ? ORDER BY rowid"


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of it."""

    runs: int
    frames: int
    cycles: int
    different: int
    first_different_ms: int | None


def replay(site: Site, record: Path) -> Replay:
    """Feed every run of `record` through the controller and compare each cycle's digest.

    NanshaError when there is no record, or it is another site's.
    """
    if not record.exists():
        raise NanshaError("there is no record", str(record), "name a session.sqlite")
    history = Historian(record)
    try:
        return _replay(site, history)
    finally:
        history.close()


def _replay(site: Site, history: Historian) -> Replay:
    record = history.path
    runs = list(history.rows("SELECT run, site, hot_day, state FROM runs ORDER BY run"))
    taken = cycles = different = 0
    first: int | None = None
    for run, name, hot_day, state_text in runs:
        if name != site.id:
            raise NanshaError(f"this record is of {name}, not of {site.id}", str(record))
        controller = make_controller(site, bool(hot_day))
        builder = make_builder(site)
        state = ControlState.from_json(state_text)
        of_run = 0
        with (
            closing(history.rows(_FRAMES, run)) as incoming,
            closing(history.rows(_CYCLES, run)) as decided,
        ):
            for t_ms, wanted_frames, wanted in decided:
                for arrived_ms, frame in islice(incoming, wanted_frames - of_run):
                    try:
                        builder.telemetry(arrived_ms, frames.decode(frame))
                    except frames.FrameError as error:
                        raise NanshaError(f"a frame is damaged: {error}", str(record)) from None
                    of_run += 1
                if of_run != wanted_frames:
                    raise NanshaError(f"frames of run {run} are missing", str(record))
                state, dispatch = controller.step(state, builder.image(t_ms))
                cycles += 1
                if digest(dispatch) != wanted:
                    different += 1
                    first = t_ms if first is None else first
        taken += of_run
    return Replay(len(runs), taken, cycles, different, first)
