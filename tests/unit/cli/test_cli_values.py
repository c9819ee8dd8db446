"""The small values of the command line: times, counts, scopes, exit codes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from runner.cli.main import COMMANDS, EXIT_CODES, cli
from runner.cli.options import Moment, find_scope, written
from runner.cli.output import counted
from runner.definitions.location import Location


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-01-15T09:30:00Z", 9),
        ("2026-01-15T09:30", 9),  # no offset: UTC
        ("2026-01-15 10:30+01:00", 9),
    ],
)
def test_a_moment_is_read_as_utc(text, hour):
    moment = Moment().convert(text, None, None)

    assert moment == datetime(2026, 1, 15, hour, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(click.BadParameter, match="is no time: write it as"):
        Moment().convert(text, None, None)


def test_a_moment_is_written_as_it_is_read():
    moment = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)

    assert Moment().convert(written(moment), None, None) == moment


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1234, "1,234 rows")]
)
def test_a_count_agrees_with_its_noun(number, words):
    assert counted(number, "row") == words


def test_every_command_is_a_module_that_describes_itself():
    commands = {name: cli.get_command(click.Context(cli), name) for name in COMMANDS}

    assert [name for name, command in commands.items() if not (command.help and command.name == name)] == []


def test_the_exit_codes_are_those_that_scripts_rely_on():
    assert sorted(EXIT_CODES) == [0, 1, 2, 3, 130]


def test_a_folder_of_a_project_is_looked_at_as_a_part_of_it(tmp_path):
    (tmp_path / "runner.toml").touch()
    rules = tmp_path / "rules"
    rules.mkdir()

    scope = find_scope(rules)

    assert (scope.settings.root, scope.is_whole) == (tmp_path, False)
    assert scope.holds(Location(rules.relative_to(tmp_path) / "one.yml"))
    assert not scope.holds(Location(rules.relative_to(tmp_path) / "../queries/one.yml"))


def test_a_folder_that_its_project_leaves_out_is_a_project_of_its_own(tmp_path):
    (tmp_path / "runner.toml").write_text('[definitions]\nexclude = ["trials"]\n')
    trial = tmp_path / "trials/one"
    trial.mkdir(parents=True)

    scope = find_scope(trial)

    assert (scope.settings.root, scope.is_whole) == (trial, True)


def test_a_whole_project_is_blamed_for_files_outside_it_too(tmp_path):
    """A definition may name a file outside its project; a fault in it must not go unheard."""
    scope = find_scope(tmp_path)

    assert scope.holds(Location(path=Path("../elsewhere.py"), line=1, column=1))
