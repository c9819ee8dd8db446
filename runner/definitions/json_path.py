"""JSONPath as data models write it: whether it can be one. Looking values up is the detections' business."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"(?:\$\.?)?[A-Za-z_@][\w@-]*(?:\.[A-Za-z_@*][\w@-]*|\[(?:\d+|\*)\])*\Z")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_PAIRS = {")": "(", "]": "["}


def path_fault(path: str) -> str | None:
    """Return what is wrong with a path, as a sentence, or None if nothing is seen to be.

    Plain dotted paths are nearly all; of others, quotes and brackets are matched.
    """
    if _PLAIN.match(path):
        return None
    if not path.strip():
        return "the path is empty"
    rest = _QUOTED.sub("", path)
    for quote in ("'", '"'):
        if quote in rest:
            return f"a quote is not closed in the path {path}"
    fault = _bracket_fault(rest)
    if fault:
        return f"{fault} in the path {path}"
    if rest.endswith(".") or "..." in rest:
        return f"a name is missing after the dot in the path {path}"
    return None


def _bracket_fault(text: str) -> str | None:
    opened: list[str] = []
    for character in text:
        if character in _PAIRS.values():
            opened.append(character)
        elif character in _PAIRS and (not opened or opened.pop() != _PAIRS[character]):
            return f"`{character}` closes nothing"
    return f"`{opened[-1]}` is not closed" if opened else None
