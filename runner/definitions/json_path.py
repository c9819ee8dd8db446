"""JSONPath as data models write it: whether it is one, and what the library makes of it."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PLAIN = re.compile(r"(?:\$\.?)?[A-Za-z_@][\w@-]*(?:\.[A-Za-z_@*][\w@-]*|\[(?:\d+|\*)\])*\Z")
_LONGEST = 10_000
"""The library's parser calls itself; a path of this many characters is none that anybody wrote."""


class CompiledPath(Protocol):
    """A path as the library follows it."""

    def find(self, value: Any) -> Sequence[Any]:
        """Return each place that the path leads to: an object with `value` and `full_path`."""
        ...


def path_fault(path: str, *, compiling: bool = True) -> str | None:
    """Return what is wrong with a path, as a sentence, or None if nothing is.

    Nearly all paths only name keys; the others are put to the library that follows them, which is slow to start: not
    `compiling`, they are taken for sound.
    """
    if _PLAIN.match(path):
        return None
    if not path.strip():
        return "the path is empty"
    if len(path) > _LONGEST:
        return "the path is too long"
    try:
        if compiling:
            compiled(path)
    except ValueError as error:
        return str(error)
    return None


def compiled(path: str) -> CompiledPath:
    """Return what follows a path, in the dialect of Panther's own library.

    Raises:
        ValueError: it is none.
    """
    try:
        return _library()(path)
    except AttributeError as error:  # what the library's parser raises at a path that ends too early
        raise ValueError("not JSONPath: it ends where something has to follow") from error
    except Exception as error:  # it raises bare exceptions
        raise ValueError(f"not JSONPath: {error}") from error


@functools.cache
def _library() -> Callable[[str], CompiledPath]:
    """Return the library's parser, with the table that it works by.

    Left alone, the library makes the table anew for each path, which takes fifty milliseconds each time.
    """
    # imported when the first path is compiled: few projects have one
    import ply.yacc  # type: ignore[import-untyped]  # noqa: PLC0415  the library of the library
    from jsonpath_ng.ext.parser import ExtentedJsonPathParser  # noqa: PLC0415
    from jsonpath_ng.parser import IteratorToTokenStream  # noqa: PLC0415

    grammar = ExtentedJsonPathParser()
    table = ply.yacc.yacc(
        module=grammar, start="jsonpath", write_tables=False, debug=False, errorlog=ply.yacc.NullLogger()
    )

    def parse(path: str) -> CompiledPath:
        tokens = IteratorToTokenStream(grammar.lexer_class().tokenize(path))
        found: CompiledPath = table.parse(lexer=tokens)
        return found

    return parse
