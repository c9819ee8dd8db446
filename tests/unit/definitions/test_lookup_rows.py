import gzip

import pytest

from runner.definitions.codes import Code
from runner.definitions.lookup_rows import read_rows
from runner.errors import DefinitionError

TABLE = """\
AnalysisType: lookup_table
LookupName: offices
Enabled: true
Schema: Custom.Offices
Filename: {name}
LogTypeMap:
  PrimaryKey: network
  AssociatedLogTypes:
    - {{LogType: AWS.CloudTrail, Selectors: [sourceIPAddress]}}
"""
ROWS = [{"network": "192.0.2.0/24", "city": "Vienna"}, {"network": "198.51.100.0/24", "city": "Graz, north"}]
CSV = 'network,city\n192.0.2.0/24,Vienna\n\n198.51.100.0/24,"Graz, north"\n'
JSON_LINES = (
    '{"network": "192.0.2.0/24", "city": "Vienna"}\n\n{"network": "198.51.100.0/24", "city": "Graz, north"}\n'
)
JSON_LIST = (
    '[{"network": "192.0.2.0/24", "city": "Vienna"},\n {"network": "198.51.100.0/24", "city": "Graz, north"}]'
)


@pytest.fixture
def rows_of(project):
    """Write a table and its file, and return its rows."""

    def read(name, content):
        project.write("offices.yml", TABLE.format(name=name))
        (project.root / name).write_bytes(content)
        catalogue = project.read()
        assert catalogue.errors == ()
        return read_rows(project.root, catalogue.lookup_tables["offices"])

    return read


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", CSV.encode()),
        ("a.csv", b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode()),
        ("a.jsonl", JSON_LINES.encode()),
        ("a.json", JSON_LIST.encode()),
        ("a.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
        ("a.jsonl.gz", gzip.compress(JSON_LINES.encode(), mtime=0)),
    ],
    ids=["csv", "csv of Windows", "JSON lines", "JSON list", "csv, gzip", "JSON lines, gzip"],
)
def test_rows_are_read_from_every_form(rows_of, name, content):
    assert list(rows_of(name, content)) == ROWS


@pytest.mark.parametrize(
    ("name", "content", "place", "words"),
    [
        ("a.csv", b"network,city\na\n", "a.csv:2:1", "expected 2 columns"),
        ("a.csv", b'network,city\n"a', "a.csv:2:1", "not CSV"),
        ("a.csv", b"net,city\na,b\n", "a.csv:2:1", "no `network`, the primary key"),
        ("a.csv", b"network\n\xff\n", "a.csv:2:1", "not UTF-8"),
        ("a.jsonl", b'{"network": 1}\n{"network": }\n', "a.jsonl:2:13", "not JSON"),
        ("a.jsonl", b'{"network": 1}\n[1]\n', "a.jsonl:2:1", "a row is a mapping"),
        ("a.jsonl", b"{" + b'"a":{' * 100_000, "a.jsonl:1:1", "not JSON"),
        ("a.json", b"[1]", "a.json:1:1", "a row is a mapping"),
        ("a.csv.gz", b"no gzip", "a.csv.gz:1:1", "not gzip"),
    ],
    ids=range(9),
)
def test_a_row_that_cannot_be_read_is_told_at_its_line(rows_of, name, content, place, words):
    with pytest.raises(DefinitionError, match=words) as caught:
        rows_of(name, content)

    assert str(caught.value.location) == place
    assert caught.value.code in (Code.BAD_LOOKUP, Code.NOT_UTF8)


def test_a_table_without_a_file_has_no_rows(project):
    project.write(
        "offices.yml", TABLE.format(name="x").replace("Filename: x", "Refresh: {ObjectPath: s3://b/o}")
    )

    catalogue = project.read()

    assert read_rows(project.root, catalogue.lookup_tables["offices"]) == ()
