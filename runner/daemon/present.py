"""What time it is for a daemon that shares its work: never later than its database server says."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from runner.clock import Clock

_log = structlog.get_logger(__name__)

_TOLERANCE = timedelta(seconds=10)


class PresentTime:
    """The earlier of the host's time and the database server's.

    A clock that is ahead would have windows evaluated before their data is there, and nobody would look again;
    one that is behind is only late. So whichever of the two is wrong, no window is evaluated early.
    """

    def __init__(self, clock: Clock, server_time: Callable[[], datetime | None]) -> None:
        self._clock = clock
        self._server_time = server_time
        self._told = timedelta(0)

    def now(self) -> datetime:
        """Return the present moment (aware, UTC). Raises `StoreError`."""
        own, server = self._clock.now(), self._server_time()
        if server is None:
            return own
        self._tell(own - server)
        return min(own, server)

    def _tell(self, ahead: timedelta) -> None:
        """Say that the clocks differ; and again only if that has changed."""
        if abs(ahead - self._told) <= _TOLERANCE:
            return
        self._told = ahead
        if abs(ahead) > _TOLERANCE:
            _log.warning("clocks_differ", seconds_ahead=round(ahead.total_seconds(), 1))
