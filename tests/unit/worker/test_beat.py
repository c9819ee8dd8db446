import pytest

from runner.worker.beat import Beat


@pytest.fixture
def beat():
    return Beat()


def test_outside_evaluations_no_rule_runs(beat):
    beat.turn_to(2)

    assert beat.rule is None


def test_within_an_evaluation_the_rule_is_known(beat):
    beat.turn_to(2)

    beat.enter()

    assert beat.rule == 2


def test_leaving_twice_is_as_good_as_once(beat):
    beat.enter()

    beat.leave()
    beat.leave()

    assert (beat.rule, beat.step) == (None, 2)


def test_only_the_evaluation_that_was_named_is_stopped(beat):
    beat.enter()
    beat.ask_to_stop(beat.step)
    stopped = [beat.is_to_stop()]

    beat.leave()
    stopped.append(beat.is_to_stop())
    beat.enter()
    stopped.append(beat.is_to_stop())

    assert stopped == [True, False, False]


def test_a_new_job_begins_with_nothing_to_stop(beat):
    beat.enter()
    beat.ask_to_stop(beat.step)

    beat.reset()
    beat.enter()

    assert (beat.step, beat.is_to_stop()) == (1, False)
