"""Secrets in the tables of destinations, also where they stand plainly: kept out of every error, and so of what is stored.

A service's answer may repeat the token that it refused, and a client's error the address that it called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from runner.destinations.kinds import KINDS
from runner.errors import DeliveryError
from runner.references import Mask, secrets_of_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from runner.destinations.destination import Receipt, Sender
    from runner.destinations.message import Message

_PLAIN_HEADERS = frozenset({"accept", "content-type", "user-agent"})
_LEAST_TOKEN = 8
"""Shorter parts of an address or a header are words rather than secrets."""


def secrets_of(tables: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield every text of some destinations' tables that is not to be shown; wrong tables are no fault here."""
    for table in tables:
        kind = KINDS.get(str(table.get("kind")))
        for option in kind.options if kind else ():
            value = table.get(option.name)
            if option.is_secret and value:
                yield from _texts(value)


class MaskedSender:
    """Sends as another sender does, and takes secrets out of its errors."""

    def __init__(self, sender: Sender, secrets: Iterable[str]) -> None:
        self._sender = sender
        self._mask = Mask(secrets)

    def send(self, message: Message) -> Receipt:
        """Hand a message over. Raises `DeliveryError`, whatever the other raises."""
        try:
            return self._sender.send(message)
        except DeliveryError as error:
            # Not from `error`: whoever shows the chain would show what is masked here.
            raise DeliveryError(
                self._mask.masked(str(error)), is_final=error.is_final, retry_after=error.retry_after
            ) from None
        except Exception as error:  # noqa: BLE001  a service's own client: whatever it raises, nobody took the message
            raise DeliveryError(self._mask.masked(repr(error))) from None

    def close(self) -> None:
        """Let go of connections."""
        self._sender.close()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, text in value.items():
            if str(name).lower() not in _PLAIN_HEADERS and len(str(text)) >= _LEAST_TOKEN:
                yield str(text)
                yield from (word for word in str(text).split() if len(word) >= _LEAST_TOKEN)
    elif isinstance(value, str):
        yield value
        if "://" in value:
            yield from secrets_of_url(value)
            yield from _tokens_of_url(value)


def _tokens_of_url(url: str) -> Iterator[str]:
    """Yield the parts of an address that may be tokens: values in its query, and what follows a `/`."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    found = [text for _, text in parse_qsl(parts.query)] + parts.path.split("/")
    yield from (text for text in found if len(text) >= _LEAST_TOKEN)
