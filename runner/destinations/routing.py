"""Routing: which destinations an alert goes to. Pure; the order of precedence is Panther's.

First the rule's own `destinations` function, then its `OutputIds`, then the destinations that subscribe to the
alert's severity. What a subscription says of types and tags counts on that last step only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.lake.log_types import table_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runner.destinations.destination import Destination, Subscription
    from runner.destinations.message import Notice

SUPPRESS = "SKIP"
"""What a rule's `destinations` function returns, alone or in a list, so that nobody is told."""


def route(
    notice: Notice,
    known: Sequence[Destination],
    *,
    chosen: Sequence[str] | None,
    output_ids: Sequence[str],
) -> list[Destination]:
    """Return the destinations of an alert, in the order of `known`.

    `chosen` is what the rule's `destinations` function said: None if it has none, empty or `SKIP` if nobody is
    to be told. Names that no destination has are passed over; where none remains, the next step decides.
    """
    if chosen is not None and (not chosen or SUPPRESS in chosen):
        return []
    return _named(known, chosen or ()) or _named(known, output_ids) or _subscribed(notice, known)


def _named(known: Iterable[Destination], names: Sequence[str]) -> list[Destination]:
    return [one for one in known if any(one.is_called(name) for name in names)]


def _subscribed(notice: Notice, known: Iterable[Destination]) -> list[Destination]:
    return [one for one in known if _wants(one.subscription, notice)]


def _wants(subscription: Subscription, notice: Notice) -> bool:
    """Tell whether a subscription admits an alert. An alert without log types or tags passes those filters."""
    return (
        _admits(subscription.severities, {notice.severity})
        and _admits(subscription.alert_types, {notice.type})
        and (not notice.log_types or _admits(_tables(subscription.log_types), _tables(notice.log_types)))
        and _admits(subscription.tags, notice.tags)
    )


def _tables(log_types: Iterable[str]) -> frozenset[str]:
    """Return the names under which log types are the same, be they written as such or as tables."""
    return frozenset(table_name(one) for one in log_types)


def _admits(wanted: frozenset[str], found: Iterable[str]) -> bool:
    return not wanted or not wanted.isdisjoint(found)
