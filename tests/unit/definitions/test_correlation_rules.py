from pathlib import Path

import pytest

from runner.definitions.catalogue import read_catalogue
from runner.definitions.correlation_rule import EvaluationOrder, Group, Sequence, Step, Transition

FOLDER = Path(__file__).parents[2] / "data" / "valid" / "every-type"


@pytest.fixture(scope="module")
def rules():
    return read_catalogue(FOLDER).correlation_rules


def test_a_sequence_is_read_with_its_steps_transitions_and_window(rules):
    (correlation,) = rules["Login.Then.Root"].correlations

    assert correlation.steps == Sequence(
        steps=(
            Step(step_id="Login", rule_id="Okta.FailedLogins", least=3),
            Step(step_id="Root", rule_id="AWS.RootLogin"),
        ),
        transitions=(
            Transition(
                before="Login",
                after="Root",
                within_minutes=30,
                fields=(("p_alert_context.user", "p_alert_context.user"),),
            ),
        ),
    )
    assert (correlation.lookback_minutes, correlation.order) == (90, EvaluationOrder.CHRONOLOGICAL)
    assert correlation.schedule.rate_minutes == 60


def test_a_group_is_read_with_what_ties_its_steps_together(rules):
    (correlation,) = rules["Grant.Without.Login"].correlations

    assert isinstance(correlation.steps, Group)
    assert [(step.step_id, step.absent) for step in correlation.steps.steps] == [
        ("Grant", False),
        ("Okta.FailedLogins", True),
    ]
    assert dict(correlation.steps.criteria) == {
        "user": (("Grant", "actor.alternateId"), ("Okta.FailedLogins", "actor"))
    }
    assert correlation.lookback_minutes == 15


def test_a_test_says_what_each_rule_matched_and_when(rules):
    (test,) = rules["Login.Then.Root"].tests

    assert (test.name, test.expected_result) == ("Both", True)
    assert [(output.step_id, dict(output.matches["p_alert_context.user"])) for output in test.outputs] == [
        ("Login", {"alex": (0, 1, 2)}),
        ("Root", {"alex": (10,)}),
    ]
