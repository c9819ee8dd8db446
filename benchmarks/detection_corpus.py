"""A body of detections in Panther's format, made up: as many and as large as those that teams really have.

Deterministic: a number always makes the same file. Nine in ten are rules and scheduled rules, the rest policies; they
import helpers, use data models, mocks and all optional functions. Every test passes.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

VENDORS = ("aws", "okta", "github", "gsuite", "slack", "gcp")
LOG_TYPES = {
    "aws": "AWS.CloudTrail",
    "okta": "Okta.SystemLog",
    "github": "GitHub.Audit",
    "gsuite": "GSuite.ActivityEvent",
    "slack": "Slack.AuditLogs",
    "gcp": "GCP.AuditLog",
    **{f"vendor{number}": f"Custom.Vendor{number}" for number in range(28)},
}
"""Vendor → log type; each has a data model, and the first six have rules."""
_TESTS = (2, 3, 3, 4, 5, 4, 3)
"""How many tests detections have, in turn: three and a half in the mean."""
_ALERTS_IN_TESTS = (True, False, True, False, True)

_HELPER = '''\
"""What the detections of this vendor share."""
import ipaddress
import json
import re
from fnmatch import fnmatch

ADMINS = re.compile(r"^(admin|root|svc-[a-z0-9]+)@")
SUFFIXES = {f"corp-{number}.example.com" for number in range(60)}


def actor(event):
    return event.deep_get("actor", "email", default="<UNKNOWN_ACTOR>")


def is_external(address):
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


def context(event, *names):
    found = {name: event.get(name, "<MISSING>") for name in names}
    found["actor"] = actor(event)
    found["ips"] = event.deep_walk("requests", "client", "ip", default=[])
    return json.loads(json.dumps(found, default=str))


def matches_any(text, patterns):
    return any(fnmatch(text, pattern) for pattern in patterns)
'''

_RULE = """\
import re
from datetime import datetime
from {vendor}_helpers import ADMINS, actor, context, is_external, matches_any

WATCHED = {watched}
ALLOWED = ["{action}.internal", "health.check"]
SHAPE = re.compile(r"^{action}\\.(create|delete|update)[A-Z]?")


def allow_list():
    return ALLOWED


def rule(event):
    if event.get("outcome") != "success" or event.get("action") in allow_list():
        return False
    if not SHAPE.match(event.get("action", "")):
        return False
    {udm}
    return matches_any(event.deep_get("target", "name", default=""), WATCHED)


def title(event):
    return f"{action} by [{{actor(event)}}] on [{{event.deep_get('target', 'name')}}]"


def alert_context(event):
    return context(event, "action", "outcome", "sourceAddress")
"""

_MORE = (
    """

def severity(event):
    if ADMINS.match(actor(event)):
        return "HIGH"
    return "DEFAULT"
""",
    """

def dedup(event):
    return actor(event) + ":" + event.get("action", "")
""",
    """

def description(event):
    return f"External address: {is_external(event.get('sourceAddress', ''))}"


def runbook(event):
    day = datetime.fromisoformat(event.get("time").replace("Z", "+00:00")).date()
    return f"Ask {actor(event)} what happened on {day}."
""",
    "",
)

_POLICY = """\
from {vendor}_helpers import matches_any

REQUIRED = ["owner", "team{number}"]


def policy(resource):
    if resource.get("Region") in ("local", None):
        return True
    tags = resource.get("Tags") or {{}}
    if not all(tag in tags for tag in REQUIRED):
        return False
    rules = [rule for group in resource["SecurityGroups"] for rule in group.get("Rules", [])]
    return not any(matches_any(rule["Cidr"], ["0.0.0.0/*"]) for rule in rules)
"""

_DATA_MODEL_PYTHON = """\
def get_event_type(event):
    if event.get("action", "").endswith("createUser"):
        return "user_account_created"
    return "other"
"""


def write_corpus(folder: Path, detections: int = 1_000) -> None:
    """Write a corpus under a folder, once: a folder that is there is left as it is."""
    if folder.exists():
        return
    for vendor in VENDORS:
        _write_helper(folder, vendor)
    for vendor, log_type in LOG_TYPES.items():
        _write_data_model(folder, vendor, log_type)
    for number in range(detections):
        kind = "policy" if number % 10 == 9 else "scheduled_rule" if number % 18 == 7 else "rule"
        _write_detection(folder, kind, number)


def _write_helper(folder: Path, vendor: str) -> None:
    helper = {"AnalysisType": "global", "GlobalID": f"{vendor}_helpers", "Filename": f"{vendor}_helpers.py"}
    _write(folder / "global_helpers" / f"{vendor}_helpers", helper, _HELPER)


def _write_data_model(folder: Path, vendor: str, log_type: str) -> None:
    paths = {
        "actor_user": "actor.email",
        "source_ip": "sourceAddress",
        "user_agent": "$.userAgent",
        "user": "target.name",
        "destination_port": "requests[0].client.port",
    }
    model = {
        "AnalysisType": "datamodel",
        "DataModelID": f"{vendor}.model",
        "DisplayName": f"{vendor} model",
        "Enabled": True,
        "Filename": f"{vendor}_model.py",
        "LogTypes": [log_type],
        "Mappings": [
            *({"Name": name, "Path": path} for name, path in paths.items()),
            {"Name": "target_ids", "Path": "$.requests[?(@.kind=='target')].id"},
            {"Name": "event_type", "Method": "get_event_type"},
        ],
    }
    _write(folder / "data_models" / f"{vendor}_model", model, _DATA_MODEL_PYTHON)


def _write_detection(folder: Path, kind: str, number: int) -> None:
    chance = random.Random(number)
    vendor = VENDORS[number % len(VENDORS)]
    name = f"{vendor}_{kind}_{number}"
    spec = _common(kind, number, vendor, f"{name}.py")
    if kind == "policy":
        spec["ResourceTypes"] = ["AWS.EC2.Instance"]
        spec["Tests"] = [_policy_test(number, place, chance) for place in range(_TESTS[number % 7])]
        return _write(
            folder / f"{vendor}_policies" / name, spec, _POLICY.format(vendor=vendor, number=number)
        )
    action = f"{vendor}.thing{number}"
    if kind == "scheduled_rule":
        spec["ScheduledQueries"] = [f"Query of {name}"]
        _write_query(folder / "queries" / name, f"Query of {name}")
    else:
        spec["LogTypes"] = [LOG_TYPES[vendor]]
    of_stream = kind == "rule"
    spec["Tests"] = [
        _rule_test(action, vendor, place, chance, of_stream=of_stream) for place in range(_TESTS[number % 7])
    ]
    udm = "if event.udm('event_type') != 'other' or not event.udm('actor_user'):\n        return False"
    python = _RULE.format(
        vendor=vendor,
        action=action,
        watched=[f"*.corp-{part}.example.com" for part in range(number % 5 + 1)],
        udm=udm if of_stream and number % 4 == 0 else "",
    )
    return _write(folder / f"{vendor}_rules" / name, spec, python + _MORE[number % len(_MORE)])


def _common(kind: str, number: int, vendor: str, filename: str) -> dict[str, Any]:
    id_key = "PolicyID" if kind == "policy" else "RuleID"
    return {
        "AnalysisType": kind,
        "Filename": filename,
        id_key: f"{vendor.title()}.{kind.title().replace('_', '')}.Thing{number}",
        "DisplayName": f"{vendor} thing {number} was changed",
        "Enabled": number % 9 != 0,
        "Severity": ("Info", "Low", "Medium", "High", "Critical")[number % 5],
        "Description": f"Somebody changed thing {number}. This may open the way to the data of {vendor}.\n"
        * 2,
        "Runbook": "1. Ask who did it.\n2. Look for other changes of the same person.\n3. Undo it.\n",
        "Reference": f"https://docs.example.com/{vendor}/things/{number}",
        "Tags": [vendor, "Configuration Required", f"Tactic {number % 12}"],
        "Reports": {"MITRE ATT&CK": [f"TA00{number % 40:02}:T1{number % 600:03}"]},
        **({} if kind == "policy" else {"DedupPeriodMinutes": 60, "Threshold": 1}),
    }


def _rule_test(
    action: str, vendor: str, place: int, chance: random.Random, *, of_stream: bool
) -> dict[str, Any]:
    alerts = _ALERTS_IN_TESTS[place]
    log: dict[str, Any] = {
        "action": f"{action}.delete" if alerts or place == 3 else f"{action}.read",
        "outcome": "success",
        "actor": {
            "email": f"user{chance.randrange(99)}@example.com",
            "id": chance.randrange(10**9),
            "roles": ["dev", "ops"],
        },
        "target": {
            "name": f"db{chance.randrange(99)}.corp-0.example.com",
            "labels": {"env": "prod", "tier": 1},
        },
        "sourceAddress": f"203.0.113.{chance.randrange(250)}",
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0",
        "time": "2026-01-15T09:30:00Z",
        "requests": [
            {
                "kind": "target",
                "id": chance.randrange(10**6),
                "client": {"ip": f"198.51.100.{part}", "port": 443},
            }
            for part in range(3)
        ],
        "session": {"mfa": bool(chance.randrange(2)), "device": {"managed": False, "os": "linux"}},
        "p_any_ip_addresses": [f"203.0.113.{part}" for part in range(4)],
        "p_event_time": "2026-01-15 09:30:00.000000",
        **{f"field{part}": chance.choice([None, True, "text", 12.5, ["a", "b"]]) for part in range(8)},
    }
    if of_stream:
        log["p_log_type"] = LOG_TYPES[vendor]
    test = {
        "Name": f"Case {place}: {'a change' if alerts else 'nothing'}",
        "ExpectedResult": alerts,
        "Log": log,
    }
    if place == 3:
        log["outcome"] = "failure"
    if place == 2:
        test["Mocks"] = [{"objectName": "allow_list", "returnValue": f"{action}.internal"}]
    return test


def _policy_test(number: int, place: int, chance: random.Random) -> dict[str, Any]:
    fails = _ALERTS_IN_TESTS[place]
    resource = {
        "AccountId": "111122223333",
        "Region": "us-east-1",
        "Arn": f"arn:aws:ec2:us-east-1:111122223333:instance/i-{chance.randrange(10**9)}",
        "Tags": {"owner": "kim", f"team{number}": "yes", "cost": "42"},
        "SecurityGroups": [
            {"Id": f"sg-{part}", "Rules": [{"Cidr": "0.0.0.0/0" if fails else "10.0.0.0/8"}]}
            for part in range(3)
        ],
        "State": {"Name": "running", "Code": 16},
    }
    return {"Name": f"Case {place}", "ExpectedResult": not fails, "Resource": resource}


_SQL = """\
-- Who changed things far more often than in the days before?
WITH recent AS (
  SELECT actor:email AS actor, target:name AS target, count(*) AS changes
  FROM panther_logs.public.aws_cloudtrail
  WHERE p_occurs_since('1 day')
    AND action LIKE '%delete%'
    AND outcome = 'success'
  GROUP BY actor, target
),
usual AS (
  SELECT
    actor:email AS actor,
    avg(changes) AS mean,
    stddev(changes) AS deviation
  FROM panther_logs.public.aws_cloudtrail
  WHERE p_occurs_between(current_date - 30, current_date - 1)
  GROUP BY 1
)
SELECT
  recent.actor,
  recent.target,
  recent.changes,
  CASE WHEN usual.deviation > 0 THEN (recent.changes - usual.mean) / usual.deviation ELSE 0 END AS score
FROM recent
LEFT JOIN usual ON recent.actor = usual.actor
WHERE recent.changes > 10
ORDER BY score DESC
LIMIT 100
"""


def _write_query(path: Path, name: str) -> None:
    query = {
        "AnalysisType": "scheduled_query",
        "QueryName": name,
        "Enabled": False,
        "Description": "Changes of the last day.",
        "Query": _SQL,
        "Schedule": {"RateMinutes": 60, "TimeoutMinutes": 2},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".yml").write_text(yaml.safe_dump(query, sort_keys=False), encoding="utf-8")


def _write(path: Path, spec: dict[str, Any], python: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".yml").write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    path.with_suffix(".py").write_text(python, encoding="utf-8")
