"""What the settings hold for the time of a query."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from runner.schedule.ledger import CatchUp, Overlap
from runner.schedule.timing import QueryTiming

if TYPE_CHECKING:
    from runner.definitions.scheduled_query import ScheduledQuery
    from runner.settings import Settings


def timing_of(settings: Settings, query: ScheduledQuery) -> QueryTiming:
    """Return what the settings hold for a query's time."""

    def option(name: str) -> float:
        value: float = settings.of_query(query.name, query.tags, name)
        return value

    return QueryTiming(
        settle=timedelta(seconds=option("settle_seconds")),
        skew=timedelta(seconds=option("skew_seconds")),
        catch_up=CatchUp(settings.of_query(query.name, query.tags, "catch_up")),
        catch_up_limit=int(option("catch_up_limit")),
        overlap=Overlap(settings.of_query(query.name, query.tags, "overlap")),
        priority=int(option("priority")),
    )
