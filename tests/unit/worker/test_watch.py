import pytest

from runner.worker.beat import Beat
from runner.worker.job import JobLimits
from runner.worker.watch import Verdict, Watch

LIMITS = JobLimits(memory=2**30, seconds=60, evaluation_seconds=15, rows=1, matches=1, events_per_alert=1)
GRACE = 2


class Seconds:
    """A clock that counts seconds, and stands still until it is moved."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        """Return the seconds."""
        return self.now


@pytest.fixture
def seconds():
    return Seconds()


@pytest.fixture
def beat():
    return Beat()


@pytest.fixture
def watch(beat, seconds):
    return Watch(LIMITS, beat, grace=GRACE, monotonic=seconds)


@pytest.fixture
def after(seconds, watch):
    def look_after(pause):
        seconds.now += pause
        return watch.look()

    return look_after


def test_a_query_may_work_in_peace_until_its_deadline_and_the_grace(after):
    verdicts = [after(0), after(59), after(2.9), after(0.1)]

    assert verdicts == [Verdict.WAIT, Verdict.WAIT, Verdict.WAIT, Verdict.KILL_RUN]


def test_a_rule_is_asked_to_end_once_and_killed_after_the_grace(beat, after):
    beat.enter()

    verdicts = [after(0), after(14.9), after(0.1), after(1), after(0.9), after(0.1)]

    assert verdicts == [
        Verdict.WAIT,
        Verdict.WAIT,
        Verdict.SIGNAL,
        Verdict.WAIT,
        Verdict.WAIT,
        Verdict.KILL_RULE,
    ]


def test_the_signal_names_the_evaluation_that_is_stuck(beat, after):
    beat.enter()
    after(0)

    after(15)

    assert beat.is_to_stop()


def test_time_begins_anew_with_each_evaluation(beat, after):
    verdicts = []
    for _ in range(3):
        beat.enter()
        verdicts.append(after(14))
        beat.leave()

    assert verdicts == [Verdict.WAIT] * 3


def test_a_rule_that_ended_when_asked_is_not_killed(beat, after):
    beat.enter()
    after(0)
    after(15)
    beat.leave()
    beat.enter()

    verdicts = [after(10), after(10)]

    assert verdicts == [Verdict.WAIT, Verdict.WAIT]


def test_time_between_rules_is_no_rules_fault(beat, after):
    beat.enter()
    after(0)
    beat.leave()

    verdicts = [after(20), after(20)]

    assert verdicts == [Verdict.WAIT, Verdict.WAIT]


def test_the_deadline_goes_before_a_stuck_rule(beat, after, watch):
    beat.turn_to(1)
    beat.enter()
    after(0)

    verdict = after(62)

    assert (verdict, watch.rule) == (Verdict.KILL_RUN, 1)


def test_the_rule_to_blame_is_the_one_of_the_last_look(beat, after, watch):
    beat.turn_to(3)
    beat.enter()
    after(0)

    beat.leave()

    assert watch.rule == 3
