"""FleetMetrics: what the state database knows of all queries, as metrics, read when they are asked for.

Every daemon on one database shows the same figures. Only so many queries have figures of their own, those that have
waited or gone without success for longest: a monitor pays for every series that it is given.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from runner.errors import StoreError
from runner.schedule.ledger import window_of
from runner.status.query_status import QueryState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from prometheus_client.core import Metric

    from runner.daemon.outlook import Outlook, View
    from runner.status.query_status import QueryStatus

MAX_AGE_SECONDS = 10.0
"""How old figures may be: scrapes that come close together cost the database one look."""
FLEET: Mapping[str, str] = {
    "runner_queries": "Queries, by whether they are enabled, paused or off.",
    "runner_queries_failing": "Enabled queries whose latest due time was not evaluated with success.",
    "runner_rules_broken": "Rules that failed on every row of the newest run of a query, or could not be loaded.",
    "runner_queries_stale": "Enabled queries whose latest run read a table without data as new as it should be.",
    "runner_queries_overdue": "Enabled queries that wait longer than health.overdue_seconds for a run.",
    "runner_backlog": "Due times that are still owed, by whether they are waiting or running.",
    "runner_backlog_oldest_seconds": "How long the query that has waited longest has waited for its run.",
    "runner_gaps": "Due times that were not evaluated, by reason.",
    "runner_daemons_alive": "Daemons that are alive on this state database.",
    "runner_deliveries_waiting": "Deliveries of alerts that a destination has not taken yet.",
    "runner_deliveries_oldest_seconds": "How long the oldest of them waits, by destination.",
    "runner_queries_without_series": "Queries that have no figures of their own: see metrics.query_series.",
}
PER_QUERY: Mapping[str, str] = {
    "runner_query_last_success_timestamp_seconds": "The latest due time that was evaluated with success.",
    "runner_query_success_age_seconds": "How long ago that due time was.",
    "runner_query_lateness_seconds": "How long after it might have begun the latest run began.",
    "runner_query_overdue_seconds": "How long the query waits for a run that should have begun; 0 if for none.",
    "runner_query_interval_ratio": "How long the latest run took, as a share of the time between due times.",
}
OWN: Mapping[str, str] = {
    "runner_state_up": "Whether the state database answers.",
    "runner_workers": "How many queries this daemon may run at the same time.",
    "runner_workers_busy": "How many it is running.",
    "runner_loops_late": "Loops of the daemon that have not been heard of as promised; each is a fault.",
}
DEATHS = ("runner_worker_deaths", "Worker processes that died or had to be killed in the middle of a job.")


class FleetMetrics(Collector):
    """Gauges that are made when they are asked for.

    `own` returns this daemon's own figures by name, `deaths` how many workers it has lost; `overdue_limit` is in
    seconds, and `most_queries` is how many queries have figures of their own.
    """

    def __init__(
        self,
        *,
        outlook: Outlook,
        own: Callable[[], Mapping[str, float]],
        deaths: Callable[[], int],
        overdue_limit: float,
        most_queries: int,
    ) -> None:
        self._outlook = outlook
        self._own = own
        self._deaths = deaths
        self._overdue_limit = overdue_limit
        self._most_queries = most_queries

    def collect(self) -> Iterator[Metric]:
        """Yield all families; those of the database only if it answers."""
        view = self._view()
        figures = {**self._own(), "runner_state_up": float(view is not None)}
        for name, text in OWN.items():
            yield GaugeMetricFamily(name, text, value=figures[name])
        yield CounterMetricFamily(*DEATHS, value=self._deaths())
        if view is not None:
            yield from self._fleet(view)
            yield from self._per_query(view.queries)

    def _view(self) -> View | None:
        try:
            return self._outlook.view(MAX_AGE_SECONDS)
        except StoreError:
            return None

    def _fleet(self, view: View) -> Iterator[Metric]:
        enabled = _enabled(view.queries)
        overdue = [status.overdue_seconds for status in enabled]
        states = Counter({state.value: 0 for state in QueryState})
        states.update(status.state.value for status in view.queries)
        yield _by_label("runner_queries", "state", states)
        yield _one("runner_queries_failing", sum(status.is_failing for status in enabled))
        broken = {rule for status in enabled for rule in status.broken_rules}
        yield _one("runner_rules_broken", len(broken))
        yield _one("runner_queries_stale", sum(status.is_stale for status in enabled))
        yield _one("runner_queries_overdue", sum(seconds > self._overdue_limit for seconds in overdue))
        yield _by_label("runner_backlog", "status", _backlog(view.queries))
        yield _one("runner_backlog_oldest_seconds", max(overdue, default=0.0))
        yield _by_label("runner_gaps", "reason", _gaps(view.queries))
        yield _one("runner_daemons_alive", sum(daemon.is_alive for daemon in view.daemons))
        waiting = {name: number for name, (number, _) in view.deliveries.items()}
        oldest = {name: seconds for name, (_, seconds) in view.deliveries.items()}
        yield _by_label("runner_deliveries_waiting", "destination", waiting)
        yield _by_label("runner_deliveries_oldest_seconds", "destination", oldest)
        yield _one("runner_queries_without_series", max(0, len(enabled) - self._most_queries))

    def _per_query(self, queries: Iterable[QueryStatus]) -> Iterator[Metric]:
        worst_first = sorted(_enabled(queries), key=_need)
        chosen = [(status.facts.query, _figures(status)) for status in worst_first[: self._most_queries]]
        for name, text in PER_QUERY.items():
            family = GaugeMetricFamily(name, text, labels=["query"])
            for query, figures in chosen:
                if (value := figures[name]) is not None:
                    family.add_metric([query], value)
            yield family


def _enabled(queries: Iterable[QueryStatus]) -> list[QueryStatus]:
    return [status for status in queries if status.state is QueryState.ENABLED]


def _need(status: QueryStatus) -> tuple[float, float, str]:
    age = status.success_age_seconds
    return -status.overdue_seconds, -(float("inf") if age is None else age), status.facts.query


def _figures(status: QueryStatus) -> dict[str, float | None]:
    run, success = status.facts.last_run, status.facts.last_success
    return {
        "runner_query_last_success_timestamp_seconds": success.key.scheduled_for.timestamp()
        if success
        else None,
        "runner_query_success_age_seconds": status.success_age_seconds,
        "runner_query_lateness_seconds": run.lateness_seconds if run else None,
        "runner_query_overdue_seconds": status.overdue_seconds,
        "runner_query_interval_ratio": _ratio(status),
    }


def _ratio(status: QueryStatus) -> float | None:
    run = status.facts.last_run
    if run is None or run.ended_at is None or status.schedule is None:
        return None
    window = window_of(status.schedule, run.key.scheduled_for)
    return (run.ended_at - run.started_at) / (window.end - window.start)


def _backlog(queries: Sequence[QueryStatus]) -> dict[str, int]:
    return {
        "waiting": sum(status.facts.backlog.waiting + status.unseen for status in queries),
        "running": sum(status.facts.backlog.running for status in queries),
    }


def _gaps(queries: Iterable[QueryStatus]) -> Counter[str]:
    found: Counter[str] = Counter()
    for status in queries:
        found.update(status.facts.gaps)
    return found


def _one(name: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, FLEET[name], value=value)


def _by_label(name: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, FLEET[name], labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
