"""A real daemon as a process of its own, with a clock and checkpoints of the test: `launcher.py PLAN`."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import datetime
from pathlib import Path

from deadly_points import DeadlyPoints, FastClock, Kill

from runner import app, logs, settings
from runner.checkpoints import Checkpoint
from runner.daemon.process import Daemon


def main(plan: dict[str, object]) -> None:
    logs.configure(as_json=True, level=logging.INFO)
    clock = FastClock(
        base=datetime.fromisoformat(plan["base"]),
        since=float(plan["since"]),
        speed=float(plan["speed"]),
        until=datetime.fromisoformat(plan["until"]) if plan["until"] else None,
    )
    kills = [Kill(**{**kill, "point": Checkpoint(kill["point"])}) for kill in plan["kills"]]
    points = DeadlyPoints(kills, os.getpid())
    loaded = settings.load(Path(plan["project"]), {})
    if plan["role"] == "fill":
        fill(loaded, clock, points)
        return
    daemon = Daemon(loaded, clock, standby=bool(plan["standby"]), checkpoints=points)
    daemon.stop_on_signals()
    daemon.run()


def fill(loaded: settings.Settings, clock: FastClock, points: DeadlyPoints) -> None:
    """Fill all gaps, as `runner gaps --fill` does."""
    with app.build(loaded, clock, checkpoints=points) as parts:
        for name, due, _ in parts.store.ledger.list_gaps(None, 1_000):
            parts.pipeline.fill_gap(parts.catalogue.queries[name], due, parts.catalogue.rules_for(name))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
