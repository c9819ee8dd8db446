"""Puts a post office together from the settings."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from runner.delivery.backoff import Backoff
from runner.delivery.courier import Persistence
from runner.delivery.dispatch import Discretion, Dispatcher, RuleFacts
from runner.delivery.post_office import PostOffice
from runner.destinations.maintenance import read_windows, windows_at
from runner.destinations.reading import read_destinations

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.clock import Clock
    from runner.definitions.catalogue import Catalogue
    from runner.delivery.post_office import Pulse
    from runner.settings import Settings
    from runner.store.outbox_store import OutboxStore

_LONGEST_WAIT = timedelta(minutes=15)
_LONGEST_LEFT_ALONE = timedelta(minutes=5)
"""A destination that fails is asked at least so often whether it is back, unless it asks for more time."""
_LONGEST_ASKED = timedelta(hours=1)
"""It gets no more than this, nor more than until its messages are given up."""


def post_office(
    settings: Settings,
    outbox: OutboxStore,
    *,
    clock: Clock,
    owner: str,
    catalogue: Callable[[], Catalogue],
    random: Callable[[], float],
    pulse: Pulse | None = None,
) -> PostOffice:
    """Make the post office for the destinations that the settings describe. Raises `SettingsError`."""
    first = timedelta(seconds=settings["delivery.retry_seconds"])
    give_up_after = timedelta(hours=settings["delivery.give_up_hours"])
    asked = min(_LONGEST_ASKED, give_up_after)
    windows = read_windows(settings.maintenance)
    dispatcher = Dispatcher(
        destinations=read_destinations(settings.destinations, root=settings.root, clock=clock),
        facts_of=lambda rule_id: facts_of(catalogue(), rule_id),
        discretion=Discretion(
            page_max_age=timedelta(hours=settings["delivery.page_max_age_hours"]),
            alerts_per_hour=settings["delivery.alerts_per_hour"],
        ),
        link=settings["delivery.link"],
        windows=lambda now: windows_at(windows, now),
    )
    persistence = Persistence(
        message=Backoff(first=first, longest=_LONGEST_WAIT, random=random, longest_asked=asked),
        destination=Backoff(first=first, longest=_LONGEST_LEFT_ALONE, random=random, longest_asked=asked),
        give_up_after=give_up_after,
    )
    return PostOffice(dispatcher, outbox, clock=clock, owner=owner, persistence=persistence, pulse=pulse)


def facts_of(catalogue: Catalogue, rule_id: str) -> RuleFacts:
    """Return what the definition of a rule says of its alerts; nothing if it is not there any more."""
    rule = catalogue.rules.get(rule_id)
    if rule is None:
        return RuleFacts()
    return RuleFacts(name=rule.display_name, tags=rule.tags, output_ids=rule.output_ids)
