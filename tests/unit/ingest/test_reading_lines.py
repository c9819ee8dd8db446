"""Lines that are read straight into columns become what their records become; all others are refused."""

import json

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from thoroughness import examples

from runner.ingest import columns, formats, row_ids
from runner.ingest.line_columns import LineReader
from runner.ingest.schema import JSON, TIMESTAMP

TEXT = pa.string()
INNER = pa.struct([("a", TEXT), ("n", pa.int64()), ("any", JSON), ("at", TIMESTAMP)])
FIELDS = pa.struct(
    [
        ("a", TEXT),
        ("time", TIMESTAMP),
        ("n", pa.int64()),
        ("x", pa.float64()),
        ("ok", pa.bool_()),
        ("any", JSON),
        ("in", pa.struct([("a", TEXT), ("in", INNER), ("any", JSON)])),
        ("list", pa.list_(INNER)),
        ("texts", pa.list_(TEXT)),
        ("lists", pa.list_(pa.list_(pa.int64()))),
        ('it\'s "odd"', TEXT),
    ]
)
PLAIN = {
    "in": {"in": {"n": 5, "a": "x: y, z"}, "a": "\\ \t é"},
    "a": "b",
    "any": {"k": [1, {"b": None, "c": ":null"}], "f": 1e16},
    "list": [{"n": 1}, {"a": "c"}],
    "texts": ["t", ""],
    "time": "2026-01-15T00:00:00Z",
    "n": 7,
    "ok": True,
    "x": 1.5,
}

BLANKS = st.sampled_from(["", "", "", " ", "\t", "  ", "\r"])
NUMBERS = st.sampled_from(
    "0 1 -5 1.0 1e5 1E+2 -0.0 -0 1.5 0.000001 1e16 1e22 5e-324 9007199254740993 9223372036854775807 "
    "9223372036854775808 -9223372036854775809 18446744073709551616 123456789012345678901234567890 1e400 NaN -Infinity "
    "007 1. +1".split()
)
WORDS = st.sampled_from(
    [
        "",
        "x",
        "5",
        "1.5",
        "true",
        "2026-01-15T00:00:00Z",
        "2026-01-15 01:00:00.1234567+01:00",
        "1768435200",
        "15/Jan/2026:00:00:00 +0000",
        "0000-01-01",
        "soon",
        'say "a": null, "n":null,',
        "\\",
        "\\u003a",
        "tab\t \x1f \x7f \u2028 é 😀",
        ":null",
        "~between~",
        "NaN",
    ]
)


@st.composite
def texts(draw, words=WORDS):
    form = draw(st.sampled_from(["plain", "plain", "plain", "escaped", "odd"]))
    if form == "odd":
        return draw(st.sampled_from([r'"\/"', r'"\ud83d"', r'"\u0000"', r'"\u003a"', '"\x01"', '"', r'"\x"']))
    return json.dumps(draw(words), ensure_ascii=form == "escaped")


@st.composite
def objects(draw, fields, depth):
    names = st.sampled_from([*(field.name for field in fields), "new", "n", "A", "Records"])
    usual = draw(st.lists(st.sampled_from([field.name for field in fields]), unique=True, max_size=4))
    names = usual if draw(st.integers(0, 3)) else draw(st.lists(names, max_size=4))
    kinds = {field.name: field.type for field in fields}
    members = [
        draw(BLANKS)
        + json.dumps(name)
        + draw(BLANKS)
        + ":"
        + draw(BLANKS)
        + draw(written(kinds.get(name, JSON), depth - 1))
        for name in names
    ]
    comma = draw(BLANKS) + "," + draw(BLANKS)
    end = comma if members and not draw(st.integers(0, 30)) else draw(BLANKS)
    return "{" + comma.join(members) + end + "}"


@st.composite
def written(draw, kind, depth=4):
    """Write a value as JSON: usually one that fits its column."""
    other = draw(st.integers(0, 25))
    if other == 0:
        kind = draw(st.sampled_from([TEXT, pa.int64(), pa.bool_(), INNER, pa.list_(TEXT)]))
    if other in (1, 2, 3):
        return "null"
    if kind == JSON and depth > 0:
        kind = draw(st.sampled_from([TEXT, pa.int64(), INNER, pa.list_(JSON)]))
    if pa.types.is_struct(kind):
        return draw(objects(list(kind), depth))
    if pa.types.is_list(kind):
        inner = draw(st.lists(written(kind.value_type, depth - 1), max_size=3))
        return "[" + (draw(BLANKS) + ",").join(inner) + draw(st.sampled_from(["]"] * 15 + [",]"]))
    if kind in (pa.int64(), pa.float64()):
        return draw(NUMBERS)
    if kind == pa.bool_():
        return draw(st.sampled_from(["true", "false"]))
    return draw(texts())


LINES = st.lists(
    written(FIELDS).map(lambda line: line.encode("utf-8", "surrogatepass")),
    min_size=1,
    max_size=3,
)


@pytest.fixture(scope="module")
def reader():
    return LineReader("X", FIELDS)


@examples(60)
@given(lines=LINES)
def test_lines_become_what_their_records_become_or_are_refused(reader, lines):
    found = reader.read(b"\n".join(lines))

    if found is not None:
        assert_is_like_records(lines, found)


def assert_is_like_records(lines, found):
    batch, digests = row_ids.with_digests("X", formats.batch_of_lines(1, lines))
    fitted = columns.fit(batch.records, FIELDS)

    assert (batch.bad, fitted.misfits, len(batch.records)) == ([], {}, len(lines))
    assert orjson_of(pa.StructArray.from_arrays(found.arrays, fields=list(FIELDS))) == orjson_of(fitted.array)
    assert found.digests == digests


def orjson_of(array):
    """Rows as text: there NaN and -0.0 are what they are."""
    return [repr(row) for row in array.to_pylist()]


@pytest.mark.parametrize("separators", [(", ", ": "), (",", ":"), (" , ", "\t:  ")])
def test_usual_lines_are_read_straight(reader, separators):
    others = [{**PLAIN, "any": None}, {"a": "alone"}, dict(reversed(PLAIN.items()))]
    lines = [
        json.dumps(record, separators=separators, ensure_ascii=False).encode() for record in (PLAIN, *others)
    ]

    found = reader.read(b"\n".join(lines))

    assert found is not None
    assert_is_like_records(lines, found)
    assert found.digests[0] == found.digests[3]


@pytest.mark.parametrize(
    "line",
    [
        '{"a":"b","new":1}',  # passed over by DuckDB
        '{"a":"b","in":{"a":"c","new":{}}}',
        '{"a":"b","a":"c"}',  # the first for DuckDB, the last for everyone else
        '{"a":"b","a":null}',
        '{"a":null,"a":"b"}',
        '{"in":{"a":"b","a" : null}}',
        '{"list":[{"a":"b","a":null}]}',
        '{"a":"b",}',  # allowed by DuckDB
        '{"texts":["b" , ]}',
        '{"x":NaN}',
        '{"any":[Infinity]}',
        '{"new":-NaN}',
        '{"a":5}',
        '{"n":9223372036854775808}',
        '{"n":1.5}',
        '{"any":1e400}',
        '{"in":"b"}',
        '{"texts":"b"}',
        '{"texts":[null]}',
        '{"list":[5]}',
        '{"time":"soon"}',
        '{"Records":[{"a":"b"}]}',
        r'{"a":"\u003a","new":1}',
        "5",
        "[]",
        "[1,2]",
        "",
        "{",
    ],
)
def test_a_remarkable_line_is_refused(reader, line):
    usual = orjson.dumps(PLAIN)

    assert reader.read(b"\n".join([usual, line.encode(), usual])) is None


def test_a_line_that_is_not_utf_8_is_refused(reader):
    assert reader.read(b'{"a":"\xff"}') is None


def test_what_is_nested_too_deeply_for_a_record_is_refused(reader):
    line = b'{"any":' + b"[" * 253 + b"]" * 253 + b"}"

    assert reader.read(line) is None


def test_a_field_that_was_not_there_before_is_found(reader):
    for record in ({"a": "b"}, {"in": {"in": {"n": 1}}}, {"list": []}, {"list": [{"n": 5}]}, {"a": "b"}):
        lines = [orjson.dumps(record)]

        found = reader.read(b"\n".join(lines))

        assert found is not None
        assert_is_like_records(lines, found)
