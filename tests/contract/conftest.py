"""A project to put Panther's promises to: rules in memory, runs of rows, and the alerts that come of them."""

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml

from runner import settings
from runner.clock import FrozenClock
from runner.definitions.catalogue import read_catalogue
from runner.definitions.python_source import PythonSource
from runner.definitions.severity import Severity
from runner.detections.evaluate import evaluate, evaluate_test
from runner.detections.event import Event
from runner.detections.loading import Namespace
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits
from runner.pipeline import Pipeline
from runner.store.alert_book import AlertFilter
from runner.store.database import IN_MEMORY
from runner.store.state import StateStore
from runner.worker.beat import Beat
from runner.worker.execution import execute

START = datetime(2026, 1, 15, 10, tzinfo=UTC)
MATCHES = "def rule(event):\n    return True\n"


class Asked:
    """A rule of some Python, asked about an event."""

    def __init__(self, detection):
        self._detection = detection

    def alert(self, event=None):
        """Return what production makes of it."""
        return evaluate(self._detection, Event(event or {}))

    def test(self, event=None):
        """Return what a unit test makes of it."""
        return evaluate_test(self._detection, Event(event or {}))


@pytest.fixture
def rule():
    """Return a function that loads a rule from its Python."""

    def load(text, *, matches=True, **facts):
        facts = {
            "rule_id": "My.Rule",
            "severity": Severity.MEDIUM,
            "display_name": "My display name",
            **facts,
        }
        python = PythonSource(Path("my_rule.py"), (MATCHES if matches else "") + text)
        return Asked(Namespace({}).load(python, **facts))

    return load


class InProcess:
    """Does the jobs of a pool in this process."""

    def __init__(self, spill):
        self._limits = EngineLimits(memory=2**28, spill=spill, threads=1)

    def run(self, job, spool):
        """Do a job, and keep its matches."""
        engine = DuckDBEngine(job.lake, self._limits)
        try:
            return execute(job, engine, Beat(), lambda matches: spool.add(pickle.dumps(matches)))
        finally:
            engine.close()


class Project:
    """Definitions in a folder, and the state that their runs leave."""

    def __init__(self, root):
        self.root = root
        self.clock = FrozenClock(START)
        self.store = StateStore(IN_MEMORY, clock=self.clock, events_per_alert=10)

    def write(self, name, text="", **keys):
        """Write a definition's YAML, and the Python it names by `Filename`."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(f"{path.name}.yml").write_text(yaml.safe_dump(keys, sort_keys=False))
        if "Filename" in keys:
            (path.parent / keys["Filename"]).write_text(text)

    def query(self, name="Rows"):
        """Write a scheduled query; its SQL is replaced in each run."""
        self.write(
            f"queries/{name}",
            AnalysisType="scheduled_query",
            QueryName=name,
            Enabled=True,
            Query="SELECT 1 AS n",
            Schedule={"RateMinutes": 10, "TimeoutMinutes": 1},
        )

    def rule(self, text=MATCHES, rule_id="My.Rule", queries=("Rows",), **keys):
        """Write a scheduled rule."""
        for name in queries:
            self.query(name)
        self.write(
            f"rules/{rule_id}",
            text,
            AnalysisType="scheduled_rule",
            RuleID=rule_id,
            Enabled=True,
            Filename=f"{rule_id}.py",
            Severity="Medium",
            ScheduledQueries=list(queries),
            **keys,
        )

    def run(self, minute, *rows, query="Rows", settings_text="", sql=None):
        """Run the query for a time, so many minutes after ten.

        Its rows are mappings of texts and numbers, or what `sql` returns.
        """
        if settings_text:
            (self.root / "runner.toml").write_text(settings_text)
        catalogue = read_catalogue(self.root)
        assert catalogue.errors == ()
        pipeline = Pipeline(
            catalogue=catalogue,
            settings=settings.load(self.root, {}),
            store=self.store,
            workers=InProcess(self.root / "spill"),
            clock=self.clock,
        )
        written = catalogue.queries[query]
        sql = replace(written.sql, text=sql or _select(rows))
        at = START + timedelta(minutes=minute)
        return pipeline.run_manually(replace(written, sql=sql), at, catalogue.rules_for(query))

    def alerts(self):
        """Return all alerts, oldest first."""
        return self.store.list_alerts(AlertFilter(), 1_000)[::-1]

    def stored_details(self):
        """Return what is stored of each match for its alert, as JSON."""
        with self.store._database.reading() as connection:
            return list(connection.scalars(sa.text("SELECT details FROM match_contents")))

    def counts(self):
        """Return how many matches each alert has, oldest first."""
        return [alert.match_count for alert in self.alerts()]


def _select(rows):
    if not rows:
        return "SELECT 1 AS n WHERE false"
    return " UNION ALL ".join(
        "SELECT " + ", ".join(f"{value!r} AS {name}" for name, value in row.items()) for row in rows
    )


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path)
    yield project
    project.store.close()
