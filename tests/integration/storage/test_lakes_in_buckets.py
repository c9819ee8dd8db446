"""A lake in a bucket is a lake like any other: it takes logs in, answers queries, and lets nobody out."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from runner.clock import FrozenClock
from runner.errors import IngestError
from runner.ingest import ingest_files
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits
from runner.lake.index.lake_index import LakeIndex
from runner.lake.survey import LakeSurvey
from runner.lake.table import TableName
from runner.storage import ObjectPath

pytestmark = pytest.mark.slow

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
TABLE = TableName(database="panther_logs", table="custom_thing")


@pytest.fixture
def clock():
    return FrozenClock(NOON)


@pytest.fixture
def lake(place):
    return place / "some" / "lake"


@pytest.fixture
def write(tmp_path):
    def write(*records, name="log.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return path

    return write


@pytest.fixture
def take(lake, clock):
    return lambda *files: ingest_files("Custom.Thing", files, lake=lake, clock=clock)


@pytest.fixture
def engine(lake, tmp_path, clock):
    index = LakeIndex(lake, tmp_path / "index", clock)
    engine = DuckDBEngine(lake, EngineLimits(memory=256_000_000, spill=tmp_path / "spill"), index)
    yield engine
    engine.close()


@pytest.fixture
def ask(engine):
    def ask(sql):
        reference = NOON + timedelta(days=2)
        query = engine.compile(sql, dialect="duckdb", reference=reference)
        batches = engine.run(query, engine.snapshot(query, reference), reference)
        return [tuple(row.values()) for batch in batches for row in batch.rows(range(len(batch)))]

    return ask


def event(number, day=15, **fields):
    return {"time": f"2026-01-{day}T10:00:{number:02}Z", "n": number, **fields}


def objects(lake):
    return sorted(str(path.relative_to(lake)) for path in lake.files())


def test_logs_are_taken_in_and_answer_queries(write, take, ask):
    report = take(write(event(1), event(2, day=16)))

    assert report.rows == 2
    assert ask("SELECT n FROM panther_logs.public.custom_thing ORDER BY n") == [(1,), (2,)]


def test_the_same_file_again_changes_nothing(lake, write, take):
    take(write(event(1)))
    before = objects(lake)

    report = take(write(event(1), name="copy.jsonl"))

    assert report.already_there == 1
    assert objects(lake) == before


def test_new_objects_and_new_columns_are_seen_at_once(write, take, ask):
    take(write(event(1)))
    assert ask("SELECT n FROM panther_logs.custom_thing") == [(1,)]

    take(write(event(2, user="alex"), name="later.jsonl"))

    found = ask('SELECT n, "user" FROM panther_logs.custom_thing ORDER BY n')
    assert found == [(1, None), (2, "alex")]


def test_bad_lines_lie_in_the_bucket_too(lake, tmp_path, take):
    bad = tmp_path / "log.jsonl"
    bad.write_text(f"{json.dumps(event(1))}\nno record\n{json.dumps(event(2))}\n")

    report = take(bad)

    (letters,) = report.dead_letters
    assert letters.is_relative_to(lake)
    assert json.loads(letters.read_text())["text"] == "no record"


def test_logs_are_taken_from_a_bucket(place, take, ask):
    content = gzip.compress(f"{json.dumps(event(1))}\n".encode())
    (place / "in/2026/a.json.gz").write_bytes(content)
    (place / "in/b.jsonl").write_text(json.dumps(event(2)))

    report = take(*(place / "in").files())

    assert [file.source for file in report.files] == ["a.json.gz", "b.jsonl"]
    assert ask("SELECT n FROM panther_logs.custom_thing ORDER BY n") == [(1,), (2,)]


def test_wildcards_name_objects(place):
    for name in ("in/a.json", "in/b.txt", "in/deep/c.json"):
        (place / name).write_bytes(b"{}")

    assert [path.name for path in (place / "in/*.json").files()] == ["a.json"]
    assert [path.name for path in (place / "in/**/*.json").files()] == ["a.json", "c.json"]


def test_only_the_files_of_the_window_are_read(lake, write, take, engine):
    take(write(*(event(number, day=10 + number) for number in range(6))))

    query = engine.compile(
        "SELECT n FROM panther_logs.custom_thing WHERE p_event_time >= TIMESTAMP '2026-01-14'",
        dialect="duckdb",
        reference=NOON,
    )
    snapshot = engine.snapshot(query, NOON)

    days = [file.path.parent.name for files in snapshot.tables.values() for file in files.files]
    assert days == ["p_date=2026-01-14", "p_date=2026-01-15"]


def test_a_survey_tells_what_the_bucket_holds(lake, write, take, tmp_path, clock):
    take(write(event(1), event(2, day=16)))
    survey = LakeSurvey(lake, LakeIndex(lake, tmp_path / "index", clock))

    summary = survey.summary(survey.named("custom_thing"))

    assert (summary.files, summary.rows) == (2, 2)
    assert summary.first == datetime(2026, 1, 15, 10, 0, 1, tzinfo=UTC)
    assert list(survey.faults(TABLE)) == []
    survey.close()


def test_a_run_whose_object_went_away_looks_again(lake, write, take, engine):
    take(write(event(1)))
    query = engine.compile("SELECT n FROM panther_logs.custom_thing", dialect="duckdb", reference=NOON)
    snapshot = engine.snapshot(query, NOON)
    (old,) = (path for path in lake.files() if "p_date" in str(path))
    content = old.read_bytes()
    old.unlink()
    (old.parent / "compacted.parquet").write_bytes(content)

    rows = [row for batch in engine.run(query, snapshot, NOON) for row in batch.rows(range(len(batch)))]

    assert [row["n"] for row in rows] == [1]


# what a query may say is judged before; this is the last wall
@pytest.mark.parametrize(
    "statement",
    [
        "FROM read_parquet('s3://other/secret.parquet')",
        "FROM read_text('{place}/outside.txt')",
        "FROM read_text('/etc/passwd')",
        "COPY (SELECT 1) TO 's3://other/stolen.parquet'",
        "COPY (SELECT 1) TO '{place}/stolen.parquet'",
        "SET enable_external_access=true",
    ],
)
def test_an_engine_reaches_nothing_outside_of_its_lake(place, engine, statement):
    (place / "outside.txt").write_bytes(b"out of bounds")

    with pytest.raises((duckdb.PermissionException, duckdb.InvalidInputException)):
        engine._connection.execute(statement.format(place=place)).fetchall()


def test_wrong_keys_are_an_ingest_error(place, write, clock):
    store = replace(place.store, secret_key="not the secret of the test")

    with pytest.raises(IngestError, match="custom_thing"):
        ingest_files("Custom.Thing", [write(event(1))], lake=ObjectPath.of(store, str(place)), clock=clock)


def test_an_object_that_cannot_be_read_is_a_fault_of_its_own(place, write, take):
    report = take(write(event(1)))

    with pytest.raises(IngestError, match="no such file"):
        take(place / "in/absent.json")
    assert report.rows == 1
