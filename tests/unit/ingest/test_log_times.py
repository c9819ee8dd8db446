from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.ingest import times

MOMENT = datetime(2026, 1, 15, 8, 30, 5)
TO_THE_MILLISECOND = datetime(2026, 1, 15, 8, 30, 5, 250_000)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-01-15T08:30:05Z", MOMENT),
        ("2026-01-15 08:30:05", MOMENT),
        ("2026-01-15T08:30:05.250Z", TO_THE_MILLISECOND),
        ("2026-01-15 08:30:05.250 UTC", TO_THE_MILLISECOND),
        ("2026-01-15T08:30:05.250000999Z", TO_THE_MILLISECOND),  # finer than a microsecond: cut off
        ("2026-01-15T10:30:05+02:00", MOMENT),
        ("2026-01-15T03:30:05-0500", MOMENT),
        ("20260115T083005Z", MOMENT),
        ("Thu, 15 Jan 2026 08:30:05 +0000", MOMENT),
        ("15/Jan/2026:09:30:05 +0100", MOMENT),
        ("2026-01-15", datetime(2026, 1, 15)),
        (1768465805, MOMENT),
        (1768465805250, TO_THE_MILLISECOND),
        (1768465805250000, TO_THE_MILLISECOND),
        (1768465805250000999, TO_THE_MILLISECOND),
        (1768465805.25, TO_THE_MILLISECOND),
        ("1768465805", MOMENT),
        ("1768465805.25", TO_THE_MILLISECOND),
        ("1768465805250", TO_THE_MILLISECOND),
    ],
)
def test_times_are_read_as_logs_write_them(written, moment):
    assert times.parse(written) == moment
    assert times.parse_all([written, None]).to_pylist() == [moment, None]


@pytest.mark.parametrize(
    "written",
    [
        "",
        "soon",
        "-",
        "0000-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        True,
        None,
        [],
        {},
        float("inf"),
        10**30,
        "12",
    ],
)
def test_what_is_no_time_is_none(written):
    assert times.parse(written) is None
    assert times.parse_all([written]).to_pylist() == [None]


def test_times_of_several_forms_may_stand_side_by_side():
    written = ["2026-01-15T08:30:05Z", "2026-01-15 08:30:05", 1768465805, "soon", None]

    assert times.parse_all(written).to_pylist() == [MOMENT, MOMENT, MOMENT, None, None]


@given(st.datetimes(timezones=st.just(UTC)))
def test_reading_all_at_once_gives_what_reading_each_gives(moment):
    written = moment.isoformat()

    assert times.parse_all([written]).to_pylist() == [times.parse(written)] == [moment.replace(tzinfo=None)]


@given(st.text() | st.integers() | st.floats())
def test_any_value_is_a_time_or_none(value):
    found = times.parse(value)

    assert found is None or found.tzinfo is None
