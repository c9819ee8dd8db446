from account_kinds import SERVICE, account_kind
from panther_event_type_helpers import SUCCESSFUL_LOGIN


def rule(event):
    return event.udm("event_type") == SUCCESSFUL_LOGIN and account_kind(event.udm("actor_user")) == SERVICE


def title(event):
    return f"{event.get('p_log_type')}: the service account {event.udm('actor_user')} logged in like a person"


def dedup(event):
    return event.udm("actor_user")


def alert_context(event):
    return {
        "account": event.udm("actor_user"),
        "client_ip": event.udm("source_ip"),
        "user_agent": event.udm("user_agent"),
    }
