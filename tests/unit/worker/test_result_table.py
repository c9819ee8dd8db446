"""The rows of a run as CSV."""

import csv
import io

import pytest

from runner.runs.query_result import ResultLimits
from runner.worker.result_table import ResultTable

PLENTY = ResultLimits(rows=1_000, size=10_000_000)


class Rows:
    """A batch of rows, as far as a table asks for them."""

    def __init__(self, *rows):
        self.names = tuple(rows[0])
        self.length = len(rows)
        self._rows = rows

    def rows(self, wanted):
        return [self._rows[place] for place in wanted]


def table_of(*batches, limits=PLENTY, rows=0, is_partial=False):
    table = ResultTable(limits)
    passed = list(table.passing(batches))
    assert passed == list(batches)
    return table.result(rows or sum(one.length for one in batches), is_partial=is_partial)


def cells(result):
    return list(csv.reader(io.StringIO(result.csv, newline="")))


def test_a_table_begins_with_the_names_of_the_columns():
    result = table_of(Rows({"user": "ada", "n": 3}), Rows({"user": "bob", "n": 4}))

    assert cells(result) == [["user", "n"], ["ada", "3"], ["bob", "4"]]
    assert (result.kept, result.rows, result.is_partial) == (2, 2, False)
    assert result.head == (("user", "n"), ("ada", "3"), ("bob", "4"))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, ""),
        (True, "true"),
        (-1.5, "-1.5"),
        ("-1.5", "-1.5"),  # a number, though it begins as a formula would
        ({"a": [1]}, '{"a":[1]}'),
        ('x,"y"\nz', 'x,"y"\nz'),
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),  # no spreadsheet shall run what a log says
        ("@SUM(1)", "'@SUM(1)"),
        ("-2+3", "'-2+3"),
        ("\n\t =1+1", "'\n\t =1+1"),
        ("\N{FULLWIDTH EQUALS SIGN}1+1", "'\N{FULLWIDTH EQUALS SIGN}1+1"),
        ("a\ud800b", "a?b"),
    ],
)
def test_a_cell_holds_what_a_row_does(value, written):
    assert cells(table_of(Rows({"x": value})))[1] == [written]


def test_rows_beyond_the_limit_are_counted_and_not_kept():
    result = table_of(
        Rows({"n": 1}, {"n": 2}), Rows({"n": 3}), Rows({"n": 4}), limits=ResultLimits(rows=3, size=10_000)
    )

    assert cells(result) == [["n"], ["1"], ["2"], ["3"]]
    assert (result.kept, result.rows) == (3, 4)


def test_the_file_is_no_larger_than_it_may_be():
    result = table_of(
        Rows({"n": "x" * 90}, {"n": "y" * 90}), Rows({"n": "z"}), limits=ResultLimits(rows=10, size=100)
    )

    assert cells(result) == [["n"], ["x" * 90]]
    assert (result.kept, result.rows) == (1, 3)


def test_without_rows_there_is_no_file():
    result = ResultTable(PLENTY).result(0, is_partial=False)

    assert (result.csv, result.head, result.kept) == ("", (), 0)


def test_the_head_is_short_enough_to_be_read():
    rows = [{f"c{number}": "x\n" * 500 for number in range(40)} for _ in range(60)]

    head = table_of(Rows(*rows)).head

    assert (len(head), {len(row) for row in head}) == (51, {30})
    assert max(len(cell) for row in head for cell in row) == 200


def test_equal_results_have_one_digest():
    first, again = (table_of(Rows({"n": 1})) for _ in range(2))

    assert first.digest == again.digest
    assert first.digest != table_of(Rows({"n": 2})).digest
    assert first.digest != table_of(Rows({"n": 1}), rows=2).digest
