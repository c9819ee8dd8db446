from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runner.definitions.python_source import PythonSource
from runner.definitions.severity import Severity
from runner.worker.job import Job, JobLimits, RuleJob
from runner.worker.pool import WorkerPool
from runner.worker.spool import MatchSpool

AT = datetime(2026, 1, 15, 9, tzinfo=UTC)
ROWS = 3
GRACE_SECONDS = 0.3
EVERY_ROW = "def rule(event):\n    return True\n"


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """Make a lake with one table of three rows: `panther_logs.public.logins`."""
    folder = tmp_path_factory.mktemp("lake") / "panther_logs" / "logins" / "p_date=2026-01-15"
    folder.mkdir(parents=True)
    times = [AT.replace(tzinfo=None) - timedelta(minutes=n + 1) for n in range(ROWS)]
    rows = {"p_row_id": [f"row-{n}" for n in range(ROWS)], "p_event_time": times, "n": list(range(ROWS))}
    pq.write_table(pa.table(rows), folder / "logins.parquet")
    return folder.parents[2]


@pytest.fixture(scope="module")
def pool():
    with WorkerPool(1, grace_seconds=GRACE_SECONDS) as pool:
        yield pool


@pytest.fixture
def spool():
    with MatchSpool() as spool:
        yield spool


@pytest.fixture
def job(lake, tmp_path):
    """Make a job of SQL and the Python of some rules, which are called R0, R1 and so on."""

    def make(*rules, sql="SELECT * FROM panther_logs.public.logins", helpers=None, **limits):
        standard = {
            "memory": 2**30,
            "seconds": 20,
            "evaluation_seconds": 0.2,
            "rows": 10**6,
            "matches": 10**6,
            "events_per_alert": 10,
        }
        return Job(
            query="Logins",
            sql=sql,
            dialect="snowflake",
            reference=AT,
            lake=lake,
            spill=tmp_path / "spill",
            root=tmp_path,
            rules=tuple(
                RuleJob(
                    rule_id=f"R{place}",
                    source=PythonSource(Path(f"r{place}.py"), text),
                    severity=Severity.HIGH,
                )
                for place, text in enumerate(rules)
            ),
            helpers={name: PythonSource(Path(f"{name}.py"), text) for name, text in (helpers or {}).items()},
            limits=JobLimits(**{**standard, **limits}),
        )

    return make


@pytest.fixture
def done(pool, spool, job):
    """Do a job; returns its outcome and its matches."""

    def do(*rules, **given):
        outcome = pool.run(job(*rules, **given), spool)
        return outcome, [match for batch in spool for match in batch]

    return do
