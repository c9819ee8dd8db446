"""What the daemon sees to between runs: paused queries whose cause is gone, and what is old."""

import shutil
import threading
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from runner import settings
from runner.alerts.system_fault import SystemFaultKind
from runner.clock import FrozenClock
from runner.daemon.upkeep import Upkeep
from runner.definitions.catalogue import read_catalogue
from runner.errors import StoreError
from runner.runs.failure_policy import FailurePolicy, fingerprint_of
from runner.runs.query_run import RunFault, RunKey, RunPurpose, RunState
from runner.store.state import StateStore

AT = datetime(2026, 1, 15, 9, tzinfo=UTC)
QUERY = """
AnalysisType: scheduled_query
QueryName: {name}
Enabled: true
Query: SELECT 1 AS n
Schedule:
  RateMinutes: 60
  TimeoutMinutes: 1
"""


class Place:
    """A project with one paused query, and the upkeep of its state."""

    def __init__(self, root):
        self.root = root
        (root / "logins.yml").write_text(QUERY.format(name="Logins"))
        self.settings = settings.load(root, {})
        self.clock = FrozenClock(AT)
        self.store = StateStore(self.settings.state_url, clock=self.clock, events_per_alert=1)
        self.stopping = threading.Event()
        self.pause("Logins")

    def catalogue(self):
        return read_catalogue(self.root, exclude=self.settings.not_definitions)

    def upkeep(self, store=None):
        return Upkeep(
            store or self.store,
            self.settings,
            self.catalogue,
            may_exist=lambda _: False,
            stopping=self.stopping,
        )

    def pause(self, query):
        policy = FailurePolicy(
            place="logins.yml:2:1",
            fingerprint=fingerprint_of(self.catalogue(), query, self.settings.lake),
            pause_after=1,
            probe_after=timedelta(hours=1),
        )
        key = RunKey(query=query, scheduled_for=AT, purpose=RunPurpose.SCHEDULED)
        fault = RunFault(kind="UnknownLogType", message="there is no table logins")
        self.store.fail(self.store.claim_again(key), RunState.FAILED, fault, policy=policy)

    def paused(self):
        return [one.query for one in self.store.health.paused_queries()]


@pytest.fixture
def place(tmp_path, migrated_file):
    (tmp_path / ".runner").mkdir()
    shutil.copy(migrated_file, tmp_path / ".runner" / "state.db")
    made = Place(tmp_path)
    yield made
    made.store.close()


def test_a_pause_lasts_while_nothing_has_changed(place):
    place.upkeep().look()

    assert place.paused() == ["Logins"]


def test_a_new_table_in_the_lake_ends_a_pause(place):
    (place.root / "datalake" / "panther_logs" / "logins").mkdir(parents=True)

    with structlog.testing.capture_logs() as lines:
        place.upkeep().look()

    assert place.paused() == []
    assert [(line["event"], line["query"]) for line in lines] == [("query_resumed", "Logins")]


def test_an_edited_query_ends_a_pause_when_it_is_loaded(place):
    (place.root / "logins.yml").write_text(QUERY.format(name="Logins") + "Description: mended\n")

    place.upkeep().definitions_loaded(place.catalogue())

    assert place.paused() == []


def test_a_deleted_query_has_nothing_standing_against_it(place):
    (place.root / "logins.yml").unlink()

    place.upkeep().definitions_loaded(place.catalogue())

    assert place.paused() == []
    assert place.store.health.standing(SystemFaultKind.QUERY_FAILED) == []


def test_a_faulty_file_stands_and_a_mended_one_does_not(place):
    (place.root / "other.yml").write_text(QUERY.format(name="Other").replace("SELECT 1 AS n", "[]"))
    upkeep = place.upkeep()

    upkeep.definitions_loaded(place.catalogue())
    broken = place.store.health.standing(SystemFaultKind.DEFINITION_FAULTY)
    (place.root / "other.yml").write_text(QUERY.format(name="Other"))
    upkeep.definitions_loaded(place.catalogue())

    assert broken == ["other.yml"]
    assert place.store.health.standing(SystemFaultKind.DEFINITION_FAULTY) == []


class Away:
    """Stands for a store whose state database is away, for a while."""

    def __init__(self, store):
        self._store = store
        self.is_away = True

    def __getattr__(self, name):
        if self.is_away:
            raise StoreError("the state database is away")
        return getattr(self._store, name)


def test_what_could_not_be_told_is_told_once_the_state_database_is_back(place):
    (place.root / "other.yml").write_text("AnalysisType: scheduled_query\n")
    away = Away(place.store)
    upkeep = place.upkeep(away)

    with structlog.testing.capture_logs() as lines:
        upkeep.definitions_loaded(place.catalogue())
    away.is_away = False
    upkeep.look()

    assert [line["event"] for line in lines] == ["state_unavailable"]
    assert place.store.health.standing(SystemFaultKind.DEFINITION_FAULTY) == ["other.yml"]


def test_what_is_old_is_removed_and_counted_in_one_line(place):
    place.clock.advance(timedelta(days=91))

    with structlog.testing.capture_logs() as lines:
        place.upkeep().prune()

    assert [(line["event"], line["runs"], line["gaps"]) for line in lines] == [("state_pruned", 1, 1)]
    assert place.store.latest_runs(9) == []


def test_a_daemon_that_stops_removes_nothing_more(place):
    place.clock.advance(timedelta(days=91))
    place.stopping.set()

    place.upkeep().prune()

    assert len(place.store.latest_runs(9)) == 1
