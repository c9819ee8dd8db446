from datetime import UTC, datetime, timedelta

import pytest

from runner.clock import FrozenClock
from runner.daemon.planner_loop import PlannerLoop
from runner.daemon.pulse import Pulse
from runner.definitions.scheduled_query import Schedule
from runner.errors import StoreError
from runner.metrics import Metrics
from runner.schedule.ledger import Epoch
from runner.schedule.timing import QueryTiming

START = datetime(2026, 1, 15, 0, 1, tzinfo=UTC)
HOURLY = Schedule(cron=None, rate_minutes=60, timeout_minutes=1)


class LedgerThatGoesAway:
    """A state database that owes the due times of one hourly query, and can be away."""

    def __init__(self, clock):
        self.clock = clock
        self.takes = timedelta(0)
        self.is_away = False
        self.recorded = []

    def epochs(self):
        return {"q": [Epoch(start=START, schedule=HOURLY)]}

    def watermarks(self):
        return {"q": START}

    def begin_epochs(self, epochs):
        pass

    def record_due(self, plans):
        if self.is_away:
            raise StoreError("the server is away")
        self.clock.advance(self.takes)
        self.recorded += [due for plan in plans for due in plan.gaps]
        self.recorded += [run.due for plan in plans for run in plan.runs]

    def take_back(self, _now):
        return 0


class Loop:
    """The loop, on a clock that the test moves; the pulse goes by it too."""

    def __init__(self):
        self.clock = FrozenClock(START)
        self.ledger = LedgerThatGoesAway(self.clock)
        self.pulse = Pulse(lambda: self.clock.now().timestamp())
        self.metrics = Metrics()
        self.is_stopping = False
        self.loop = PlannerLoop(
            self.ledger,
            lambda _: QueryTiming(),
            now=self.now,
            is_stopping=lambda: self.is_stopping,
            pulse=self.pulse,
            metrics=self.metrics,
        )
        self.loop.load([], lambda name: name == "q")

    def now(self):
        if self.ledger.is_away:
            raise StoreError("the server does not tell the time")
        return self.clock.now()


@pytest.fixture
def made():
    return Loop()


def test_the_planner_is_alive_while_the_state_database_is_away_for_long_and_records_afterwards(made):
    made.clock.advance(timedelta(minutes=58, seconds=30))
    made.ledger.is_away = True
    late = []
    for _ in range(12):
        made.clock.advance(timedelta(seconds=15))
        with pytest.raises(StoreError):
            made.loop.tick()
        late += made.pulse.late()

    made.ledger.is_away = False
    recorded = made.loop.tick()

    assert late == []
    assert recorded == 1
    assert made.ledger.recorded == [datetime(2026, 1, 15, 1, tzinfo=UTC)]
    assert made.metrics.registry.get_sample_value("runner_due_times_recorded_total") == 1


def test_the_planner_is_late_when_nothing_calls_it_any_more(made):
    made.loop.tick()

    made.clock.advance(timedelta(seconds=120))
    in_time = made.pulse.late()
    made.clock.advance(timedelta(seconds=1))

    assert (in_time, made.pulse.late()) == ([], ["planner"])


def test_nothing_is_expected_of_the_planner_while_the_daemon_stops(made):
    made.loop.tick()

    made.loop.end()
    made.clock.advance(timedelta(hours=1))

    assert made.pulse.late() == []


def test_the_planner_is_alive_while_it_records_a_long_outage_portion_by_portion(made):
    made.ledger.takes = timedelta(seconds=100)
    made.clock.advance(timedelta(days=700))

    recorded = made.loop.tick()

    assert recorded == 700 * 24
    assert made.clock.now() == START + timedelta(days=700, seconds=400)
    assert made.pulse.late() == []


def test_nothing_more_is_recorded_once_the_daemon_is_told_to_stop(made):
    made.clock.advance(timedelta(days=700))
    made.is_stopping = True

    recorded = made.loop.tick()
    made.is_stopping = False

    assert (recorded, made.ledger.recorded) == (0, [])
    assert made.loop.tick() == 700 * 24
