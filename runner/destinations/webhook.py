"""Webhook: a JSON document by POST, signed so that the receiver knows who sent it and when."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import orjson

from runner.destinations.destination import Receipt
from runner.destinations.message import payload_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.clock import Clock
    from runner.destinations.http import HttpClient
    from runner.destinations.message import Message


class WebhookSender:
    """Posts the document of `payload_of`.

    With a secret, `X-Runner-Signature` is `t=<Unix seconds>,v1=<hex>`, an HMAC-SHA256 of `<t>.<body>`.
    """

    def __init__(
        self, url: str, client: HttpClient, clock: Clock, *, secret: str = "", headers: Mapping[str, str]
    ) -> None:
        self._url = url
        self._client = client
        self._clock = clock
        self._secret = secret
        self._headers = headers

    def send(self, message: Message) -> Receipt:
        """Post one message. Raises `DeliveryError`."""
        body = orjson.dumps(payload_of(message), option=orjson.OPT_NON_STR_KEYS)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "runner",
            **self._headers,
            "Idempotency-Key": message.key,
        }
        if self._secret:
            headers["X-Runner-Signature"] = signature(self._secret, body, int(self._clock.now().timestamp()))
        self._client.post(self._url, body, headers)
        return Receipt()

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()


def signature(secret: str, body: bytes, at: int) -> str:
    """Return the header that signs a body; `at` is in seconds since the Unix epoch."""
    digest = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
