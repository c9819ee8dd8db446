"""Python's search for garbage, put off while very many values are made."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def without_collecting() -> Iterator[None]:
    """Keep Python from looking for cycles of garbage meanwhile.

    What reads definitions or logs makes millions of values and hardly a cycle; looking for them would take a quarter of
    the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
