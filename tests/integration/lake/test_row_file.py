"""A row that somebody asks about, written with the columns of a table."""

import duckdb
import pytest

from runner.errors import UnusableRow
from runner.inquiry.row_file import write_result, write_row
from runner.lake.dialect import other_rows


def read(file):
    with duckdb.connect(":memory:") as connection:
        relation = connection.sql(f"FROM read_parquet('{file}')")
        return dict(zip(relation.columns, relation.limit(1).fetchall()[0], strict=True))


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("TIMESTAMP", "2026-01-15T09:00:00Z", "2026-01-15 09:00:00"),
        ("TIMESTAMP", "2026-01-15T11:00:00+02:00", "2026-01-15 09:00:00"),  # UTC, as the lake has it
        ("TIMESTAMP", "2026-01-15 09:00:00.250", "2026-01-15 09:00:00.250000"),
        ("VARCHAR", 7, "7"),
        ("BIGINT", 7, "7"),
        ("BOOLEAN", True, "True"),
        ("STRUCT(a VARCHAR, b BIGINT)", {"A": "x", "other": 1}, "{'a': 'x', 'b': None}"),
        ("STRUCT(a STRUCT(b VARCHAR)[])", {"a": [{"b": "x", "c": 1}]}, "{'a': [{'b': 'x'}]}"),
        ("VARCHAR[]", ["x", "y"], "['x', 'y']"),
        ("MAP(VARCHAR, BIGINT)", {"x": 1}, "{'x': 1}"),
        ("JSON", {"x": [1]}, '{"x":[1]}'),
        ("JSON", None, "None"),
        ("STRUCT(a VARCHAR)", None, "None"),
    ],
)
def test_a_value_becomes_what_its_column_holds(tmp_path, type_, value, expected):
    file = tmp_path / "row.parquet"

    write_row({"Col": value}, {"col": type_, "other": "VARCHAR"}, file)

    assert (str(read(file)["col"]), read(file)["other"]) == (expected, None)


def test_every_value_that_does_not_fit_is_named_and_no_file_is_written(tmp_path):
    file = tmp_path / "row.parquet"
    row = {"a": "x", "b": "soon", "c": 1, "d": "fine"}

    with pytest.raises(UnusableRow) as refused:
        write_row(row, {"a": "BIGINT", "b": "TIMESTAMP", "c": "STRUCT(x VARCHAR)", "d": "VARCHAR"}, file)

    assert str(refused.value).split("; ") == [
        'a: "x" cannot be read as BIGINT',
        'b: "soon" cannot be read as TIMESTAMP',
        "c: 1 cannot be read as STRUCT(x VARCHAR)",
    ]
    assert not file.exists()


def test_fields_without_a_column_are_returned(tmp_path):
    unknown = write_row({"a": 1, "B": 2}, {"A": "BIGINT"}, tmp_path / "row.parquet")

    assert unknown == ["B"]


def test_a_result_has_the_types_of_its_values(tmp_path):
    file = tmp_path / "row.parquet"
    row = {
        "n": 2**40,
        "big": 2**70,
        "x": 0.5,
        "yes": True,
        "none": None,
        "text": "2026-01-15",
        "tree": {"a": 1},
    }

    write_result(row, file)

    assert read(file) == {**row, "big": str(2**70), "tree": '{"a":1}'}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a FROM t WHERE b = 1", ()),
        ("SELECT a, count(*) FROM t GROUP BY a", ("it groups rows",)),
        ("SELECT max(a) FROM t", ("it groups rows",)),
        ("SELECT a, row_number() OVER (ORDER BY a) FROM t", ("it compares rows with one another",)),
        ("SELECT a FROM t ORDER BY a LIMIT 3", ("it returns only some of its rows",)),
        (
            "WITH c AS (SELECT a, sum(b) AS s FROM t GROUP BY a) SELECT * FROM c WHERE s > 1",
            ("it groups rows",),
        ),
    ],
)
def test_a_query_whose_answer_depends_on_other_rows_is_known(sql, expected):
    assert other_rows.reasons(sql) == expected
