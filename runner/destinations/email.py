"""Email: over SMTP with TLS. Messages on one alert form a thread, and a message sent twice has one Message-ID."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from html import escape
from typing import TYPE_CHECKING

from runner.destinations import report_wording, wording
from runner.destinations.destination import Receipt
from runner.destinations.message import MessageKind
from runner.errors import DeliveryError

if TYPE_CHECKING:
    from runner.destinations.message import Message
    from runner.destinations.report import Report

_SUBJECT_CHARACTERS = 200
_URGENT = {"HIGH", "CRITICAL"}
_TRANSIENT_REPLIES = range(400, 500)
"""SMTP's replies of the fours ask to try again later (RFC 5321 §4.2.1)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MailServer:
    """Where mail is handed in."""

    host: str
    port: int
    tls: str
    """`starttls`, `implicit`, or `none` for a server on this machine."""
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    """Certificates to trust, in PEM; empty for the system's."""


class EmailSender:
    """Hands one mail over per message."""

    def __init__(
        self, server: MailServer, *, sender: str, recipients: tuple[str, ...], timeout: float
    ) -> None:
        self._server = server
        self._sender = sender
        self._recipients = recipients
        self._timeout = timeout

    def send(self, message: Message) -> Receipt:
        """Hand one mail over. Raises `DeliveryError`."""
        self.submit(self._mail(message))
        return Receipt(thread=message.thread or _message_id(message.key, self._sender))

    def _mail(self, message: Message) -> EmailMessage:
        try:
            if message.report is not None:
                return mail_of_report(message, message.report, self._sender)
            return mail_of(message, self._sender, self._recipients)
        except ValueError as error:  # an address that no header can hold
            raise DeliveryError(f"no mail can be made of it: {error}", is_final=True) from error

    def submit(self, mail: EmailMessage) -> None:
        """Hand over a mail that is ready. Raises `DeliveryError`."""
        try:
            smtp = self._connection()
            try:
                refused = smtp.send_message(mail)
                _leave(smtp)
            finally:
                smtp.close()
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code, error.smtp_error) from error
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise _refusal(code, said) from error
        except (smtplib.SMTPException, OSError) as error:
            raise DeliveryError(f"no answer of the mail server: {error}") from error
        if refused:
            raise DeliveryError(f"some recipients were refused: {', '.join(refused)}", is_final=True)

    def close(self) -> None:
        """Do nothing: every mail has a connection of its own."""

    def _connection(self) -> smtplib.SMTP:
        server = self._server
        context = ssl.create_default_context(cafile=server.ca_file or None)
        if server.tls == "implicit":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=self._timeout, context=context
            )
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=self._timeout)
        try:
            if server.tls == "starttls":
                smtp.starttls(context=context)
            if server.user:
                smtp.login(server.user, server.password)
        except BaseException:
            smtp.close()
            raise
        return smtp


def _leave(smtp: smtplib.SMTP) -> None:
    """Say goodbye. Whatever is answered: the mail was taken before."""
    with suppress(smtplib.SMTPException, OSError):
        smtp.quit()


def mail_of(message: Message, sender: str, recipients: tuple[str, ...]) -> EmailMessage:
    """Write the mail: plain text, and the same as HTML."""
    mail = _envelope(message, sender, recipients)
    mail["Subject"] = _one_line(f"[{message.notice.severity}] {wording.subject_of(message)}")
    if message.kind is MessageKind.NEW and message.notice.severity in _URGENT:
        mail["Importance"] = "high"
    mail.set_content(wording.text_of(message))
    mail.add_alternative(_html(message), subtype="html")
    return mail


def mail_of_report(message: Message, report: Report, sender: str) -> EmailMessage:
    """Write the mail with the result of a query: a table, unless it is not wanted, and the rows as CSV."""
    mail = _envelope(message, sender, report.recipients)
    mail["Subject"] = _one_line(report_wording.subject_of(report))
    mail.set_content(report_wording.text_of(report))
    mail.add_alternative(report_wording.html_of(report), subtype="html")
    if report.result.csv:
        content = report.result.csv.encode()
        name = report_wording.file_name(report)
        mail.add_attachment(
            content, maintype="text", subtype="csv", filename=name, params={"charset": "utf-8"}
        )
    return mail


def _envelope(message: Message, sender: str, recipients: tuple[str, ...]) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Message-ID"] = _message_id(message.key, sender)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Runner-Key"] = message.key
    if message.thread:
        mail["In-Reply-To"] = mail["References"] = message.thread
    return mail


def _refusal(code: int, said: bytes | str) -> DeliveryError:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    is_message_fault = code in (552, 554)  # too large, or refused for what it says (RFC 5321 §4.2.3)
    return DeliveryError(
        f"the mail server refused with {code}: {' '.join(text.split())}",
        is_final=code not in _TRANSIENT_REPLIES and is_message_fault,
    )


def _message_id(key: str, sender: str) -> str:
    domain = sender.rpartition("@")[2].strip("> ") or "runner"
    return f"<{key}@{domain}>"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_SUBJECT_CHARACTERS]


def _html(message: Message) -> str:
    notice = message.notice
    parts = [f"<h2>{escape(wording.subject_of(message))}</h2>"]
    mark = f"<p><small>{escape(wording.mark_of(message))}</small></p>"
    if message.comment:
        parts.append(f"<p><b>{escape(message.actor)}</b>: {escape(message.comment)}</p>")
    if message.kind is MessageKind.GROUP:
        items = "".join(f"<li>{escape(line)}</li>" for line in wording.members_of(message))
        return f"<html><body>{parts[0]}<ul>{items}</ul>{mark}</body></html>"
    rows = "".join(
        f"<tr><th align='left'>{escape(name)}</th><td>{escape(value)}</td></tr>"
        for name, value in wording.facts_of(notice)
    )
    parts.append(f"<table>{rows}</table>")
    parts += [
        f"<h3>{escape(name)}</h3><pre>{escape(text)}</pre>" for name, text in wording.passages_of(notice)
    ]
    if notice.link:
        parts.append(f"<p><a href='{escape(notice.link, quote=True)}'>Open the alert</a></p>")
    return f"<html><body>{''.join(parts)}{mark}</body></html>"
