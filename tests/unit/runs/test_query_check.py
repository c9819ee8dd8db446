from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from runner.definitions.codes import Code
from runner.definitions.location import Location
from runner.definitions.scheduled_query import Dialect, QueryText, Schedule, ScheduledQuery
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits
from runner.runs.query_check import Exactness, Surroundings, Verdict, check_queries

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
LOGS = "panther_logs.public.app_logs"
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lake")
    file = folder / "lake/panther_logs/app_logs/p_date=2026-07-01/a.parquet"
    file.parent.mkdir(parents=True)
    duckdb.execute(
        f"COPY (SELECT 'ann' AS name, TIMESTAMP '2026-07-01 11:30:00' AS p_event_time) TO '{file}' (FORMAT parquet)"
    )
    engine = DuckDBEngine(folder / "lake", EngineLimits(memory=256_000_000, spill=folder / "spill"))
    yield engine
    engine.close()


def query(sql, *, is_plain=False, dialect=Dialect.SNOWFLAKE):
    place = Location(path=Path("queries/q.yml"), line=5, column=3)
    return ScheduledQuery(
        name="Q",
        enabled=True,
        sql=QueryText(text=sql, dialect=dialect, location=place, is_plain=is_plain),
        schedule=Schedule(rate_minutes=60, timeout_minutes=5),
        location=place,
    )


def checked(lake, sql, *, settle=HOUR, interval=HOUR, library=None, plain="snowflake", **how):
    around = Surroundings(
        reference=NOON,
        interval_of=lambda _: interval,
        settle_of=lambda _: settle,
        plain_dialect=plain,
        library=library or {},
    )
    return check_queries([query(sql, **how)], lake, around)


def test_a_query_without_doubts_is_exact(lake):
    found = checked(lake, f"select name from {LOGS} where p_occurs_since('2 hours')")

    assert found.errors == ()
    assert found.notices == ()
    assert found.verdicts == (Verdict(query="Q", exactness=Exactness.EXACT),)


def test_what_may_differ_is_a_warning_at_its_place_and_makes_the_query_approximate(lake):
    found = checked(lake, f"select\n  hash(name) as h from {LOGS} where p_occurs_since('2 hours')")

    [notice] = found.notices
    assert (notice.code, notice.location.line) == (Code.APPROXIMATE_SQL, 6)
    assert found.verdicts[0].exactness is Exactness.APPROXIMATE
    assert found.verdicts[0].reasons == (notice.message,)


@pytest.mark.parametrize(
    ("sql", "exactness"),
    [
        ("lower(name)", Exactness.EXACT),
        ("soundex(name)", Exactness.REFUSED),
        ("strpos(name, 'a')", Exactness.APPROXIMATE),
    ],
)
def test_athena_s_functions_are_doubted_but_for_the_commonest(lake, sql, exactness):
    text = f"select {sql} as x from {LOGS} where p_occurs_since('2 hours')"

    assert checked(lake, text, dialect=Dialect.TRINO).verdicts[0].exactness is exactness


def test_every_unknown_column_is_an_error_at_its_place(lake):
    found = checked(lake, f"select nam,\n  nobody from {LOGS}")

    assert [(error.code, error.location.line, error.message) for error in found.errors] == [
        (Code.UNBOUND_SQL, 5, "there is no column nam: did you mean name?"),
        (Code.UNBOUND_SQL, 6, "there is no column nobody"),
    ]
    assert found.verdicts[0].exactness is Exactness.REFUSED


def test_an_unknown_table_is_an_error_at_its_place(lake):
    found = checked(lake, "select 1\nfrom panther_logs.public.app_log")

    [error] = found.errors
    assert (error.code, error.location.line) == (Code.UNKNOWN_TABLE, 6)
    assert "did you mean panther_logs.public.app_logs?" in error.message


def test_a_template_may_use_the_saved_queries(lake):
    library = {"macros": "{% macro recent() export %}p_occurs_since('2 h'){% endmacro %}"}
    text = f"-- pragma: template\n{{% import 'macros' recent %}}\nselect name\nfrom {LOGS}\nwhere {{{{ recent() }}}} and nobody = 1"

    found = checked(lake, text.replace(" and nobody = 1", ""), library=library)
    broken = checked(
        lake, text.replace("select name", "select nobody").replace(" and nobody = 1", ""), library=library
    )

    assert found.verdicts[0].exactness is Exactness.EXACT
    assert broken.errors[0].location.line == 7


@pytest.mark.parametrize(
    ("plain", "exactness"), [("duckdb", Exactness.EXACT), ("snowflake", Exactness.REFUSED)]
)
def test_a_setting_says_what_plain_query_means(lake, plain, exactness):
    sql = f"select list_aggregate([1], 'sum') as s from {LOGS} where p_occurs_since('2 h')"

    assert checked(lake, sql, is_plain=True, plain=plain).verdicts[0].exactness is exactness
    assert checked(lake, sql, is_plain=False, plain=plain).verdicts[0].exactness is Exactness.REFUSED


@pytest.mark.parametrize(
    ("window", "settle", "said"),
    [
        ("30 minutes", HOUR, "looks back 30 minutes, and runs every 1 hour: what lies between is never seen"),
        ("1 hour", timedelta(), "logs that arrive late are never seen"),
        ("1 hour", timedelta(minutes=1), None),
        ("2 hours", timedelta(), None),
    ],
)
def test_times_that_no_run_looks_at_are_told(lake, window, settle, said):
    found = checked(lake, f"select name from {LOGS} where p_occurs_since('{window}')", settle=settle)

    told = [notice.message for notice in found.notices if notice.code == Code.UNWATCHED_TIME]
    assert [said in message for message in told] == ([True] if said else [])


def test_a_table_read_whole_is_told(lake):
    found = checked(lake, f"select name from {LOGS}")

    assert [notice.message for notice in found.notices] == [f"reads the whole table {LOGS}"]
