"""Answers the questions of a timeline while a run goes by: `expect` and `measure`.

Signals are read after every turn of the rig, so between two events nothing is missed: in a
transient the plant itself asks to be looked at every 10 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from nansha_hil.scenario import Check, ScenarioError
from nansha_hil.scenario.checks import Expect, Measure
from nansha_hil.scenario.words import US, did_you_mean
from nansha_hil.signals import Read, Value
from nansha_hil.verdicts import Outcome, Verdict

At = Callable[[int, Callable[[], None]], None]


def check_names(checks: Iterable[Check], signals: Collection[str], file: str) -> None:
    """Raise ScenarioError for a question about a signal that is not there."""
    problems = []
    for check in checks:
        name = check.ask.expect if isinstance(check.ask, Expect) else check.ask.signal
        if name not in signals:
            problems.append(f"{file}: timeline: {name!r} is no signal; {_near(name, signals)}")
    if problems:
        raise ScenarioError(sorted(set(problems)))


def _near(name: str, signals: Collection[str]) -> str:
    asset = name.partition(".")[0] + "."
    same = [s for s in signals if s.startswith(asset)]
    return did_you_mean(name, same or {s.partition(".")[0] for s in signals})


class _Asked:
    """A question that has been asked and not answered yet."""

    def __init__(self, ask: Expect | Measure, read: Read, at_us: int, zero_us: int) -> None:
        self.ask = ask
        self.read = read
        self.at_us = at_us
        self.zero_us = zero_us
        self.verdict: Verdict | None = None

    def look(self, now_us: int) -> None:
        """See what the signal is now."""
        raise NotImplementedError

    def end(self, now_us: int) -> None:
        """The time is over."""
        raise NotImplementedError

    @property
    def deadline_us(self) -> int:
        """When the answer is due."""
        raise NotImplementedError


class _Expected(_Asked):
    ask: Expect

    def __init__(self, ask: Expect, read: Read, at_us: int, zero_us: int) -> None:
        super().__init__(ask, read, at_us, zero_us)
        self._met_us: int | None = None
        self._seen: Value | None = None

    @property
    def deadline_us(self) -> int:
        return self.at_us + round((self.ask.within_s + self.ask.for_s) * US)

    def look(self, now_us: int) -> None:
        self._seen = self.read()
        holds = self.ask.holds(self._seen)
        if self._met_us is None:
            if holds:
                self._met_us = now_us
            elif now_us >= self.at_us + round(self.ask.within_s * US):
                self._answer(False, now_us)
                return
        elif not holds:
            if now_us < self.at_us + round(self.ask.within_s * US):
                self._met_us = None  # it has until then to stay
                return
            self._answer(False, now_us)
            return
        if self._met_us is not None and now_us >= self._met_us + round(self.ask.for_s * US):
            self._answer(True, now_us)

    def end(self, now_us: int) -> None:
        if self.verdict is None:
            self.look(now_us)
        if self.verdict is None:
            self._answer(self._met_us is not None, now_us)

    def _answer(self, met: bool, now_us: int) -> None:
        ask = self.ask
        since = self._met_us if met and self._met_us is not None else now_us
        self.verdict = Verdict(
            name=ask.label(),
            unit="s",
            minimum=None,
            maximum=ask.within_s,
            value=(since - self.at_us) / US if met else None,
            outcome=Outcome.PASS if met else Outcome.FAIL,
            where=ask.expect,
            why=ask.why or ask.label(),
            t_s=(now_us - self.zero_us) / US,
            seen="" if met else f"last seen: {_text(self._seen)}",
        )


class _Measured(_Asked):
    ask: Measure

    def __init__(self, ask: Measure, read: Read, at_us: int, zero_us: int) -> None:
        super().__init__(ask, read, at_us, zero_us)
        self._low: float | None = None
        self._high: float | None = None
        self._where_us = at_us
        self._area = 0.0
        self._last: float | None = None
        self._last_us = at_us
        self._rises = 0

    @property
    def deadline_us(self) -> int:
        ask = self.ask
        return self.at_us + round((ask.within_s if ask.how == "time_to" else ask.for_s) * US)

    def look(self, now_us: int) -> None:
        seen = self.read()
        if self.ask.until is not None:
            if self.ask.until.holds(seen):
                self._where_us = now_us
                self._answer((now_us - self.at_us) / US, now_us)
            return
        if seen is None or isinstance(seen, str):
            return
        value = float(seen)
        if self._last is not None:
            self._area += self._last * (now_us - self._last_us)
            self._rises += value > self._last
        self._last, self._last_us = value, now_us
        if self._low is None or value < self._low:
            self._low = value
            if self.ask.how == "min":
                self._where_us = now_us
        if self._high is None or value > self._high:
            self._high = value
            if self.ask.how in ("max", "span"):
                self._where_us = now_us

    def end(self, now_us: int) -> None:
        if self.verdict is None:
            self.look(now_us)
        if self.verdict is None:
            self._answer(self._value(now_us), now_us)

    def _value(self, now_us: int) -> float | None:
        how, low, high = self.ask.how, self._low, self._high
        if how == "time_to" or low is None or high is None:
            return None
        if how == "mean":
            gone_us = now_us - self.at_us
            return self._area / gone_us if gone_us else self._last
        figures = {"min": low, "max": high, "span": high - low, "rises": float(self._rises)}
        return figures.get(how, self._last)

    def _answer(self, value: float | None, now_us: int) -> None:
        ask = self.ask
        fails = value is not None and (
            (ask.min is not None and value < ask.min) or (ask.max is not None and value > ask.max)
        )
        outcome = Outcome.MISSING if value is None else Outcome.FAIL if fails else Outcome.PASS
        self.verdict = Verdict(
            name=ask.measure,
            unit=ask.unit or ("s" if ask.how == "time_to" else ""),
            minimum=ask.min,
            maximum=ask.max,
            value=value,
            outcome=outcome,
            where=f"{ask.how}({ask.signal})",
            why=ask.why or ask.measure,
            t_s=((self._where_us if value is not None else now_us) - self.zero_us) / US,
            seen="" if value is not None else f"last seen: {_text(self.read())}",
        )


def _text(value: Value | None) -> str:
    if value is None:
        return "nothing"
    return str(value).lower() if isinstance(value, bool | str) else f"{value:.6g}"


class Watch:
    """All questions of a run: `look` after every turn, `verdicts` at the end in order of asking."""

    def __init__(
        self, checks: Iterable[Check], signals: Mapping[str, Read], zero_us: int, at: At
    ) -> None:
        """`zero_us`: rig time at which the scenario begins. `at`: do something at a rig time."""
        self.active: list[_Asked] = []
        self._all: list[_Asked] = []
        for check in checks:
            asked = self._make(check, signals, zero_us)
            self._all.append(asked)
            at(asked.at_us, lambda a=asked: self._begin(a))  # type: ignore[misc]
            if asked.deadline_us > asked.at_us:
                at(asked.deadline_us, lambda: None)  # a turn of the rig, so that it is looked at

    @staticmethod
    def _make(check: Check, signals: Mapping[str, Read], zero_us: int) -> _Asked:
        ask, at_us = check.ask, zero_us + check.at_us
        if isinstance(ask, Expect):
            return _Expected(ask, signals[ask.expect], at_us, zero_us)
        return _Measured(ask, signals[ask.signal], at_us, zero_us)

    def _begin(self, asked: _Asked) -> None:
        self.active.append(asked)

    def look(self, now_us: int) -> None:
        """A turn has ended: see what the signals are, answer what is due."""
        done = False
        for asked in self.active:
            if now_us >= asked.deadline_us:
                asked.end(now_us)
            else:
                asked.look(now_us)
            done = done or asked.verdict is not None
        if done:
            self.active = [asked for asked in self.active if asked.verdict is None]

    def verdicts(self, now_us: int) -> list[Verdict]:
        """The answers; what is still open is answered as of now."""
        for asked in self._all:
            if asked.verdict is None:
                asked.end(now_us)
        return [asked.verdict for asked in self._all if asked.verdict is not None]
