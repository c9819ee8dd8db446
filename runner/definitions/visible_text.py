"""What of a YAML scalar's own text can be seen in its value: neither quotes nor white space nor escapes for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ESCAPED = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|\r?\n\s*|.)|[^\\]", re.DOTALL)
_SINGLE_QUOTED = re.compile(r"''|.", re.DOTALL)
_PLAIN = re.compile(r".", re.DOTALL)
_UNITS = {'"': _ESCAPED, "'": _SINGLE_QUOTED}
_INVISIBLE_ESCAPES = frozenset("ntrvfNLP_ \t\r\n")


def visible_units(written: str, quote: str) -> Iterator[re.Match[str]]:
    """Yield each piece of a YAML scalar's own text that stands for one visible character."""
    for unit in _UNITS.get(quote, _PLAIN).finditer(written):
        piece = unit.group()
        visible = piece[1] not in _INVISIBLE_ESCAPES if len(piece) > 1 else not piece.isspace()
        if visible:
            yield unit
