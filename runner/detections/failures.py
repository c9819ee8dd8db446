"""What went wrong in a rule's own Python, told so that its author can mend it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.errors import DetectionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

MAX_MESSAGE: Final = 10_000
"""Characters of an error's message; an exception may quote a whole row."""
MAX_TITLE: Final = 1000
"""Characters of an error's title: what Panther allows any title."""

_THIS_ROOM: Final = str(Path(__file__).parent)


def failure(error: BaseException, *, rule_id: str, function: str, filename: str) -> DetectionError:
    """Return the error of a function of a rule: its class, its repr, and the line where it arose.

    `filename` is the rule's own file, as it was compiled.
    """
    place = _place(error.__traceback__, filename)
    said = "; ".join([shown(str, error) or type(error).__name__, *getattr(error, "__notes__", ())])
    return DetectionError(
        f"{said[:MAX_MESSAGE]}: {place}" if place else said[:MAX_MESSAGE],
        rule_id=rule_id,
        function=function,
        kind=type(error).__name__,
        title=shown(repr, error)[:MAX_TITLE],
    )


def shown(show: Callable[[object], str], error: BaseException) -> str:
    """Return an exception shown by `str` or `repr`; its class cannot be trusted to be able to."""
    try:
        return storable(show(error))
    except Exception:  # noqa: BLE001 - foreign code: a rule's own exception class
        return f"{type(error).__name__} (its text cannot be shown)"


def storable(text: str) -> str:
    """Return text that every store takes: as it is, but for NUL and for halves of surrogate pairs."""
    plain = str.__str__(text)  # a subclass of str, made by a rule, could not leave the worker process
    if "\0" in plain:
        plain = plain.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if plain.isascii():
        return plain
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _place(traceback: TracebackType | None, own_file: str) -> str:
    """Return the innermost line in the rule's own file, else the innermost in anything but this room."""
    frames = list(_frames(traceback))
    own = [frame for frame in frames if frame[0] == own_file]
    others = [frame for frame in frames if not frame[0].startswith(_THIS_ROOM)]
    for filename, line, function in (own or others)[-1:]:
        return f"{filename.rpartition('/')[2]}:{line} in {function}"
    return ""


def _frames(traceback: TracebackType | None) -> Iterator[tuple[str, int, str]]:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        yield code.co_filename, traceback.tb_lineno, code.co_name
        traceback = traceback.tb_next
