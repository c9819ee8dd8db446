"""Rows that go to the driver as they are."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from state_lab import TEN

from runner.store.database import IN_MEMORY, Database
from runner.store.driver_insert import DriverInsert
from runner.store.schema import gaps, match_contents


@pytest.fixture
def connection():
    database = Database(IN_MEMORY)
    with database.transaction() as opened:
        yield opened
    database.close()


def test_moments_are_stored_as_the_library_would_store_them(connection):
    insert = DriverInsert(connection, gaps, ("query", "due", "reason"), times=["due"])

    insert.add([("q", TEN, "failed"), ("r", TEN, "failed")])

    assert connection.execute(sa.select(gaps)).all() == [("q", TEN, "failed"), ("r", TEN, "failed")]


def test_no_rows_are_fine(connection):
    DriverInsert(connection, match_contents, ("match_id", "details")).add([])

    assert connection.execute(sa.select(match_contents)).all() == []


def test_columns_out_of_the_order_of_the_table_are_refused(connection):
    with pytest.raises(ValueError, match="in the order of"):
        DriverInsert(connection, match_contents, ("details", "match_id"))
