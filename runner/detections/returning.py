"""Which line of a function returned: what the author of a failing test asks first."""

from __future__ import annotations

import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


def returning_line(function: object, argument: Any) -> str | None:
    """Call a function of a detection again, and return the place of the `return` at which it ends.

    None if it cannot be told: it is no Python function, or raises this time. Whatever traces the program otherwise,
    such as a debugger, is put back.
    """
    if not isinstance(function, FunctionType):
        return None
    watch = _Watch(function)
    before = sys.gettrace()
    sys.settrace(watch.on_call)
    try:
        function(argument)
    except BaseException:  # noqa: BLE001 - foreign code, asked a second time: its first answer is what counts
        return None
    finally:
        sys.settrace(before)
    if watch.line is None:
        return None
    name = function.__code__.co_filename.rpartition("/")[2]
    return f"{name}:{watch.line} in {function.__name__}"


class _Watch:
    """Sees where one function returns; leaves all others alone."""

    def __init__(self, function: FunctionType) -> None:
        self.line: int | None = None
        self._code = function.__code__

    def on_call(self, frame: FrameType, _event: str, _argument: object) -> Callable[..., Any] | None:
        return self._on_step if frame.f_code is self._code else None

    def _on_step(self, frame: FrameType, event: str, _argument: object) -> Callable[..., Any]:
        if event == "return":
            self.line = frame.f_lineno
        return self._on_step
