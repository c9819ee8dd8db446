"""JSONPath as data models write it: whether it is one. Looking values up is the detections' business."""

from __future__ import annotations

import importlib
import re

_PLAIN = re.compile(r"(?:\$\.?)?[A-Za-z_@][\w@-]*(?:\.[A-Za-z_@*][\w@-]*|\[(?:\d+|\*)\])*\Z")
_LONGEST = 10_000
"""The library's parser calls itself; a path of this many characters is none that anybody wrote."""


def path_fault(path: str) -> str | None:
    """Return what is wrong with a path, as a sentence, or None if nothing is.

    Nearly all paths only name keys; the others are put to the library that follows them, which is slow to start.
    """
    if _PLAIN.match(path):
        return None
    if not path.strip():
        return "the path is empty"
    if len(path) > _LONGEST:
        return "the path is too long"
    try:
        importlib.import_module("jsonpath_ng.ext").parse(path)
    except AttributeError:  # what the library's parser raises at a path that ends too early
        return "not JSONPath: it ends where something has to follow"
    except Exception as error:  # noqa: BLE001  it raises bare exceptions
        return f"not JSONPath: {error}"
    return None
