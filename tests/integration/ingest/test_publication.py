"""The files of one source show all at once, or not at all."""

import pytest

from runner.ingest import ingest_files
from runner.lake import publication
from runner.lake.index.lake_index import LakeIndex
from runner.lake.survey import LakeSurvey
from runner.lake.table import TableName

THING = "Custom.Thing"


@pytest.fixture
def table(lake):
    (lake / "panther_logs" / "custom_thing").mkdir(parents=True)
    return lake.resolve() / "panther_logs" / "custom_thing"


@pytest.fixture
def index(lake, table, clock):
    index = LakeIndex(lake, None, clock)
    yield index
    index.close()


@pytest.fixture
def days(write_lines):
    """Make a source with rows of three days."""
    return write_lines(*({"time": f"2026-01-0{day}T10:00:00Z"} for day in (1, 2, 3)), name="days.jsonl")


@pytest.fixture
def sources(days, write_lines):
    """Make two sources of some days each."""
    other = write_lines(*({"time": f"2026-02-0{day}T10:00:00Z"} for day in (1, 2)), name="other.jsonl")
    return days, other


class Died(BaseException):
    pass


def die_while_publishing(lake, clock, source):
    """Take a source in, and then have it as if the process had died after the first of its files."""
    (report,) = ingest_files(THING, [source], lake=lake, clock=clock).files
    first, *others = report.files
    for file in others:
        file.unlink()
    with pytest.raises(Died), publication.publishing(first.parent.parent, report.files):
        raise Died
    return first


def shown(index, table):
    return [file.path for file in index.files(table, column="p_event_time")]


def test_a_source_that_was_half_published_is_hidden_until_it_is_whole(lake, table, clock, index, days):
    die_while_publishing(lake, clock, days)
    assert shown(index, table) == []

    report = ingest_files(THING, [days], lake=lake, clock=clock)

    assert shown(index, table) == sorted(file.resolve() for file in report.files[0].files)
    assert len(shown(index, table)) == 3


def test_another_source_does_not_unveil_what_was_half_published(lake, table, clock, index, sources):
    days, other = sources
    half = die_while_publishing(lake, clock, days)

    ingest_files(THING, [other], lake=lake, clock=clock)

    assert half.exists()
    assert [path.parent.name for path in shown(index, table)] == ["p_date=2026-02-01", "p_date=2026-02-02"]


def test_verify_names_what_is_hidden_and_what_to_do(lake, table, clock, days):
    half = die_while_publishing(lake, clock, days)
    survey = LakeSurvey(lake, LakeIndex(lake, None, clock))

    faults = list(survey.faults(TableName(database="panther_logs", table="custom_thing")))
    survey.close()

    reason = "queries miss it, as its source was not taken in to the end: ingest that again"
    assert [(fault.path, fault.reason) for fault in faults] == [(half.resolve(), reason)]


def test_a_single_file_shows_without_any_ado(lake, table, clock, index, write_lines):
    ingest_files(THING, [write_lines({"time": "2026-01-01T10:00:00Z"})], lake=lake, clock=clock)

    assert len(shown(index, table)) == 1
    assert not list(table.glob(".publishing*"))
