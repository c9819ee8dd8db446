"""What every engine does with one and the same query over one and the same table."""

import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from postgres_server import find_programs, running_server

from runner.errors import (
    EngineUnavailable,
    QueryError,
    QueryTimeout,
    RefusedQuery,
    UnknownColumn,
    UnknownLogType,
)
from runner.lake.database.address import DatabaseAddress
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits
from runner.lake.freshness import FreshnessLimits

AT = datetime(2026, 1, 15, 9, tzinfo=UTC)
TABLE = "panther_logs.public.logins"
EVENTS = [  # minutes before 09:00, who, how often, a document
    (90, "ann", 3, '{"a": {"b": "x"}, "n": 5, "list": ["p", "q"], "ok": true}'),
    (50, "bob", 5, '{"a": {"b": "y"}, "n": 7}'),
    (40, "ann", None, '{"a": {}, "text": "50%_off"}'),
    (30, "Ann", 2, None),
    (10, None, 4, '{"a": {"b": null}}'),
    (-10, "eve", 9, '{"a": {"b": "x"}}'),  # happened after the reference time
]


def moments():
    return [(AT - timedelta(minutes=minutes)).replace(tzinfo=None) for minutes, *_ in EVENTS]


def write_lake(root):
    folder = root / "datalake" / "panther_logs" / "logins"
    folder.mkdir(parents=True)
    document = pa.array([event[3] for event in EVENTS], pa.json_(pa.string()))
    columns = {
        "p_event_time": pa.array(moments(), pa.timestamp("us")),
        "userName": [event[1] for event in EVENTS],
        "failures": pa.array([event[2] for event in EVENTS], pa.int64()),
        "details": document,
    }
    pq.write_table(pa.table(columns), folder / "logins.parquet")
    return root / "datalake"


def fill_database(url):
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA IF EXISTS panther_logs CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA panther_logs")
        connection.exec_driver_sql(
            'CREATE TABLE panther_logs.logins (p_event_time timestamp, "userName" text, failures bigint, details jsonb)'
        )
        connection.exec_driver_sql("CREATE SEQUENCE panther_logs.numbers")
        insert = sa.text(
            "INSERT INTO panther_logs.logins VALUES (:time, :who, :failures, CAST(:details AS jsonb))"
        )
        for time, (_, who, failures, details) in zip(moments(), EVENTS, strict=True):
            connection.execute(insert, {"time": time, "who": who, "failures": failures, "details": details})
    engine.dispose()


@pytest.fixture(scope="session")
def database():
    programs = find_programs()
    if programs is None or find_spec("psycopg") is None:
        pytest.skip("NOT TESTED ON POSTGRESQL: no server under /usr/lib/postgresql or on PATH, or no psycopg")
    with running_server(programs) as url:
        fill_database(url)
        yield DatabaseAddress(name="warehouse", url=url.render_as_string())


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request, tmp_path):
    """Open an engine; a test of its own has each."""
    if request.param == "duckdb":
        limits = EngineLimits(memory=256_000_000, spill=tmp_path / "spill")
        opened = DuckDBEngine(write_lake(tmp_path), limits)
    else:
        from runner.lake.database.database_engine import DatabaseEngine  # noqa: PLC0415  for those who have a server

        opened = DatabaseEngine(request.getfixturevalue("database"))
    with closing(opened):
        yield opened


def answer(engine, sql, reference=AT):
    """Return the rows of a query, each as a dict."""
    query = engine.compile(sql, dialect="snowflake", reference=reference)
    engine.explain(query, reference)
    batches = engine.run(query, engine.snapshot(query, reference), reference)
    return [batch.row(place) for batch in batches for place in range(batch.length)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        # names in any case; the reference time cuts what happened after it
        (f"SELECT count(*) AS n FROM {TABLE}", [{"n": 5}]),
        (f"SELECT USERNAME FROM {TABLE} WHERE p_occurs_since('45 minutes') ORDER BY p_event_time LIMIT 1", [{"userName": "ann"}]),
        (f"SELECT l.userName AS who FROM {TABLE} l WHERE p_occurs_since(1h, l) AND failures = 5", [{"who": "bob"}]),
        (f"SELECT count(*) AS n FROM {TABLE} WHERE p_occurs_between('2026-01-15 08:00:00', '2026-01-15 08:20:00Z')", [{"n": 2}]),
        (f"SELECT count(*) AS n FROM {TABLE} WHERE p_event_time >= DATEADD('hour', -1, CURRENT_TIMESTAMP())", [{"n": 4}]),
        # an output's name in WHERE, HAVING and GROUP BY
        (f"SELECT lower(userName) AS who, sum(failures) AS total FROM {TABLE} WHERE who IS NOT NULL GROUP BY who HAVING total > 4 ORDER BY who", [{"who": "ann", "total": 5}, {"who": "bob", "total": 5}]),
        # paths into documents, as text, and whole
        (f"SELECT details:a.b::varchar AS b FROM {TABLE} WHERE details:a.b = 'x'", [{"b": "x"}]),
        (f"SELECT count(*) AS n FROM {TABLE} WHERE details:a.b IS NULL", [{"n": 3}]),
        (f"SELECT details:list[1]::varchar AS item, details:a AS a FROM {TABLE} WHERE details:n::int = 5", [{"item": "q", "a": {"b": "x"}}]),
        (f"WITH w AS (SELECT *, details:a AS a FROM {TABLE}) SELECT upper(a:b) AS b FROM w WHERE a:b IN ('x', 'y') ORDER BY b", [{"b": "X"}, {"b": "Y"}]),
        # patterns without an escape, several at once
        (f"SELECT details:text::varchar AS t FROM {TABLE} WHERE details:text::varchar LIKE '50%!_off' ESCAPE '!'", [{"t": "50%_off"}]),
        (f"SELECT count(*) AS n FROM {TABLE} WHERE userName ILIKE ANY ('AN%', 'b_b')", [{"n": 4}]),
        (f"SELECT count(*) AS n FROM {TABLE} WHERE userName LIKE 'a\\\\%'", [{"n": 0}]),
        # what is NULL, and what nothing is
        (f"SELECT GREATEST(failures, 4) AS g FROM {TABLE} WHERE userName = 'ann' ORDER BY failures", [{"g": 4}, {"g": None}]),
        (f"SELECT count_if(failures > 99) AS c, listagg(userName, ',') AS l, array_agg(userName) AS a FROM {TABLE} WHERE failures > 99", [{"c": 0, "l": "", "a": []}]),
        (f"SELECT array_agg(DISTINCT lower(userName)) AS who FROM {TABLE} WHERE userName IS NULL OR lower(userName) = 'ann'", [{"who": ["ann"]}]),
        (f"SELECT listagg(userName, ',') WITHIN GROUP (ORDER BY failures) AS l FROM {TABLE} WHERE failures IN (3, 5)", [{"l": "ann,bob"}]),
        (f"SELECT userName FROM {TABLE} ORDER BY userName DESC LIMIT 1", [{"userName": None}]),
        # arithmetic
        (f"SELECT failures / 2 AS half, IFF(failures > 2, 'many', 'few') AS word FROM {TABLE} WHERE userName = 'bob'", [{"half": 2.5, "word": "many"}]),
        # the newest of each, and sets
        (f"SELECT userName, failures FROM {TABLE} WHERE failures IS NOT NULL AND userName = 'ann' QUALIFY row_number() OVER (PARTITION BY userName ORDER BY p_event_time DESC) = 1", [{"userName": "ann", "failures": 3}]),
        (f"SELECT userName FROM {TABLE} WHERE userName IN ('ann', 'bob') MINUS SELECT 'bob'", [{"userName": "ann"}]),
        (f"SELECT userName FROM {TABLE} a WHERE EXISTS (SELECT 1 FROM {TABLE} b WHERE b.userName = lower(a.userName) AND b.userName <> a.userName)", [{"userName": "Ann"}]),
        (f"SELECT DATE_TRUNC('hour', p_event_time) AS h, count(*) AS n FROM {TABLE} GROUP BY 1 ORDER BY 1", [{"h": "2026-01-15 07:00:00.000", "n": 1}, {"h": "2026-01-15 08:00:00.000", "n": 4}]),
    ],
)  # fmt: skip
def test_every_engine_answers_as_snowflake_does(engine, sql, expected):
    assert answer(engine, sql) == expected


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("DELETE FROM panther_logs.public.logins", RefusedQuery),
        (f"SELECT 1; SELECT count(*) FROM {TABLE}", RefusedQuery),
        ("SELECT pg_read_file('/etc/passwd')", RefusedQuery),
        ("SELECT pg_sleep(10)", RefusedQuery),
        ("SELECT read_text('/etc/passwd')", RefusedQuery),
        ("SELECT current_setting('data_directory')", RefusedQuery),
        ("SELECT * FROM pg_catalog.pg_authid", (RefusedQuery, UnknownLogType)),
        ("SELECT * FROM dblink('host=x', 'SELECT 1')", RefusedQuery),
        ("SELECT * FROM panther_logs.public.nothing", UnknownLogType),
        (f"SELECT nothing FROM {TABLE}", UnknownColumn),
        (f"SELECT w.nothing FROM (SELECT * FROM {TABLE}) w", UnknownColumn),
    ],
)
def test_every_engine_refuses_what_leads_out_and_names_what_is_not_there(engine, sql, error):
    with pytest.raises(error):
        answer(engine, sql)


def test_an_unknown_column_is_told_with_its_place(engine):
    with pytest.raises(UnknownColumn) as raised:
        engine.compile(f"SELECT userName,\n  nothing FROM {TABLE}", dialect="snowflake", reference=AT)

    (remark,) = raised.value.remarks
    assert (remark.line, remark.column) == (2, 3)


def test_the_same_query_sees_more_at_a_later_reference_time(engine):
    sql = f"SELECT count(*) AS n FROM {TABLE}"

    seen = [answer(engine, sql, AT + timedelta(minutes=minutes))[0]["n"] for minutes in (-60, 0, 11)]

    assert seen == [1, 5, 6]


def test_a_query_is_stopped_from_another_thread_and_the_next_one_answers(engine):
    many = " CROSS JOIN ".join(f"{TABLE} t{number}" for number in range(16))
    query = engine.compile(f"SELECT count(*) AS n FROM {many}", dialect="snowflake", reference=AT)
    timer = threading.Timer(0.5, engine.interrupt)

    timer.start()
    with pytest.raises(QueryTimeout):
        list(engine.run(query, engine.snapshot(query, AT), AT))
    timer.join()

    assert answer(engine, "SELECT 1 AS one") == [{"one": 1}]


def test_an_error_of_the_data_is_told_in_a_sentence(engine):
    with pytest.raises(QueryError, match=r"(?i)division by zero|divide by zero"):
        answer(engine, f"SELECT 1 / (failures - failures) AS x FROM {TABLE}")


def test_the_age_of_a_table_is_that_of_its_newest_row_before_the_reference_time(engine):
    query = engine.compile(f"SELECT 1 FROM {TABLE}", dialect="snowflake", reference=AT)

    ages = [engine.ages_of(query.tables, FreshnessLimits(of_others=minutes), AT)[0] for minutes in (5, 60)]

    assert [age.newest for age in ages] == [AT - timedelta(minutes=10)] * 2
    assert [age.is_stale for age in ages] == [True, False]


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        (
            f"SELECT regexp_substr(userName, 'a') FROM {TABLE}",
            "REGEXP_EXTRACT.. is not supported in PostgreSQL",
        ),
        (f"SELECT 1 FROM {TABLE} WHERE details:n > 5", "compared with texts only"),
        (
            f"SELECT TRY_TO_NUMBER(userName) FROM {TABLE}",
            "TRY_TO_NUMBER.. is not supported|ToNumber|TO_NUMBER",
        ),
        (f"SELECT f.value FROM {TABLE}, LATERAL FLATTEN(details:list) f", "not supported in PostgreSQL"),
        (
            f"SELECT DATEDIFF('hour', p_event_time, p_event_time) FROM {TABLE}",
            "DATEDIFF.. is not supported|DATE_DIFF",
        ),
    ],
)
def test_what_postgresql_would_answer_otherwise_is_refused_by_name_and_place(database, sql, reason):
    from runner.lake.database.database_engine import DatabaseEngine  # noqa: PLC0415  for those who have a server

    with closing(DatabaseEngine(database)) as opened, pytest.raises(RefusedQuery, match=reason) as raised:
        answer(opened, sql)

    assert raised.value.line == 1


@pytest.mark.postgres
def test_a_transaction_of_the_database_engine_can_write_nothing(database):
    """The second lock: what the allow-list let through by mistake would be stopped by the server."""
    from runner.lake.database.database_engine import DatabaseEngine  # noqa: PLC0415  for those who have a server

    with closing(DatabaseEngine(database)) as opened:
        query = opened.compile(f"SELECT 1 FROM {TABLE}", dialect="snowflake", reference=AT)
        writing = type(query)(
            sql="SELECT nextval('panther_logs.numbers')", tables=query.tables, doubts=(), bounds=query.bounds
        )
        with pytest.raises(QueryError, match="read-only"):
            list(opened.run(writing, opened.snapshot(query, AT), AT))


@pytest.mark.postgres
def test_a_database_that_is_not_there_is_a_failure_that_may_pass():
    from runner.lake.database.database_engine import DatabaseEngine  # noqa: PLC0415  for those who have a server

    address = DatabaseAddress(name="away", url="postgresql://runner:secret@127.0.0.1:1/none")

    with closing(DatabaseEngine(address)) as opened, pytest.raises(EngineUnavailable) as raised:
        answer(opened, "SELECT 1")

    assert raised.value.transient
    assert "secret" not in str(raised.value)
