from datetime import UTC, datetime

from runner.lake.compiled_queries import CompiledQueries, QueryContent
from runner.lake.dialect.compiler import compile_query
from runner.lake.table import TableName

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
LOGS = TableName(database="panther_logs", table="logs")


class Compiling:
    """Counts what is compiled."""

    def __init__(self):
        self.queries = CompiledQueries()
        self.columns = {LOGS: {"x": "STRUCT(a VARCHAR)"}}
        self.compiled = 0

    def get(self, text="select x:a from panther_logs.logs", reference=NOON, library=None):
        def compile_(schema_of):
            self.compiled += 1
            return compile_query(
                text,
                dialect="snowflake",
                reference=reference,
                known={LOGS},
                schema_of=schema_of,
                library=library,
            )

        content = QueryContent.of(text, "snowflake", reference, library, frozenset({LOGS}))
        return self.queries.get(content, lambda names: {name: self.columns[name] for name in names}, compile_)


def test_the_same_content_is_compiled_once():
    compiling = Compiling()

    assert compiling.get() is compiling.get()
    assert compiling.compiled == 1


def test_other_content_is_compiled_for_itself():
    compiling = Compiling()

    for how in (
        {},
        {"reference": datetime(2026, 7, 2, tzinfo=UTC)},
        {"text": "select 1 as one"},
        {"library": {"a": "b"}},
    ):
        compiling.get(**how)

    assert compiling.compiled == 4


def test_other_types_of_columns_compile_it_anew():
    compiling = Compiling()
    before = compiling.get()

    compiling.columns = {LOGS: {"x": "JSON"}}
    after = compiling.get()

    assert "['a']" in before.sql
    assert "JSON_EXTRACT" in after.sql


def test_only_so_many_are_kept():
    compiling = Compiling()

    for number in range(300):
        compiling.get(f"select {number} as x")
    compiling.get("select 0 as x")
    compiling.get("select 299 as x")

    assert compiling.compiled == 301
