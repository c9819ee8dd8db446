"""The state database is the referee between processes, and between threads."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import race
from state_lab import EVENTS_PER_ALERT, TEN, StateLab, match

from runner.clock import FrozenClock
from runner.store.database import IN_MEMORY
from runner.store.state import StateStore


def test_of_two_processes_one_wins_each_due_time(tmp_path):
    file = tmp_path / "state.db"  # not there yet: they also race to make it
    racers = [
        subprocess.Popen(
            [sys.executable, str(Path(race.__file__)), str(file), name], stdout=subprocess.PIPE, text=True
        )
        for name in ("first", "second")
    ]

    won = [int(racer.communicate(timeout=60)[0]) for racer in racers]

    store = StateStore(f"sqlite:///{file}", clock=FrozenClock(TEN), events_per_alert=EVENTS_PER_ALERT)
    lab = StateLab(url=f"sqlite:///{file}", store=store)
    assert sum(won) == race.DUE_TIMES
    assert (lab.number_of("runs"), lab.counts()) == (race.DUE_TIMES, {"everybody": race.DUE_TIMES})
    store.close()


def test_threads_take_turns_with_a_database_in_memory():
    store = StateStore(IN_MEMORY, clock=FrozenClock(TEN), events_per_alert=EVENTS_PER_ALERT)
    lab = StateLab(url=IN_MEMORY, store=store)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda minute: lab.run(minute, match(event=str(minute))), range(20)))

    assert lab.counts() == {"alice": 20}
    store.close()


def test_threads_share_a_database(lab):
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda minute: lab.run(minute, match(event=str(minute))), range(20)))

    assert lab.counts() == {"alice": 20}
