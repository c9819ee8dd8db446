from pathlib import Path

import pytest

from runner.definitions.location import Location
from runner.definitions.scheduled_query import Dialect, QueryText
from runner.definitions.yaml_document import YamlDocument

PATH = Path("a.yml")


def query_text(yaml):
    document = YamlDocument(yaml, PATH)
    location, written, quote = document.written(("Query",))
    return QueryText(
        text=document.value["Query"],
        dialect=Dialect.DUCKDB,
        location=location,
        written=written,
        quote=quote,
    )


WAYS_TO_WRITE = {
    "literal": "Query: |\n  SELECT a\n\n    FROM t -- x\n  WHERE b = 'ä'\nOther: 1\n",
    "literal with a header comment": "Query: |- # a comment\n  SELECT a\n  FROM t\n",
    "literal with an indentation indicator": "Query: |2\n    SELECT a\n  FROM t\n",
    "literal after blank lines": "Query: |\n\n\n  SELECT a\n  FROM t\n",
    "folded": "Query: >\n  SELECT a,\n  b\n\n  FROM t\n    WHERE c\n  AND d\n",
    "plain on one line": "Enabled: true\nQuery:   SELECT a FROM t\n",
    "plain on several lines": "Query: SELECT a\n  FROM t\n  WHERE b\n",
    "plain on the next line": "Query:\n  SELECT a\n  FROM t\n",
    "single quoted": "Query: 'SELECT a FROM t WHERE b = ''x'' AND c'\n",
    "single quoted on several lines": "Query: 'SELECT a\n  FROM t\n\n  WHERE b'\n",
    "double quoted": 'Query: "SELECT a\\tFROM\\n t WHERE b = \\u00e4 AND \\"c\\" AND \\x41z"\n',
    "double quoted with a folded line": 'Query: "SELECT a \\\n  FROM t"\n',
    "windows line ends": "Query: |\r\n  SELECT a\r\n  FROM t\r\n",
    "flow mapping": "{Query: SELECT a FROM t, Other: 1}\n",
}


@pytest.mark.parametrize("yaml", WAYS_TO_WRITE.values(), ids=WAYS_TO_WRITE)
def test_every_word_of_the_sql_is_found_where_the_file_has_it(yaml):
    sql = query_text(yaml)
    lines = yaml.splitlines()

    for number, line in enumerate(sql.text.splitlines(), start=1):
        for index, character in enumerate(line):
            if (
                character.isascii() and character.isalpha() and character != "A"
            ):  # A may be written as an escape
                found = sql.locate(number, index + 1)
                assert lines[found.line - 1][found.column - 1] == character


@pytest.mark.parametrize(
    ("yaml", "expected"),
    [
        ("Query: |\n  SELECT a\n", (2, 3)),
        ("Query: |\n\n  SELECT a\n", (3, 3)),
        ("Query: SELECT a\n", (1, 8)),
        ("Query: 'SELECT a'\n", (1, 9)),
        ('Query: "\\n  SELECT a"\n', (1, 13)),
    ],
)
def test_the_sql_begins_at_its_first_visible_character(yaml, expected):
    sql = query_text(yaml)

    assert (sql.location.line, sql.location.column) == expected


def test_a_place_in_white_space_is_that_of_the_next_word():
    sql = query_text("Query: |\n  SELECT   a\n")

    assert sql.locate(1, 8) == Location(PATH, 2, 12)


@pytest.mark.parametrize(("line", "column"), [(1, 99), (99, 1), (2, 1)])
def test_a_place_after_the_end_is_the_end(line, column):
    sql = query_text("Query: |\n  SELECT a\n")

    assert sql.locate(line, column) == Location(PATH, 2, 11)


def test_a_place_before_the_beginning_is_the_beginning():
    sql = query_text("Query: |\n  SELECT a\n")

    assert sql.locate(0, 0) == Location(PATH, 2, 3)


def test_a_text_made_without_a_file_stands_as_it_is():
    sql = QueryText(text="SELECT a\nFROM t", dialect=Dialect.DUCKDB, location=Location(PATH, 5, 1))

    assert sql.locate(2, 6) == Location(PATH, 6, 6)
