"""Queries that go to a database: from the settings to the alert."""

import json
from datetime import timedelta
from importlib.util import find_spec

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from conftest import AT
from postgres_server import find_programs, running_server

from runner.cli.main import cli
from runner.errors import QueryTimeout
from runner.lake.database.address import DatabaseAddress
from runner.runs.query_run import RunState
from runner.worker.job import Job, JobLimits
from runner.worker.pool import WorkerPool
from runner.worker.spool import MatchSpool

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server():
    programs = find_programs()
    if programs is None or find_spec("psycopg") is None:
        pytest.skip("NOT TESTED ON POSTGRESQL: no server under /usr/lib/postgresql or on PATH, or no psycopg")
    with running_server(programs) as url:
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE SCHEMA panther_logs")
            connection.exec_driver_sql(
                "CREATE TABLE panther_logs.logins (p_event_time timestamptz, p_row_id text, user_name text, details jsonb)"
            )
            insert = sa.text(
                "INSERT INTO panther_logs.logins VALUES (:time, :id, 'ann', '{\"ip\": \"203.0.113.7\"}')"
            )
            for hours in (-1, -0.5, 1):
                connection.execute(insert, {"time": AT + timedelta(hours=hours), "id": f"row{hours}"})
        engine.dispose()
        yield url


@pytest.fixture
def on_database(project, server):
    """Let the one query of the project go to the database; it has no lake at all."""
    url = server.render_as_string()
    (project.root / "warehouse.url").write_text(f"{url}\n")
    project.write_settings(
        '[engines.warehouse]\nurl = "${file:warehouse.url}"\n[queries."Failed Logins"]\nengine = "warehouse"\n'
    )
    return project


def test_a_query_runs_where_the_settings_send_it_and_its_rows_reach_the_rules(on_database):
    on_database.write_rule(
        "def rule(event):\n    return event.deep_get('details', 'ip') == '203.0.113.7'\n\n"
        "def dedup(event):\n    return event['user_name']\n\n"
        "def title(event):\n    return f\"{event['user_name']} at {event['p_event_time']}\"\n"
    )

    (report,) = on_database.run()
    (again,) = on_database.run()

    assert (report.run.state, report.run.counts.rows, report.run.counts.matches) == (RunState.SUCCEEDED, 2, 2)
    (alert,) = on_database.alerts()
    assert (alert.title, alert.match_count) == ("ann at 2026-01-15 08:00:00.000", 2)
    assert again.run.state is RunState.SUCCEEDED


def test_a_query_that_takes_too_long_is_cancelled_in_the_database(on_database, server):
    rows = " CROSS JOIN ".join(f"panther_logs.public.logins t{number}" for number in range(30))
    query = {"sql": f"SELECT count(*) AS n FROM {rows}", "dialect": "snowflake", "reference": AT}
    places = {"lake": on_database.root, "root": on_database.root, "spill": on_database.root / "spill"}
    limits = JobLimits(memory=2**30, seconds=1, evaluation_seconds=1, rows=9, matches=9, events_per_alert=9)
    database = DatabaseAddress(name="warehouse", url=server.render_as_string())
    job = Job(query="Slow", database=database, rules=(), helpers={}, limits=limits, **query, **places)

    with WorkerPool(1) as pool, MatchSpool() as spool, pytest.raises(QueryTimeout):
        pool.run(job, spool)

    engine = sa.create_engine(server, poolclass=sa.NullPool)
    busy = sa.text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%CROSS JOIN%' AND pid <> pg_backend_pid() AND state = 'active'")  # fmt: skip
    with engine.connect() as connection:
        assert connection.scalar(busy) == 0


def test_the_check_binds_queries_to_the_database(on_database):
    where = [str(on_database.root), "--format", "json"]

    sound = CliRunner().invoke(cli, ["check", *where], standalone_mode=False)
    on_database.write_query("SELECT regexp_substr(user_name, 'a'), nothing FROM panther_logs.public.logins")
    faulty = CliRunner().invoke(cli, ["check", *where], standalone_mode=False)

    assert sound.return_value == 0, sound.output
    assert faulty.return_value == 1
    assert "REGEXP_EXTRACT() is not supported in PostgreSQL" in json.dumps(json.loads(faulty.stdout))
