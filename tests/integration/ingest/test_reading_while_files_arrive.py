"""Queries that run while files are taken in see each of them wholly or not at all."""

import threading
from datetime import timedelta

import pytest

from runner.ingest import ingest_files
from runner.ingest.limits import IngestLimits
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits
from runner.lake.index.lake_index import LakeIndex

FILES, ROWS = 25, 400
COUNT = "SELECT p_source_file, count(*) AS n FROM panther_logs.custom_thing GROUP BY ALL"


@pytest.fixture
def engine(lake, clock, tmp_path):
    (lake / "panther_logs").mkdir(parents=True)
    index = LakeIndex(lake, tmp_path / "index", clock)
    engine = DuckDBEngine(lake, EngineLimits(memory=256_000_000, spill=tmp_path / "spill"), index)
    yield engine
    engine.close()


@pytest.mark.parametrize("days", [1, 12])
def test_no_query_sees_half_a_file_while_a_queue_of_them_is_taken_in(lake, clock, write_lines, engine, days):
    rows = [{"time": f"2026-01-{1 + n % days:02}T10:00:00Z", "n": n} for n in range(ROWS)]
    files = [write_lines(*rows, {"file": number}, name=f"{number}.jsonl") for number in range(FILES)]
    small = IngestLimits(buffer_bytes=1, row_group_rows=50)  # each is written in many pieces
    ingest_files("Custom.Thing", files[:1], lake=lake, clock=clock, limits=small)
    reference = clock.now() + timedelta(days=1)
    query = engine.compile(COUNT, dialect="duckdb", reference=reference)

    def take_in():
        for file in files[1:]:
            ingest_files("Custom.Thing", [file], lake=lake, clock=clock, limits=small)

    def counts():
        snapshot = engine.snapshot(query, reference)
        batches = engine.run(query, snapshot, reference)
        return {row["p_source_file"]: row["n"] for batch in batches for row in batch.rows(range(len(batch)))}

    writer = threading.Thread(target=take_in)
    writer.start()
    seen = [counts()]
    while writer.is_alive():
        seen.append(counts())
    writer.join()
    seen.append(counts())

    assert {number for found in seen for number in found.values()} == {ROWS + 1}
    assert [len(found) for found in seen] == sorted(len(found) for found in seen)
    assert (len(seen[-1]), len(seen) > 2) == (FILES, True)
