"""A table that is piped on reads as it would on a terminal without colours and of any width."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table
from rich.text import Text
from thoroughness import examples

from runner.cli import output

WORDS = st.lists(st.text(st.sampled_from("ab 漢é"), max_size=5).map(str.strip), max_size=3).map("\n".join)


def as_rich_prints(table):
    place = Console(file=io.StringIO(), width=10_000, highlight=False)
    with place.capture() as captured:
        place.print(table)
    return [line.rstrip() for line in captured.get().split("\n")[:-1]]


@examples(30)
@given(rows=st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=5))
def test_plain_lines_are_those_of_rich(rows):
    table = output.new_table("Count", "Query", "State", folded="Query", numbers={"Count"})
    for row in rows:
        table.add_row(*(Text(cell.strip()) for cell in row))

    lines = list(output.plain_lines(table))

    assert lines == as_rich_prints(table)


@examples(30)
@given(rows=st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=5))
def test_plain_lines_of_a_table_without_headings_are_those_of_rich(rows):
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(Text(name.strip()), Text(value.strip()))

    lines = list(output.plain_lines(table))

    assert lines == as_rich_prints(table)
