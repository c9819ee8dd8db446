"""The sample content finds in the sample lake what was planted there, and nothing else."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections import Counter
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import pytest

from runner.definitions.catalogue import read_catalogue
from runner.detections.content import Content, ContentSources
from runner.detections.evaluate import evaluate
from runner.detections.event import Event
from runner.detections.loading import Namespace
from runner.detections.unit_tests import Bench, run_test
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from runner.definitions.catalogue import Catalogue
    from runner.definitions.scheduled_query import ScheduledQuery
    from runner.definitions.scheduled_rule import ScheduledRule
    from runner.detections.detection import Detection

ROOT = Path(__file__).parents[2]
LAKE = ROOT / "datalake"
TABLES = ("aws_cloudtrail", "aws_vpcdns", "aws_vpcflow", "okta_systemlog")
PLANTED = runpy.run_path(str(LAKE / "expected.py"))
DUE_TIMES = sorted({alert.at for alert in (*PLANTED["EXPECTED"], *PLANTED["EARLIER"])})


class Found(NamedTuple):
    """What one run has to say about one dedup string of one rule."""

    rule_id: str
    dedup: str
    title: str
    severity: str
    matches: int


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return read_catalogue(ROOT, exclude=("tests", "benchmarks", "build", "docs", "runner"))


@pytest.fixture(scope="module")
def detections(catalogue: Catalogue) -> dict[str, Detection]:
    namespace = Namespace(catalogue.helper_sources(), root=ROOT)
    return {
        rule.rule_id: namespace.load(
            rule.python, rule_id=rule.rule_id, severity=rule.severity, display_name=rule.display_name
        )
        for rule in catalogue.rules.values()
    }


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBEngine]:
    limits = EngineLimits(memory=512 * 1024**2, spill=tmp_path_factory.mktemp("spill"), threads=1)
    engine = DuckDBEngine(LAKE, limits)
    yield engine
    engine.close()


def rows_of(engine: DuckDBEngine, query: ScheduledQuery, at: datetime) -> list[dict[str, Any]]:
    compiled = engine.compile(query.sql.text, dialect=query.sql.dialect, reference=at)
    batches = engine.run(compiled, engine.snapshot(compiled, at), at)
    return [batch.row(n) for batch in batches for n in range(len(batch))]


def found_by(rule: ScheduledRule, detection: Detection, rows: list[dict[str, Any]]) -> set[Found]:
    """Put rows to a rule; title and severity are the first match's, as in Panther."""
    results = [evaluate(detection, Event(row)) for row in rows]
    assert [result for result in results if result.error or result.function_errors] == []
    matches = sorted((result for result in results if result.matched), key=attrgetter("dedup"))
    found = set()
    for dedup, group in groupby(matches, key=attrgetter("dedup")):
        first, *others = group
        if 1 + len(others) >= rule.threshold:
            found.add(Found(rule.rule_id, dedup, first.title, first.severity, 1 + len(others)))
    return found


def planted_at(at: datetime) -> set[Found]:
    alerts = [alert for alert in (*PLANTED["EXPECTED"], *PLANTED["EARLIER"]) if alert.at == at]
    return {Found(alert.rule_id, alert.dedup, alert.title, alert.severity, alert.matches) for alert in alerts}


def test_the_sample_definitions_have_neither_faults_nor_warnings(catalogue):
    found = (*catalogue.errors, *catalogue.warnings)

    assert found == ()
    assert len(catalogue.queries) >= 12


def test_every_sample_rule_passes_its_own_tests(catalogue):
    content = Content(ContentSources.of(catalogue))
    benches = [
        Bench(content=content, definition=rule, detection=content.load(rule))
        for rule in (*catalogue.rules.values(), *catalogue.stream_rules.values())
    ]

    results = [
        (bench.detection.rule_id, run_test(bench, test))
        for bench in benches
        for test in bench.definition.tests
    ]

    failed = [(rule_id, result.name, result.failures) for rule_id, result in results if not result.passed]

    assert failed == []


def test_every_sample_rule_is_tested_on_a_match_and_on_something_else(catalogue):
    both = {True, False}

    lacking = [
        rule.rule_id
        for rule in catalogue.rules.values()
        if {test.expected_result for test in rule.tests} != both
    ]

    assert lacking == []


def test_once_at_the_reference_time_raises_the_alerts_that_were_planted(tmp_path, here):
    at = PLANTED["REFERENCE"].strftime("%Y-%m-%dT%H:%M:%SZ")
    state = ["--project", str(ROOT), "--lake", str(LAKE), "--state", str(tmp_path / "state.db")]

    ended = here("once", "--all", "--at", at, "--format", "json", *state, cwd=ROOT)

    assert ended.code == 0
    alerts = [alert for run in ended.document["runs"] for alert in run["alerts"]]
    names = ("rule_id", "dedup", "title", "severity", "match_count")
    assert {Found(*(alert[name] for name in names)) for alert in alerts} == planted_at(PLANTED["REFERENCE"])
    assert len(alerts) == len(PLANTED["EXPECTED"])


@pytest.mark.parametrize("at", DUE_TIMES, ids=str)
def test_a_run_finds_what_was_planted_before_it_and_nothing_else(at, catalogue, engine, detections):
    expected = planted_at(at)
    rules = [catalogue.rules[rule_id] for rule_id in {found.rule_id for found in expected}]

    actual = set()
    for rule in rules:
        (name,) = rule.queries
        actual |= found_by(rule, detections[rule.rule_id], rows_of(engine, catalogue.queries[name], at))

    assert actual == expected


def test_the_generator_writes_the_rows_of_the_sample_lake_again(tmp_path):
    command = [sys.executable, str(LAKE / "generate.py"), "--lake", str(tmp_path)]

    subprocess.run(command, check=True, cwd=ROOT)

    assert {table: differing_rows(table, tmp_path) for table in TABLES} == dict.fromkeys(TABLES, 0)


def differing_rows(table: str, other: Path) -> int:
    """Count the rows of a table that only one of the sample lake and another one has."""
    read = "SELECT * FROM read_parquet(${}, union_by_name = true)"
    first, second = read.format(1), read.format(2)
    sql = f"SELECT count(*) FROM (({first} EXCEPT ALL {second}) UNION ALL ({second} EXCEPT ALL {first}))"
    return duckdb.execute(sql, [files_of(LAKE, table), files_of(other, table)]).fetchall()[0][0]


def files_of(lake: Path, table: str) -> str:
    return str(lake / "panther_logs" / table / "p_date=*" / "*.parquet")


def test_no_row_of_the_sample_lake_lies_at_or_after_its_reference_time():
    reference = PLANTED["REFERENCE"].replace(tzinfo=None)

    latest = {
        table: duckdb.execute(
            "SELECT max(p_event_time) FROM read_parquet($1)", [files_of(LAKE, table)]
        ).fetchall()[0][0]
        for table in TABLES
    }

    assert [table for table, time in latest.items() if time >= reference] == []


def test_the_sample_lake_is_small_enough_to_be_cloned_by_everybody():
    files = [file for file in LAKE.rglob("*.parquet") if file.is_file()]

    assert sum(file.stat().st_size for file in files) < 5_000_000


def test_each_rule_has_something_planted_for_it(catalogue):
    planted = Counter(alert.rule_id for alert in PLANTED["EXPECTED"])

    assert set(planted) == set(catalogue.rules)
