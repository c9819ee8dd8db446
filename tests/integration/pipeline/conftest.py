import shutil
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runner import app, settings
from runner.clock import FrozenClock
from runner.store.alert_book import AlertFilter

AT = datetime(2026, 1, 15, 9, tzinfo=UTC)
QUERY = """
AnalysisType: scheduled_query
QueryName: Failed Logins
Enabled: true
Query: |
  {sql}
Schedule:
  RateMinutes: 60
  TimeoutMinutes: {timeout}
"""
RULE = """
AnalysisType: scheduled_rule
RuleID: {rule_id}
Enabled: true
Filename: {file}.py
ScheduledQueries: [Failed Logins]
Severity: High
DedupPeriodMinutes: 60
Threshold: {threshold}
"""
LAST_TWO_HOURS = "SELECT * FROM panther_logs.public.logins WHERE p_occurs_since('2 hours')"
BY_USER = (
    "SELECT user_name, count(*) AS failures FROM panther_logs.public.logins "
    "WHERE p_occurs_since('1 day') GROUP BY user_name"
)
EVERY_ROW = "def rule(event):\n    return True\n"


class Project:
    """A project folder with one query, some rules and a lake with one table."""

    def __init__(self, root):
        self.root = root
        self.clock = FrozenClock(AT)

    def write_query(self, sql=LAST_TWO_HOURS, timeout=1):
        """Write the query, with a timeout in minutes."""
        (self.root / "queries").mkdir(exist_ok=True)
        (self.root / "queries" / "failed_logins.yml").write_text(QUERY.format(sql=sql, timeout=timeout))

    def write_rule(self, python=EVERY_ROW, rule_id="Failed.Logins", threshold=1):
        """Write a rule that listens to the query."""
        (self.root / "scheduled_rules").mkdir(exist_ok=True)
        file = rule_id.lower().replace(".", "_")
        base = self.root / "scheduled_rules" / file
        base.with_suffix(".yml").write_text(RULE.format(rule_id=rule_id, file=file, threshold=threshold))
        base.with_suffix(".py").write_text(python)

    def write_settings(self, text):
        """Write `runner.toml`."""
        (self.root / "runner.toml").write_text(text)

    def add_logins(self, *times, row_ids=True, user="ann"):
        """Write failed logins at some times, `hours` before or after 09:00."""
        folder = self.root / "datalake" / "panther_logs" / "logins"
        folder.mkdir(parents=True, exist_ok=True)
        number = len(list(folder.iterdir()))
        rows = {
            "p_event_time": [(AT + timedelta(hours=hours)).replace(tzinfo=None) for hours in times],
            "user_name": [user] * len(times),
        }
        if row_ids:
            rows["p_row_id"] = [f"{number}-{place}" for place in range(len(times))]
        pq.write_table(pa.table(rows), folder / f"{number}.parquet")

    @contextmanager
    def open(self):
        """Open the application: every `with` is a program of its own."""
        loaded = settings.load(self.root, {"RUNNER_WORKERS_COUNT": "1", "RUNNER_WORKERS_MEMORY": "1GiB"})
        with app.build(loaded, self.clock) as parts:
            assert parts.catalogue.errors == ()
            yield parts

    def run(self, *hours):
        """Run the query for 09:00 and some hours later or earlier; returns the reports."""
        with self.open() as parts:
            return [self.run_in(parts, AT + timedelta(hours=number)) for number in hours or (0,)]

    def run_in(self, parts, at=AT):
        """Run the query in an open application."""
        query = parts.catalogue.queries["Failed Logins"]
        return parts.pipeline.run_manually(query, at, parts.catalogue.rules_for(query.name))

    def alerts(self):
        """Return all alerts, oldest first."""
        with self.open() as parts:
            found = parts.store.list_alerts(AlertFilter(), 1000)
            return sorted(found, key=lambda alert: alert.created_at)


@pytest.fixture
def project(tmp_path, migrated_file):
    (tmp_path / ".runner").mkdir()
    shutil.copy(migrated_file, tmp_path / ".runner" / "state.db")
    project = Project(tmp_path)
    project.write_query()
    project.write_rule()
    return project
