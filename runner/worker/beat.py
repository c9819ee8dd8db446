"""Beat: a few numbers shared by a worker and its parent, by which the parent sees that a rule is stuck.

The worker writes a number before and after each evaluation, which takes 0.3 µs; the parent looks now and
then. When the number stands still for too long, the parent names it and sends a signal; the worker's handler
raises only if that very evaluation is still going on.
"""

from __future__ import annotations

import signal
from multiprocessing.sharedctypes import RawArray
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from ctypes import Array, c_longlong

STOP_SIGNAL = signal.SIGUSR1
"""What the parent sends when an evaluation takes too long; rules may have a use for SIGALRM themselves."""

_STEP, _RULE, _STOP = range(3)
_NONE = -1


class Beat:
    """Shared memory; both sides hold one of these. A step is odd while a rule runs, and even in between."""

    check: Callable[[], None] | None = None
    """Worker: called after each rule has seen a batch, while it is known which rule that was."""

    def __init__(self) -> None:
        self._numbers: Array[c_longlong] = RawArray("q", 3)
        self.reset()

    def detach(self) -> None:
        """Worker: go on with numbers of its own, in a process that a rule has forked."""
        self._numbers = RawArray("q", list(self._numbers))

    def turn_to(self, rule: int) -> None:
        """Worker: from now on, what is entered is the rule at this position."""
        self._numbers[_RULE] = rule

    def enter(self) -> None:
        """Worker: an evaluation begins."""
        self._numbers[_STEP] += 1

    def leave(self) -> None:
        """Worker: the evaluation has ended; leaving twice does no harm."""
        self._numbers[_STEP] += self._numbers[_STEP] & 1

    def is_to_stop(self) -> bool:
        """Worker: whether the parent wants the evaluation that is going on to end."""
        return self._numbers[_STOP] == self._numbers[_STEP]

    @property
    def step(self) -> int:
        """The number of the step; odd while a rule runs."""
        return self._numbers[_STEP]

    @property
    def rule(self) -> int | None:
        """The position of the rule that runs; None outside rules."""
        return self._numbers[_RULE] if self._numbers[_STEP] & 1 else None

    @property
    def last_rule(self) -> int | None:
        """The position of the rule that runs or has run last; None if none has yet."""
        return self._numbers[_RULE] if self._numbers[_STEP] else None

    def ask_to_stop(self, step: int) -> None:
        """Parent: name the evaluation that has to end, by its (odd) step."""
        self._numbers[_STOP] = step

    def reset(self) -> None:
        """Parent, before a job: nothing runs, nothing has to stop."""
        self._numbers[:] = [0, 0, _NONE]
