"""Which files of an inbox are whole and new."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from runner.clock import FrozenClock
from runner.errors import IngestError
from runner.ingest.following import follow
from runner.ingest.inbox import Inbox, SeenFiles, files_of

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock():
    return FrozenClock(NOW)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def open_inbox(tmp_path, folder, clock):
    opened = []

    def open_inbox(*places, purpose="app"):
        opened.append(SeenFiles(tmp_path / "state" / "seen.db"))
        return Inbox([str(place) for place in places or [folder]], opened[-1], purpose=purpose, clock=clock)

    yield open_inbox
    for seen in opened:
        seen.close()


def write(folder, name, text="{}", age=0.0):
    """Write a file that was last written some seconds ago."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    written = (NOW - timedelta(seconds=age)).timestamp()
    os.utime(path, (written, written))
    return path


def names(files):
    return [file.name for file in files]


def test_a_file_is_ready_when_it_was_the_same_at_two_looks(folder, open_inbox):
    inbox = open_inbox()
    write(folder, "a.json")
    looks = [names(inbox.ready())]

    write(folder, "a.json", "{} {}", age=-1)
    looks.append(names(inbox.ready()))
    looks.append(names(inbox.ready()))

    assert looks == [[], [], ["a.json"]]


def test_a_file_that_was_long_not_written_is_ready_at_once(folder, open_inbox):
    write(folder, "a.json", age=3600)

    assert names(open_inbox().ready()) == ["a.json"]


def test_the_oldest_files_come_first(folder, open_inbox):
    for name, age in (("a.json", 100), ("b.json", 300), ("c.json", 200)):
        write(folder, name, age=age)

    assert names(open_inbox().ready()) == ["b.json", "c.json", "a.json"]


def test_a_file_that_was_taken_comes_again_only_when_it_has_changed(folder, open_inbox):
    inbox = open_inbox()
    path = write(folder, "a.json", age=100)
    inbox.ready()
    inbox.take(path)

    after_a_restart = open_inbox()
    before = names(after_a_restart.ready())
    write(folder, "a.json", "{} {}", age=90)

    assert (before, names(after_a_restart.ready())) == ([], ["a.json"])


def test_each_purpose_has_its_own_memory(folder, open_inbox):
    inbox = open_inbox()
    path = write(folder, "a.json", age=100)
    inbox.ready()
    inbox.take(path)

    assert names(open_inbox(purpose="other").ready()) == ["a.json"]


def test_hidden_and_unfinished_files_are_no_files(folder, open_inbox):
    for name in (".a.json", "_b.json", "c.json.part", "d.tmp", ".hidden/e.json", "below/f.json"):
        write(folder, name, age=100)

    assert names(open_inbox().ready()) == ["f.json"]


def test_globs_and_files_are_places_too(folder, open_inbox):
    for name in ("a.json", "b.log", "x/y/c.json"):
        write(folder, name, age=100)

    inbox = open_inbox(folder / "**" / "*.json", folder / "b.log")

    assert names(sorted(inbox.ready())) == ["a.json", "b.log", "c.json"]
    assert inbox.folders == [folder]
    assert names(files_of([str(folder / "*.json"), str(folder)])) == ["a.json", "b.log", "c.json"]


def test_following_takes_what_is_ready_until_it_is_told_to_stop(folder, open_inbox):
    write(folder, "a.json", age=100)
    taken, waits = [], []

    def wait(busy):
        waits.append(busy)
        if len(waits) == 3:
            write(folder, "b.json", age=90)
        return len(waits) < 6

    follow(open_inbox(), ingest=names, wait=wait, tell=taken.append)

    assert taken == [["a.json"], ["b.json"]]
    assert waits == [True, True, False, True, False, False]


def test_a_lake_that_cannot_be_written_is_tried_again(folder, open_inbox):
    write(folder, "a.json", age=100)
    told, answers = [], [IngestError("full"), IngestError("full"), ["a.json"]]

    def ingest(_files):
        answer = answers.pop(0)
        if isinstance(answer, IngestError):
            raise answer
        return answer

    follow(
        open_inbox(), ingest=ingest, wait=lambda _busy: bool(answers), tell=lambda one: told.append(str(one))
    )

    assert told == ["full", "full", "['a.json']"]


def test_a_place_that_cannot_be_looked_at_is_looked_at_again(folder, open_inbox):
    class Unreachable:
        def __init__(self, inbox):
            self._inbox = inbox
            self._faults = [OSError("no route")]

        def ready(self):
            if self._faults:
                raise self._faults.pop()
            return self._inbox.ready()

        def take(self, path):
            self._inbox.take(path)

    write(folder, "a.json", age=100)
    told, rounds = [], iter([True, True, True, False])

    follow(
        Unreachable(open_inbox()),
        ingest=names,
        wait=lambda _busy: next(rounds),
        tell=lambda one: told.append(str(one)),
    )

    assert told == ["cannot be looked at: no route", "['a.json']"]
