"""HTTP as destinations need it: one POST, a whole answer within a time limit, and faults told apart."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from runner.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    import httpx

_ANSWER_BYTES = 64 * 1024
"""More of an answer is not read."""
_SHOWN_CHARACTERS = 200
"""How much of a refusing answer stands in the error."""
_MESSAGE_FAULTS = {400, 405, 406, 411, 413, 414, 415, 422, 431}
"""The destination understood that it will never take this message. All other refusals may pass: a wrong token can
be mended, a missing page can come back, and until then the message waits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """An answer of a server that took what it was sent."""

    status: int
    headers: Mapping[str, str]
    text: str


class HttpClient:
    """Connections to one server; threads may share them.

    `timeout` (seconds) is for each step until the answer begins, and for the whole of it once it has. `now` tells the
    time for a `Retry-After` that is a date.
    """

    def __init__(self, timeout: float, now: Callable[[], datetime]) -> None:
        import httpx  # noqa: PLC0415  it takes 100 ms, and most commands send nothing

        self._timeout = timeout
        self._now = now
        self._client = httpx.Client(timeout=timeout, follow_redirects=False, trust_env=True)
        self._failure: type[Exception] = httpx.HTTPError

    def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Reply:
        """Send `content`. Raises `DeliveryError` unless the server answers with a 2xx status in time."""
        ends_at = time.monotonic() + self._timeout
        try:
            with self._client.stream("POST", url, content=content, headers=dict(headers)) as response:
                text = _whole_answer(response, ends_at)
        except self._failure as error:
            raise DeliveryError(f"no answer: {_said(error)}") from error
        reply = Reply(status=response.status_code, headers=response.headers, text=text)
        if not response.is_success:
            raise refusal(reply.status, reply.headers, reply.text, self._now())
        return reply

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


def refusal(status: int, headers: Mapping[str, str], text: str, now: datetime) -> DeliveryError:
    """Return the error for an answer that is no success."""
    return DeliveryError(
        f"refused with status {status}: {' '.join(text.split())[:_SHOWN_CHARACTERS] or 'no reason given'}",
        is_final=status in _MESSAGE_FAULTS,
        retry_after=retry_after(headers.get("Retry-After", ""), now),
    )


def retry_after(value: str, now: datetime) -> float | None:
    """Return the seconds that a `Retry-After` header asks to wait (RFC 9110 §10.2.3); None if it says nothing.

    It may ask for as long as it likes, even without end: how long it is heeded is not decided here.
    """
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (moment - now).total_seconds()) if moment.tzinfo else None


def _whole_answer(response: httpx.Response, ends_at: float) -> str:
    """Read the answer's text, however it is cut up. Raises `DeliveryError` if it takes too long."""
    received = bytearray()
    for part in response.iter_raw():
        received += part
        if len(received) >= _ANSWER_BYTES:
            break
        if time.monotonic() > ends_at:
            raise DeliveryError("no answer: it did not end in time")
    return received[:_ANSWER_BYTES].decode("utf-8", "replace")


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
