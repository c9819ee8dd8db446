"""Logs: one JSON object a line on standard error, or readable lines on a terminal."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable


def configure(
    *, as_json: bool, level: int = logging.WARNING, mask: Callable[[Any], Any] = lambda value: value
) -> None:
    """Set up structlog, once, for the whole program. Events below `level` are dropped.

    `mask` takes out of a value what is not to be shown.
    """
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            lambda _logger, _method, event: mask(event),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def level_of(name: str) -> int:
    """Return the number of a level such as `info`."""
    return logging.getLevelNamesMapping()[name.upper()]
