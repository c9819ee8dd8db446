from datetime import UTC, datetime

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.definitions.cron import FIELDS, cron_fault


@pytest.mark.parametrize(
    "expression",
    [
        "* * * * *",
        "*/15 * * * *",
        "0 */4 * * *",
        "0,30 9-17 * * 1-5",
        "0-59/5 1,2,3 1-31 * 1",
        "0 0 * * 7",  # Sunday, as 0
        "0 0 * * 5-7",
        "0 0 29 2 *",  # every fourth year is often enough
        "0 0 31 4 1",  # the 31st of April never comes, and Mondays do
        "  0  0 * *\t0 ",
    ],
)
def test_what_panther_documents_is_accepted(expression):
    assert cron_fault(expression) is None


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("", "expected five fields"),
        ("hello", "found 1"),
        ("*/30 * * * * *", "there is no field for seconds"),
        ("@hourly", "write `0 * * * *`"),
        ("@reboot", "write five fields"),
        ("60 * * * *", "minute field `60`: 60 is not between 0 and 59"),
        ("0 24 * * *", "hour field `24`: 24 is not between 0 and 23"),
        ("0 0 0 * *", "day of month field `0`: 0 is not between 1 and 31"),
        ("0 0 * 13 *", "month field `13`: 13 is not between 1 and 12"),
        ("0 0 * * 8", "day of week field `8`: 8 is not between 0 and 7"),
        ("*/90 * * * *", "a step of 90 is not between 1 and 59"),  # croniter takes it for 0
        ("1-5/10 * * * *", "a step of 10 is not between 1 and 4"),
        ("*/0 * * * *", "a step of 0"),
        ("5/10 * * * *", "write `5-59/10`"),
        ("*-5 * * * *", "cannot begin a range"),
        ("0 22-6 * * *", "write `22-23,0-6`"),
        ("0 0 * JAN,jul *", "names are not supported; write `1`"),
        ("0 0 * * MON-FRI", "names are not supported; write `1-5`"),
        ("R * * * *", "random and hashed"),
        ("H H * * *", "random and hashed"),
        ("0 0 L * *", "L, W and #"),
        ("0 0 15W * *", "L, W and #"),
        ("0 0 * * 5#2", "L, W and #"),
        ("0 0 ? * *", "`?` is not supported; write `*`"),
        ("x * * * *", "minute field `x`"),
        ("1,,2 * * * *", "minute field `1,,2`"),
        ("\u0663 * * * *", "minute field"),  # a digit, and not one of ours
        ("0 0 30 2 *", "a date that never comes"),
        ("0 0 31 4,6 *", "a date that never comes"),
    ],
)
def test_the_rest_is_refused_with_the_field_and_what_to_write_instead(expression, expected):
    assert expected in (cron_fault(expression) or "accepted")


def numbers(field):
    return st.integers(field.least, field.greatest)


def members(field):
    ranges = st.tuples(numbers(field), numbers(field)).map(sorted).map(lambda pair: f"{pair[0]}-{pair[1]}")
    steps = st.integers(1, field.greatest - field.least - 1).map(lambda step: f"*/{step}")
    one = st.one_of(st.just("*"), numbers(field).map(str), ranges, steps)
    return st.lists(one, min_size=1, max_size=3).map(",".join)


@settings(max_examples=60, deadline=None)
@given(st.tuples(*map(members, FIELDS)).map(" ".join))
def test_whatever_is_accepted_has_a_next_time(expression):
    fault = cron_fault(expression)

    if fault is None:
        assert croniter(expression, datetime(2026, 1, 1, tzinfo=UTC)).get_next(datetime)
    else:
        assert fault == "it names a date that never comes"
