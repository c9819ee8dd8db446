import pickle

import pytest

from runner.detections.evaluate import NOT_MATCHED, EvaluationTimeout, evaluate, evaluate_test
from runner.detections.event import Event


@pytest.mark.parametrize("how", [evaluate, evaluate_test])
@pytest.mark.parametrize("returned", ["1", "'x'", "None", "re.match('a', 'a')", "0", "[]"])
def test_a_rule_that_returns_no_truth_value_is_an_error(detection, how, returned):
    result = how(detection(f"import re\ndef rule(event): return {returned}\n"), Event({}))

    assert not result.matched
    assert result.error.kind == "FunctionReturnTypeError"
    assert result.error.function == "rule"


def test_rows_that_do_not_match_all_get_the_same_answer(detection):
    loaded = detection("def rule(event): return False\ndef title(event): raise ValueError\n")

    assert evaluate(loaded, Event({})) is NOT_MATCHED
    assert not NOT_MATCHED.matched
    assert NOT_MATCHED.error is None


def test_an_async_rule_is_an_error(detection):
    result = evaluate(detection("async def rule(event): return True\n"), Event({}))

    assert result.error.message == "returned coroutine, expected bool"


def test_the_error_of_a_rule_names_its_class_its_text_and_its_line(detection):
    text = "def rule(event):\n    return inner(event)\n\ndef inner(event):\n    return event['nope'] == 1\n"

    error = evaluate(detection(text), Event({})).error

    assert (error.rule_id, error.function, error.kind) == ("Example.Rule", "rule", "KeyError")
    assert error.title == "KeyError('nope')"
    assert error.message == "'nope': example.py:5 in inner"


def test_the_line_named_is_the_rules_own_even_if_a_helper_raised(detection):
    text = "import jsonish\ndef rule(event):\n    return jsonish.read()\n"

    error = evaluate(detection(text, helpers={"jsonish": "def read():\n    return 1 / 0\n"}), Event({})).error

    assert error.message == "division by zero: example.py:3 in rule"


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("raise SystemExit(3)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise MemoryError", "MemoryError"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("return rule(event)", "RecursionError"),
        ("exit()", "SystemExit"),
    ],
)
@pytest.mark.parametrize("how", [evaluate, evaluate_test])
def test_nothing_that_a_rule_raises_gets_out(detection, how, statement, kind):
    result = how(detection(f"def rule(event): {statement}\n"), Event({}))

    assert result.error.kind == kind


def test_nothing_that_another_function_raises_gets_out(detection):
    result = evaluate(
        detection("def rule(event): return True\ndef title(event): raise SystemExit\n"), Event({})
    )

    assert result.matched
    assert result.function_errors["title"].kind == "SystemExit"


@pytest.mark.parametrize("how", [evaluate, evaluate_test])
def test_out_of_time_in_the_rule_ends_the_evaluation(detection, how):
    loaded = detection(
        "calls = []\ndef rule(event): event.raw_view()['late']()\ndef title(event): calls.append(1)\n"
    )

    result = how(loaded, Event({"late": out_of_time}))

    assert result.error.kind == "EvaluationTimeout"
    assert loaded.module.calls == []


@pytest.mark.parametrize("how", [evaluate, evaluate_test])
def test_out_of_time_in_another_function_is_an_error_of_the_whole(detection, how):
    loaded = detection(
        "calls = []\n"
        "def rule(event): return True\n"
        "def title(event):\n"
        "    try: event.raw_view()['late']()\n"
        "    except Exception: pass\n"
        "def dedup(event): calls.append(1)\n"
    )

    result = how(loaded, Event({"late": out_of_time}))

    assert not result.matched
    assert (result.error.kind, result.error.function) == ("EvaluationTimeout", "title")
    assert loaded.module.calls == []


def out_of_time():
    raise EvaluationTimeout


def test_an_exception_that_cannot_be_shown_is_still_told(detection):
    text = "class Odd(Exception):\n    def __str__(self): raise ValueError\n    __repr__ = __str__\ndef rule(event): raise Odd\n"

    error = evaluate(detection(text), Event({})).error

    assert (error.kind, error.title) == ("Odd", "Odd (its text cannot be shown)")


def test_the_text_of_an_error_is_bounded(detection):
    error = evaluate(detection("def rule(event): raise ValueError('x' * 100_000)\n"), Event({})).error

    assert len(error.message) < 11_000
    assert len(error.title) == 1000


def test_an_exception_without_text_is_named(detection):
    error = evaluate(detection("def rule(event): raise ValueError\n"), Event({})).error

    assert error.message == "ValueError: example.py:1 in rule"


def test_a_rule_that_takes_no_event_is_an_error(detection):
    error = evaluate(detection("def rule(): return True\n"), Event({})).error

    assert error.kind == "TypeError"
    assert "evaluate.py" not in error.message


def test_state_of_a_module_lives_from_event_to_event(detection):
    loaded = detection("seen = 0\ndef rule(event):\n    global seen\n    seen += 1\n    return seen > 1\n")

    answers = [evaluate(loaded, Event({})).matched for _ in range(3)]

    assert answers == [False, True, True]


def test_functions_run_right_after_the_rule_on_the_same_row(detection):
    loaded = detection(
        "def rule(event):\n    global name\n    name = event['n']\n    return True\ndef title(event): return name\n"
    )

    titles = [evaluate(loaded, Event({"n": name})).title for name in ("a", "b")]

    assert titles == ["a", "b"]


def test_in_a_test_every_function_is_called_whatever_the_rule_said(detection):
    for body in ("return False", "raise ValueError"):
        result = evaluate_test(
            detection(f"def rule(event): {body}\ndef title(event): return 't'\n"), Event({})
        )

        assert not result.matched
        assert result.outputs == {"title": "t"}


def test_in_a_test_nothing_stands_in_for_a_function_that_failed(detection):
    text = "def rule(event): return True\ndef title(event): raise ValueError\ndef runbook(event): return 5\n"

    result = evaluate_test(detection(text), Event({}))

    assert result.outputs == {"title": None, "runbook": None}
    assert set(result.function_errors) == {"title", "runbook"}


def test_a_result_can_be_sent_to_another_process(detection):
    text = "class Own(str): pass\ndef rule(event): return True\ndef title(event): return Own('t')\ndef dedup(event): return 1\n"

    result = evaluate(detection(text), Event({}))
    sent = pickle.loads(pickle.dumps(result))  # noqa: S301 - our own

    assert sent.title == "t"
    assert sent.function_errors["dedup"].kind == "FunctionReturnTypeError"
    assert pickle.loads(pickle.dumps(NOT_MATCHED)).matched is False  # noqa: S301 - our own
