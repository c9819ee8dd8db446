import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from runner.definitions.python_source import PythonSource
from runner.detections.loading import Namespace
from runner.lake.rows import RowBatch, conversion
from runner.worker.beat import Beat
from runner.worker.evaluation import RuleDidHarm, RuleEvaluation, evaluate_batch, refuse_harm
from runner.worker.rule_errors import RuleErrors

EVERY_ROW = "def rule(event):\n    return True\n"
LATE = """
import sys

def rule(event):
    raise sys.modules["runner.detections.evaluate"].EvaluationTimeout("too late")
"""


def batch_of(column, type_="BIGINT", name="n"):
    batch = pa.RecordBatch.from_pydict({name: column})
    return RowBatch(batch, [conversion(batch.schema.field(0).type, duckdb.sqltype(type_))], set())


@pytest.fixture
def found(job, rule_job):
    """Put rules to some numbers; returns the matches, the errors and the evaluations."""

    def find(*texts, batch=None, **limits):
        rules = [
            rule_job(rule_id=f"R{place}", source=PythonSource(Path(f"r{place}.py"), text))
            for place, text in enumerate(texts)
        ]
        one = job(*rules, **limits)
        errors = RuleErrors(one)
        namespace = Namespace({})
        evaluations = [
            RuleEvaluation(
                one,
                rule,
                namespace.load(rule.source, rule_id=rule.rule_id, severity=rule.severity),
                place,
            )
            for place, rule in enumerate(rules)
        ]
        rows = batch_of([1, 2, 3, 4, 5]) if batch is None else batch
        return list(evaluate_batch(rows, evaluations, Beat(), errors)), errors, evaluations

    return find


def rows_of(matches, rule_id="R0"):
    return [json.loads(match.event)["n"] for match in matches if match.rule_id == rule_id and match.event]


def test_a_match_says_what_its_alert_needs(found):
    text = EVERY_ROW + (
        "def title(event):\n    return 'many'\n"
        "def alert_context(event):\n    return {'n': event['n']}\n"
        "def destinations(event):\n    return []\n"
        "def unique(event):\n    return str(event['n'])\n"
    )

    matches, _, _ = found(text, batch=batch_of([7]))

    assert [(match.rule_id, match.kind, match.dedup, match.unique_value) for match in matches] == [
        ("R0", "match", "many", "7")
    ]
    assert json.loads(matches[0].details) == {
        "title": "many",
        "severity": "HIGH",
        "dedup_from": "title",
        "context": {"n": 7},
        "destinations": [],
    }


def test_a_match_says_which_log_it_is_of_if_its_row_does(found):
    named, _, _ = found(EVERY_ROW, batch=batch_of(["Okta.SystemLog"], "VARCHAR", name="p_log_type"))
    other, _, _ = found(EVERY_ROW, batch=batch_of([7]))

    assert json.loads(named[0].details)["log_types"] == ["Okta.SystemLog"]
    assert "log_types" not in json.loads(other[0].details)


def test_every_match_is_counted_and_the_rows_of_the_first_few_of_each_alert_are_kept(found):
    text = EVERY_ROW + "def dedup(event):\n    return 'odd' if event['n'] % 2 else 'even'\n"

    matches, _, _ = found(text, events_per_alert=2)

    assert len(matches) == 5
    assert rows_of(matches) == [1, 2, 3, 4]


def test_an_error_on_one_row_is_not_an_error_on_the_others(found):
    text = "def rule(event):\n    return 1 / (event['n'] - 3) > 0\n"

    matches, errors, _ = found(text)

    assert rows_of(matches) == [4, 5]
    assert [(error.rule_id, error.kind) for error in errors.first] == [("R0", "ZeroDivisionError")]


@pytest.mark.parametrize("answer", ["1", "None", "'yes'", "event"])
def test_an_answer_that_is_no_truth_value_is_an_error(found, answer):
    matches, errors, _ = found(f"def rule(event):\n    return {answer}\n")

    assert matches == []
    assert [(error.kind, error.function) for error in errors.first] == [("FunctionReturnTypeError", "rule")]


def test_errors_are_folded_by_kind_and_counted(found):
    _, errors, _ = found("def rule(event):\n    return {}[event['n']] if event['n'] < 3 else None\n")

    folded = [(match.kind, match.dedup, match.occurrences) for match in errors.matches()]

    assert folded == [("error", "KeyError", 2), ("error", "FunctionReturnTypeError", 3)]
    assert errors.total == 5


def test_the_match_of_an_error_says_what_went_wrong_first(found):
    _, errors, _ = found("def rule(event):\n    return {}[event['n']]\n")

    (match,) = errors.matches()

    assert json.loads(match.details) == {
        "title": "KeyError(1)",
        "severity": "HIGH",
        "dedup_from": "error",
        "context": {"function": "rule", "message": "1: r0.py:2 in rule"},
    }


def test_a_rule_stops_at_its_limit_of_matches_and_the_others_go_on(found):
    some = "def rule(event):\n    return event['n'] > 3\n"

    matches, _, (every, few) = found(EVERY_ROW, some, matches=3)

    assert [match.rule_id for match in matches] == ["R0", "R0", "R0", "R1", "R1"]
    assert every.stopped == "the rule 'R0' matched more than 3 rows (limits.matches)"
    assert few.stopped == ""


def test_a_rule_at_its_limit_has_not_stopped_if_there_is_no_further_match(found):
    matches, _, (every,) = found(EVERY_ROW, matches=5)

    assert len(matches) == 5
    assert every.stopped == ""


def test_a_rule_that_keeps_running_out_of_time_is_given_up_when_its_half_of_the_run_is_spent(found):
    matches, errors, (late, _) = found(LATE, EVERY_ROW, seconds=60, evaluation_seconds=5)

    assert errors.total == 3  # of 60 seconds half are for lost time, and each of two rules has half of these
    assert late.stopped == "the rule 'R0' ran out of time too often to be asked about all rows"
    assert len(matches) == 5


def test_a_row_that_is_nested_too_deeply_to_be_written_down_is_an_error_of_the_rule(found):
    deep = "[" * 1020 + "]" * 1020  # it can be read, and not written
    text = "def rule(event):\n    return True\ndef dedup(event):\n    return 'd'\n"

    matches, errors, _ = found(text, batch=batch_of(['{"n": 1}', deep], "JSON", "doc"))

    assert len(matches) == 1
    assert [error.kind for error in errors.first] == ["RecursionError"]


def test_a_rule_that_asked_for_too_much_memory_at_once_does_no_harm(found):
    _, errors, _ = found("def rule(event):\n    return len('x' * 10**15) > 0\n")

    assert (errors.total, errors.first[0].kind) == (5, "MemoryError")


def test_a_rule_that_leaves_no_room_for_others_does_harm(found):
    _, errors, _ = found("def rule(event):\n    raise MemoryError\n")

    with pytest.raises(RuleDidHarm):
        refuse_harm(errors.first[0], memory=2**60)


BROKEN = {
    "fails on every row": ("def rule(event):\n    return event['no such column'] > 1\n", True),
    "fails on most rows": ("def rule(event):\n    return 1 / (event['n'] - 3) > 9\n", False),
    "fails on one row of five": ("def rule(event):\n    return 1 / (event['n'] - 5) > 9\n", False),
    "matches no row": ("def rule(event):\n    return False\n", False),
    "matches every row": (EVERY_ROW, False),
    "runs out of time on every row that it is asked about": (LATE, True),
}


@pytest.mark.parametrize(("text", "is_broken"), BROKEN.values(), ids=BROKEN)
def test_a_rule_is_broken_if_it_fails_on_every_row(found, text, is_broken):
    batch = batch_of([3, 3, 3, 3, 5]) if "- 3" in text else None

    _, _, (evaluation,) = found(text, batch=batch)

    assert evaluation.is_broken is is_broken


def test_a_rule_that_was_asked_about_no_row_is_not_broken(found):
    _, _, (evaluation,) = found(
        "def rule(event):\n    raise ValueError\n", batch=batch_of(pa.array([], pa.int64()))
    )

    assert evaluation.is_broken is False
