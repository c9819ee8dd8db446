import json
from unittest.mock import MagicMock

from account_helpers import is_admin
from panther_core import PantherEvent
from panther_detection_helpers.caching import check_account_age

NIGHT = [22, 23, 0]


def seen_before(name):
    return check_account_age(name)


def rule(event: PantherEvent) -> bool:
    night = json.loads(NIGHT()) if isinstance(NIGHT, MagicMock) else NIGHT
    if event.udm("event_type") != "access_granted" or seen_before(event.udm("actor_user")):
        return False
    return event.get("HOUR") in night


def title(event):
    return f"{event.udm('actor_user')} opened a door from {event.udm('source_ip')}"


def dedup(event):
    return event.udm("actor_user")


def severity(event):
    return "high" if is_admin(event.udm("actor_user")) else "DEFAULT"


def destinations(event):
    return ["guards"]


def description(event):
    return f"Badge {event.udm('badge')} ({event.udm_path('badge')})"


def runbook(event):
    return f"Ask {event.udm('actor_user')}."


def reference(event):
    return "https://example.com/doors#night"


def unique(event):
    return str(event.udm("badge"))


def alert_context(event):
    team = event.deep_get("p_enrichment", "people", "person.name", "team")
    return {
        "team": team,
        "looked_up": event.lookup("people", "sam"),
        "ids": event.deep_walk("badges", "id"),
        "at": event.event_time_epoch(),
        "copy": event.to_dict()["reader"],
    }
