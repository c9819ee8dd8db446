def short_name(event):
    """The last part of the principal's ARN: a user, or a role's session."""
    return (event.get("principal") or "unknown principal").rsplit("/", maxsplit=1)[-1]


def rule(event):
    return event.get("denials", 0) >= 20 and event.get("actions_tried", 0) >= 8


def title(event):
    return f"AWS: {short_name(event)} was refused {event.get('actions_tried')} different actions"


def dedup(event):
    return event.get("principal") or ""


def severity(event):
    # Many services means that somebody asks what a key is good for.
    return "HIGH" if event.get("services_tried", 0) >= 5 else "DEFAULT"


def alert_context(event):
    return {
        "account_id": event.get("account_id"),
        "denials": event.get("denials"),
        "actions": event.get("actions"),
        "client_ips": event.get("client_ips"),
    }
