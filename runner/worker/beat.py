"""Beat: a few numbers shared by a worker and its parent, by which the parent sees that a rule is stuck.

The worker writes a number before each evaluation, at no noticeable cost; the parent looks now and then. When
the number stands still for too long, the parent names it and sends a signal; the worker's handler raises
only if that very evaluation is still going on.
"""

from __future__ import annotations

from multiprocessing.sharedctypes import RawArray
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctypes import Array, c_longlong

_COUNTER, _RULE, _STOP = range(3)
_NOBODY = 0


class Beat:
    """Shared memory; both sides hold one of these."""

    def __init__(self) -> None:
        self._numbers: Array[c_longlong] = RawArray("q", 3)

    def enter(self, rule: int) -> None:
        """Worker: from now on the rule at this position runs."""
        self._numbers[_RULE] = rule + 1
        self._numbers[_COUNTER] += 1

    def leave(self) -> None:
        """Worker: no rule runs."""
        self._numbers[_RULE] = _NOBODY

    def is_to_stop(self) -> bool:
        """Worker: whether the parent wants the evaluation that is going on to end."""
        numbers = self._numbers
        return numbers[_RULE] != _NOBODY and numbers[_STOP] == numbers[_COUNTER]

    @property
    def rule(self) -> int | None:
        """The position of the rule that runs; None outside rules."""
        number = self._numbers[_RULE]
        return None if number == _NOBODY else number - 1

    @property
    def counter(self) -> int:
        """How many evaluations have begun."""
        return self._numbers[_COUNTER]

    def ask_to_stop(self, counter: int) -> None:
        """Parent: name the evaluation that has to end."""
        self._numbers[_STOP] = counter

    def reset(self) -> None:
        """Parent, before a job: nothing runs, nothing has to stop."""
        self._numbers[:] = [0, _NOBODY, -1]
