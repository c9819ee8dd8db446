"""Run ids are UUIDs of version 7."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from runner.runs.run_id import new_run_id

TEN = datetime(2026, 3, 1, 10, tzinfo=UTC)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2262, 1, 1), timezones=st.just(UTC))


@given(now=moments)
def test_a_run_id_is_a_uuid_of_version_7(now):
    identity = UUID(new_run_id(now))

    assert (identity.version, identity.variant) == (7, RFC_4122)


@given(now=moments)
def test_a_run_id_begins_with_the_milliseconds_since_the_epoch(now):
    milliseconds = (now - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)

    identity = UUID(new_run_id(now))

    assert identity.int >> 80 == milliseconds


def test_run_ids_sort_by_time():
    moments = [TEN + timedelta(milliseconds=number) for number in range(50)]

    ids = [new_run_id(moment) for moment in moments]

    assert ids == sorted(ids)


def test_run_ids_of_one_moment_differ():
    ids = {new_run_id(TEN) for _ in range(1000)}

    assert len(ids) == 1000
