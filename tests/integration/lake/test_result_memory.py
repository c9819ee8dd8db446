"""A long result is not held in memory."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits

noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
engine = DuckDBEngine(Path(sys.argv[1]), EngineLimits(memory=128_000_000, spill=Path(sys.argv[2])))
peaks = []
for rows in (20_000, 2_000_000):
    sql = f"select range as id, md5(range::varchar) as h, {{'a': range}} as doc from range({rows})"
    query = engine.compile(sql, dialect="duckdb", reference=noon)
    seen = 0
    for batch in engine.run(query, engine.snapshot(query, noon), noon):
        seen += sum(1 for row in range(len(batch)) if batch.cell("h", row) and batch.cell("doc", row))
    assert seen == rows
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
print(peaks[1] - peaks[0])
"""


@pytest.mark.slow
def test_two_million_rows_take_little_more_memory_than_a_few(tmp_path):
    (tmp_path / "lake").mkdir()

    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "lake"), str(tmp_path / "spill")],
        capture_output=True,
        text=True,
        check=True,
    )

    assert int(told.stdout) < 80  # MiB
