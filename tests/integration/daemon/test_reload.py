"""Reloading: whole snapshots, last good versions over restarts, and what editors and deployments do to files."""

import os
import shutil
from contextlib import closing
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from runner.clock import FrozenClock
from runner.daemon.definitions import CurrentDefinitions, Look
from runner.definitions.definition_files import DefinitionFiles
from runner.errors import StoreError
from runner.store.database import Database
from runner.store.definitions import DefinitionStore

QUERY = """\
AnalysisType: scheduled_query
QueryName: {name}
Enabled: true
Query: SELECT 1
Schedule:
  RateMinutes: {rate}
  TimeoutMinutes: 5
"""
RULE = """\
AnalysisType: scheduled_rule
RuleID: {name}
Enabled: true
Filename: {python}
ScheduledQueries:
  - A
Severity: Medium
"""
HELPER = "AnalysisType: global\nGlobalID: accounts\nFilename: accounts.py\n"
USES_HELPER = "from accounts import ADMINS\n\n\ndef rule(event):\n    return event.get('a') in ADMINS\n"
PLAIN = "def rule(event):\n    return True\n"


class Desk:
    """A project folder, a state database that outlives daemons, and the definitions of the present daemon."""

    def __init__(self, folder):
        self.root = folder / "project"
        self.root.mkdir()
        self.clock = FrozenClock(datetime(2026, 1, 15, tzinfo=UTC))
        self.database = Database(f"sqlite:///{folder}/state.db")
        self.memory = DefinitionStore(self.database, self.clock)
        self.current = None

    def start(self):
        """Start a daemon, as far as its definitions go."""
        self.current = CurrentDefinitions(DefinitionFiles(self.root), self.memory)
        return self.current

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def query(self, name="A", rate=60, file="a.yml"):
        return self.write(file, QUERY.format(name=name, rate=rate))

    def rule(self, name="R", python=PLAIN, file="r.yml"):
        self.write(file.replace(".yml", ".py"), python)
        return self.write(file, RULE.format(name=name, python=file.replace(".yml", ".py")))

    def settle(self):
        """Look as often as the watching thread would; return what came of it."""
        for _ in range(10):
            look = self.current.look()
            if look is not Look.UNSETTLED:
                return look
        return Look.UNSETTLED

    @property
    def rates(self):
        return {name: query.schedule.rate_minutes for name, query in self.current.catalogue.queries.items()}


@pytest.fixture
def desk(tmp_path, migrated_file):
    shutil.copy(migrated_file, tmp_path / "state.db")
    made = Desk(tmp_path)
    with closing(made.database):
        yield made


def test_a_change_is_taken_in_when_two_looks_have_seen_the_same(desk):
    desk.query(rate=60)
    desk.start()

    desk.query(rate=30)
    looks = [desk.current.look() for _ in range(3)]

    assert looks == [Look.UNSETTLED, Look.CHANGED, Look.SAME]
    assert desk.rates == {"A": 30}


def test_a_file_that_is_still_being_written_is_not_taken_in(desk):
    desk.query(rate=15)
    desk.start()
    whole = QUERY.format(name="A", rate=155)

    seen = []
    for end in range(len(whole) - 30, len(whole)):  # among them a sound file with a rate of 1 or 15 minutes
        desk.write("a.yml", whole[:end])
        desk.current.look()
        seen.append(desk.rates)
    desk.write("a.yml", whole)
    desk.settle()

    assert set(map(str, seen)) == {"{'A': 15}"}
    assert desk.rates == {"A": 155}


def test_a_file_that_is_replaced_by_renaming_is_changed_even_if_size_and_time_are_the_same(desk):
    file = desk.query(rate=60)
    status = file.stat()
    desk.start()

    other = desk.write(".a.yml.swp", QUERY.format(name="A", rate=30))
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.rename(file)
    look = desk.settle()

    assert (look, desk.rates) == (Look.CHANGED, {"A": 30})


def test_a_file_that_was_touched_and_says_the_same_is_no_change(desk):
    file = desk.query()
    desk.start()

    os.utime(file, (1, 1))

    assert desk.settle() is Look.SAME


@pytest.mark.parametrize(
    "broken",
    [
        "AnalysisType: scheduled_query\nQueryName: A\n",  # keys are missing; it says whose it is
        "AnalysisType: scheduled_query\nQueryName: [\n",  # not YAML: it is known by its file
        "AnalysisType: scheduled_query\nQueryName: Z\n",  # a new name, and broken
        "",  # just emptied by an editor
        "AnalysisType: scheduled_qu",  # cut short
        "broken: [",  # nothing shows that it is one: it was one
        "- a list\n",
        QUERY.format(name="A", rate=5).replace("AnalysisType", "AnalysisTypo"),
        QUERY.format(name="A", rate=5).replace("AnalysisType", "analysistype"),
        QUERY.format(name="A", rate=5).replace("AnalysisType: scheduled_query\n", ""),
    ],
)
def test_a_query_whose_file_is_broken_keeps_its_last_good_version_even_over_a_restart(desk, broken):
    desk.query("A")
    desk.query("B", file="b.yml")
    desk.start()

    desk.write("a.yml", broken)
    desk.query("B", rate=5, file="b.yml")
    desk.settle()
    before = desk.rates
    desk.start()

    assert before == desk.rates == {"A": 60, "B": 5}
    assert desk.current.catalogue.kept == {"A"}
    assert [fault.kept for fault in desk.memory.faults()] == [("A",)] * len(desk.memory.faults())
    assert desk.memory.faults()


def test_a_rule_whose_python_is_broken_or_gone_keeps_its_last_good_version_over_a_restart(desk):
    desk.query()
    desk.rule("R", USES_HELPER)
    desk.rule("S", file="s.yml")
    desk.write("accounts.yml", HELPER)
    desk.write("accounts.py", "ADMINS = ('ann',)\n")
    before = desk.start().catalogue

    desk.write("r.py", "def rule(event:\n")
    (desk.root / "s.py").unlink()
    desk.write("accounts.py", "ADMINS = (\n")
    desk.settle()
    broken = desk.current.catalogue
    restarted = desk.start().catalogue

    assert broken.kept == restarted.kept == {"R", "S", "accounts"}
    assert broken.fingerprints == restarted.fingerprints == before.fingerprints
    assert restarted.rules["R"].python.text == USES_HELPER
    assert restarted.helper_sources()["accounts"].text == "ADMINS = ('ann',)\n"
    assert [rule.rule_id for rule in restarted.rules_for("A")] == ["R", "S"]


def test_a_broken_definition_is_told_until_it_is_mended(desk):
    file = desk.query()
    desk.start()

    with capture_logs() as logs:
        file.write_text(QUERY.format(name="A", rate=0))
        desk.settle()
        told = desk.memory.faults()
        desk.query(rate=10)
        desk.settle()

    assert [(fault.kept, fault.since) for fault in told] == [(("A",), desk.clock.now())]
    assert told[0].message.startswith("a.yml:")
    assert desk.memory.faults() == []
    assert [line["event"] for line in logs if line["event"] != "definitions_loaded"] == [
        "definition_broken",
        "definition_mended",
    ]
    assert (desk.rates, desk.current.catalogue.kept) == ({"A": 10}, frozenset())


def test_a_deleted_definition_is_gone_even_beside_a_broken_one(desk):
    desk.query("A")
    file = desk.query("B", file="b.yml")
    desk.start()

    desk.write("a.yml", "AnalysisType: [\n")
    file.unlink()
    desk.settle()
    is_gone = not desk.current.may_exist("B")
    desk.start()

    assert (desk.rates, is_gone) == ({"A": 60}, True)


def test_a_file_whose_definition_has_moved_may_hold_anything(desk):
    desk.query("A")
    desk.start()

    desk.query("A", rate=5, file="moved.yml")
    desk.write("a.yml", "settings: of another program\n")
    desk.settle()

    assert (desk.rates, desk.memory.faults()) == ({"A": 5}, [])


def test_a_definition_whose_file_held_none_for_a_while_is_ended_by_deleting_the_file(desk):
    file = desk.query("A")
    desk.start()

    desk.write("a.yml", "broken: [")
    desk.settle()
    (fault,) = desk.memory.faults()
    file.unlink()
    desk.settle()

    assert fault.message == (
        "a.yml:1:1: E005 the file has no `AnalysisType`; it held a definition before (to end that, delete the file)"
    )
    assert (desk.rates, desk.memory.faults()) == ({}, [])


def test_a_folder_that_cannot_be_read_keeps_everything_below_it(desk):
    desk.query("A", file="queries/deep/a.yml")
    desk.query("B", file="b.yml")
    desk.start()

    shutil.rmtree(desk.root / "queries")
    (desk.root / "queries").symlink_to(desk.root / "queries")  # a loop: to root nothing else is unreadable
    desk.settle()
    before = desk.rates
    desk.start()

    assert before == desk.rates == {"A": 60, "B": 60}
    assert desk.current.catalogue.kept == {"A"}


def test_of_two_files_with_one_id_the_one_that_had_it_keeps_it(desk):
    desk.query("A", rate=60, file="b.yml")
    desk.start()

    desk.query("A", rate=5, file="a.yml")
    desk.settle()
    before = desk.rates
    desk.start()

    assert before == desk.rates == {"A": 60}
    assert len(desk.current.catalogue.errors) == 1


def test_a_definition_that_moved_to_another_file_is_the_same_one(desk):
    file = desk.query("A")
    desk.start()

    file.rename(desk.root / "moved.yml")
    desk.write("a.yml", "AnalysisType: [\n")
    desk.settle()

    assert (desk.rates, desk.current.catalogue.kept) == ({"A": 60}, frozenset())
    assert not desk.current.may_exist("A") or "A" in desk.current.catalogue.queries


def test_a_change_in_a_helper_changes_the_fingerprint_of_the_rules_that_import_it_and_of_no_other(desk):
    desk.query()
    desk.rule("R", USES_HELPER)
    desk.rule("S", file="s.yml")
    desk.write("accounts.yml", HELPER)
    desk.write("accounts.py", "ADMINS = ()\n")
    before = desk.start().catalogue.fingerprints

    desk.write("accounts.py", "ADMINS = ('ann',)\n")
    look = desk.settle()

    after = desk.current.catalogue.fingerprints
    assert look is Look.CHANGED
    assert {name for name in after if after[name] != before[name]} == {"R", "accounts"}
    assert desk.current.catalogue.helper_sources()["accounts"].text == "ADMINS = ('ann',)\n"


def test_python_that_was_missing_is_seen_when_it_comes(desk):
    desk.query()
    desk.write("r.yml", RULE.format(name="R", python="r.py"))
    desk.start()
    before = list(desk.current.catalogue.rules)

    desk.write("r.py", PLAIN)
    desk.settle()

    assert (before, list(desk.current.catalogue.rules)) == ([], ["R"])


def test_only_what_has_changed_is_read_again(desk):
    for number in range(20):
        desk.query(f"Q{number}", file=f"q{number}.yml")
    desk.start()
    before = dict(desk.current.catalogue.queries)

    desk.query("Q3", rate=7, file="q3.yml")
    desk.settle()

    after = desk.current.catalogue.queries
    assert {name for name in after if after[name] is not before[name]} == {"Q3"}


class ConfigMap:
    """A folder as the kubelet keeps it: files are links through `..data`, which is swapped by one rename."""

    def __init__(self, mount):
        self.mount = mount
        self.number = 0
        mount.mkdir(parents=True)

    def swap(self, files):
        self.number += 1
        payload = self.mount / f"..2026_01_15_00_00_00.{self.number}"
        payload.mkdir()
        for name, text in files.items():
            (payload / name).write_text(text)
        old = (self.mount / "..data").readlink() if self.number > 1 else None
        (self.mount / "..data_tmp").symlink_to(payload.name)
        (self.mount / "..data_tmp").rename(self.mount / "..data")
        for name in files:
            if not (self.mount / name).is_symlink():
                (self.mount / name).symlink_to(f"..data/{name}")
        for link in self.mount.iterdir():
            if link.is_symlink() and not link.name.startswith("..") and link.name not in files:
                link.unlink()
        if old is not None:
            shutil.rmtree(self.mount / old)


def test_a_config_map_is_read_once_and_swapped_as_a_whole(desk):
    config_map = ConfigMap(desk.root / "content")
    first = {
        "a.yml": QUERY.format(name="A", rate=60),
        "r.yml": RULE.format(name="R", python="r.py"),
        "r.py": PLAIN,
    }
    config_map.swap(first)
    desk.start()
    before = desk.current.catalogue

    config_map.swap({"a.yml": QUERY.format(name="A", rate=5), "b.yml": QUERY.format(name="B", rate=5)})
    look = desk.settle()

    assert (before.errors, before.rules["R"].python.text) == ((), PLAIN)
    assert (look, desk.rates, dict(desk.current.catalogue.rules)) == (Look.CHANGED, {"A": 5, "B": 5}, {})
    assert desk.current.catalogue.errors == ()


class SwappedWhileRead(DefinitionFiles):
    """Files that are swapped for others at the worst moment: when some of them have been read."""

    def __init__(self, root, swap):
        super().__init__(root)
        self.swaps = [swap]

    def _read(self, path, stamp, files):
        entry = super()._read(path, stamp, files)
        while self.swaps:
            self.swaps.pop()()
        return entry


def test_files_that_change_while_they_are_read_are_read_again(desk):
    config_map = ConfigMap(desk.root / "content")
    names = [f"{letter}.yml" for letter in "abcd"]
    config_map.swap({name: QUERY.format(name=name, rate=60) for name in names})
    files = SwappedWhileRead(
        desk.root, lambda: config_map.swap({name: QUERY.format(name=name, rate=5) for name in names})
    )

    desk.current = CurrentDefinitions(files, desk.memory)

    assert set(desk.rates.values()) == {5}


def test_a_state_database_in_trouble_only_delays_a_reload(desk):
    class Troubled(DefinitionStore):
        is_full = False

        def remember(self, changed, gone):
            if self.is_full:
                raise StoreError("the disk is full")
            super().remember(changed, gone)

    desk.memory = Troubled(desk.database, desk.clock)
    desk.query(rate=60)
    desk.start()
    desk.query(rate=30)

    desk.memory.is_full = True
    desk.current.look()
    with pytest.raises(StoreError, match="the disk is full"):
        desk.current.look()
    during = desk.rates
    desk.memory.is_full = False

    assert (during, desk.settle(), desk.rates) == ({"A": 60}, Look.CHANGED, {"A": 30})
