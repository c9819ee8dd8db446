from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry

from runner.clock import FrozenClock
from runner.daemon.fleet_metrics import DEATHS, FLEET, OWN, PER_QUERY, FleetMetrics
from runner.daemon.outlook import Outlook
from runner.definitions.scheduled_query import Schedule
from runner.errors import StoreError
from runner.runs.query_run import QueryRun, RunKey, RunPurpose, RunState
from runner.schedule.ledger import Epoch
from runner.status.query_status import Backlog, QueryFacts

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
HOURLY = Schedule(cron=None, rate_minutes=60, timeout_minutes=1)


def facts(name, *, hours=1, waits=0, stale="", broken=()):
    """Return what is held of a query that succeeded so many hours ago, and waits for so many seconds since."""
    due = NOW - timedelta(hours=hours)
    run = QueryRun(
        run_id="r",
        key=RunKey(query=name, scheduled_for=due, purpose=RunPurpose.SCHEDULED),
        state=RunState.SUCCEEDED,
        attempt=1,
        start_at=due,
        started_at=due + timedelta(seconds=5),
        ended_at=due + timedelta(seconds=5, minutes=6),
        stale=stale,
        broken_rules=broken,
    )
    return QueryFacts(
        query=name,
        epochs=(Epoch(start=due, schedule=HOURLY),),
        recorded_until=NOW,
        backlog=Backlog(waiting=int(waits > 0), live_since=NOW - timedelta(seconds=waits) if waits else None),
        last_run=run,
        last_success=run,
        gaps={"failed": 2},
    )


class Remembered:
    """What the state database would hold; it counts how often it is asked."""

    def __init__(self, *known, is_there=True):
        self.known, self.is_there, self.looks = known, is_there, 0

    def daemons(self):
        if not self.is_there:
            raise StoreError
        return []

    def waiting_deliveries(self):
        return {"pager": (2, NOW - timedelta(seconds=30))}

    def undelivered(self):
        return []

    def facts(self):
        self.looks += 1
        return list(self.known)


def registry_of(store, *, most_queries=10, monotonic=lambda: 0.0):
    registry = CollectorRegistry()
    registry.register(
        FleetMetrics(
            outlook=Outlook(store, FrozenClock(NOW), monotonic),
            own=lambda: {"runner_workers": 2, "runner_workers_busy": 1, "runner_loops_late": 0},
            deaths=lambda: 3,
            overdue_limit=60,
            most_queries=most_queries,
        )
    )
    return registry


def names_of(registry):
    return {family.name for family in registry.collect()}


def test_every_metric_that_is_documented_is_there_and_no_other():
    assert names_of(registry_of(Remembered(facts("q")))) == {*OWN, *FLEET, *PER_QUERY, DEATHS[0]}


def test_a_query_has_its_figures():
    value = registry_of(Remembered(facts("q", hours=2, waits=90))).get_sample_value

    assert value("runner_query_success_age_seconds", {"query": "q"}) == 7200
    assert value("runner_query_lateness_seconds", {"query": "q"}) == 5
    assert value("runner_query_overdue_seconds", {"query": "q"}) == 90
    assert value("runner_query_interval_ratio", {"query": "q"}) == 0.1
    assert value("runner_queries_overdue") == 1
    assert value("runner_backlog", {"status": "waiting"}) == 1
    assert value("runner_gaps", {"reason": "failed"}) == 2
    assert value("runner_worker_deaths_total") == 3
    assert value("runner_deliveries_waiting", {"destination": "pager"}) == 2
    assert value("runner_deliveries_oldest_seconds", {"destination": "pager"}) == 30


def test_queries_over_tables_without_new_data_are_counted_apart():
    value = registry_of(Remembered(facts("q"), facts("old", stale="logins: nothing new"))).get_sample_value

    assert (value("runner_queries_stale"), value("runner_queries_failing")) == (1, 0)


def test_rules_that_fail_on_every_row_are_counted_once_each():
    value = registry_of(Remembered(facts("q", broken=("A", "B")), facts("p", broken=("B",)))).get_sample_value

    assert (value("runner_rules_broken"), value("runner_queries_failing")) == (2, 0)


def test_only_so_many_queries_have_series_and_those_in_need_come_first():
    store = Remembered(facts("fresh"), facts("old", hours=9), facts("late", waits=99))

    registry = registry_of(store, most_queries=2)

    shown = {
        sample.labels["query"]
        for family in registry.collect()
        if family.name == "runner_query_success_age_seconds"
        for sample in family.samples
    }
    assert shown == {"late", "old"}
    assert registry.get_sample_value("runner_queries_without_series") == 1


def test_without_the_state_database_the_daemons_own_figures_remain():
    registry = registry_of(Remembered(is_there=False))

    assert registry.get_sample_value("runner_state_up") == 0
    assert names_of(registry) == {*OWN, DEATHS[0]}


def test_scrapes_that_come_close_together_cost_one_look():
    now, store = [0.0], Remembered(facts("q"))
    registry = registry_of(store, monotonic=lambda: now[0])

    for now[0] in (0.0, 9.9, 10.0):
        names_of(registry)

    assert store.looks == 2
