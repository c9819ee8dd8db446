"""Run by an interpreter that has panther_core: asks its rules about the events of a file, one round for each line it reads.

python peer_rules.py WORK.json: {"rules": {id: Python}, "model": {name: path}, "events": [...]}
On stdin the id of a rule in a line, on stdout {"seconds": CPU seconds of the round, "matches": n} in a line.
"""

import json
import sys
import time
from pathlib import Path

from panther_core import PantherEvent
from panther_core.data_model import DataModel
from panther_core.rule import Rule


def main() -> None:
    """Answer until stdin ends."""
    work = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    mappings = [{"name": name, "path": path} for name, path in work["model"].items()]
    model = DataModel({"id": "Model", "versionId": "1", "mappings": mappings})
    events = [PantherEvent(event, model) for event in work["events"]]
    rules = {
        rule_id: Rule({"id": rule_id, "versionId": "1", "body": text})
        for rule_id, text in work["rules"].items()
    }
    for line in sys.stdin:
        print(json.dumps(measured(rules[line.strip()], events)), flush=True)


def measured(rule, events):  # noqa: ANN001, ANN201 - the types are another program's
    """Ask one rule about all events."""
    started = time.process_time()
    matches = sum(rule.run(event, {}, {}, True).trigger_alert for event in events)
    return {"seconds": time.process_time() - started, "matches": matches}


main()
