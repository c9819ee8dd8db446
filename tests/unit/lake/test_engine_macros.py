"""A connection gets the macros that its statements name, and no others."""

import re

import duckdb
import pytest

from runner.lake.engine_macros import MACRO_NAMES, EngineMacros


class Recorder:
    """Stands in for a connection: keeps the names of the macros that are created, and what they are made of."""

    def __init__(self):
        self.created = {}

    def execute(self, statement):
        name, body = re.fullmatch(r'CREATE MACRO main\."?(\w+)"?\(.*?\) AS (.*)', statement).groups()
        assert name not in self.created
        self.created[name] = body


def test_a_statement_that_names_no_macro_costs_none():
    connection = Recorder()

    EngineMacros(connection).provide(
        'SELECT "sf_", "x_sf_list", sf.json, username FROM main."panther_logs.users"'
    )

    assert connection.created == {}


@pytest.mark.parametrize("name", sorted(MACRO_NAMES))
def test_a_macro_comes_after_all_that_it_uses_in_turn(name):
    connection = Recorder()

    EngineMacros(connection).provide(f'SELECT "{name.upper()}"(x)')

    created = list(connection.created)
    assert created[-1] == name
    for place, body in enumerate(connection.created.values()):
        assert set(re.findall(r"sf_\w+", body)) <= set(created[:place])


def test_a_macro_is_created_once_for_a_connection():
    connection = Recorder()
    macros = EngineMacros(connection)

    macros.provide("SELECT sf_array_size(x)")
    macros.provide("SELECT sf_array_size(x), sf_array_compact(x)")

    assert list(connection.created) == ["sf_list", "sf_array_size", "sf_array_compact"]


@pytest.mark.parametrize(
    "name",
    "user current_user session_user current_role current_catalog current_schema current_date current_timestamp".split(),
)
def test_a_value_of_the_database_s_own_is_refused_before_a_statement_can_read_it(name):
    with duckdb.connect() as connection:
        EngineMacros(connection).provide(f'SELECT "{name.title()}"')

        with pytest.raises(duckdb.Error, match=f"there is no column {name}"):
            connection.execute(f'SELECT "{name.title()}"').fetchall()
