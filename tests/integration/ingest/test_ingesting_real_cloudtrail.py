"""Logs that nobody here wrote; they lie beside the checkout, since they are no part of the project."""

import os
from datetime import datetime
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest

from runner.ingest import ingest_files

SHARED_DATA = Path(os.environ.get("RUNNER_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
CLOUDTRAIL = SHARED_DATA / "cloudtrail_stratus"

JSON_FIELDS = ("requestParameters", "responseElements", "additionalEventData", "serviceEventDetails")

pytestmark = pytest.mark.skipif(
    not CLOUDTRAIL.is_dir(),
    reason=f"NOT TESTED: real CloudTrail logs are not at {CLOUDTRAIL}; set RUNNER_SHARED_DATA",
)


def test_real_cloudtrail_logs_become_rows_and_nothing_of_them_is_left_over(lake, clock, ask):
    files = sorted(CLOUDTRAIL.glob("*.json"))

    report = ingest_files("AWS.CloudTrail", files, lake=lake, clock=clock)

    assert (report.rows, report.bad_lines, report.without_event_time, report.with_extra) == (2900, 0, 0, 0)
    assert ask("SELECT count(*), count(DISTINCT p_row_id) FROM t", "AWS.CloudTrail") == [(2900, 2900)]


def test_each_real_record_can_be_told_from_its_row(lake, clock):
    files = sorted(CLOUDTRAIL.glob("*.json"))
    records = [record for file in files for record in orjson.loads(file.read_bytes())["Records"]]

    report = ingest_files("AWS.CloudTrail", files, lake=lake, clock=clock)

    rows = [
        row for file in report.files for path in file.files for row in pq.ParquetFile(path).read().to_pylist()
    ]
    rebuilt = {row["eventID"]: record_of(row) for row in rows}
    assert rebuilt == {record["eventID"]: without_nulls(record) for record in records}


def record_of(row):
    fields = {name: value for name, value in row.items() if not name.startswith("p_")}
    for name in JSON_FIELDS:
        fields[name] = orjson.loads(fields[name]) if fields[name] is not None else None
    return without_nulls(fields)


def without_nulls(value):
    match value:
        case dict():
            return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
        case list():
            return [without_nulls(inner) for inner in value]
        case datetime():
            return value.isoformat() + "Z"
    return value


def test_real_cloudtrail_columns_have_the_types_that_queries_expect(lake, clock, ask):
    ingest_files("AWS.CloudTrail", sorted(CLOUDTRAIL.glob("*.json")), lake=lake, clock=clock)

    types = dict(ask("SELECT column_name, column_type FROM (DESCRIBE t)", "AWS.CloudTrail"))
    assert types["userIdentity"].startswith("STRUCT(")
    assert types["requestParameters"] == "JSON"
    assert types["resources"].endswith("[]")
    assert types["eventTime"] == types["p_event_time"] == "TIMESTAMP"
    assert types["readOnly"] == "BOOLEAN"
    assert types["p_any_ip_addresses"] == "VARCHAR[]"
    assert ask(
        """
        SELECT count(*) FROM t
        WHERE list_contains(p_any_ip_addresses, sourceIPAddress) AND requestParameters->>'$.bucketName' IS NOT NULL
        """,
        "AWS.CloudTrail",
    ) != [(0,)]


def test_real_cloudtrail_taken_in_twice_gives_the_same_lake(lake, clock, tmp_path):
    files = sorted(CLOUDTRAIL.glob("*.json"))
    ingest_files("AWS.CloudTrail", files, lake=lake, clock=clock)
    before = contents(lake)

    again = ingest_files("AWS.CloudTrail", files, lake=lake, clock=clock)
    ingest_files("AWS.CloudTrail", files, lake=tmp_path / "another", clock=clock)

    assert (again.rows, again.already_there) == (0, len(files))
    assert contents(lake) == before
    assert contents(tmp_path / "another") == before


def contents(lake):
    files = (path for path in lake.rglob("*") if path.is_file())
    return {path.relative_to(lake): path.read_bytes() for path in files}
