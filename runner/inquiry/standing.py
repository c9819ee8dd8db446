"""Where the match of a row stands: counted in which window, alerted, or why not. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import orjson

from runner.alerts.alert import AlertStatus, AlertType
from runner.destinations.delivery import DeliveryState
from runner.destinations.message import MessageKind, Notice
from runner.destinations.silence import first_that_holds
from runner.inquiry.answer import Due, Reason, RuleAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from runner.alerts.alert import AlertRules
    from runner.alerts.match import Match
    from runner.definitions.scheduled_rule import ScheduledRule
    from runner.destinations.delivery import Delivery
    from runner.destinations.silence import Silence
    from runner.inquiry.answer import DueAnswer
    from runner.store.inquiry_store import CountedMatch, Whereabouts, WindowFacts


def rule_answer(
    match: Match,
    rules: AlertRules,
    where: Whereabouts,
    due: DueAnswer,
    *,
    at: datetime,
    doubt: str,
) -> RuleAnswer:
    """Say where a match stands. `doubt` is why that run may not have counted it, if it evaluated its time."""
    reason, sentence, alert_id = (
        _of_counted(where.match, rules, where) if where.match else _of_uncounted(rules, where, due, at, doubt)
    )
    return RuleAnswer(
        rule_id=match.rule_id,
        reason=reason,
        sentence=sentence,
        alert_id=alert_id,
        dedup=where.match.dedup if where.match else match.dedup,
        title=orjson.loads(match.details)["title"],
    )


_Found = tuple[Reason, str, str]
"""The reason, the sentence, and the alert's id."""


def _of_counted(match: CountedMatch, rules: AlertRules, where: Whereabouts) -> _Found:
    window = where.window
    counted = f"counted at {_written(match.matched_at)} by the run {match.run_id} of {match.query}"
    if window is None:
        return Reason.DEDUPLICATED, f"{counted}; its window has been removed for its age", ""
    if window.created_at is None:
        return *_below(rules, window, counted), ""
    is_first = match.match_id == window.first_match
    is_among_first = rules.threshold > 1 and match.matched_at <= window.created_at
    if not (is_first or is_among_first):
        opened = f"the alert {window.alert_id} had been open since {_written(window.start)}"
        ends = _written(window.start + timedelta(minutes=rules.period_minutes))
        return (
            Reason.DEDUPLICATED,
            f"{counted}; {opened} for the dedup string {match.dedup!r}, and takes in what comes before {ends}",
            window.alert_id,
        )
    held = _held(where.deliveries, window)
    if held:
        return (
            Reason.HELD,
            f"{counted}; the alert {window.alert_id} was told to nobody: {held}",
            window.alert_id,
        )
    return Reason.ALERTED, f"{counted}; alert {window.alert_id}; {_told(where.deliveries)}", window.alert_id


def _below(rules: AlertRules, window: WindowFacts, counted: str) -> tuple[Reason, str]:
    if not rules.create_alert:
        return Reason.NO_ALERTS, f"{counted}; the rule has CreateAlert: false"
    number, what = _count_of(rules, window)
    since = f"{number} of {rules.threshold} {what} since {_written(window.start)}"
    return Reason.BELOW_THRESHOLD, f"{counted}; {since}, within {rules.period_minutes} minutes"


def _count_of(rules: AlertRules, window: WindowFacts) -> tuple[int, str]:
    if rules.counts_unique:
        return window.distinct, "distinct values of its unique function"
    return window.count, "matches"


def _of_uncounted(rules: AlertRules, where: Whereabouts, due: DueAnswer, at: datetime, doubt: str) -> _Found:
    if due.due in (Due.EVALUATED, Due.BY_HAND):
        return Reason.NOT_COUNTED, f"it matches now, and the run {due.run_id} did not count it: {doubt}", ""
    if not rules.create_alert:
        return Reason.NO_ALERTS, "it would be counted; the rule has CreateAlert: false", ""
    window = where.window
    is_open = window is not None and at < window.start + timedelta(minutes=rules.period_minutes)
    if window is not None and is_open and window.created_at is not None:
        opened = f"the alert {window.alert_id}, which is open since {_written(window.start)}"
        return Reason.DEDUPLICATED, f"it would join {opened}", window.alert_id
    number, what = _count_of(rules, window) if window is not None and is_open else (0, "matches")
    if number + 1 < rules.threshold:
        return Reason.BELOW_THRESHOLD, f"with it there would be {number + 1} of {rules.threshold} {what}", ""
    return Reason.WOULD_ALERT, "it would raise an alert, were the time evaluated", ""


def _held(deliveries: Sequence[Delivery], window: WindowFacts) -> str:
    """Return why an alert was held back from all whom it was for; empty if it was not."""
    if window.held_by:
        return (
            f"its run raised too many, and the alert {window.held_by} stands for it (limits.alerts_per_run)"
        )
    first = [one for one in deliveries if one.kind is MessageKind.NEW]
    if not first or any(one.state not in (DeliveryState.HELD, DeliveryState.SILENCED) for one in first):
        return ""
    return "; ".join(sorted({one.reason for one in first}))


def silenced(
    answer: RuleAnswer, match: Match, rule: ScheduledRule, silences: Sequence[Silence], now: datetime
) -> RuleAnswer:
    """Return the answer of a match that would alert, or that nobody would be told of that, were it found now."""
    if answer.reason is not Reason.WOULD_ALERT:
        return answer
    details = orjson.loads(match.details)
    notice = Notice(
        alert_id="",
        rule_id=rule.rule_id,
        name=rule.display_name,
        type=AlertType.SCHEDULED_RULE.value,
        title=details["title"],
        severity=details["severity"],
        status=AlertStatus.OPEN.value,
        created_at=now,
        first_match_at=now,
        last_match_at=now,
        match_count=1,
        dedup=match.dedup,
        tags=rule.tags,
    )
    silent = first_that_holds(silences, notice, now)
    if silent is None:
        return answer
    return replace(answer, reason=Reason.HELD, sentence=f"{answer.sentence}, and be told to nobody: {silent}")


def _told(deliveries: Sequence[Delivery]) -> str:
    if not deliveries:
        return "no destination was to be told of it"
    return ", ".join(f"{one.destination}: {one.state.value}" for one in deliveries if one.sequence == 1)


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
