"""Report: the result of a scheduled query, for those whom its `EmailConfig` names."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

from runner.destinations.message import Notice
from runner.errors import SettingsError
from runner.runs.query_result import QueryResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REPORT_TYPE = "QUERY_RESULT"


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One result of a query, and who gets it."""

    query: str
    scheduled_for: datetime
    """The reference time of the run (aware, UTC)."""
    recipients: tuple[str, ...]
    as_attachment: bool
    """The rows are in the attached CSV only (`PreferAttachment`)."""
    result: QueryResult
    corrects: bool = False
    """Another result for this time was sent before: late logs have changed it."""

    @property
    def report_id(self) -> str:
        """Return what names the result of this query for this time: 32 hexadecimal digits."""
        text = f"report\x1f{self.query}\x1f{self.scheduled_for.isoformat()}"
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def as_notice(self) -> Notice:
        """Return the report as the outbox names it."""
        return Notice(
            alert_id=self.report_id,
            rule_id=self.query,
            name="",
            type=REPORT_TYPE,
            title=f"Result of the query {self.query!r}",
            severity="INFO",
            status="RESOLVED",
            created_at=self.scheduled_for,
            first_match_at=self.scheduled_for,
            last_match_at=self.scheduled_for,
            match_count=self.result.rows,
        )

    def as_document(self) -> dict[str, Any]:
        """Return a JSON document from which `report_of` makes the same report again."""
        return {**asdict(self), "scheduled_for": self.scheduled_for.isoformat(), "digest": self.result.digest}

    def without_rows(self) -> Report:
        """Return what is kept of a report that was sent."""
        return replace(self, result=replace(self.result, csv="", head=()))


def report_of(document: Mapping[str, Any] | None) -> Report | None:
    """Make a report of what `Report.as_document` returned."""
    if document is None:
        return None
    given = {key: value for key, value in document.items() if key != "digest"}
    return Report(
        **{
            **given,
            "scheduled_for": datetime.fromisoformat(given["scheduled_for"]),
            "recipients": tuple(given["recipients"]),
            "result": _result_of(given["result"]),
        }
    )


def _result_of(document: Mapping[str, Any]) -> QueryResult:
    return QueryResult(**{**document, "head": tuple(tuple(row) for row in document["head"])})


def carrier_of(tables: Mapping[str, Mapping[str, Any]], named: str) -> str | None:
    """Return the name of the destination that mails reports: the one `named`, else the first of kind `email`.

    None if there is none. Raises `SettingsError` if the one named is no such destination.
    """
    mailing = [name for name, table in tables.items() if table.get("kind") == "email"]
    if named and named not in mailing:
        have = ", ".join(mailing) or "there are none"
        raise SettingsError(f"reports.destination: {named!r} is no destination of kind email (those: {have})")
    return named or next(iter(mailing), None)


def why_unsent(recipients: Sequence[str], carrier: str | None) -> str:
    """Return why results cannot be mailed to these addresses by the destination `carrier`; empty if they can."""
    wrong = [repr(one) for one in recipients if not one.isprintable() or "@" not in parseaddr(one)[1]]
    if not recipients:
        return "EmailConfig has no Recipients"
    if wrong:
        return f"EmailConfig: no email address: {', '.join(wrong)}"
    return "" if carrier else "EmailConfig: there is no destination of kind email that could mail the rows"
