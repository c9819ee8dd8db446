"""All other services, through Apprise: it knows some 170 of them, each by a URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.destinations import wording
from runner.destinations.destination import Receipt
from runner.errors import DeliveryError, SettingsError

if TYPE_CHECKING:
    from runner.destinations.message import Message

_TYPES = {"INFO": "info", "LOW": "info", "MEDIUM": "warning", "HIGH": "warning", "CRITICAL": "failure"}


class AppriseSender:
    """Hands a message's subject and text to one Apprise URL."""

    def __init__(self, url: str) -> None:
        try:
            import apprise  # noqa: PLC0415  an extra
        except ImportError:
            raise SettingsError("this kind needs the extra 'notify': pip install 'runner[notify]'") from None
        service = apprise.Apprise.instantiate(url)
        if service is None:
            raise ValueError("expected a URL that Apprise knows")
        self._shown: str = service.url(privacy=True)  # type: ignore[no-untyped-call]  # the library has no types here
        self._apprise = apprise.Apprise()
        self._apprise.add(service)

    def send(self, message: Message) -> Receipt:
        """Send one message. Raises `DeliveryError`; Apprise keeps the reason to its log."""
        took = self._apprise.notify(
            title=wording.subject_of(message),
            body=wording.text_of(message),
            notify_type=_TYPES.get(message.notice.severity, "warning"),
            body_format="text",
        )
        if not took:
            raise DeliveryError(f"{self._shown} did not take the message")
        return Receipt()

    def close(self) -> None:
        """Do nothing: Apprise holds no connections."""
