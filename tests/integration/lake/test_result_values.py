"""Every type of DuckDB, as the value that a rule sees."""

from __future__ import annotations

import math

import pytest

VALUES = [
    # times: text, UTC, milliseconds
    ("TIMESTAMP '2026-01-01 00:00:00.123456'", "2026-01-01 00:00:00.123"),
    ("TIMESTAMP '2026-01-01'", "2026-01-01 00:00:00.000"),
    ("TIMESTAMPTZ '2026-01-01 02:00:00+02'", "2026-01-01 00:00:00.000"),
    ("'2026-01-01 00:00:01'::TIMESTAMP_S", "2026-01-01 00:00:01.000"),
    ("'2026-01-01 00:00:00.1'::TIMESTAMP_MS", "2026-01-01 00:00:00.100"),
    ("'2026-01-01 00:00:00.123456789'::TIMESTAMP_NS", "2026-01-01 00:00:00.123"),
    ("TIMESTAMP '1969-12-31 23:59:59.999'", "1969-12-31 23:59:59.999"),
    ("TIMESTAMP '1969-12-31 23:59:59.9999'", "1969-12-31 23:59:59.999"),  # not in the next year
    ("TIMESTAMP '20000-01-01'", "20000-01-01 00:00:00.000"),
    ("DATE '2026-01-01'", "2026-01-01"),
    ("DATE '20000-01-01'", "20000-01-01"),
    ("'infinity'::DATE", "infinity"),
    ("TIME '12:00:00'", "12:00:00"),
    ("TIME '12:00:00.5'", "12:00:00.5"),
    ("'12:00:00.123456789'::TIME_NS", "12:00:00.123456789"),
    ("'12:00:00+02'::TIMETZ", "12:00:00+02"),
    ("INTERVAL 3 DAY", "3 days"),
    ("[INTERVAL '1 month 2 days 3 seconds']", ["1 month 2 days 00:00:03"]),
    # numbers
    ("1", 1),
    ("255::UTINYINT", 255),
    ("18446744073709551615::UBIGINT", 18446744073709551615),
    ("170141183460469231731687303715884105727::HUGEINT", 2**127 - 1),
    ("340282366920938463463374607431768211455::UHUGEINT", str(2**128 - 1)),  # beyond 128 bits: text
    ("repeat('9', 50)::BIGNUM", "9" * 50),
    ("1.50::DECIMAL(10, 2)", 1.5),
    ("123456789012345678901234567890::DECIMAL(38, 0)", 123456789012345678901234567890),
    ("sum(1)", 1),
    ("avg(2)", 2.0),
    ("1.5::FLOAT", 1.5),
    ("'inf'::DOUBLE", math.inf),
    ("'-inf'::FLOAT", -math.inf),
    ("true", True),
    # text and bytes
    ("'x'", "x"),
    ("'Grüße 日本'", "Grüße 日本"),
    ("''", ""),
    ("'11111111-1111-1111-1111-111111111111'::UUID", "11111111-1111-1111-1111-111111111111"),
    (r"'\xAA\x00'::BLOB", "AA00"),
    ("'010'::BIT", "010"),
    ("'a'::ENUM('a', 'b')", "a"),
    ("['b'::ENUM('a', 'b'), NULL]", ["b", None]),
    # nothing
    ("NULL", None),
    ("NULL::TIMESTAMP", None),
    ("NULL::INT[]", None),
    ("NULL::INT[3]", None),
    ("NULL::STRUCT(a INT)", None),
    ("NULL::MAP(VARCHAR, INT)", None),
    ("NULL::JSON", None),
    ("NULL::VARIANT", None),
    # lists
    ("[]", []),
    ("[1, NULL, 3]", [1, None, 3]),
    ("[[1], NULL, []]", [[1], None, []]),
    ("[1, 2, 3]::INT[3]", [1, 2, 3]),
    ("[TIMESTAMP '2026-01-01', NULL]::TIMESTAMP[2]", ["2026-01-01 00:00:00.000", None]),
    ("[{'a': DATE '2026-01-01'}]::STRUCT(a DATE)[1]", [{"a": "2026-01-01"}]),
    ("[DATE '2026-01-01', NULL]", ["2026-01-01", None]),
    # objects: a NULL field is absent, a NULL item is kept
    ("{'a': 1, 'b': NULL}", {"a": 1}),
    ("{'a': NULL, 'b': {'c': NULL}}", {"b": {}}),
    (
        "[{'t': TIMESTAMP '2026-01-01'}, NULL, {'t': NULL}]",
        [{"t": "2026-01-01 00:00:00.000"}, None, {}],
    ),
    ("{'d': {'e': [DATE '2026-01-01']}, 'n': 1}", {"d": {"e": ["2026-01-01"]}, "n": 1}),
    ("{'VARIANT': 1, 'a \"q': DATE '2026-01-01'}", {"VARIANT": 1, 'a "q': "2026-01-01"}),
    ("row(1, 'a')", [1, "a"]),
    ("[row(1, DATE '2026-01-01')]", [[1, "2026-01-01"]]),
    ("MAP {'a': TIMESTAMP '2026-01-01', 'b': NULL}", {"a": "2026-01-01 00:00:00.000"}),
    ("MAP {1: 'x'}", {"1": "x"}),
    ("MAP {'a': INTERVAL 1 DAY}", {"a": "1 day"}),
    ("MAP {'a': MAP {'b': [1]}}", {"a": {"b": [1]}}),
    ("MAP {}", {}),
    # JSON and what has no fixed type
    ("""'{"a": [1, {"b": null}], "c": "x"}'::JSON""", {"a": [1, {"b": None}], "c": "x"}),
    ("'null'::JSON", None),
    ("'\"x\"'::JSON", "x"),
    ("'1e400'::JSON", math.inf),
    ("""{'j': '{"a": [1]}'::JSON, 'n': 'null'::JSON}""", {"j": {"a": [1]}}),
    ("""['{"a": 1}'::JSON, NULL]""", [{"a": 1}, None]),
    ("""MAP {'k': '[1]'::JSON}""", {"k": [1]}),
    ("1::VARIANT", 1),
    ("'x'::VARIANT", "x"),
    ("{'a': [1::VARIANT, 'x'::VARIANT]}::VARIANT", {"a": [1, "x"]}),
    (
        "{'v': {'z': 1}::VARIANT, 't': TIMESTAMP '2026-01-01'}",
        {"v": {"z": 1}, "t": "2026-01-01 00:00:00.000"},
    ),
    ("[1::VARIANT, 'x'::VARIANT]", [1, "x"]),
    ("MAP {'a': 1::VARIANT}", {"a": 1}),
    ("[1::VARIANT]::VARIANT[1]", [1]),
    ("union_value(k := 1)", {"k": 1}),
    ("[union_value(k := TIMESTAMP '2026-01-01')]", [{"k": "2026-01-01 00:00:00"}]),
    ("{'u': union_value(k := 'x')}", {"u": {"k": "x"}}),
]


@pytest.mark.parametrize(("expression", "value"), VALUES)
def test_a_value_is_what_a_rule_expects(standing_logs, expression, value):
    sql = f"select {expression} as x, 1 as other"

    (batch,) = standing_logs.batches(sql)

    assert batch.cell("x", 0) == value
    assert batch.row(0) == {"x": value, "other": 1}
    assert type(batch.cell("x", 0)) is type(value)


@pytest.mark.parametrize("expression", ["'nan'::DOUBLE", "'nan'::FLOAT", "'NaN'::DOUBLE::VARIANT"])
def test_what_is_not_a_number_stays_so(standing_logs, expression):
    ((value,),) = standing_logs.values(f"select {expression} as x")

    assert math.isnan(value)


def test_text_in_a_json_column_that_is_no_json_stays_text(lake):
    lake.write("SELECT '{\"a\"' AS x", part="a.parquet")

    assert lake.values("select x from panther_logs.app_logs") == [('{"a"',)]


def test_columns_of_one_name_are_all_there_and_the_first_is_meant(standing_logs):
    (batch,) = standing_logs.batches("select 1 as ID, 2 as id, 3 as ID")

    assert batch.names == ("ID", "id", "ID")
    assert [batch.cell(name, 0) for name in ("ID", "id", "Id")] == [1, 2, 1]
    assert batch.row(0) == {"ID": 1, "id": 2}


def test_columns_of_one_name_stay_apart_when_a_type_is_cast(standing_logs):
    (batch,) = standing_logs.batches(
        "select DATE '2026-01-01' as ID, 2 as id, 3::VARIANT as ID, name as c0 from panther_logs.app_logs where id = 1"
    )

    assert batch.names == ("ID", "id", "ID", "c0")
    assert batch.row(0) == {"ID": "2026-01-01", "id": 2, "c0": "ann"}


def test_the_order_is_kept_when_a_type_is_cast(lake):
    lake.write("SELECT i AS id, DATE '2026-01-01' AS d FROM range(20_000) t(i)", part="a.parquet")

    ids = [row[0] for row in lake.values("select id, d from panther_logs.app_logs order by id desc")]

    assert ids == list(reversed(range(20_000)))


def test_types_as_they_lie_in_files_come_through(lake):
    lake.write(
        """
        SELECT DATE '2026-01-01' AS d, TIME '01:02:03' AS t, 1.5::DECIMAL(5, 1) AS n, '\\xFF'::BLOB AS b,
            MAP {'a': 1} AS m, [{'x': TIMESTAMP '2026-01-01'}] AS l, '{"k": [1]}'::JSON AS j,
            {'v': 1}::VARIANT AS v, uuid() IS NOT NULL AS u
        """,
        part="a.parquet",
    )

    assert lake.ask("select * from panther_logs.app_logs") == [
        {
            "d": "2026-01-01",
            "t": "01:02:03",
            "n": 1.5,
            "b": "FF",
            "m": {"a": 1},
            "l": [{"x": "2026-01-01 00:00:00.000"}],
            "j": {"k": [1]},
            "v": {"v": 1},
            "u": True,
        }
    ]


def test_a_result_without_rows_has_no_batches(standing_logs):
    assert list(standing_logs.batches("select 1 as x from panther_logs.app_logs where false")) == []
