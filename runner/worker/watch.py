"""Watch: decides, from the time and from what a worker's beat shows, whether something is stuck."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.worker.beat import Beat
    from runner.worker.job import JobLimits


class Verdict(Enum):
    """What the parent has to do."""

    WAIT = "wait"
    SIGNAL = "signal"
    """A rule has used up its time: ask it to end."""
    KILL_RULE = "kill_rule"
    """A rule did not end when it was asked."""
    KILL_RUN = "kill_run"
    """The deadline of the run has passed, and the worker did not end it."""


class Watch:
    """Looks after one job, from the moment it is made.

    `monotonic` gives seconds; `grace` is how many more of them are given after the deadline, and to a rule
    after it was asked to end. `rule` is the position of the rule that ran at the last look, None if none did.
    """

    def __init__(
        self, limits: JobLimits, beat: Beat, *, grace: float, monotonic: Callable[[], float]
    ) -> None:
        self.rule: int | None = None
        self._beat = beat
        self._grace = grace
        self._evaluation_seconds = limits.evaluation_seconds
        self._monotonic = monotonic
        self._deadline = monotonic() + limits.seconds + grace
        self._step = 0
        self._since = 0.0
        self._signalled = False

    def look(self) -> Verdict:
        """Return what has to be done now."""
        now = self._monotonic()
        step, self.rule = self._beat.step, self._beat.rule
        if now >= self._deadline:
            return Verdict.KILL_RUN
        if self.rule is None or step != self._step:
            self._step, self._since, self._signalled = step, now, False
            return Verdict.WAIT
        return self._about_rule(now - self._since)

    def _about_rule(self, seconds: float) -> Verdict:
        if self._signalled:
            return Verdict.KILL_RULE if seconds >= self._evaluation_seconds + self._grace else Verdict.WAIT
        if seconds < self._evaluation_seconds:
            return Verdict.WAIT
        self._signalled = True
        self._beat.ask_to_stop(self._step)
        return Verdict.SIGNAL
