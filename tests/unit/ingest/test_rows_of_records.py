"""However records are put together for speed, each becomes the row that it becomes when it is looked at alone."""

from datetime import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from thoroughness import examples

from runner.ingest import row_ids, times
from runner.ingest.formats import Batch
from runner.ingest.indicators import SCANNERS
from runner.ingest.rows import RowMaker, RowPlan
from runner.ingest.schema import JSON, TIMESTAMP, IndicatorSource

TEXT = pa.string()
WHO = pa.struct([("arn", TEXT), ("name", TEXT), ("at", TIMESTAMP), ("other", JSON)])
FIELDS = pa.struct(
    [
        ("time", TIMESTAMP),
        ("ip", TEXT),
        ("who", WHO),
        ("seen", pa.list_(WHO)),
        ("tags", pa.list_(TEXT)),
        (
            "deep",
            pa.list_(pa.struct([("seen", pa.list_(WHO)), ("tags", pa.list_(TEXT)), ("any", pa.list_(JSON))])),
        ),
        ("ok", pa.bool_()),
        ("count", pa.int64()),
        ("more", JSON),
    ]
)
OTHER_FIELDS = pa.struct(
    [("time", TEXT), ("ip", JSON), ("Who", TEXT), ("seen", TEXT), ("count", pa.float64())]
)
EVENT_TIMES = (("time",), ("who", "at"), ("p_event_time",))
INDICATORS = (
    (("ip",), "hostname"),
    (("who", "arn"), "aws_arn"),
    (("who", "name"), "email"),
    (("seen", "arn"), "aws_arn"),
    (("seen", "name"), "ip"),
    (("tags",), "aws_tag"),
    (("deep", "seen", "arn"), "aws_arn"),
    (("deep", "tags"), "hostname"),
    (("deep", "any"), "email"),
    (("new",), "aws_account_id"),
)
TEXTS = st.sampled_from(
    [
        "192.0.2.1",
        "a.example.com",
        "arn:aws:iam::111122223333:user/alex",
        "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0",
        "alex@example.com",
        "111122223333",
        "",
        "~between~",
        "é 😀",
        "2026-01-15T10:00:00Z",
    ]
)
SCALARS = st.none() | TEXTS | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False)
OBJECTS = st.dictionaries(st.sampled_from(["arn", "name", "at", "other"]), SCALARS, max_size=4)
ANYTHING = SCALARS | OBJECTS | st.lists(SCALARS | OBJECTS, max_size=3)
DEEP = st.fixed_dictionaries(
    {}, optional={"seen": st.lists(OBJECTS, max_size=2) | ANYTHING, "tags": ANYTHING, "any": ANYTHING}
)
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "time": st.just("2026-01-15T10:00:00Z") | ANYTHING,
        "ip": TEXTS | ANYTHING,
        "who": OBJECTS | ANYTHING,
        "seen": st.lists(OBJECTS, max_size=3) | ANYTHING,
        "tags": st.lists(TEXTS, max_size=3) | ANYTHING,
        "deep": st.lists(DEEP, max_size=3) | ANYTHING,
        "ok": st.booleans() | ANYTHING,
        "count": st.integers(0, 9) | ANYTHING,
        "more": ANYTHING,
        "new": ANYTHING,
        "p_event_time": ANYTHING,
    },
)


def maker(fields):
    return RowMaker(
        RowPlan(
            log_type="Custom.Thing",
            source="log.jsonl",
            parsed_at=datetime(2026, 1, 15, 12),
            fields=fields,
            event_times=EVENT_TIMES,
            indicators=tuple(IndicatorSource(path=path, scanner=scanner) for path, scanner in INDICATORS),
        )
    )


def made(fields, *batches):
    return maker(fields).rows(Batch(list(records), list(range(len(records))), []) for records in batches)


@pytest.mark.parametrize("fields", [FIELDS, OTHER_FIELDS], ids=["as declared", "as a table had them before"])
@examples(20)
@given(records=st.lists(RECORDS, max_size=12), size=st.integers(1, 5))
def test_rows_made_together_are_those_made_one_by_one(fields, records, size):
    together = made(fields, *(records[start : start + size] for start in range(0, len(records), size)))

    alone = [made(fields, [record]) for record in records]
    assert together.table.to_pylist() == [row for rows in alone for row in rows.table.to_pylist()]
    assert together.digests == [row_ids.digest("Custom.Thing", record) for record in records]
    assert together.with_extra == sum(rows.with_extra for rows in alone)
    assert together.without_event_time == sum(rows.without_event_time for rows in alone)


@pytest.mark.parametrize("fields", [FIELDS, OTHER_FIELDS], ids=["as declared", "as a table had them before"])
@examples(20)
@given(records=st.lists(RECORDS, max_size=6))
def test_times_and_indicators_are_those_that_a_walk_through_each_record_finds(fields, records):
    rows = made(fields, records).table.to_pylist()

    for record, row in zip(records, rows, strict=True):
        moments = (times.parse(next(iter(walk(record, path, lists=False)), None)) for path in EVENT_TIMES)
        found = [moment for moment in moments if moment is not None]
        assert row["p_event_time"] == (found[0] if found else datetime(2026, 1, 15, 12))
        indicators = {name: value for name, value in row.items() if name.startswith("p_any_") and value}
        assert indicators == indicators_of(record)


def walk(value, path, *, lists=True):
    """Return what stands at a path, by the plainest of means."""
    if isinstance(value, list) and lists:
        return [found for item in value if path or isinstance(item, str) for found in walk(item, path)]
    if not path:
        return [value]
    return walk(value.get(path[0]), path[1:], lists=lists) if isinstance(value, dict) else []


def indicators_of(record):
    found = {}
    for path, scanner in INDICATORS:
        for text in walk(record, path):
            for column, value in SCANNERS[scanner].scan(text) if isinstance(text, str) else ():
                found.setdefault(column, set()).add(value)
    return {column: sorted(values) for column, values in found.items()}
