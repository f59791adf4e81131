"""A site on the rig under a test's hand: run a while, wait for a signal, on virtual time."""

from __future__ import annotations

from nansha_hil.experiment import Experiment
from nansha_hil.scenario.checks import Condition
from nansha_hil.signals import Value


class LiveSite:
    """A running experiment, past its pre-roll; time runs only while it is asked to."""

    STEP_US = 10_000

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        experiment.come_up()

    @property
    def now_s(self) -> float:
        """Seconds since the scenario's start."""
        return (self.experiment.rig.now_us - self.experiment.preroll_us) * 1e-6

    def signal(self, name: str) -> Value | None:
        """A signal now. KeyError for an unknown one."""
        return self.experiment.signals[name]()

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.experiment.rig.run(self.experiment.rig.now_us + round(seconds * 1e6))

    def until(
        self,
        name: str,
        *,
        is_: Value | None = None,
        min: float | None = None,
        max: float | None = None,
        within_s: float,
    ) -> float:
        """Run until a signal meets its condition; the seconds it took.

        TimeoutError after `within_s` of virtual time, with what was seen last.
        """
        wanted = Condition.model_validate({"is": is_, "min": min, "max": max})
        rig = self.experiment.rig
        begin_us = rig.now_us
        while not wanted.holds(self.signal(name)):
            if rig.now_us - begin_us >= within_s * 1e6:
                raise TimeoutError(
                    f"{name} {wanted.text()} was not seen within {within_s:g} s of virtual time; "
                    f"last seen: {self.signal(name)} at {self.now_s:.3f} s"
                )
            rig.run(rig.now_us + self.STEP_US)
        return (rig.now_us - begin_us) * 1e-6

    def close(self) -> None:
        """Switch everything off."""
        self.experiment.stop()
