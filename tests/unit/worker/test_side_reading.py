"""Definition files that several processes read are read as one process reads them."""

import threading

import pytest

from runner.definitions.partial import read_files, read_part
from runner.worker.side_reading import read_side_by_side

QUERY = """\
AnalysisType: scheduled_query
QueryName: Query {number}
Enabled: true
Query: SELECT {number}
Schedule: {{RateMinutes: 10, TimeoutMinutes: 1}}
"""
HELPER = "AnalysisType: global\nGlobalID: our_helper\nFilename: our_helper.py\n"
RULE = "AnalysisType: rule\nRuleID: A\nEnabled: true\nFilename: a.py\nLogTypes: [A.B]\nSeverity: Low\n"
DERIVED = "AnalysisType: rule\nRuleID: B\nBaseDetection: A\nEnabled: true\n"


@pytest.fixture
def files(tmp_path):
    """Write two hundred and one files, of which one is broken and one is no definition."""
    for number in range(199):
        (tmp_path / f"{number:03}.yml").write_text(QUERY.format(number=number))
    (tmp_path / "300.yml").write_text("AnalysisType: [\n")
    (tmp_path / "301.yml").write_text("a: 1\n")
    return tmp_path, sorted(file.name for file in tmp_path.iterdir())


def ids_of(readings):
    return [reading and (reading.definition_id, len(reading.findings)) for reading in readings]


def test_two_processes_read_what_one_reads_and_in_its_order(files):
    one = read_files(*files)
    two = read_side_by_side(*files, processes=2)

    assert ids_of(one)[-2:] == [(None, 1), None]
    assert list(map(repr, two)) == list(map(repr, one))


def test_with_other_threads_around_one_process_reads_all(files):
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()

    try:
        readings = read_side_by_side(*files, processes=2)
    finally:
        end.set()
        thread.join()

    assert len(readings) == 201


@pytest.fixture
def project(tmp_path):
    for name, text in (("rules/a", RULE), ("rules/b", DERIVED), ("global_helpers/h", HELPER)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.yml").write_text(text)
    (tmp_path / "rules/a.py").write_text("def rule(event: return 1\n")
    (tmp_path / "global_helpers/our_helper.py").write_text("A = 1\n")
    return tmp_path


def test_a_part_comes_with_what_is_shared_and_its_python_is_not_looked_at(project):
    part = read_part(project, lambda path, _: path == "rules/a.yml", read_all=read_files)

    assert (list(part.stream_rules), list(part.helpers), part.errors) == (["A"], ["our_helper"], ())


def test_a_derived_detection_brings_the_rule_it_derives_from(project):
    part = read_part(project, lambda path, _: path == "rules/b.yml", read_all=read_files)

    assert sorted(part.stream_rules) == ["A", "B"]
