"""A daemon that comes back after a long outage hears that it is to stop, and leaves no due time out."""

from datetime import UTC, datetime, timedelta

from structlog.testing import capture_logs

from runner import settings
from runner.checkpoints import Checkpoint, Checkpoints
from runner.clock import FrozenClock
from runner.daemon.process import Daemon
from runner.definitions.scheduled_query import Schedule
from runner.schedule.ledger import Epoch
from runner.store.state import StateStore

START = datetime(2026, 1, 15, tzinfo=UTC)
OUTAGE = timedelta(days=10)
EVERY_MINUTE = Schedule(cron=None, rate_minutes=1, timeout_minutes=1)
QUERY = """\
AnalysisType: scheduled_query
QueryName: A
Enabled: true
Query: SELECT 1
Schedule:
  RateMinutes: 1
  TimeoutMinutes: 1
"""


class StopAtTheFirstPortion(Checkpoints):
    """Has the daemon told to stop once it has recorded something; worker processes have none of it."""

    def __init__(self):
        self.stop = lambda: None

    def reached(self, point):
        if point is Checkpoint.DUE_RECORDED:
            self.stop()

    def __reduce__(self):
        return Checkpoints, ()


def test_a_daemon_told_to_stop_while_it_records_a_long_outage_ends_between_two_portions(tmp_path):
    (tmp_path / "a.yml").write_text(QUERY)
    (tmp_path / "runner.toml").write_text("[workers]\ncount = 1\n")
    clock = FrozenClock(START + OUTAGE)
    loaded = settings.load(tmp_path, {})
    store = StateStore(loaded.state_url, clock=clock, events_per_alert=1)
    store.ledger.begin_epochs({"A": Epoch(start=START, schedule=EVERY_MINUTE)})
    points = StopAtTheFirstPortion()
    daemon = Daemon(loaded, clock, checkpoints=points)
    points.stop = daemon.stop

    with capture_logs() as logs:
        daemon.run()

    events = [line["event"] for line in logs]
    gaps = [due for _, due, _ in store.ledger.list_gaps("A", 10_000)]
    recorded = (store.ledger.watermarks()["A"], store.ledger.backlog_size())
    store.close()
    assert gaps == [START + timedelta(minutes=count) for count in range(1, 5_001)]
    assert recorded == (gaps[-1], 0)
    assert "daemon_started" not in events
    assert events[-1] == "daemon_stopped"
