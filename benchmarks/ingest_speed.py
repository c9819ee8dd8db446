"""How fast logs are taken in, beside DuckDB's own COPY of the same file to sorted Parquet."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import duckdb
from figures import Figure
from stopwatch import cpu_of, medians
from workplace import REFERENCE

from runner.clock import SystemClock
from runner.ingest import ingest_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workplace import Workplace

SECTION = "ingest"


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSize:
    """How many records are taken in, and how often that is measured."""

    records: int
    rounds: int


def figures(workplace: Workplace, size: IngestSize) -> Iterator[Figure]:
    """Measure one file of CloudTrail records, taken in by one process and copied by one thread."""
    folder = workplace.folder / "ingest"
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / f"{size.records}.jsonl"
    if not source.exists():
        source.write_text("".join(f"{json.dumps(_record(number))}\n" for number in range(size.records)))
    turns = {
        "runner ingest": partial(_ingest, source, folder / "lake"),
        "DuckDB COPY": partial(_copy, source),
    }
    taken = medians({name: partial(cpu_of, turn) for name, turn in turns.items()}, size.rounds)
    for name, seconds in taken.items():
        rate = size.records / seconds
        yield Figure(section=SECTION, name=f"{name}, rows a second", measured=rate, unit="rows/s")
    speed = taken["DuckDB COPY"] / taken["runner ingest"]
    yield Figure(
        section=SECTION, name="speed / DuckDB COPY", measured=speed, unit="x", goal=0.5, more_is_better=True
    )
    shutil.rmtree(folder / "lake")


def _ingest(source: Path, lake: Path) -> None:
    shutil.rmtree(lake, ignore_errors=True)
    ingest_files("AWS.CloudTrail", [source], lake=lake, clock=SystemClock())


def _copy(source: Path) -> None:
    """Do the least that would be needed: types by inference, no ids, no indicators, nothing kept aside."""
    select = (
        f"SELECT *, eventTime::TIMESTAMP AS p_event_time FROM read_json('{source}') ORDER BY p_event_time"  # noqa: S608  our own path
    )
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(f"COPY ({select}) TO '{source}.parquet' (FORMAT parquet, COMPRESSION zstd)")


def _record(number: int) -> dict[str, Any]:
    """Make up the record of a call, by its number."""
    user, address = f"user-{number % 500}", f"198.51.100.{number % 250}"
    identity = {
        "type": "IAMUser",
        "accountId": "111122223333",
        "userName": user,
        "principalId": f"AIDA{number % 500}",
    }
    return {
        "eventVersion": "1.08",
        "eventID": f"event-{number}",
        "eventTime": f"{REFERENCE - timedelta(seconds=number % 80_000):%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": "s3.amazonaws.com",
        "eventName": ("GetObject", "PutObject", "ListBuckets")[number % 3],
        "awsRegion": "eu-central-1",
        "sourceIPAddress": address,
        "userAgent": "aws-cli/2.15",
        "userIdentity": {**identity, "arn": f"arn:aws:iam::111122223333:user/{user}"},
        "requestParameters": {"bucketName": f"bucket-{number % 40}", "key": f"folder/{number}", "Host": "s3"},
        "responseElements": None if number % 4 else {"x-amz-version-id": str(number)},
        "readOnly": number % 3 != 1,
        "recipientAccountId": "111122223333",
        "resources": [{"ARN": f"arn:aws:s3:::bucket-{number % 40}", "type": "AWS::S3::Bucket"}],
    }
