from datetime import UTC, datetime, timedelta
from pathlib import Path

from runner import backfill
from runner.definitions.location import Location
from runner.definitions.scheduled_query import Dialect, QueryText, Schedule, ScheduledQuery

PLACE = Location(path=Path("q.yml"), line=1, column=1)


def query(name, minutes):
    return ScheduledQuery(
        name=name,
        enabled=True,
        sql=QueryText(text="SELECT 1", dialect=Dialect.DUCKDB, location=PLACE),
        schedule=Schedule(cron=None, rate_minutes=minutes, timeout_minutes=1),
        location=PLACE,
    )


def at(hour, minute=0):
    return datetime(2026, 1, 15, hour, minute, tzinfo=UTC)


def test_both_ends_of_a_range_belong_to_it_and_the_oldest_comes_first():
    runs = backfill.plan([(query("b", 60), ()), (query("a", 120), ())], start=at(2), end=at(4))

    assert [(run.query.name, run.due) for run in runs] == [
        ("a", at(2)),
        ("b", at(2)),
        ("b", at(3)),
        ("a", at(4)),
        ("b", at(4)),
    ]


def test_a_range_without_due_times_is_empty():
    assert backfill.plan([(query("a", 60), ())], start=at(2, 10), end=at(2, 50)) == []


def test_what_has_not_come_and_what_still_waits_for_late_data_is_left_out():
    runs = backfill.plan([(query("slow", 60), ()), (query("fast", 60), ())], start=at(1), end=at(4))
    settles = {"slow": timedelta(minutes=30), "fast": timedelta(0)}

    found = backfill.past(runs, at(3, 10), lambda one: settles[one.name])

    assert [(run.query.name, run.due.hour) for run in found] == [
        ("fast", 1),
        ("slow", 1),
        ("fast", 2),
        ("slow", 2),
        ("fast", 3),
    ]
