"""What an inquiry answers: for the due time, for the query, and for each rule one reason, in a word and in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Due(StrEnum):
    """How the query stands at the time that is asked about."""

    EVALUATED = "evaluated"
    BY_HAND = "run by hand"
    """It was run for this time by `runner once`, and not by its schedule."""
    NOT_YET = "not run yet"
    GAP = "gap"
    """A due time that was not evaluated."""
    NOT_DUE = "not due"


class Reason(StrEnum):
    """Why there is no alert, or that there is one."""

    QUERY_FAILS = "the query fails"
    NO_TIME = "the row has no time"
    OUTSIDE_WINDOW = "outside the window"
    NOT_RETURNED = "not returned by the query"
    CANNOT_TELL = "cannot be told from one row"
    NO_RULE = "no rule listens"
    RULE_DISABLED = "the rule is disabled"
    FILTERED = "filtered by the rule"
    RULE_FAILS = "the rule fails"
    NO_ALERTS = "the rule raises no alerts"
    BELOW_THRESHOLD = "below the threshold"
    DEDUPLICATED = "deduplicated"
    HELD = "told to nobody"
    """There is an alert: a silence, a maintenance window or a limit kept it from being told."""
    NOT_COUNTED = "not counted then"
    """It would match now, and that run did not count it."""
    WOULD_ALERT = "would alert"
    ALERTED = "alerted"


@dataclass(frozen=True, kw_only=True, slots=True)
class DueAnswer:
    """How the query stands at the time that is asked about."""

    due: Due
    sentence: str
    run_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryAnswer:
    """What the query makes of the row. Without a reason, it returns it."""

    reason: Reason | None
    sentence: str
    rows: int = 0
    """How many rows it returns for this one."""
    row_time: datetime | None = None
    since: datetime | None = None
    """The beginning of the window that the row's time is compared with; None: it has none."""
    until: datetime | None = None
    """Up to when, not included."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleAnswer:
    """What a rule, and the alerts, make of the row."""

    rule_id: str
    reason: Reason
    sentence: str
    alert_id: str = ""
    dedup: str = ""
    title: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The whole answer."""

    query: str
    at: datetime
    due: DueAnswer
    of_query: QueryAnswer
    rules: tuple[RuleAnswer, ...]
    """None of them is asked if the query does not return the row."""
