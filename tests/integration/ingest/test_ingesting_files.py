import gzip
import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest

from runner.errors import IngestError
from runner.ingest import Progress, ingest_files, ingest_records, schema
from runner.ingest.limits import IngestLimits

THING = "Custom.Thing"


def test_records_become_rows_in_the_partition_of_their_day(lake, clock, write_lines, ask):
    file = write_lines(
        {"time": "2026-01-14T23:59:59Z", "n": 1},
        {"time": "2026-01-15T00:00:00Z", "n": 2},
        {"time": "2026-01-15T01:00:00+02:00", "n": 3},
    )

    report = ingest_files(THING, [file], lake=lake, clock=clock)

    assert report.rows == 3
    assert report.files[0].partitions == ("2026-01-14", "2026-01-15")
    assert ask("SELECT n, p_event_time FROM t ORDER BY n") == [
        (1, datetime(2026, 1, 14, 23, 59, 59)),
        (2, datetime(2026, 1, 15)),
        (3, datetime(2026, 1, 14, 23)),
    ]


def test_the_rows_of_a_file_are_sorted_by_event_time(lake, clock, write_lines, ask):
    file = write_lines(*({"time": 1768465000 + number * 7919 % 100} for number in range(100)))

    ingest_files(THING, [file], lake=lake, clock=clock)

    moments = [moment for (moment,) in ask("SELECT p_event_time FROM t")]
    assert moments == sorted(moments)


def test_each_row_says_where_it_comes_from(lake, clock, write_lines, ask):
    file = write_lines({"time": "2026-01-15T00:00:00Z"}, name="some log.jsonl")

    ingest_files(THING, [file], lake=lake, clock=clock)

    assert ask("SELECT p_log_type, p_source_file, p_parse_time, length(p_row_id) FROM t") == [
        (THING, "some log.jsonl", datetime(2026, 1, 15, 12), 32)
    ]


def test_taking_a_file_in_again_changes_nothing(lake, clock, write_lines):
    file = write_lines({"n": 1}, b"bad")
    first = ingest_files(THING, [file], lake=lake, clock=clock)
    before = {path: path.read_bytes() for path in lake.rglob("*") if path.is_file()}

    again = ingest_files(THING, [file.rename(file.with_name("other name"))], lake=lake, clock=clock)

    assert (again.rows, again.already_there, again.bad_lines) == (0, 1, 0)
    assert again.files[0].rows == first.files[0].rows == 1
    assert again.files[0].files == first.files[0].files
    assert {path: path.read_bytes() for path in lake.rglob("*") if path.is_file()} == before


def test_a_file_whose_rows_were_removed_is_taken_in_again(lake, clock, write_lines, ask):
    file = write_lines({"n": 1})
    ingest_files(THING, [file], lake=lake, clock=clock).files[0].files[0].unlink()

    report = ingest_files(THING, [file], lake=lake, clock=clock)

    assert (report.rows, report.already_there) == (1, 0)
    assert ask("SELECT n FROM t") == [(1,)]


def test_the_same_event_in_two_files_has_one_name_and_equal_lines_of_a_file_have_two(
    lake, clock, write_lines, ask
):
    event, other = {"time": 1768465000, "n": 1}, {"time": 1768465000, "n": 2}
    files = [write_lines(event, event, name="a"), write_lines(other, event, name="b")]

    ingest_files(THING, files, lake=lake, clock=clock)

    assert ask("SELECT n, count(*), count(DISTINCT p_row_id) FROM t GROUP BY n ORDER BY n") == [
        (1, 3, 2),
        (2, 1, 1),
    ]


def test_bad_lines_are_kept_with_their_place_and_the_reason(lake, clock, write_lines, ask):
    file = write_lines({"n": 1}, b'{"n":', {"n": 3}, b"\xff")

    report = ingest_files(THING, [file], lake=lake, clock=clock)

    letters = [orjson.loads(line) for line in report.dead_letters[0].read_bytes().splitlines()]
    assert (report.rows, report.bad_lines) == (2, 2)
    assert report.dead_letters[0].parent == lake / ".dead_letters" / "custom_thing"
    assert [(letter["line"], letter.get("text"), letter.get("base64")) for letter in letters] == [
        (2, '{"n":', None),
        (4, None, "/w=="),
    ]
    assert all(letter["reason"].startswith("not JSON") for letter in letters)


def test_a_record_that_is_nested_too_deeply_is_a_bad_line(lake, clock, write_lines):
    file = write_lines({"n": 1}, b'{"n":' + b"[" * 500 + b"]" * 500 + b"}", {"n": 2})

    report = ingest_files(THING, [file], lake=lake, clock=clock, declared=thing("{name: n, type: json}"))

    assert (report.rows, report.bad_lines) == (2, 1)


def thing(*fields):
    return schema.parse(f"schema: {THING}\nfields: [{', '.join(fields)}]", source="thing.yml")


def test_what_fits_no_column_lies_in_p_extra(lake, clock, write_lines, ask):
    file = write_lines({"n": 1, "who": {"name": "alex", "age": 3}}, {"n": "many", "new": [1]}, {"n": 2})
    declared = thing(
        "{name: n, type: int}", "{name: who, type: object, fields: [{name: name, type: string}]}"
    )

    report = ingest_files(THING, [file], lake=lake, clock=clock, declared=declared)

    assert report.with_extra == 2
    assert ask("SELECT n, who.name, p_extra FROM t") == [
        (1, "alex", '{"who":{"age":3}}'),
        (None, None, '{"new":[1],"n":"many"}'),
        (2, None, None),
    ]
    assert ask("SELECT typeof(p_extra), p_extra->>'$.who.age' FROM t LIMIT 1") == [("JSON", "3")]


def test_a_record_without_event_time_stands_at_the_time_of_its_ingest(lake, clock, write_lines, ask):
    file = write_lines({"time": "2026-01-15T00:00:00Z"}, {"time": "soon"}, {"n": 1})

    report = ingest_files(THING, [file], lake=lake, clock=clock)

    assert report.without_event_time == 2
    assert ask("SELECT count(*) FROM t WHERE p_event_time = p_parse_time") == [(2,)]


def test_the_event_time_can_be_named_and_may_lie_deep(lake, clock, write_lines, ask):
    file = write_lines({"time": "2026-01-01T00:00:00Z", "meta": {"at": 1768465805}})

    ingest_files(THING, [file], lake=lake, clock=clock, event_time="meta.at")

    assert ask("SELECT p_event_time FROM t") == [(datetime(2026, 1, 15, 8, 30, 5),)]


def test_columns_of_undeclared_log_types_are_inferred_from_the_whole_file(lake, clock, write_lines, ask):
    file = write_lines({"who": {"name": "alex"}, "odd": 1}, {"who": {"name": "kim"}, "odd": "x", "late": 1.5})

    ingest_files(THING, [file], lake=lake, clock=clock)

    assert ask("SELECT who.name, odd, late FROM t") == [("alex", "1", None), ("kim", '"x"', 1.5)]
    assert ask("SELECT typeof(who), typeof(odd) FROM t LIMIT 1") == [('STRUCT("name" VARCHAR)', "JSON")]


def test_a_table_keeps_its_types_when_later_files_differ(lake, clock, write_lines, ask):
    first = write_lines({"id": 1, "share": 1, "who": {"name": "alex"}}, name="first")
    second = write_lines(
        {"id": "two", "share": 0.5, "who": {"name": "kim", "age": 3}, "more": True}, name="second"
    )

    ingest_files(THING, [first, second], lake=lake, clock=clock)

    assert ask("SELECT id, share, who, more, p_extra FROM t ORDER BY p_source_file") == [
        (1, 1.0, {"name": "alex", "age": None}, None, None),
        (None, 0.5, {"name": "kim", "age": 3}, True, '{"id":"two"}'),
    ]


def test_declared_columns_are_there_even_if_no_record_has_them(lake, clock, write_lines, ask):
    file = write_lines({"eventTime": "2026-01-15T00:00:00Z", "eventName": "ListBuckets"})

    ingest_files("AWS.CloudTrail", [file], lake=lake, clock=clock)

    assert ask("SELECT eventName, errorCode, userIdentity.arn FROM t", "AWS.CloudTrail") == [
        ("ListBuckets", None, None)
    ]


def test_the_schema_file_has_no_rows(lake, clock, write_lines, ask):
    ingest_files(THING, [write_lines({"n": 1})], lake=lake, clock=clock)

    path = lake / "panther_logs" / "custom_thing" / "_schema.parquet"
    assert ask(f"SELECT count(*) FROM read_parquet('{path}')") == [(0,)]


def test_a_file_that_cannot_be_read_does_not_hinder_the_others(lake, clock, write_lines, tmp_path, ask):
    broken = tmp_path / "broken.gz"
    broken.write_bytes(gzip.compress(b'{"n":1}\n' * 1000)[:-9])

    report = ingest_files(THING, [broken, write_lines({"n": 2})], lake=lake, clock=clock)

    assert [file.source for file in report.faults] == ["broken.gz"]
    assert "cannot be read" in report.faults[0].fault
    assert report.rows == 1
    assert ask("SELECT n FROM t") == [(2,)]


def test_a_file_that_is_not_there_is_refused_before_anything_is_done(lake, clock, write_lines):
    with pytest.raises(IngestError, match="no such file: gone"):
        ingest_files(THING, [write_lines({"n": 1}), Path("gone")], lake=lake, clock=clock)

    assert not lake.exists()


def test_a_large_day_is_spread_over_files_and_nothing_is_lost(lake, clock, write_lines, ask):
    file = write_lines(*({"time": 1768465000 + number, "n": number} for number in range(25)))
    limits = IngestLimits(file_rows=10, buffer_bytes=1)

    report = ingest_files(THING, [file], lake=lake, clock=clock, limits=limits)

    assert len(report.files[0].files) == 3
    assert ask("SELECT count(*), sum(n) FROM t") == [(25, 300)]


def test_many_days_need_few_open_files(lake, clock, write_lines, ask):
    file = write_lines(*({"time": 1768465000 + number % 7 * 86400, "n": number} for number in range(21)))
    limits = IngestLimits(open_files=2, buffer_bytes=1)

    report = ingest_files(THING, [file], lake=lake, clock=clock, limits=limits)

    assert len(report.files[0].partitions) == 7
    assert ask("SELECT count(*), sum(n) FROM t") == [(21, 210)]


def test_progress_is_told_in_bytes_and_rows(lake, clock, write_lines):
    files = [write_lines({"n": 1}, name="a"), write_lines({"n": 2}, {"n": 3}, name="b")]
    told: list[Progress] = []

    ingest_files(THING, files, lake=lake, clock=clock, on_progress=told.append)

    size = sum(file.stat().st_size for file in files)
    assert (told[-1].source, told[-1].file_number, told[-1].file_count, told[-1].rows) == ("b", 2, 2, 3)
    assert told[-1].bytes_read == told[-1].bytes_total == size
    assert [step.bytes_read for step in told] == sorted(step.bytes_read for step in told)


def test_records_are_taken_in_like_the_lines_of_a_file(lake, clock, ask):
    records = [{"time": datetime(2026, 1, 15), "n": number} for number in range(3)]

    report = ingest_records(THING, records, source_name="made up", lake=lake, clock=clock)
    again = ingest_records(THING, iter(records), source_name="made up", lake=lake, clock=clock)

    assert (report.rows, again.rows, again.already_there) == (3, 0, 1)
    assert ask("SELECT p_source_file, n, p_event_time FROM t") == [
        ("made up", number, datetime(2026, 1, 15)) for number in range(3)
    ]


def test_the_same_records_give_the_same_bytes(tmp_path, clock):
    records = [{"time": 1768465000 + number, "n": number} for number in range(50)]

    reports = [
        ingest_records(THING, records, source_name="made up", lake=tmp_path / name, clock=clock)
        for name in "ab"
    ]

    first, second = (report.files[0].files[0] for report in reports)
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


def test_a_record_that_json_cannot_say_is_named(lake, clock):
    with pytest.raises(IngestError, match="record 2 cannot be written as JSON"):
        ingest_records(THING, [{"n": 1}, {"n": {1, 2}}], source_name="made up", lake=lake, clock=clock)


def test_worker_processes_give_the_same_rows_in_the_same_order(tmp_path, clock, write_lines):
    lines = [
        {"time": 1768465000 + number // 9, "n": number % 40_000, "pad": "x" * 40} for number in range(60_000)
    ]
    file = write_lines(*lines, b"bad")

    alone = ingest_files(THING, [file], lake=tmp_path / "a", clock=clock)
    limits = IngestLimits(workers=2, worker_bytes=1)
    helped = ingest_files(THING, [file], lake=tmp_path / "b", clock=clock, limits=limits)

    assert (helped.rows, helped.bad_lines) == (alone.rows, alone.bad_lines) == (60_000, 1)
    assert helped.files[0].files[0].read_bytes() == alone.files[0].files[0].read_bytes()
    assert helped.dead_letters[0].read_bytes() == alone.dead_letters[0].read_bytes()


def test_records_without_any_field_are_rows_too(lake, clock, write_lines, ask):
    report = ingest_files(THING, [write_lines({}, {"a": None}, {"p_odd": 1})], lake=lake, clock=clock)

    assert report.rows == 3
    assert ask("SELECT p_extra FROM t") == [(None,), (None,), ('{"p_odd":1}',)]


def test_two_that_ingest_into_one_table_wait_for_each_other(lake, clock, write_lines, ask):
    files = [
        write_lines(*({"n": row, "f": number} for row in range(500)), name=f"{number}") for number in range(4)
    ]

    with ThreadPoolExecutor() as pool:
        reports = list(pool.map(lambda file: ingest_files(THING, [file], lake=lake, clock=clock), files))

    assert [report.rows for report in reports] == [500] * 4
    assert ask("SELECT count(*), count(DISTINCT p_row_id) FROM t") == [(2000, 2000)]


def test_a_file_that_cannot_be_read_is_kept_whole_and_taken_in_once_it_is_mended(lake, clock, tmp_path):
    whole = gzip.compress(b'{"n": 1}\n{"n": 2}\n' * 500)
    file = tmp_path / "log.json.gz"
    file.write_bytes(whole[: len(whole) // 2])

    first = ingest_files(THING, [file], lake=lake, clock=clock)
    again = ingest_files(THING, [file], lake=lake, clock=clock)

    (kept,) = (report.dead_letters for report in first.faults)
    assert kept.read_bytes() == file.read_bytes()
    assert [report.dead_letters for report in again.faults] == [kept]
    kept.write_bytes(whole)
    assert ingest_files(THING, [kept], lake=lake, clock=clock).rows == 1000


def test_bad_lines_can_be_taken_in_once_they_are_mended(lake, clock, write_lines, ask):
    """The mended lines are a file of their own: what was good the first time is not taken in again."""
    report = ingest_files(
        THING,
        [write_lines({"n": 1}, b'{"n": 2', {"n": 3})],
        lake=lake,
        clock=clock,
        declared=thing("{name: n, type: int}"),
    )
    letters = [orjson.loads(line) for path in report.dead_letters for line in path.read_bytes().splitlines()]
    mended = write_lines(*(letter["text"].encode() + b"}" for letter in letters), name="mended.jsonl")

    again = ingest_files(THING, [mended], lake=lake, clock=clock, declared=thing("{name: n, type: int}"))

    assert (again.rows, again.bad_lines) == (1, 0)
    assert ask("SELECT n FROM t ORDER BY n") == [(1,), (2,), (3,)]


def test_the_files_of_a_large_source_are_sorted_and_say_what_times_their_row_groups_hold(
    lake, clock, write_lines
):
    """So that a query of a few minutes reads a few row groups."""
    file = write_lines(*({"time": 1768435200 + (number * 7919) % 10_000} for number in range(10_000)))

    report = ingest_files(THING, [file], lake=lake, clock=clock, limits=IngestLimits(row_group_rows=1_000))

    (made,) = report.files[0].files
    metadata = pq.ParquetFile(made).metadata
    place = metadata.schema.names.index("p_event_time")
    ranges = [
        metadata.row_group(number).column(place).statistics for number in range(metadata.num_row_groups)
    ]
    assert len(ranges) == 10
    assert all(before.max < after.min for before, after in itertools.pairwise(ranges))
