"""A day in an hour: the real daemon on a fast clock, while data arrives, definitions change, and processes die.

python tests/soak/soak.py [--minutes 60] [--seed N] [--state postgres|sqlite] [--keep FOLDER]

At the end every due time has to be accounted for exactly once, and the alerts of what nobody has touched have to be those
of a quiet run over the same data. The exit code is 1 if not. Everything that was done is written to `story.jsonl`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from content import ARRIVAL, RATES, SETTLE, Project
from fast_daemon import FastClock
from servers import DaemonProcess, PostgresServer
from verdict import Verdict, alerts_in, judge_report, nothing_is_owed

from runner.definitions.catalogue import read_catalogue
from runner.store.database import Database

ROOT = Path(__file__).parents[2]
SPEED = 24.0
MIDNIGHT = datetime(2026, 1, 15, tzinfo=UTC)
"""The sample lake's attacks are of the day before: the daily queries find them just after midnight."""
BEAT_SECONDS = 2.5
_END_SECONDS = 300.0
_START_SECONDS = 10.0


class Arrivals(threading.Thread):
    """Takes in what happens, every five minutes of the fast clock, whatever else is done meanwhile."""

    def __init__(self, project: Project, clock: FastClock, random: Random) -> None:
        super().__init__(name="arrivals", daemon=True)
        self.latest = timedelta(0)
        self._project = project
        self._clock = clock
        self._random = random
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End once what arrives now has been taken in."""
        self._stopping.set()
        self.join()

    def run(self) -> None:
        """Take in batch after batch, and note how late the latest was."""
        arrived = self._clock.now()
        while not self._stopping.wait(self._clock.seconds_until(arrived + ARRIVAL)):
            arrived += ARRIVAL
            self._project.arrive(arrived, self._random, self._clock)
            self.latest = max(self.latest, self._clock.now() - arrived)


class Soak:
    """One soak: what happens, and when."""

    def __init__(self, folder: Path, minutes: float, seed: int, server: PostgresServer | None) -> None:
        self.seconds = minutes * 60
        self.random = Random(seed)
        self.server = server
        self.folder = folder
        self.project = Project(root=folder / "project")
        self.project.root.mkdir()
        self.state = server.url if server else f"sqlite:///{folder}/state.db"
        self.project.make(ROOT, self.state)
        self.volatile: dict[str, str] = {}
        self.counts: dict[str, int] = {}
        # the clock is never ahead of the machine's: with PostgreSQL the server's time rules
        self.start = MIDNIGHT - timedelta(seconds=self.seconds * SPEED * 0.6)
        self.began = time.time()
        self.clock = FastClock(self.start, self.began, SPEED)
        self.arrivals = Arrivals(self.project, self.clock, Random(seed + 1))
        options = ["--start", self.start.isoformat(), "--began", str(self.began), "--speed", str(SPEED)]
        script = str(Path(__file__).with_name("fast_daemon.py"))
        self.daemon = DaemonProcess(
            [script, "--project", str(self.project.root), *options], folder / "daemon.log"
        )

    def run(self) -> None:
        """Let everything happen, and then let the daemon come to rest."""
        for name in self.project.volatile[:2]:
            self._write(name)
        self.arrivals.start()
        self._start_daemon()
        try:
            self._beats()
            self._come_to_rest()
        finally:
            self.arrivals.stop()
            if self.daemon.is_alive:
                self.daemon.end(signal.SIGKILL)

    def _beats(self) -> None:
        surely = self._what_must_happen()
        while (elapsed := time.time() - self.began) < self.seconds:
            while surely and elapsed >= surely[0][0]:
                self._do(surely.pop(0)[1])
            if self.random.random() < 0.5:
                self._do(
                    self.random.choice(["write", "write", "break", "break", "delete", "helper", "hang up"])
                )
            if self.random.random() < 0.05:
                self._do("kill a worker")
            time.sleep(BEAT_SECONDS)

    def _what_must_happen(self) -> list[tuple[float, str]]:
        """Return after how many seconds the great disturbances come: several in an hour, each at least once."""
        kinds = ["kill a worker", "kill the daemon", "restart the daemon", "break"]
        kinds += ["restart PostgreSQL"] if self.server else []
        rounds = max(1, round(self.seconds / 600))
        times = sorted(self.random.uniform(0.1, 0.9) * self.seconds for _ in range(rounds * len(kinds)))
        return list(zip(times, self.random.sample(kinds * rounds, len(times)), strict=True))

    def _do(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1
        line = {"at": f"{self.clock.now():%H:%M:%S}", "what": what}
        with (self.folder / "story.jsonl").open("a", encoding="utf-8") as story:
            story.write(json.dumps(line) + "\n")
        name = self.random.choice(self.project.volatile)
        deeds = {
            "write": lambda: self._write(name),
            "break": lambda: self.project.break_(name, self.random.randrange(3)),
            "delete": lambda: self.project.delete(name),
            "helper": lambda: self.project.touch_helper(self.counts[what]),
            "hang up": self.daemon.hang_up,
            "kill a worker": lambda: self.daemon.kill_worker(self.random),
            "kill the daemon": lambda: self._restart(signal.SIGKILL),
            "restart the daemon": lambda: self._restart(signal.SIGTERM),
            "restart PostgreSQL": lambda: self.server and self.server.restart(self.random.uniform(0, 5)),
        }
        deeds[what]()

    def _write(self, name: str) -> None:
        self.project.edit(name, self.random.choice(RATES), enabled=self.random.random() < 0.8)

    def _restart(self, number: signal.Signals) -> None:
        self.daemon.end(number)
        time.sleep(self.random.uniform(0, 5))
        self._start_daemon()

    def _start_daemon(self) -> None:
        """Start the daemon, and leave it alone until it listens to signals: before, SIGHUP would end it."""
        self.daemon.start()
        time.sleep(_START_SECONDS)

    def _come_to_rest(self) -> None:
        """Mend everything, end all schedules, and wait until all that is owed was run."""
        for name in self.project.volatile:
            self._write(name)
        self.project.disable_all()
        deadline = time.monotonic() + _END_SECONDS + SETTLE.total_seconds() / SPEED
        while not self._is_at_rest():
            if time.monotonic() > deadline:
                break  # the verdict will say what is left
            time.sleep(BEAT_SECONDS)
        self.daemon.end(signal.SIGTERM)

    def _is_at_rest(self) -> bool:
        database = Database(self.state)
        with database.reading() as connection:
            is_at_rest = nothing_is_owed(connection)
        database.close()
        return is_at_rest

    def judge(self) -> Verdict:
        """Return the verdict."""
        verdict = Verdict(self.state)
        start, end = verdict.period
        verdict.faults += judge_report(self.project.root, start, end)
        verdict.faults += [f"a gap in what nobody touched: {gap}" for gap in verdict.steady_gaps]
        if self.daemon.lives != 1 + self.counts.get("kill the daemon", 0) + self.counts.get(
            "restart the daemon", 0
        ):
            verdict.faults.append("the daemon has ended by itself")
        if self.arrivals.latest > SETTLE:
            verdict.faults.append(f"data came {self.arrivals.latest} late: this machine is too slow")
        verdict.compare_alerts(self._quiet_alerts(start, end), self._untouched_rules())
        verdict.figures |= {"done": self.counts, "lives of the daemon": self.daemon.lives}
        verdict.figures["period"] = f"{start:%m-%dT%H:%M:%S} to {end:%m-%dT%H:%M:%S}"
        return verdict

    def _untouched_rules(self) -> set[str]:
        catalogue = read_catalogue(self.project.root, exclude=("datalake",))
        return {
            rule.rule_id
            for rule in catalogue.rules.values()
            if not any(q.startswith("Volatile") for q in rule.queries)
        }

    def _quiet_alerts(self, start: datetime, end: datetime) -> dict[str, Any]:
        """Run what nobody has touched over the same due times and the same data, in peace."""
        catalogue = read_catalogue(self.project.root, exclude=("datalake",))
        names = [name for name in catalogue.queries if not name.startswith("Volatile")]
        state = f"sqlite:///{self.folder}/quiet.db"
        command = ["once", *names, "--from", f"{start + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"]
        command += [
            "--to",
            f"{end:%Y-%m-%dT%H:%M:%SZ}",
            "--project",
            str(self.project.root),
            "--state",
            state,
        ]
        subprocess.run([sys.executable, "-m", "runner", *command], check=False, capture_output=True)
        database = Database(state)
        with database.reading() as connection:
            found = alerts_in(connection)
        database.close()
        return found


def main() -> int:
    """Run a soak, print its verdict, and return the exit code."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end what was started, as Ctrl-C does
    seed = options.seed if options.seed is not None else int(time.time()) // 86_400
    folder = options.keep or Path(tempfile.mkdtemp(prefix="runner-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"soak: {options.minutes:g} minutes, seed {seed}, {options.state}, in {folder}", flush=True)
    with ExitStack() as stack:
        server = stack.enter_context(PostgresServer()) if options.state == "postgres" else None
        soak = Soak(folder, options.minutes, seed, server)
        soak.run()
        verdict = soak.judge()
    for name, figure in verdict.figures.items():
        print(f"  {name}: {figure}")
    for fault in verdict.faults[:50]:
        print(f"FAULT: {fault}")
    print(
        "soak: "
        + (f"{len(verdict.faults)} faults; everything is in {folder}" if verdict.faults else "all is well")
    )
    if not verdict.faults and not options.keep:
        shutil.rmtree(folder)
    return int(bool(verdict.faults))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="A day in an hour.")
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="how long; the daemon's clock runs 24 times as fast"
    )
    parser.add_argument("--seed", type=int, help="what happens when; by default another one each day")
    parser.add_argument("--state", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where to work, and to leave everything")
    return parser


if __name__ == "__main__":
    sys.exit(main())
