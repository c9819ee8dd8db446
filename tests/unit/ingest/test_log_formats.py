import gzip
import io

import pyarrow as pa
import pytest

from runner.errors import UnreadableLog
from runner.ingest import formats
from runner.ingest.formats import LogFile

ROWS = [{"a": 1}, {"a": 2}, {"a": 3}]
LINES = b'{"a":1}\n{"a":2}\n{"a":3}\n'
PRETTY = b'{\n  "a": 1\n}\n{\n  "a": 2\n}\n{\n  "a": 3\n}\n'


def read(text, block=4096):
    batches = list(formats.batches(io.BytesIO(text), block=block))
    return [record for batch in batches for record in batch.records], [
        bad for batch in batches for bad in batch.bad
    ]


def zstd(text):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(text)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("block", [1, 2, 7, 4096])
@pytest.mark.parametrize(
    "text",
    [
        LINES,
        LINES.rstrip(),
        LINES.replace(b"\n", b"\r\n"),
        b"\n\n" + LINES.replace(b"\n", b"\n\n"),
        b"\xef\xbb\xbf" + LINES,
        b'[{"a":1},{"a":2},{"a":3}]',
        b'[\n{"a":1},\n{"a":2},\n{"a":3}\n]\n',
        b'{"Records":[{"a":1},{"a":2},{"a":3}]}',
        b'{\n"Records": [\n{"a":1},\n{"a":2},\n{"a":3}]}',
        b'{"Records":[{"a":1},{"a":2}]}\n{"Records":[{"a":3}]}\n',
        b'[{"a":1},{"a":2}]\n[{"a":3}]\n',
        PRETTY,
        b'{"a":1}{"a":2} {"a":3}',
    ],
    ids=[
        "lines",
        "lines without a last newline",
        "lines ended as on Windows",
        "lines with blank ones between",
        "lines with a byte order mark",
        "array",
        "array with a line for each record",
        "envelope",
        "pretty envelope",
        "lines of envelopes",
        "lines of arrays",
        "pretty objects in a row",
        "objects without newlines",
    ],
)
def test_records_are_found_in_every_layout(text, block):
    assert read(text, block) == (ROWS, [])


@pytest.mark.parametrize("text", [b"", b"\n \n", b"[]", b'{"Records":[]}'])
def test_a_file_may_be_empty(text):
    assert read(text) == ([], [])


def test_a_record_with_other_fields_beside_its_records_is_a_record():
    assert read(b'{"Records":[1],"name":"x"}') == ([{"Records": [1], "name": "x"}], [])


def test_a_bad_line_is_set_aside_with_its_place_and_the_others_are_read():
    records, bad = read(b'{"a":1}\n{"a":\n\n"text"\n{"a":2}\n')

    assert records == [{"a": 1}, {"a": 2}]
    assert [(line.number, line.text) for line in bad] == [(2, b'{"a":'), (4, b'"text"')]
    assert bad[0].reason.startswith("not JSON: ")
    assert bad[1].reason == "not a JSON object"


@pytest.mark.parametrize("block", [1, 5, 4096])
def test_a_bad_first_line_does_not_hide_the_others(block):
    records, bad = read(b'{"a":\n{"a":2}\n{"a":3}\n', block)

    assert records == ROWS[1:]
    assert [line.number for line in bad] == [1]


def test_text_that_is_no_json_is_all_bad_lines():
    records, bad = read(b"version srcaddr\n2 192.0.2.1\n")

    assert records == []
    assert [line.text for line in bad] == [b"version srcaddr", b"2 192.0.2.1"]


def test_a_document_that_is_cut_short_is_set_aside_whole():
    records, bad = read(b'{"Records":[{"a":1},{"a":')

    assert records == []
    assert [line.text for line in bad] == [b'{"Records":[{"a":1},{"a":']


def test_reading_goes_on_after_a_broken_object():
    records, bad = read(b'{\n  "a": 1\n}\n{\n  "a": \n}\n{\n  "a": 3\n}\n')

    assert records == [{"a": 1}, {"a": 3}]
    assert [(line.number, line.text) for line in bad] == [(4, b'{\n  "a": \n}\n')]


def test_items_of_an_array_that_are_no_objects_are_set_aside():
    records, bad = read(b'[{"a":1}, 5, null]')

    assert records == [{"a": 1}]
    assert [(line.number, line.text) for line in bad] == [(2, b"5"), (3, b"null")]


def test_bytes_that_are_no_utf8_are_kept_as_they_are():
    records, bad = read(b'{"a":1}\n{"a":"\xff"}\n')

    assert records == [{"a": 1}]
    assert bad[0].text == b'{"a":"\xff"}'


def test_lines_are_numbered_across_blocks():
    text = b'{"a":1}\n' * 100 + b"bad\n" + b'{"a":1}\n' * 100 + b"bad"

    _records, bad = read(text, block=16)

    assert [line.number for line in bad] == [101, 202]


def test_utf16_is_refused_in_so_many_words():
    with pytest.raises(UnreadableLog, match="UTF-16"):
        read('{"a":1}'.encode("utf-16"))


@pytest.mark.parametrize(
    "packed",
    [LINES, gzip.compress(LINES), gzip.compress(LINES[:8]) + gzip.compress(LINES[8:]), zstd(LINES)],
    ids=["plain", "gzip", "gzip in two members", "zstd"],
)
def test_compression_is_known_by_its_first_bytes(tmp_path, packed):
    path = tmp_path / "any name"
    path.write_bytes(packed)

    with LogFile(path) as file:
        records = [record for batch in formats.batches(file) for record in batch.records]

    assert records == ROWS


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(LINES * 50)[:-9], zstd(LINES * 50)[:-4], b"\x1f\x8b\x00\x00"],
    ids=["gzip", "zstd", "a header alone"],  # gzip writes the time into its bytes: they would not do as names
)
def test_a_compressed_file_that_is_cut_short_cannot_be_read(tmp_path, packed):
    path = tmp_path / "log.gz"
    path.write_bytes(packed)

    with pytest.raises(UnreadableLog, match=r"log\.gz: cannot be read"), LogFile(path) as file:
        list(formats.batches(file))
