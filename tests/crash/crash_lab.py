"""A place where daemons are started, killed and looked at: processes, their logs, and what is in the state database."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from crash_project import DUE_TIMES, QUERIES, expected_alerts, fails_at, file_of

from runner.alerts.match import MatchKind
from runner.clock import SystemClock
from runner.schedule.ledger import GapReason
from runner.store.alert_book import AlertFilter
from runner.store.state import StateStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from crash_project import KnownQuery
    from deadly_points import Kill

LAUNCHER = Path(__file__).with_name("launcher.py")
PATIENCE = 240.0
"""Seconds after which a test gives up: far more than it needs on a busy machine."""
SPEED = 8_000.0
START_SECONDS = 1.0
"""What the start of a daemon takes, about: then its clock shows the time at which it is started."""
EVENING = DUE_TIMES[-1] + timedelta(minutes=1)
"""When everything is due."""


class RunningDaemon:
    """A daemon's process and what it has logged so far. Ended by its process id."""

    def __init__(self, plan: dict[str, object]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(LAUNCHER), json.dumps(plan)],
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
        self.pid = self._process.pid
        self.name = "no kill"
        self.lines: list[dict[str, object]] = []
        self._rest = b""
        self._ended = os.pidfd_open(self.pid)

    def look(self, seconds: float = 0.1) -> bool:
        """Wait for a line or the end, but no longer than this; return whether the process is there."""
        ready, _, _ = select.select([self._process.stderr, self._ended], [], [], seconds)
        if self._process.stderr in ready:
            self._read()
        return self._process.poll() is None

    def _read(self) -> None:
        *lines, self._rest = (self._rest + os.read(self._process.stderr.fileno(), 1 << 16)).split(b"\n")
        for line in lines:
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                self.lines.append({"event": "not json", "text": line.decode()})

    def events(self) -> Counter[str]:
        """Count the events that were logged."""
        return Counter(str(line["event"]) for line in self.lines)

    def until(self, event: str, count: int = 1) -> None:
        """Wait until an event has been logged so often."""
        deadline = time.monotonic() + PATIENCE
        while self.events()[event] < count:
            assert self.look(), self.story()
            assert time.monotonic() < deadline, self.story()

    def until_stopped(self) -> None:
        """Wait until SIGSTOP has come."""
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOWAIT)

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def end(self, seconds: float = PATIENCE) -> int:
        """Wait for the end, and return the exit code; negative for a signal."""
        deadline = time.monotonic() + seconds
        while self.look():
            assert time.monotonic() < deadline, self.story()
        return self._process.returncode

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.end()

    def close(self) -> None:
        """Kill it, if it is still there, and give everything back."""
        self.signal(signal.SIGKILL)
        self.signal(signal.SIGCONT)
        self._process.wait(PATIENCE)
        while select.select([self._process.stderr], [], [], 0)[0] and (before := len(self.lines)) >= 0:
            self._read()
            if len(self.lines) == before:
                break
        self._process.stderr.close()
        os.close(self._ended)

    def story(self) -> str:
        """Return the end of the log, to be shown when a test fails."""
        return f"{self.name}, exit code {self._process.poll()}\n" + "\n".join(
            map(_in_short, [*self.lines[:10], *self.lines[10:][-12:]])
        )


def _in_short(line: dict[str, object]) -> str:
    named = ("query", "scheduled_for", "state", "attempt", "fault", "text")
    return f"{line['event']} " + " ".join(f"{name}={line[name]}" for name in named if line.get(name))


@dataclass(kw_only=True)
class CrashLab:
    """One project with one state database, and the daemons that work on it."""

    root: Path
    url: str
    seed: str = ""
    daemons: list[RunningDaemon] = field(default_factory=list)

    def start(
        self,
        *kills: Kill,
        at: datetime = EVENING,
        until: datetime | None = None,
        role: str = "daemon",
        standby: bool = False,
        project: Path | None = None,
        speed: float = SPEED,
    ) -> RunningDaemon:
        """Start a daemon at a time of the day, which passes quickly from then on."""
        plan = {
            "project": str(project or self.root),
            "role": role,
            "standby": standby,
            "base": at.isoformat(),
            "until": until.isoformat() if until else None,
            "since": time.time() + START_SECONDS,
            "speed": speed,
            "kills": [asdict(kill) for kill in kills],
        }
        self.daemons.append(RunningDaemon(plan))
        return self.daemons[-1]

    def marker(self) -> str:
        return str(self.root / f"killed{len(list(self.root.glob('killed*')))}-{len(self.daemons)}")

    def close(self) -> None:
        for daemon in self.daemons:
            daemon.close()

    def story(self) -> str:
        seed = f"CRASH_SEED={self.seed} repeats this\n\n" if self.seed else ""
        return seed + "\n\n".join(daemon.story() for daemon in self.daemons)

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement))]

    def number(self, statement: str) -> int:
        ((found,),) = self.rows(statement)
        return int(str(found))

    def is_caught_up(self, until: datetime = DUE_TIMES[-1]) -> bool:
        """Whether every due time of the day is recorded, and none up to this one is left to be run."""
        try:
            marks = self.rows("SELECT recorded_until FROM watermarks")
            end = f"{until:%Y-%m-%d %H:%M:%S}.999999" + ("" if self.url.startswith("sqlite") else "+00")
            owed = self.number(f"SELECT count(*) FROM backlog WHERE due <= '{end}'")
        except sa.exc.DBAPIError:  # no tables yet, or a server that is being started again
            return False
        last = until.strftime("%Y-%m-%d %H:%M")
        return len(marks) == len(QUERIES) and owed == 0 and all(str(mark) >= last for (mark,) in marks)

    def until_caught_up(self, daemons: Sequence[RunningDaemon]) -> None:
        """Wait until all is done, or one of these daemons has been killed."""
        deadline = time.monotonic() + PATIENCE
        while not self.is_caught_up():
            assert time.monotonic() < deadline, self.story()
            for daemon in daemons:
                if not daemon.look(0.1 / len(daemons)):
                    return

    def until_running(self, daemon: RunningDaemon) -> None:
        """Wait until a run is going on."""
        while not self.number("SELECT count(*) FROM runs WHERE state = 'running'"):
            assert daemon.look(0.05), self.story()

    def text_of(self, query: KnownQuery) -> str:
        return file_of(self.root, query).read_text()

    def store(self) -> StateStore:
        return StateStore(self.url, clock=SystemClock(), events_per_alert=10)

    def first_seen(self) -> dict[str, datetime]:
        store = self.store()
        epochs = store.ledger.epochs()
        store.close()
        return {query: of_query[0].start for query, of_query in epochs.items()}

    def problems(self) -> list[str]:
        """Compare all that is in the state database with what has to be there; return what is wrong."""
        return [*self._wrong_runs(), *self._wrong_alerts(), *self.leftovers()]

    def _owed(self) -> dict[str, list[datetime]]:
        seen = self.first_seen()
        return {query.name: [due for due in DUE_TIMES if due > seen[query.name]] for query in QUERIES}

    def _wrong_runs(self) -> Iterable[str]:
        store = self.store()
        runs = [run for run in store.latest_runs(10_000) if run.key.revision == 0]
        gaps = store.ledger.list_gaps(None, 10_000)
        store.close()
        recorded = Counter((run.key.query, run.key.scheduled_for, run.state.value) for run in runs)
        failing = {
            (query.name, due) for query in QUERIES for due in self._owed()[query.name] if fails_at(query, due)
        }
        owed = Counter(
            (query, due, "failed" if (query, due) in failing else "succeeded")
            for query, due_times in self._owed().items()
            for due in due_times
        )
        yield from (f"run missing or not as it should be: {one}" for one in owed - recorded)
        yield from (f"run too much or not as it should be: {one}" for one in recorded - owed)
        wrong = {(query, due, reason) for query, due, reason in gaps} ^ {
            (*one, GapReason.FAILED) for one in failing
        }
        yield from (f"gap wrong: {one}" for one in sorted(wrong))

    def _wrong_alerts(self) -> Iterable[str]:
        store = self.store()
        alerts = [
            alert
            for alert in store.list_alerts(AlertFilter(), 10_000)
            if alert.key.kind == MatchKind.MATCH.value and alert.merged_into is None
        ]
        store.close()
        owed = self._owed()
        for query in QUERIES:
            found = sorted(
                (alert.key.dedup, alert.first_match_at, alert.match_count)
                for alert in alerts
                if alert.key.rule_id == query.rule_id
            )
            expected = expected_alerts(query, owed[query.name])
            yield from (f"alert missing: {query.name} {one}" for one in expected if one not in found)
            yield from (f"alert too much: {query.name} {one}" for one in found if one not in expected)
            if len(found) != len(set(found)):
                yield f"alerts doubled: {query.name}"
        strange = {alert.key.rule_id for alert in alerts} - {query.rule_id for query in QUERIES}
        yield from (f"alert of nobody: {one}" for one in strange)

    def leftovers(self) -> Iterable[str]:
        """Return what nobody would ever look at again."""
        for what, statement in {
            "due times in the backlog": "SELECT count(*) FROM backlog",
            "runs without an end": "SELECT count(*) FROM runs WHERE state IN ('running', 'waiting')",
            "attempts without an end": "SELECT count(*) FROM attempts WHERE state = 'running'",
            "runs with other attempts than they say": (
                "SELECT count(*) FROM runs WHERE attempt <> "
                "(SELECT count(*) FROM attempts WHERE attempts.run_id = runs.run_id)"
            ),
            "matches without contents": (
                "SELECT count(*) FROM matches WHERE match_id NOT IN (SELECT match_id FROM match_contents)"
            ),
            "contents without a match": (
                "SELECT count(*) FROM match_contents WHERE match_id NOT IN (SELECT match_id FROM matches)"
            ),
        }.items():
            if (count := self.number(statement)) != 0:
                yield f"{count} {what}"
