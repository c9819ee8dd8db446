"""Metrics: what a daemon counts and measures while it works, in a registry of its own.

Names and units follow the conventions of Prometheus. No label here takes more than a handful of values: what is told
for each query is read from the state database (`runner.daemon.fleet_metrics`), and bounded there.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from runner import __version__

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_RATIOS = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 2, 5)


class Metrics:
    """The instruments; each attribute is one. Threads may share them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        Info("runner_build", "The version of the program.", registry=self.registry).info(
            {"version": __version__}
        )
        self.started_at = self._gauge("runner_start_timestamp_seconds", "When the daemon began to work.")
        self._count_runs()
        self._count_outcomes()
        self._count_troubles()
        self._follow_definitions()

    def _count_runs(self) -> None:
        self.due_times = self._counter(
            "runner_due_times_recorded", "Due times that were put into the backlog, or among the gaps."
        )
        self.reopened = self._counter(
            "runner_windows_reopened", "Due times to be evaluated again, for logs that came late."
        )
        self.claims = self._counter("runner_claims", "Due times that this daemon has taken from the backlog.")
        self.claims_lost = self._counter(
            "runner_claims_lost", "Runs whose outcome did not count: another process had taken them over."
        )
        self.runs = self._counter("runner_runs", "Runs that have ended, by their state.", "state")
        self.retries = self._counter(
            "runner_run_retries", "Attempts that ended without an outcome, to be made again later."
        )
        self.run_seconds = self._histogram(
            "runner_run_duration_seconds", "How long an attempt that ended its run took.", _SECONDS
        )
        self.run_lateness = self._histogram(
            "runner_run_lateness_seconds", "How long after it might have begun a run began.", _SECONDS
        )
        self.run_ratio = self._histogram(
            "runner_run_interval_ratio",
            "How long a run took, as a share of the time between its query's due times; above 1 it cannot keep up.",
            _RATIOS,
        )

    def _count_outcomes(self) -> None:
        self.rows = self._counter("runner_rows", "Rows that queries returned.")
        self.matches = self._counter("runner_matches", "Rows that rules matched.")
        self.rule_errors = self._counter("runner_rule_errors", "Rows on which a rule failed.")
        self.alerts = self._counter(
            "runner_alerts_created", "Alerts that runs of this daemon created, by severity.", "severity"
        )

    def _count_troubles(self) -> None:
        self.state_errors = self._counter(
            "runner_state_errors", "Times that the state database did not do as asked."
        )
        self.faults = self._counter(
            "runner_internal_errors", "Faults of the daemon itself, after which it went on."
        )
        self.heartbeats = self._counter(
            "runner_heartbeats",
            "Heartbeats by their result: sent, withheld because something is wrong, or failed.",
            "result",
        )

    def _follow_definitions(self) -> None:
        self.reloads = self._counter(
            "runner_reloads", "Times that changed definitions were taken in, or could not be.", "result"
        )
        self.definitions_at = self._gauge(
            "runner_definitions_loaded_timestamp_seconds", "When the definitions in use were loaded."
        )
        self.definitions = self._gauge("runner_definitions", "Definitions in use.", "kind")
        self.definition_faults = self._gauge(
            "runner_definition_faults",
            "Faults in definitions; those sound before keep their last good version.",
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, text, buckets=buckets, registry=self.registry)
