"""Surplus: what a run finds beyond the number of alerts that one rule may raise in it. Pure.

The first by severity are raised, and one more that stands for all others.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from runner.alerts.alert import AlertKey, alert_id
from runner.definitions.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

SURPLUS_KIND = "surplus"
"""The key space of the alerts that stand for others: no match of a rule ever joins one."""
_TITLES = 10
"""How many of the alerts that are held back are named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewAlert:
    """An alert that a run would raise."""

    alert_id: str
    rule_id: str
    severity: str
    title: str
    dedup: str
    first_match: int
    """Within a run these rise in the order of its rows."""
    destinations: tuple[str, ...] | None
    log_types: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Surplus:
    """The alerts of one rule that a run holds back."""

    rule_id: str
    raised: int
    """How many the run raised all the same."""
    held: tuple[NewAlert, ...]
    """In the order in which they would have been raised."""

    @property
    def severity(self) -> str:
        """The highest of those held back."""
        return self.held[0].severity

    @property
    def destinations(self) -> list[str] | None:
        """Where they would have gone, all together; None if one of them is routed by the settings."""
        chosen: dict[str, None] = {}
        for one in self.held:
            if one.destinations is None:
                return None
            chosen.update(dict.fromkeys(one.destinations))
        return list(chosen)

    @property
    def log_types(self) -> list[str]:
        """Those of all, in the order of the alphabet."""
        return sorted({name for one in self.held for name in one.log_types})

    def context(self, query: str, at: datetime) -> dict[str, Any]:
        """Return what can be said of them in figures."""
        return {
            "query": query,
            "scheduled_for": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "raised": self.raised,
            "held_back": len(self.held),
            "severities": dict(Counter(one.severity for one in self.held)),
            "first": [one.title for one in self.held[:_TITLES]],
        }


def summary_key(rule_id: str, query: str) -> AlertKey:
    """Return the key of the alerts that stand for what runs of a query hold back of a rule."""
    return AlertKey(rule_id=rule_id, kind=SURPLUS_KIND, dedup=query)


def summary_id(rule_id: str, query: str, at: datetime) -> str:
    """Return the id of the alert that stands for what the run for one time holds back."""
    return alert_id(summary_key(rule_id, query), at)


def surpluses_of(new: Iterable[NewAlert], limit: int) -> list[Surplus]:
    """Return what is beyond `limit` alerts of a rule, by rule: the lowest severities, and the last rows."""
    found: list[Surplus] = []
    for rule_id, group in groupby(sorted(new, key=_order), lambda one: one.rule_id):
        ranked = list(group)
        if len(ranked) > limit:
            found.append(Surplus(rule_id=rule_id, raised=limit, held=tuple(ranked[limit:])))
    return found


def title_of(number: int, rule_id: str) -> str:
    """Return what an alert is called that stands for so many of a rule."""
    return f"{number:,} more {'alert' if number == 1 else 'alerts'} of {rule_id}"


def description_of(surplus: Surplus, query: str, at: datetime, identity: str) -> str:
    """Return what happened, and how to see what was held back."""
    return (
        f"The run of the query {query!r} for {at:%Y-%m-%dT%H:%M:%SZ} found {surplus.raised + len(surplus.held):,} new "
        f"alerts of this rule, and raised {surplus.raised:,} of them (limits.alerts_per_run), the most severe first. "
        f"The others are stored with all their matches: runner alerts list --held-by {identity}."
    )


RUNBOOK = (
    "See whether the rule is too broad, or its dedup strings are too fine. What is done to this alert's status is done "
    "to all that it stands for."
)


def _order(one: NewAlert) -> tuple[str, int, int, str]:
    return one.rule_id, -Severity(one.severity).rank, one.first_match, one.dedup
