"""One of several processes that want the same due times: `race.py FILE NAME`."""

from __future__ import annotations

import sys

from state_lab import EVENTS_PER_ALERT, key, match, result

from runner.clock import SystemClock
from runner.errors import SlotTaken
from runner.store.state import StateStore

DUE_TIMES = 25


def main(file: str, name: str) -> None:
    store = StateStore(f"sqlite:///{file}", clock=SystemClock(), events_per_alert=EVENTS_PER_ALERT)
    won = 0
    for minute in range(DUE_TIMES):
        try:
            claim = store.claim(key(minute))
        except SlotTaken:
            continue
        store.finish(claim, result([[match("everybody", f"{name} at {minute}")]]))
        won += 1
    store.close()
    print(won)  # noqa: T201  what the test reads


if __name__ == "__main__":
    main(*sys.argv[1:])
