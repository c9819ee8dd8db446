"""System errors: what goes wrong around the rules, told as one alert for as long as it lasts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

SYSTEM_KIND = "system"
"""The key space of system errors: no match of a rule ever joins one."""
SYSTEM_ACTOR = "runner"
"""Who resolves a system error that has mended."""
SYSTEM_SEVERITY = "CRITICAL"
"""As in Panther: a system error means that detections may be missed."""


class SystemFaultKind(StrEnum):
    """What can be wrong; the `rule_id` of the alert. Its dedup string is the subject."""

    QUERY_FAILED = "QUERY_FAILED"
    """A window of a query was not evaluated. The subject is the query's name."""
    QUERY_PAUSED = "QUERY_PAUSED"
    """A query failed again and again, and is not run by its schedule. The subject is its name."""
    TABLE_STALE = "TABLE_STALE"
    """No new data has come. The subject is the table, or the table and the query whose limit it is."""
    DEFINITION_FAULTY = "DEFINITION_FAULTY"
    """A file of definitions cannot be used. The subject is its path in the project folder."""

    ALERT_DELIVERY = "ALERT_DELIVERY"
    """A destination did not take an alert, for good. The subject is the destination."""
    ALERT_LIMIT = "ALERT_LIMIT"
    """A rule raises more alerts than are told. The subject is its id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SystemFault:
    """One thing that is wrong, in words for whoever has to mend it."""

    kind: SystemFaultKind
    subject: str
    title: str
    what: str
    """What is wrong and where, as a sentence without its full stop."""
    remedy: str
    """What to do, in whole sentences."""
    context: Mapping[str, object] = field(default_factory=dict)

    def description(self, since: datetime) -> str:
        """Return the whole story: what is wrong, since when, and what to do."""
        return f"{self.what}; since {_written(since)}. {self.remedy}"


def query_failed(query: str, *, place: str, due: datetime, fault_kind: str, message: str) -> SystemFault:
    """Tell that a due time of a query became a gap; `place` is where the query is defined."""
    return SystemFault(
        kind=SystemFaultKind.QUERY_FAILED,
        subject=query,
        title=f"The query {query!r} fails",
        what=f"{place}: the query was not evaluated for {_written(due)}: {fault_kind}: {_line(message)}",
        remedy=f"Mend it, then fill its gaps: runner gaps {query!r} --fill.",
        context={"query": query, "place": place, "scheduled_for": _written(due), "fault": fault_kind},
    )


def query_paused(query: str, *, place: str, failures: int, probe_minutes: int, message: str) -> SystemFault:
    """Tell that a query is not run by its schedule any more, after so many failures in a row."""
    return SystemFault(
        kind=SystemFaultKind.QUERY_PAUSED,
        subject=query,
        title=f"The query {query!r} is paused",
        what=f"{place}: the query failed {failures} times in a row, and its due times are gaps: {_line(message)}",
        remedy=(
            "It goes on by itself when its definition or the lake's tables change, or when a trial, which is made "
            f"every {probe_minutes} minutes at most, succeeds; or at once: runner queries resume {query!r}. "
            f"Then fill its gaps: runner gaps {query!r} --fill."
        ),
        context={"query": query, "place": place, "failures": failures},
    )


def table_stale(subject: str, *, table: str, query: str, message: str) -> SystemFault:
    """Tell that a table has no data as new as it should; `query` is the one that found out."""
    return SystemFault(
        kind=SystemFaultKind.TABLE_STALE,
        subject=subject,
        title=f"No new data in {table}",
        what=f"{message}, as the query {query!r} found",
        remedy=(
            "Queries over it succeed and find nothing. See whether its logs still arrive; once they do, run the "
            "windows again that they belong to: runner once QUERY --from ... --to ..."
        ),
        context={"table": table, "query": query},
    )


def definition_faulty(path: str, messages: tuple[str, ...]) -> SystemFault:
    """Tell everything that is wrong with a file; each message begins with its file, line and column."""
    return SystemFault(
        kind=SystemFaultKind.DEFINITION_FAULTY,
        subject=path,
        title=f"The definition {path} is faulty",
        what="; ".join(_line(message) for message in messages),
        remedy="Its last good version is used, if there was one. Mend the file; runner check tells when it is sound.",
        context={"path": path, "faults": list(messages)},
    )


def delivery_failed(destination: str, *, told: str, alert_id: str, message: str) -> SystemFault:
    """Tell that a destination will not get a message; `told` says which. It is told to the other destinations."""
    return _undelivered(
        destination,
        f"The destination {destination} does not take alerts",
        f"{_line(told)} was not delivered to {destination}: {_line(message)}",
        remedy=f"See whether it can be reached: runner destinations test {destination}.",
        alert_id=alert_id,
    )


def destination_gone(destination: str, *, told: str, alert_id: str, message: str) -> SystemFault:
    """Tell that a message waited for a destination that the settings do not describe any more."""
    return _undelivered(
        destination,
        f"The destination {destination} is not there any more",
        f"{_line(told)} was not delivered to {destination}: {_line(message)}",
        remedy=(
            "Whoever should have it still can: give the destination its name back in runner.toml, and run "
            f"runner destinations missed {destination} --resend."
        ),
        alert_id=alert_id,
    )


def _undelivered(destination: str, title: str, what: str, *, remedy: str, alert_id: str) -> SystemFault:
    return SystemFault(
        kind=SystemFaultKind.ALERT_DELIVERY,
        subject=destination,
        title=title,
        what=what,
        remedy=f"{remedy} What it has missed: runner destinations missed {destination}.",
        context={"destination": destination, "alert": alert_id},
    )


def alert_limit(rule_id: str, limit: int) -> SystemFault:
    """Tell that a rule has raised so many alerts within an hour that the further ones are only stored."""
    return SystemFault(
        kind=SystemFaultKind.ALERT_LIMIT,
        subject=rule_id,
        title=f"The rule {rule_id} raises too many alerts",
        what=f"it raised more than {limit} alerts within an hour, and destinations are told of no more for now",
        remedy="All of them are stored: runner alerts list. Make its dedup strings coarser, or its rule stricter.",
        context={"rule": rule_id},
    )


def _line(message: str) -> str:
    return " ".join(message.split()).rstrip(".")


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
