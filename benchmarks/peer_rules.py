"""Run by an interpreter that has panther_core: asks its rules about the events of a file, and prints CPU seconds.

python peer_rules.py WORK.json: {"rules": {id: Python}, "model": {name: path}, "events": [...], "rounds": n}
"""

import json
import statistics
import sys
import time
from pathlib import Path

from panther_core import PantherEvent
from panther_core.data_model import DataModel
from panther_core.rule import Rule


def main() -> None:
    """Print {id: {"seconds": median of the rounds, "matches": n}}."""
    work = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    mappings = [{"name": name, "path": path} for name, path in work["model"].items()]
    model = DataModel({"id": "Model", "versionId": "1", "mappings": mappings})
    events = [PantherEvent(event, model) for event in work["events"]]
    found = {}
    for rule_id, text in work["rules"].items():
        rule = Rule({"id": rule_id, "versionId": "1", "body": text})
        found[rule_id] = measured(rule, events, work["rounds"])
    print(json.dumps(found))


def measured(rule, events, rounds):  # noqa: ANN001, ANN201 - the types are another program's
    """Ask one rule about all events, some times."""
    taken = []
    for turn in range(rounds + 1):
        started = time.process_time()
        matches = sum(rule.run(event, {}, {}, True).trigger_alert for event in events)
        if turn:
            taken.append(time.process_time() - started)
    return {"seconds": statistics.median(taken), "matches": matches}


main()
