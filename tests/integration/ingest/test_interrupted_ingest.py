import os
import subprocess
import sys
import textwrap

import orjson
import pytest

from runner.errors import IngestError
from runner.ingest import ingest_files
from runner.ingest.limits import IngestLimits

THING = "Custom.Thing"


@pytest.fixture
def table(lake):
    return lake / "panther_logs" / "custom_thing"


def visible(lake):
    return sorted(lake.rglob("p_date=*/*"))


def test_what_stops_half_way_leaves_nothing_visible(lake, clock, write_lines):
    file = write_lines(*({"time": 1768465000 + number * 86400} for number in range(9)))

    def stop(_progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest_files(
            THING, [file], lake=lake, clock=clock, limits=IngestLimits(buffer_bytes=1), on_progress=stop
        )

    assert visible(lake) == []


def test_what_a_dead_process_left_behind_is_cleared_away(lake, table, clock, write_lines):
    (table / ".staging").mkdir(parents=True)
    (table / ".staging" / "half.parquet.part").write_bytes(b"PAR1")

    ingest_files(THING, [write_lines({"n": 1})], lake=lake, clock=clock)

    assert not (table / ".staging").exists()


def test_an_ingest_that_died_while_publishing_is_done_again_without_doubles(
    lake, table, clock, write_lines, ask
):
    file = write_lines(*({"time": 1768465000, "n": number} for number in range(3)))
    ingest_files(THING, [file], lake=lake, clock=clock, limits=IngestLimits(file_rows=1))
    receipt = next((table / ".ingested").iterdir())
    receipt.write_bytes(orjson.dumps(orjson.loads(receipt.read_bytes()) | {"done": False}))
    visible(lake)[0].unlink()

    report = ingest_files(THING, [file], lake=lake, clock=clock)

    assert (report.rows, report.already_there) == (3, 0)
    assert ask("SELECT n FROM t ORDER BY n") == [(0,), (1,), (2,)]


def test_a_damaged_receipt_counts_as_none(lake, table, clock, write_lines, ask):
    file = write_lines({"n": 1})
    ingest_files(THING, [file], lake=lake, clock=clock)
    next((table / ".ingested").iterdir()).write_bytes(b"{")

    ingest_files(THING, [file], lake=lake, clock=clock)

    assert ask("SELECT n FROM t") == [(1,)]


def test_a_damaged_schema_file_is_named(lake, table, clock, write_lines):
    table.mkdir(parents=True)
    (table / "_schema.parquet").write_bytes(b"PAR1")

    with pytest.raises(IngestError, match=r"_schema\.parquet: the schema of the table cannot be read"):
        ingest_files(THING, [write_lines({"n": 1})], lake=lake, clock=clock)


def test_a_lake_that_cannot_be_written_is_an_ingest_error(tmp_path, clock, write_lines):
    (tmp_path / "lake").write_text("a file in the way")

    with pytest.raises(IngestError, match="cannot be written"):
        ingest_files(THING, [write_lines({"n": 1})], lake=tmp_path / "lake", clock=clock)


def test_a_full_disk_is_an_ingest_error_and_leaves_nothing_visible(lake, table, write_lines):
    """A process that may only write small files stands for a disk that is full."""
    file = write_lines(
        *({"time": 1768465000 + number, "noise": os.urandom(64).hex()} for number in range(3000))
    )
    program = textwrap.dedent(
        """
        import resource, sys
        from pathlib import Path
        from runner.clock import SystemClock
        from runner.errors import IngestError
        from runner.ingest import ingest_files

        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            ingest_files("Custom.Thing", [Path(sys.argv[1])], lake=Path(sys.argv[2]), clock=SystemClock())
        except IngestError as error:
            print(error)
        """
    )

    # -B: Python does not notice that it cannot write a compiled module whole, and no process could load it any more
    done = subprocess.run(
        [sys.executable, "-B", "-c", program, file, lake],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "custom_thing: cannot be written: " in done.stdout
    assert visible(lake) == []
    assert not (table / ".staging").exists()
