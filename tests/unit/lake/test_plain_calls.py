"""Functions of our own table reach the tree as plain calls, whatever SQLGlot knows of them; all else is SQLGlot's."""

import pytest
from sqlglot import exp

from runner.lake.dialect import parsing


def select(text):
    (output,) = parsing.parse(f"SELECT {text}", "snowflake").selects
    return output


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ARRAY_SIZE(a)", "ARRAY_SIZE"),
        ("array_size(a)", "array_size"),
        ("TO_TIMESTAMP(a, 'YYYY')", "TO_TIMESTAMP"),
        ("GET(a, 'x')", "GET"),
        ("DATE(a)", "DATE"),
        ("TIME (a)", "TIME"),
    ],
)
def test_a_function_of_the_table_is_a_plain_call_of_its_name(text, name):
    call = select(text)

    assert (type(call), call.name) == (exp.Anonymous, name)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a::time(3)", exp.Cast),  # a type, not a call
        ("CAST(a AS TIME(3))", exp.Cast),
        ("'ARRAY_SIZE(a)'", exp.Literal),
        ('"GET"', exp.Column),
        ("get", exp.Column),
        ("UPPER(a)", exp.Upper),
    ],
)
def test_what_is_no_call_of_the_table_is_left_alone(text, kind):
    assert type(select(text)) is kind


def test_no_mark_is_left_in_a_query_with_calls_of_every_kind():
    text = "SELECT ARRAY_SIZE(a) FROM t, LATERAL FLATTEN(GET(a, 'x')) f QUALIFY ARRAY_SIZE(b) = 1"

    assert "__plain__" not in parsing.parse(text, "snowflake").sql("snowflake")
