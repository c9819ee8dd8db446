"""Heartbeat: calls a URL as long as the whole chain works, so that somebody elsewhere notices when it stops."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from runner.metrics import Metrics

_log = structlog.get_logger(__name__)

_PATIENCE_SECONDS = 10.0
_STOP_SECONDS = 1.0


class Heartbeat:
    """A thread of its own, so that a receiver that does not answer keeps nothing waiting. Use it as a context.

    `troubles` returns what is wrong, in sentences: only without any is the URL called. The URL may hold a secret and is
    shown nowhere.
    """

    def __init__(
        self,
        url: str,
        *,
        every: float,
        troubles: Callable[[], Sequence[str]],
        metrics: Metrics,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        self._url = url
        self._every = every
        self._troubles = troubles
        self._metrics = metrics
        self._patience = patience
        self._withheld_for: list[str] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="heartbeat", daemon=True)

    def beat(self) -> str:
        """Call the URL if all is well; return the result as it is counted: sent, withheld or failed."""
        reasons = list(self._troubles())
        if reasons:
            self._withhold(reasons)
            result = "withheld"
        else:
            self._withheld_for = []
            result = "sent" if self._call() else "failed"
        self._metrics.heartbeats.labels(result=result).inc()
        return result

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(_STOP_SECONDS)

    def _loop(self) -> None:
        while True:
            try:
                self.beat()
            except Exception as error:  # noqa: BLE001  the boundary of a thread: the next beat is tried
                self._metrics.faults.inc()
                _log.error("heartbeat_failed", fault=repr(error))
            if self._stopping.wait(self._every):
                return

    def _withhold(self, reasons: list[str]) -> None:
        if reasons != self._withheld_for:
            _log.warning("heartbeat_withheld", reasons=reasons)
        self._withheld_for = reasons

    def _call(self) -> bool:
        import httpx  # noqa: PLC0415  it takes 100 ms, and most daemons call nobody

        try:
            with httpx.stream("GET", self._url, timeout=self._patience, follow_redirects=False) as answer:
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            _log.warning("heartbeat_failed", fault=str(error) or type(error).__name__)
            return False
        if not answer.is_success:
            redirected = "; redirects are not followed" if answer.is_redirect else ""
            _log.warning("heartbeat_failed", fault=f"the receiver answered with status {status}{redirected}")
        return answer.is_success
