"""The line at which a function returned."""

import sys

import pytest

from runner.detections.returning import returning_line


def several_ways(number):
    if number > 1:
        return "many"
    for one in range(number):
        if one == 0:
            return "one"
    return "none"


def without_return(_):
    several_ways(2)


def raising(_):
    raise ValueError


@pytest.mark.parametrize(("number", "line"), [(2, 2), (1, 5), (0, 6)])
def test_the_line_of_the_return_that_was_taken_is_told(number, line):
    first = several_ways.__code__.co_firstlineno

    assert returning_line(several_ways, number) == f"test_returning.py:{first + line} in several_ways"


def test_functions_that_are_called_on_the_way_do_not_count():
    line = without_return.__code__.co_firstlineno + 1

    assert returning_line(without_return, None) == f"test_returning.py:{line} in without_return"


@pytest.mark.parametrize("function", [raising, "no function", len, None])
def test_where_it_cannot_be_told_nothing_is(function):
    before = sys.gettrace()

    assert returning_line(function, 5) is None
    assert sys.gettrace() is before
