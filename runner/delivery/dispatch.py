"""Dispatch: which letters follow from what has happened to alerts. Pure.

A new alert goes where routing sends it. What happens to it later goes to those who know of it, if they take updates. Whom
a silence kept it from is told of it, as of a new one, when it grows after the silence.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner.alerts.alert import AlertStatus, AlertType, first_status
from runner.alerts.system_fault import SystemFaultKind, alert_limit
from runner.destinations import silence
from runner.destinations.delivery import Letter
from runner.destinations.message import MessageKind, Notice
from runner.destinations.routing import route
from runner.store.outbox_store import Decision, News

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime, timedelta

    from runner.alerts.alert import Alert
    from runner.alerts.summary import Summary
    from runner.destinations.destination import Destination
    from runner.destinations.silence import Silence
    from runner.store.announcements import Announcement


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleFacts:
    """What a rule's definition says that its alerts do not."""

    name: str = ""
    tags: tuple[str, ...] = ()
    output_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Discretion:
    """When an alert is stored, and nobody is told."""

    page_max_age: timedelta
    """An alert whose run was for a time longer ago wakes nobody: an outage was caught up with."""
    alerts_per_hour: int
    """Of one rule, so many alerts within an hour are told; beyond that it is the rule that is wrong."""


@dataclass(kw_only=True)
class Dispatcher:
    """Turns announcements into letters.

    `facts_of` knows the rules as they are defined now. `link` is the address of an alert's page, with
    `{alert_id}` in it, or empty.
    """

    destinations: Sequence[Destination]
    facts_of: Callable[[str], RuleFacts]
    discretion: Discretion
    link: str = ""
    windows: Callable[[datetime], Sequence[Silence]] = field(default=lambda _now: ())
    """The maintenance windows that hold at a moment."""

    def decide(self, news: News) -> Decision:
        """Return the letters to write, in order. Of a new alert, what happened since goes into one letter."""
        round_ = _Round(self, news, (*news.silences, *self.windows(news.now)), Counter(news.recent))
        new = {one.alert_id for one in news.announced if one.kind is MessageKind.NEW}
        letters: list[Letter] = []
        for one in news.announced:
            alert = news.alerts.get(one.alert_id)
            if alert is None:
                continue  # removed since
            if one.kind is MessageKind.NEW:
                letters += round_.of_new(alert)
            elif one.alert_id not in new:
                letters += round_.of_known(alert, one)
        limit = self.discretion.alerts_per_hour
        return Decision(
            letters=letters,
            counted=round_.counted,
            faults=[alert_limit(rule_id, limit) for rule_id in sorted(round_.limited)],
            mended=[(SystemFaultKind.ALERT_LIMIT, rule_id) for rule_id in sorted(round_.quiet)],
        )


@dataclass(slots=True)
class _Round:
    """One call of the dispatcher, with what it has to know."""

    dispatcher: Dispatcher
    news: News
    silences: Sequence[Silence]
    recent: Counter[str]
    limited: set[str] = field(default_factory=set)
    """Rules that raise more alerts than anybody can read."""
    quiet: set[str] = field(default_factory=set)
    """Rules that do not, and have raised one."""
    counted: set[str] = field(default_factory=set)
    """Alerts that are told, or would be but for the limit of their rule."""
    resumed: set[str] = field(default_factory=set)
    """Alerts that a silence kept back, and that have been told now."""

    def of_new(self, alert: Alert) -> Iterator[Letter]:
        if alert.merged_into or not alert.match_count:
            return  # those that have its matches now are told
        facts = self.dispatcher.facts_of(alert.key.rule_id)
        notice = self._notice(alert, facts)
        chosen = route(notice, self._reachable(alert), chosen=alert.destinations, output_ids=facts.output_ids)
        silent = silence.first_that_holds(self.silences, notice, self.news.now)
        reason = str(silent or self._reason(alert, alert.created_at)) if chosen else ""
        for destination in chosen:
            yield Letter(
                destination=destination.name,
                kind=MessageKind.NEW,
                notice=notice,
                held_because=reason,
                is_silenced=silent is not None,
            )

    def of_known(self, alert: Alert, announcement: Announcement) -> Iterator[Letter]:
        known = self.news.told.get(alert.alert_id, {})
        facts = self.dispatcher.facts_of(alert.key.rule_id)
        notice = self._notice(alert, facts)
        is_silent = silence.first_that_holds(self.silences, notice, self.news.now) is not None
        if is_silent and announcement.kind is MessageKind.UPDATE:
            return
        for destination in self.dispatcher.destinations:
            if destination.takes_updates and destination.name in known:
                yield Letter(
                    destination=destination.name,
                    kind=announcement.kind,
                    notice=notice,
                    actor=announcement.actor,
                    comment=announcement.comment,
                )
        if announcement.kind is MessageKind.UPDATE:
            yield from self._of_silenced(alert, notice)

    def _of_silenced(self, alert: Alert, notice: Notice) -> Iterator[Letter]:
        """Yield the letters to those from whom a silence, which is over, kept an alert that has grown."""
        news = self.news
        untold = set(news.silenced.get(alert.alert_id, ())) - set(news.told.get(alert.alert_id, ()))
        if not untold or alert.alert_id in self.resumed or _is_done_with(alert):
            return
        self.resumed.add(alert.alert_id)
        if self._reason(alert, alert.last_match_at):
            return
        for destination in self.dispatcher.destinations:
            if destination.name in untold:
                yield Letter(destination=destination.name, kind=MessageKind.NEW, notice=notice)

    def _notice(self, alert: Alert, facts: RuleFacts) -> Notice:
        summary = self.news.summaries.get(alert.alert_id)
        return notice_of_alert(alert, facts, self.dispatcher.link, summary)

    def _reachable(self, alert: Alert) -> list[Destination]:
        """Return the destinations that may be told: that one takes nothing, the others are told."""
        failing = alert.context.get("destination") if alert.type is AlertType.SYSTEM_ERROR else None
        return [one for one in self.dispatcher.destinations if one.name != failing]

    def _reason(self, alert: Alert, happened_at: datetime) -> str:
        """Return why an alert that no silence keeps back is told to nobody; empty if it is told."""
        discretion, rule_id = self.dispatcher.discretion, alert.key.rule_id
        if self.news.now - happened_at > discretion.page_max_age:
            return f"it was found too late: its run was for a time more than {discretion.page_max_age} ago"
        self.counted.add(alert.alert_id)
        self.recent[rule_id] += 1
        self.quiet.add(rule_id)
        if self.recent[rule_id] > discretion.alerts_per_hour:
            self.limited.add(rule_id)
            self.quiet.discard(rule_id)
            return f"its rule has raised {discretion.alerts_per_hour} alerts within an hour"
        return ""


def _is_done_with(alert: Alert) -> bool:
    """Tell whether there is nothing to tell: somebody has resolved or closed it, or its matches belong to others."""
    is_ended = alert.status in (AlertStatus.RESOLVED, AlertStatus.CLOSED)
    was_ended = is_ended and alert.status is not first_status(alert.severity)
    return was_ended or bool(alert.merged_into) or not alert.match_count


def notice_of_alert(alert: Alert, facts: RuleFacts, link: str, summary: Summary | None = None) -> Notice:
    """Return what is told about an alert, as it is now."""
    return Notice(
        alert_id=alert.alert_id,
        rule_id=alert.key.rule_id,
        name=facts.name,
        type=alert.type.value,
        title=alert.title,
        severity=alert.severity,
        status=alert.status.value,
        created_at=alert.created_at,
        first_match_at=alert.first_match_at,
        last_match_at=alert.last_match_at,
        match_count=alert.match_count,
        dedup=alert.key.dedup,
        description=alert.description,
        runbook=alert.runbook,
        reference=alert.reference,
        link=link.replace("{alert_id}", alert.alert_id),
        tags=facts.tags,
        log_types=alert.log_types,
        context=alert.context,
        summary=summary,
        merged_into=alert.merged_into or "",
    )
