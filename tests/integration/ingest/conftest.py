from datetime import UTC, datetime

import duckdb
import orjson
import pytest

from runner.clock import FrozenClock
from runner.lake.log_types import LogType


@pytest.fixture
def clock():
    return FrozenClock(datetime(2026, 1, 15, 12, tzinfo=UTC))


@pytest.fixture
def lake(tmp_path):
    return tmp_path / "lake"


@pytest.fixture
def write_lines(tmp_path):
    """Write records, or raw lines, to a file."""

    def write(*lines, name="log.jsonl"):
        path = tmp_path / name
        path.write_bytes(
            b"".join((line if isinstance(line, bytes) else orjson.dumps(line)) + b"\n" for line in lines)
        )
        return path

    return write


@pytest.fixture
def ask(lake):
    """Answer SQL about a table as the lake's readers see it: `t` is its files under the schema file."""

    def answer(sql, log_type="Custom.Thing"):
        folder = LogType(name=log_type).folder(lake)
        files = [folder / "_schema.parquet", *sorted(folder.glob("p_date=*/*.parquet"))]
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            names = ", ".join(f"'{file}'" for file in files)
            connection.execute(f"CREATE VIEW t AS FROM read_parquet([{names}], union_by_name = true)")
            return connection.execute(sql).fetchall()

    return answer
