from datetime import timedelta

import pytest

from runner.errors import RefusedQuery
from runner.lake.dialect.durations import SECONDS_PER_UNIT, parse_offset


@pytest.mark.parametrize("unit", sorted(SECONDS_PER_UNIT))
@pytest.mark.parametrize("shape", ["{number}{unit}", "{number} {unit}", " {number}  {unit} "])
def test_every_unit_is_read_with_and_without_spaces(unit, shape):
    offset = parse_offset(shape.format(number=3, unit=unit))

    assert offset == timedelta(seconds=3 * SECONDS_PER_UNIT[unit])


def test_m_is_minutes_and_case_does_not_matter():
    assert parse_offset("5M") == timedelta(minutes=5)
    assert parse_offset("2 Weeks") == timedelta(weeks=2)


def test_a_bare_number_counts_seconds():
    assert parse_offset("3600") == timedelta(hours=1)


@pytest.mark.parametrize(
    "text",
    [
        "3 parsecs",
        "1 month",  # a month has no fixed length
        "1 year",
        "-1 day",
        "1.5 hours",
        "day",
        "",
        "1 day ago",
    ],
)
def test_anything_else_is_refused_with_the_text_named(text):
    with pytest.raises(RefusedQuery) as refused:
        parse_offset(text)

    assert repr(text) in str(refused.value)


def test_an_offset_beyond_all_time_is_refused():
    with pytest.raises(RefusedQuery, match="too long"):
        parse_offset("99999999999 weeks")
