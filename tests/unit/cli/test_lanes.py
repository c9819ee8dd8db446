"""Runs side by side: those of one lane in turn, and what comes of them in order."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Lock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.cli.side_by_side import in_lanes


def lane_of(item):
    return item[0]


@settings(max_examples=30)
@given(st.lists(st.text("abc", min_size=1, max_size=1), max_size=20), st.integers(1, 4))
def test_each_lane_runs_in_order_and_never_beside_itself(lanes, most):
    items = [(lane, number) for number, lane in enumerate(lanes)]
    busy, together, begun, lock = [], [], [], Lock()

    def run(item):
        with lock:
            busy.append(lane_of(item))
            begun.append(item)
            together.append(list(busy))
        with lock:
            busy.remove(lane_of(item))
        return item

    with ThreadPoolExecutor(most) as threads:
        found = list(in_lanes(threads, most, items, run, lane_of))

    assert found == items
    assert all(len(set(names)) == len(names) <= most for names in together)
    assert all(
        [item for item in begun if lane_of(item) == lane] == [item for item in items if lane_of(item) == lane]
        for lane in "abc"
    )


def test_different_lanes_run_side_by_side_though_one_is_long():
    meet, others_done = Barrier(2, timeout=30), Event()
    items = [("a", 1), ("a", 2), ("b", 1), ("b", 2)]

    def run(item):
        if item[1] == 1:
            meet.wait()  # a and b have begun, both
        if item == ("a", 1):
            assert others_done.wait(30)
        if item == ("b", 2):
            others_done.set()
        return item

    with ThreadPoolExecutor(2) as threads:
        found = list(in_lanes(threads, 2, items, run, lane_of))

    assert found == items


def test_a_failure_is_passed_on():
    def run(item):
        raise ValueError(item)

    with ThreadPoolExecutor(2) as threads, pytest.raises(ValueError, match="a"):
        list(in_lanes(threads, 2, ["a"], run, str))
